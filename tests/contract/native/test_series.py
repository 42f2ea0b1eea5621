"""A vehicle's data and savings over HTTP, under the native paths; the Partner dialect serves the same functions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from contract.native.test_valuation import priced
from contract.serving import START, Home, Tenant
from dwell.api.shared.series import DATA_RESOLUTIONS, KEYWORDS, SAVINGS_RESOLUTIONS
from dwell.application.series import Asked, vehicle_data, vehicle_savings
from dwell.domain.errors import NotFound
from dwell.domain.ids import OrganizationId, UserId, VehicleId
from dwell.domain.instants import write_instant
from dwell.domain.series import Resolution

DAYS = {"from": "2026-01-09", "to": "2026-01-10"}
WINDOW = {
    "from_datetime": write_instant(START - timedelta(hours=30)),
    "to_datetime": write_instant(START + timedelta(hours=6)),
}


def exactly(home: Home, what: str, query: Mapping[str, str], *, fill: str = "false") -> Any:
    """The answer with every digit of its numbers."""
    path = f"/v1/vehicles/{home.vehicle['id']}/{what}"
    answer = home.tenant.client.get(path, params=query, headers={"fill-missing": fill})
    assert answer.status_code == 200, answer.text
    return json.loads(answer.text, parse_float=Decimal, parse_int=Decimal)


@pytest.fixture
def lived(tenant: Tenant) -> Home:
    """A home with two visits on two days, priced throughout."""
    home = priced(tenant)
    home.visit(-700, hours=3.3, kwh=11.113)
    home.visit(-187, hours=2.4, kwh=7.321)
    return home


def test_data_adds_up_to_the_sessions_at_every_resolution(lived: Home) -> None:
    for resolution in DATA_RESOLUTIONS:
        points = exactly(lived, "data", {**WINDOW, "resolution": resolution})["data"]
        assert sum(p["estimated_consumption"] for p in points) == Decimal("18.434")
        assert sum(p["unoptimized_consumption"] for p in points) == Decimal("18.434")
        assert set(points[0]) == {"time", *KEYWORDS}


def test_data_says_what_was_asked_for_and_fills_if_told_to(lived: Home) -> None:
    asked = {**WINDOW, "keywords": "battery_level,is_charging,price"}
    sparse = exactly(lived, "data", asked)["data"]
    full = exactly(lived, "data", asked, fill="true")["data"]
    assert (len(full), set(full[0])) == (36 * 4, {"time", "battery_level", "is_charging", "price"})
    assert 0 < len(sparse) < len(full)
    assert [point for point in full if point in sparse] == sparse
    assert [p["battery_level"] for p in sparse if p["battery_level"] is not None] == [50, 60, 50, 60]
    assert {p["is_charging"] for p in full} == {True, False}
    assert all(point["price"] is not None for point in sparse)


@pytest.mark.parametrize("page", [500, 1])
def test_savings_add_up_to_the_sessions_at_every_resolution(
    lived: Home, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dwell.application.series.PAGE", page)
    total = sum(Decimal(_valuation(lived, session["id"])["savings"]) for session in lived.settled())
    for resolution in SAVINGS_RESOLUTIONS:
        answer = exactly(lived, "savings", {**DAYS, "resolution": resolution})
        assert sum(row["savings"]["total"] for row in answer["data"]) == total != 0
        assert {row["resolution"] for row in answer["data"]} == {resolution}
        assert answer["metadata"]["units"] == {"total": "EUR", "percentage": "%"}
    [month] = exactly(lived, "savings", DAYS)["data"]
    assert month["period"] == {
        "start_period": "2025-12-31T23:00:00Z",
        "end_period": "2026-01-31T23:00:00Z",
    }


def _valuation(home: Home, session_id: str) -> Any:
    return home.tenant.get(f"/v1/sessions/{session_id}/valuation")


def test_a_vehicle_that_saved_nothing_has_empty_periods(tenant: Tenant) -> None:
    home = tenant.home()
    answer = exactly(home, "savings", {**DAYS, "resolution": "1DAY"})
    assert [row["savings"] for row in answer["data"]] == [{"total": 0, "percentage": None}] * 2
    assert exactly(home, "data", WINDOW)["data"] == []


@pytest.mark.parametrize(
    ("what", "query", "faults"),
    [
        ("data", {}, 2),
        ("data", {**WINDOW, "resolution": "5MIN", "keywords": "price,colour"}, 2),
        ("data", {"from_datetime": WINDOW["to_datetime"], "to_datetime": WINDOW["from_datetime"]}, 1),
        ("data", {"from_datetime": "2026-01-01T00:00:00", "to_datetime": "2026-01-02T00:00:00Z"}, 1),
        ("data", {"from_datetime": "2020-01-01T00:00:00Z", "to_datetime": "2026-01-01T00:00:00Z"}, 1),
        ("savings", {"from": "x", "to": "2026-13-01", "resolution": "1HOUR"}, 3),
        ("savings", {"from": "2026-01-02", "to": "2026-01-01"}, 1),
        ("savings", {"from": "2001-01-01", "to": "2099-01-01", "resolution": "1DAY"}, 1),
    ],
)
def test_a_bad_query_is_refused_with_every_fault(
    tenant: Tenant, what: str, query: Mapping[str, str], faults: int
) -> None:
    home = tenant.home()
    problem = tenant.get(f"/v1/vehicles/{home.vehicle['id']}/{what}", 400, **query)
    assert len(problem["issues"]) == faults


def test_a_foreign_vehicle_has_neither(tenant: Tenant, lived: Home) -> None:
    stranger = tenant.serving.tenant()
    stranger.get(f"/v1/vehicles/{lived.vehicle['id']}/data", 404, **WINDOW)
    stranger.get(f"/v1/vehicles/{lived.vehicle['id']}/savings", 404, **DAYS)


def test_another_users_vehicle_has_neither(lived: Home) -> None:
    serving, owner = lived.tenant.serving, OrganizationId(lived.tenant.credentials.organization_id)
    asked = Asked(
        vehicle_id=VehicleId(lived.vehicle["id"]), user_id=UserId("somebody"), resolution=Resolution.DAY
    )
    days = date(2026, 1, 9), date(2026, 1, 10)
    with pytest.raises(NotFound):
        serving.run(vehicle_savings(serving.ports, owner, asked, days))
    window = START, START + timedelta(hours=1)
    with pytest.raises(NotFound):
        serving.run(vehicle_data(serving.ports, owner, asked, window, with_prices=False, with_levels=False))
