"""Flex: webhooks as an integration engineer meets them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contract.serving import Serving, Tenant
from receiver import Answer, Receiver

SECRET = "a secret of ours"


def body(receiver: Receiver, **more: Any) -> dict[str, Any]:
    return {"url": receiver.url, "secret": SECRET, **more}


def test_a_webhook_is_made_shown_changed_and_ended_and_its_secret_is_never_told(
    tenant: Tenant, receiver: Receiver
) -> None:
    header = {"headerName": "x-key", "headerValue": "hush"}
    made = tenant.post("/webhooks", body(receiver, authentication=header))
    assert made.keys() == {
        "id",
        "url",
        "events",
        "lastSuccess",
        "isActive",
        "createdAt",
        "apiVersion",
        "authentication",
    }
    assert (made["events"], made["isActive"], made["lastSuccess"]) == (["*"], True, None)
    assert made["authentication"] == {"headerName": "x-key"}
    assert tenant.get(f"/webhooks/{made['id']}") == made
    assert tenant.get("/webhooks")["data"] == [made]

    changed = tenant.client.patch(
        f"/webhooks/{made['id']}", json={"events": ["system:heartbeat"], "authentication": None}
    ).json()
    assert (changed["events"], changed["authentication"]) == (["system:heartbeat"], None)
    shown = json.dumps([made, changed])
    assert SECRET not in shown
    assert "hush" not in shown

    assert tenant.client.delete(f"/webhooks/{made['id']}").status_code == 204
    tenant.get(f"/webhooks/{made['id']}", 404)
    assert tenant.get("/webhooks")["data"] == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "http://10.0.0.1/"}, "url"),
        ({"url": "ftp://127.0.0.1/"}, "url"),
        ({"url": "https:/"}, "url"),
        ({"url": "https://example.org/" + "a" * 200}, "url"),
        ({"secret": "short"}, "secret"),
        ({"secret": "s" * 257}, "secret"),
        ({"secret": "whsec_not base64"}, "secret"),
        ({"events": []}, "events"),
        ({"events": ["flex:nothing"]}, "events"),
        ({"events": [1]}, "events"),
        ({"authentication": {"headerName": "host", "headerValue": "x"}}, "authentication.headerName"),
        ({"authentication": {"headerName": "a b", "headerValue": "x"}}, "authentication.headerName"),
        ({"authentication": {"headerName": "x-a", "headerValue": "a\r\nb"}}, "authentication.headerValue"),
        ({"more": 1}, "more"),
    ],
)
def test_a_faulty_webhook_is_refused_by_field(
    tenant: Tenant, receiver: Receiver, change: dict[str, Any], field: str
) -> None:
    problem = tenant.post("/webhooks", body(receiver) | change, 400)
    assert [issue["field"] for issue in problem["issues"]] == [field]
    assert tenant.get("/webhooks")["data"] == []


def test_a_test_event_tells_what_became_of_it(tenant: Tenant, receiver: Receiver) -> None:
    webhook = tenant.post("/webhooks", body(receiver))
    receiver.answer(Answer(status=200, body=b"thanks"), Answer(status=500, body=b"oh"), Answer(hang_up=True))

    results = [tenant.post(f"/webhooks/{webhook['id']}/test", {}, 200) for _ in range(3)]

    assert [result["status"] for result in results] == ["SUCCESS", "FAILURE", "FAILURE"]
    assert [result["response"] and result["response"]["code"] for result in results] == [200, 500, None]
    assert results[0]["response"]["body"] == "thanks"
    assert receiver.requests[0].json()[0]["event"] == "system:test"
    assert receiver.requests[0].headers["x-enode-signature"].startswith("sha1=")


def test_a_webhook_of_others_is_as_absent_as_none(
    server: Serving, tenant: Tenant, receiver: Receiver
) -> None:
    webhook = tenant.post("/webhooks", body(receiver))
    other = server.tenant()
    for method, tail in (("GET", ""), ("DELETE", ""), ("POST", "/test")):
        foreign = other.client.request(method, f"/webhooks/{webhook['id']}{tail}")
        unknown = other.client.request(method, f"/webhooks/01a1fcb4-a984-70cc-bbea-2d54d95c6413{tail}")
        assert (foreign.status_code, foreign.content) == (unknown.status_code, unknown.content)
        assert foreign.status_code == 404
    for path in ("attempts", "dead-letters"):
        other.get(f"/v1/webhooks/{webhook['id']}/{path}", 404)
    other.post(f"/v1/webhooks/{webhook['id']}/replay", {}, 404)


def test_tries_and_dead_letters_are_listed(tenant: Tenant, receiver: Receiver) -> None:
    webhook = tenant.post("/webhooks", body(receiver))
    path = f"/v1/webhooks/{webhook['id']}"
    assert tenant.get(f"{path}/attempts") == {"attempts": [], "next": None}
    assert tenant.get(f"{path}/dead-letters") == {"dead_letters": [], "next": None}
    assert tenant.post(f"{path}/replay", {"from": "2026-01-01T00:00:00Z"}, 200) == {"replayed": 0}
    tenant.post(f"{path}/replay", {"from": "yesterday"}, 400)
    tenant.get(f"{path}/attempts", 400, limit=0)
