"""Native: `POST /v1/observations`."""

from __future__ import annotations

import gzip
import json
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract.serving import AT_HOME, Home, Serving, serving
from dwell.domain.instants import write_instant

PATH = "/v1/observations"
MB = 1024 * 1024


def send(home: Home, body: bytes, **headers: str) -> httpx.Response:
    usual = {"content-type": "application/json"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return home.tenant.client.post(PATH, content=body, headers={**usual, **named})


def test_a_batch_is_counted_as_published(home: Home) -> None:
    items = [home.at(-10, plugged_in=True, **AT_HOME), home.at(-9, charging=True, power_kw=7.4)]
    answer = home.tenant.client.post(PATH, json=items)
    assert answer.status_code == 202
    assert answer.content == b'{"accepted":2,"duplicates":0,"rejected":[],"flagged":[]}'
    again = home.tenant.client.post(PATH, json=[*items, items[0]])
    assert again.json() == {"accepted": 0, "duplicates": 3, "rejected": [], "flagged": []}


def test_what_is_answered_is_seen_at_once(home: Home) -> None:
    home.tenant.observe(home.at(-10, plugged_in=True, soc_percent=44, **AT_HOME))
    assert home.session()["state"] == "ACTIVE:REGULAR"


def test_an_api_key_and_a_bearer_token_both_open_it_but_not_together(home: Home, server: Serving) -> None:
    client = server.client()
    key = {"x-api-key": home.tenant.credentials.api_key}
    bearer = {"authorization": home.tenant.client.headers["authorization"]}
    for headers, status in ((key, 202), (bearer, 202), ({}, 401), ({**key, **bearer}, 401)):
        assert client.post(PATH, json=[], headers=headers).status_code == status
    bad = {"x-api-key": home.tenant.credentials.client_secret}
    assert client.post(PATH, json=[], headers=bad).status_code == 401


@pytest.mark.parametrize(
    "media", ["application/x-ndjson", "application/json", "application/json; charset=utf-8"]
)
def test_one_object_a_line_is_taken_whatever_it_is_called(home: Home, media: str) -> None:
    lines = [home.at(-10, plugged_in=True), home.at(-9, charging=True)]
    body = b"\r\n\n".join(json.dumps(line).encode() for line in lines) + b"\n"
    assert send(home, body, content_type=media).json()["accepted"] == 2


def test_a_bad_line_is_rejected_alone(home: Home) -> None:
    good = json.dumps(home.at(-10, plugged_in=True)).encode()
    receipt = send(home, b"{\n" + good, content_type="application/x-ndjson").json()
    assert receipt == {
        "accepted": 1,
        "duplicates": 0,
        "rejected": [{"index": 0, "field": "", "message": "is not JSON"}],
        "flagged": [],
    }


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", lambda b: zlib.compress(b, wbits=-15))],
)
def test_compressed_bodies_are_taken(home: Home, encoding: str, pack: Any) -> None:
    body = pack(json.dumps([home.at(-10, plugged_in=True)]).encode())
    assert send(home, body, content_encoding=encoding).json()["accepted"] == 1


FAULTY = [
    ('"power_kw": NaN', "power_kw"),
    ('"power_kw": Infinity', "power_kw"),
    ('"power_kw": 1e309', "power_kw"),
    ('"power_kw": "1,5"', "power_kw"),
    ('"power_kw": ""', "power_kw"),
    ('"power_kw": " 12 "', "power_kw"),
    ('"power_kw": ' + "9" * 5000, "power_kw"),
    ('"power_kw": true', "power_kw"),
    ('"soc_percent": 101', "soc_percent"),
    ('"soc_percent": -0.1', "soc_percent"),
    ('"energy_register_kwh": -1', "energy_register_kwh"),
    ('"plugged_in": 1', "plugged_in"),
    ('"latitude": 48.1', "longitude"),
    ('"longitude": 11.5', "latitude"),
    ('"latitude": 91, "longitude": 0', "latitude"),
    ('"evse": "DE*2GO*E1"', "vehicle_id"),
    ('"energy": 3', "energy"),
    ('"id": "a\\u0000b"', "id"),
    ('"id": "\\ud800"', "id"),
    ('"id": "' + "x" * MB + '"', "id"),
    ('"id": ""', "id"),
    ('"source": 7', "source"),
    ('"at": "yesterday"', "at"),
    ('"at": 1767225600', "at"),
    ('"at": null', "at"),
    ('"vehicle_id": null', "vehicle_id"),
    ('"vehicle_id": "x"', "vehicle_id"),
]


@pytest.mark.parametrize(("member", "field"), FAULTY, ids=[f"{m[:24]}" for m, _ in FAULTY])
def test_a_bad_item_is_rejected_by_field_and_the_good_ones_are_taken(
    home: Home, member: str, field: str
) -> None:
    good = [json.dumps(home.at(-minutes, plugged_in=True)) for minutes in (3, 2, 1)]
    # Of a member named twice the last one counts, so the faulty one goes last.
    bad = json.dumps(home.at(-4, plugged_in=True))[:-1] + f", {member}}}"
    for body in (f"[{good[0]}, {bad}, {good[1]}]", "\n".join([good[0], bad, good[1]])):
        receipt = send(home, body.encode()).json()
        assert [(r["index"], r["field"]) for r in receipt["rejected"]] == [(1, field)], receipt
        assert receipt["accepted"] + receipt["duplicates"] == 2
        assert len(receipt["rejected"][0]["message"]) < 200


def test_of_a_member_named_twice_the_last_one_counts_if_all_are_right(home: Home) -> None:
    item = json.dumps(home.at(-4, plugged_in=True, **AT_HOME))[:-1]
    receipt = send(home, f'[{item}, "soc_percent": 200, "soc_percent": 20}}]'.encode()).json()
    assert receipt["rejected"] == [{"index": 0, "field": "soc_percent", "message": "is given twice"}]
    home_item = f'[{item}, "soc_percent": 90, "soc_percent": 20}}]'
    assert send(home, home_item.encode()).json()["accepted"] == 1
    assert home.session()["statistics"]["aggregated"]["batteryFrom"] == 20


def test_what_is_accepted_but_not_applied_is_named_with_its_reason(home: Home) -> None:
    odd = ["1970-01-01T00:00:00Z", "2036-01-10T00:00:00Z", "2026-01-10T11:00:00"]
    items = [home.at(-10, plugged_in=True), *({"vehicle_id": home.vehicle["id"], "at": at} for at in odd)]
    assert home.tenant.client.post(PATH, json=items).json() == {
        "accepted": 4,
        "duplicates": 0,
        "rejected": [],
        "flagged": [
            {"index": 1, "reason": "before_2010"},
            {"index": 2, "reason": "in_future"},
            {"index": 3, "reason": "no_zone"},
        ],
    }


@pytest.mark.parametrize(
    "at",
    ["1970-01-01T00:00:00Z", "2000-02-29T12:00:00Z", "2036-01-10T00:00:00Z", "2026-01-10T11:00:00"],
)
def test_an_item_whose_time_cannot_be_is_accepted_and_never_applied(home: Home, at: str) -> None:
    home.tenant.observe({"vehicle_id": home.vehicle["id"], "at": at, "plugged_in": True, **AT_HOME})
    assert home.session()["state"] == "UPCOMING"
    assert home.tenant.get(f"/vehicles/{home.vehicle['id']}")["chargeState"]["isPluggedIn"] is None


@pytest.mark.parametrize(
    "at",
    [
        "2026-01-10T11:00:00Z",
        "2026-01-10T16:30:00+05:30",
        "2026-01-10t11:00:00z",
        "2026-01-10 11:00:00Z",
        "2026-01-10T11:00:00.0000000Z",
        "2026-01-10T10:59:60Z",
        "20260110T110000Z",
        " 2026-01-10T11:00:00Z",
    ],
)
def test_every_form_of_an_instant_is_the_same_instant(home: Home, at: str) -> None:
    home.tenant.observe({"vehicle_id": home.vehicle["id"], "at": at, "plugged_in": True, **AT_HOME})
    assert home.session()["pluggedInAt"] == "2026-01-10T11:00:00Z"


def test_facts_up_to_ten_minutes_ahead_are_facts(home: Home) -> None:
    home.tenant.observe(home.at(9.9, plugged_in=True, **AT_HOME))
    assert home.session()["state"].startswith("ACTIVE")


@pytest.mark.parametrize(
    "body", [b"", b"[", b"[1,]", b"null", b'"x"', b"7", b"\xff", b"[" * 100_000, b"[] []"]
)
def test_a_text_that_is_no_list_is_refused_whole(home: Home, body: bytes) -> None:
    answer = send(home, body)
    assert answer.status_code == 400
    assert answer.json()["type"].endswith("bad-request")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content_type": "text/plain"}, 415),
        ({"content_type": "application/x-www-form-urlencoded"}, 415),
        ({"content_type": "application/json; charset=utf-16"}, 415),
        ({"content_encoding": "br"}, 415),
        ({"content_encoding": "zstd"}, 415),
        ({"content_encoding": "gzip, gzip"}, 415),
        ({"content_encoding": "gzip"}, 400),
        ({"content_encoding": "deflate"}, 400),
        ({"content_encoding": "identity"}, 202),
    ],
)
def test_other_types_and_encodings_are_refused(home: Home, headers: dict[str, str], status: int) -> None:
    assert send(home, b"[]", **headers).status_code == status


def chunks(count: int) -> Any:
    for _ in range(count):
        yield b" " * 65_536


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"[" + b"{}," * 10_000 + b"{}]", {}),
        (b"\n".join([b"{}"] * 10_001), {}),
        (b"[" + b" " * 8 * MB + b"]", {}),
        (gzip.compress(b"[" + b" " * 100 * MB + b"]"), {"content_encoding": "gzip"}),
    ],
    ids=["items", "lines", "bytes", "bomb"],
)
def test_too_much_is_refused(home: Home, body: bytes, headers: dict[str, str]) -> None:
    answer = send(home, body, **headers)
    assert answer.status_code == 413
    assert answer.json()["type"].endswith("content-too-large")


def test_a_body_of_very_many_streams_is_refused_at_once(home: Home) -> None:
    assert send(home, gzip.compress(b"") * 300_000, content_encoding="gzip").status_code == 400


def test_too_much_in_chunks_is_refused_while_it_comes(home: Home) -> None:
    headers = {"content-type": "application/json"}
    answer = home.tenant.client.post(PATH, content=chunks(200), headers=headers)
    assert answer.status_code == 413


def test_ten_thousand_items_are_not_too_many(home: Home) -> None:
    now = home.tenant.serving.clock.now()
    start = now - timedelta(seconds=10_000)
    items = [
        {
            "vehicle_id": home.vehicle["id"],
            "at": write_instant(start + timedelta(seconds=n)),
            "plugged_in": True,
        }
        for n in range(10_000)
    ]
    assert home.tenant.client.post(PATH, json=items, timeout=60).json()["accepted"] == 10_000


def test_twins_sent_at_once_are_stored_once(home: Home) -> None:
    items = [home.at(-30 + n, plugged_in=True, soc_percent=n) for n in range(20)]
    with ThreadPoolExecutor(6) as pool:
        receipts = list(pool.map(lambda _: home.tenant.post(PATH, items, 202), range(12)))
    assert sum(receipt["accepted"] for receipt in receipts) == 20
    assert sum(receipt["duplicates"] for receipt in receipts) == 11 * 20
    assert not any(receipt["rejected"] for receipt in receipts)


def test_the_documentation_names_every_type_that_is_taken(home: Home) -> None:
    page = home.tenant.client.get("/docs").text
    for name in ("application/json", "application/x-ndjson", "application/jsonl"):
        assert name in page


def test_measures_tell_what_there_is_and_what_was_taken(tmp_path: Path) -> None:
    with serving(f"sqlite:///{tmp_path}/dwell.sqlite3") as server:
        home = server.tenant().home()
        home.tenant.observe(home.at(-5, plugged_in=True, **AT_HOME))
        answer = server.client().get("/metrics")
    assert answer.headers["content-type"].count("charset") == 1
    assert 'dwell_observations_total{result="accepted"} 1.0' in answer.text
    assert 'dwell_sessions{state="ACTIVE"} 1.0' in answer.text
    assert 'dwell_orders_last_hour{state="SENT"} 0.0' in answer.text
    assert "dwell_outbox_events" in answer.text
