"""Every operation that the pages may ask for: what is another organization's is as absent as what never was."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import httpx

from contract.dashboard.test_pages import Pages
from contract.native.test_stations import named
from contract.serving import DEADLINE_S, LOCATION, Serving, Tenant, serving
from dwell.api.dialects import dashboard_operations, dialect_operations
from dwell.domain.ids import OrganizationId

ROWS = 50_000
MISSING = "01900000-0000-7000-8000-000000000000"
_OPERATIONS = [
    (one.method, one.path)
    for one in dashboard_operations(dialect_operations(1_000_000))
    if one.path.startswith("/ui/") and one.path != "/ui/sign-in"
]
CHANGING = [pair for pair in _OPERATIONS if pair[0] != "GET" and pair[1] != "/ui/sign-out"]
BODIES: dict[str, Any] = {
    "PATCH /ui/flex/vehicle-policies/{policyId}": {"batteryReserve": 1},
    "PUT /ui/locations/{locationId}": LOCATION,
    "POST /ui/flex/vehicle-policies": {"vehicleId": "{vehicleId}", "locationId": "{locationId}"},
    "POST /ui/stations/{stationId}/start": {"evse": 1, "who": "user-1"},
    "POST /ui/v1/observations": [{"vehicle_id": "{vehicleId}", "at": "2026-01-10T11:00:00Z"}],
    "POST /ui/v1/stations": {"name": "NEW-1", "location_id": "{locationId}"},
    "PUT /ui/v1/id-tokens": {"token": "T", "vehicle_id": "{vehicleId}"},
    "PUT /ui/flex/sessions/{sessionId}/target": {"targetPercent": 80},
    "PATCH /ui/webhooks/{webhookId}": {"url": "http://127.0.0.1:1/x"},
    "POST /ui/pause/{vehicleId}": {"until": "2026-01-10T13:00:00Z"},
}


def things_of(tenant: Tenant) -> dict[str, str]:
    """Something of the organization for every name in a path."""
    home = tenant.home(name="Theirs alone")
    home.visit(-600)
    home.visit(-5, hours=9)
    station = tenant.post("/v1/stations", named(tenant, location_id=home.location["id"]))
    subscribed = {"url": "http://127.0.0.1:1/hook", "events": ["session.started"]}
    webhook = tenant.client.post("/webhooks", json=subscribed)
    session = home.settled()[0]
    user = tenant.serving.run(
        tenant.serving.ports.store.read(
            lambda reader: reader.user_by_reference(
                OrganizationId(tenant.credentials.organization_id), home.user
            )
        )
    )
    assert user is not None
    return {
        "vehicleId": home.vehicle["id"],
        "electric_vehicle_id": home.vehicle["id"],
        "locationId": home.location["id"],
        "building_id": home.location["id"],
        "policyId": home.policy["id"],
        "sessionId": session["id"],
        "session_id": session["id"],
        "stationId": station["id"],
        "station_id": station["id"],
        "webhookId": webhook.json().get("id", MISSING),
        "org_id": tenant.credentials.organization_id,
        "user_id": user.id,
        "userId": home.user,
    }


def asked(pages: Pages, pair: tuple[str, str], ids: dict[str, str]) -> tuple[int, str]:
    """What is answered, without the ids that were asked by."""
    method, path = pair
    body = json.dumps(BODIES.get(f"{method} {path}", {}))
    for name, value in ids.items():
        path, body = path.replace(f"{{{name}}}", value), body.replace(f"{{{name}}}", value)
    path = re.sub(r"\{\w+\}", "nobody", path)
    kwargs: dict[str, Any] = {} if method in {"GET", "DELETE"} else {"content": body}
    headers = {"content-type": "application/json"} if kwargs else {}
    answer = pages.client.request(method, path, headers=headers, **kwargs)
    text = answer.text
    for value in ids.values():
        text = text.replace(value, "ID")
    return answer.status_code, text


def test_another_organizations_things_are_as_absent_as_what_never_was(
    tenant: Tenant, server: Serving
) -> None:
    other = server.tenant()
    theirs = things_of(other)
    missing = dict.fromkeys(theirs, MISSING)
    kept = other.get("/locations"), other.get("/vehicles"), other.get("/flex/vehicle-policies")
    pages = Pages(tenant, "staff")
    for pair in (one for one in _OPERATIONS if "{" in one[1] or f"{one[0]} {one[1]}" in BODIES):
        found, absent = asked(pages, pair, theirs), asked(pages, pair, missing)
        assert found == absent, pair
        assert found[0] >= 400 or pair[1] == "/ui/v1/observations" or "Theirs alone" not in found[1], pair
    assert kept == (other.get("/locations"), other.get("/vehicles"), other.get("/flex/vehicle-policies"))


def test_nothing_is_changed_without_the_token_of_the_page(tenant: Tenant) -> None:
    pages, thief = Pages(tenant), Pages(tenant.serving.tenant())
    for told in (None, thief.client.headers["x-csrf-token"], ""):
        with httpx.Client(base_url=tenant.serving.url, cookies=dict(pages.client.cookies)) as client:
            for method, path in CHANGING:
                headers = {"content-type": "text/plain"} | ({} if told is None else {"x-csrf-token": told})
                answer = client.request(method, path.replace("{", "").replace("}", ""), headers=headers)
                assert answer.status_code == 403, (method, path, answer.text)


def test_a_large_price_file_holds_up_nobody_else(sqlite_path: Path) -> None:
    first_at = datetime(2020, 1, 1, tzinfo=UTC)
    starts = (first_at + timedelta(minutes=15 * number) for number in range(ROWS))
    content = b"start,price\n" + b"".join(b"%s,x\n" % one.isoformat().encode() for one in starts)
    with serving(f"sqlite:///{sqlite_path}") as alone:
        pages, gaps, over = Pages(alone.tenant()), list[float](), threading.Event()

        async def feel() -> None:
            before_s = monotonic()
            while not over.is_set():
                await asyncio.sleep(0)
                gaps.append(monotonic() - before_s)
                before_s = monotonic()

        felt = asyncio.run_coroutine_threadsafe(feel(), alone.loop)
        before_s = monotonic()
        answer = pages.send(content, name="x.csv", zone="DE-LU")
        took_s = monotonic() - before_s
        over.set()
        felt.result(DEADLINE_S)
    assert answer.status_code == 400
    assert max(gaps) < took_s * 0.8, "all of it, less what is on the way, where the loop itself reads"
