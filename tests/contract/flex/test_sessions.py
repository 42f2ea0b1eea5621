"""Flex: the three session operations, [seen] fact by [seen] fact."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from contract.serving import AWAY, Home, Tenant, serving
from dwell.domain.instants import write_instant

KEYS = [
    "id",
    "policyId",
    "vehicleId",
    "locationId",
    "state",
    "pluggedInAt",
    "pluggedOutAt",
    "blocks",
    "statistics",
    "target",
    "outcome",
    "error",
    "valuation",
]


def hour_of(home: Home, hours: float) -> str:
    return write_instant(home.tenant.serving.clock.now() + timedelta(hours=hours))


def test_a_new_policy_has_an_upcoming_session_with_the_target_of_its_schedule(home: Home) -> None:
    session = home.session()
    assert list(session) == KEYS
    assert session | {"id": "", "target": {}} == {
        "id": "",
        "policyId": home.policy["id"],
        "vehicleId": home.vehicle["id"],
        "locationId": home.location["id"],
        "state": "UPCOMING",
        "pluggedInAt": None,
        "pluggedOutAt": None,
        "blocks": [],
        "statistics": {"aggregated": None, "timeseries": []},
        "target": {},
        "outcome": {"latest": None},
        "error": {"latest": None},
        "valuation": None,
    }
    # It is noon on a Saturday in winter: the next 07:00 in Berlin is 06:00Z on Sunday.
    assert session["target"]["latest"] == {
        "id": 1,
        "type": "REGULAR",
        "source": "POLICY",
        "batteryReserve": 20,
        "minimumChargeTarget": 80,
        "readyBy": "2026-01-11T06:00:00Z",
    }


def test_a_plugged_vehicle_makes_the_upcoming_session_active(home: Home) -> None:
    upcoming = home.session()
    home.tenant.observe(
        home.at(-60, plugged_in=True, soc_percent=35.4, latitude=48.1, longitude=11.5),
        home.at(-30, charging=True, energy_register_kwh=100),
        home.at(-6, charging=True, energy_register_kwh=104, soc_percent=41.6),
    )
    session = home.session()
    assert session["id"] == upcoming["id"]
    assert session["state"] == "ACTIVE:REGULAR"
    assert session["pluggedInAt"] == hour_of(home, -1)
    assert session["pluggedOutAt"] is None
    assert session["statistics"]["aggregated"] == {"kwhSum": 4.0, "batteryFrom": 35, "batteryTo": 42}
    past = session["blocks"][0]
    assert past == {
        "type": "REGULAR",
        "kwhSum": 4.0,
        "startAt": hour_of(home, -0.5),
        "endAt": hour_of(home, -0.1),
    }
    outcome = session["outcome"]["latest"]
    assert list(outcome) == [
        "type",
        "state",
        "targetId",
        "batteryLevelAtReadyBy",
        "minimumChargeTargetReachedAt",
    ]
    assert (outcome["type"], outcome["state"], outcome["targetId"]) == ("REGULAR", "ON_TRACK", 1)
    assert session["error"] == {"latest": None}


def test_below_the_reserve_the_mode_is_battery_reserve(home: Home) -> None:
    home.tenant.observe(home.at(-5, plugged_in=True, soc_percent=12, latitude=48.1, longitude=11.5))
    assert home.session()["state"] == "ACTIVE:BATTERY_RESERVE"


def test_a_settled_session_tells_what_happened_and_the_next_one_waits(home: Home) -> None:
    first = home.session()
    home.visit(-180, hours=2, kwh=5)
    settled = home.tenant.get(f"/flex/vehicle-policies/{home.policy['id']}/sessions/{first['id']}")
    assert list(settled) == KEYS
    assert settled["state"] == "SETTLED"
    assert (settled["pluggedInAt"], settled["pluggedOutAt"]) == (hour_of(home, -3), hour_of(home, -1))
    assert settled["statistics"]["aggregated"] == {"kwhSum": 5.0, "batteryFrom": 50, "batteryTo": 60}
    assert sum(block["kwhSum"] for block in settled["blocks"]) == pytest.approx(5.0)
    assert settled["outcome"]["latest"]["state"] == "MISSED"
    waiting = home.session()
    assert waiting["state"] == "UPCOMING"
    assert waiting["id"] != first["id"]


def test_rows_are_whole_quarter_hours_from_plug_in_to_plug_out_zeros_kept(home: Home) -> None:
    home.visit(-127, hours=2, kwh=3)
    rows = home.settled()[0]["statistics"]["timeseries"]
    assert rows[0]["startAt"] == "2026-01-10T09:45:00Z"
    assert rows[-1]["endAt"] == "2026-01-10T12:00:00Z"
    assert all(list(row) == ["startAt", "endAt", "kwh"] for row in rows)
    assert all(row["endAt"] == after["startAt"] for row, after in pairwise(rows))
    assert sum(row["kwh"] for row in rows) == pytest.approx(3.0)


def test_a_vehicle_elsewhere_leaves_the_policy_waiting_and_is_seen_once_settled(home: Home) -> None:
    home.tenant.observe(home.at(-90, plugged_in=True, soc_percent=50, **AWAY))
    assert home.session()["state"] == "UPCOMING"
    assert home.settled() == []
    home.tenant.observe(
        home.at(-80, charging=True, energy_register_kwh=100, **AWAY),
        home.at(-50, charging=False, energy_register_kwh=110, soc_percent=65),
        home.at(-30, plugged_in=False),
    )
    [session] = home.settled()
    assert session["policyId"] is None
    assert session["locationId"] is None
    assert session["blocks"] == []
    assert session["target"] == {"latest": None}
    assert session["outcome"] == {"latest": None}
    assert session["statistics"]["aggregated"]["kwhSum"] == 10.0
    path = f"/flex/vehicle-policies/{home.policy['id']}/sessions/{session['id']}"
    assert home.tenant.get(path) == session
    assert home.settled(policyId=home.policy["id"]) == []


def test_a_session_is_read_under_its_own_policy_only(home: Home) -> None:
    other = home.tenant.home()
    home.visit(-180)
    [session] = home.settled()
    home.tenant.get(f"/flex/vehicle-policies/{other.policy['id']}/sessions/{session['id']}", 404)


def test_a_session_that_is_not_settled_is_not_among_the_settled(home: Home) -> None:
    session = home.session()
    home.tenant.get(f"/flex/vehicle-policies/{home.policy['id']}/sessions/{session['id']}", 404)


def test_a_deleted_policy_has_no_session(home: Home) -> None:
    assert home.tenant.client.delete(f"/flex/vehicle-policies/{home.policy['id']}").status_code == 204
    problem = home.tenant.get(home.session_path, 404)
    assert problem["type"].endswith("not-found")


def test_the_waiting_target_is_that_of_the_present_though_nothing_came(tmp_path: Path) -> None:
    with serving(f"sqlite:///{tmp_path}/dwell.sqlite3") as server:
        home = server.tenant().home()
        first = home.session()["target"]["latest"]
        server.clock.move_to(server.clock.now() + timedelta(days=1))
        second = home.session()["target"]["latest"]
    assert (first["id"], first["readyBy"]) == (1, "2026-01-11T06:00:00Z")
    assert (second["id"], second["readyBy"]) == (2, "2026-01-12T06:00:00Z")


@pytest.fixture
def visits(tenant: Tenant) -> Home:
    """Three visits at home and one away: 40, 30, 20 and 10 hours ago."""
    home = tenant.home()
    for hours, place in ((40, {}), (30, AWAY), (20, {}), (10, {})):
        home.visit(-60 * hours, **place)
    return home


def test_the_list_is_newest_plug_in_first(visits: Home) -> None:
    instants = [session["pluggedInAt"] for session in visits.settled()]
    assert instants == sorted(instants, reverse=True)
    assert len(instants) == 4


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        (lambda h: {}, 4),
        (lambda h: {"policyId": h.policy["id"]}, 3),
        (lambda h: {"locationId": h.location["id"]}, 3),
        (lambda h: {"from": hour_of(h, -20)}, 2),
        (lambda h: {"from": hour_of(h, -19.99)}, 1),
        (lambda h: {"to": hour_of(h, -28)}, 2),
        (lambda h: {"to": hour_of(h, -28.01)}, 1),
        (lambda h: {"from": hour_of(h, -35), "to": hour_of(h, -15)}, 2),
        (lambda h: {"from": hour_of(h, -15).replace("Z", "+05:00")}, 2),
        (lambda h: {"policyId": h.vehicle["id"]}, 0),
    ],
)
def test_filters_of_the_list(visits: Home, filters: Any, count: int) -> None:
    # Fifteen hours ago by a clock that is five hours ahead is twenty hours ago.
    assert len(visits.settled(**filters(visits))) == count


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({"from": "yesterday"}, ["from"]),
        ({"from": "2026-01-01T00:00:00"}, ["from"]),
        ({"policyId": "x", "locationId": "y", "pageSize": "0"}, ["locationId", "pageSize", "policyId"]),
        ({"pageSize": "201"}, ["pageSize"]),
        ({"pageSize": "1e3"}, ["pageSize"]),
        ({"after": "a", "before": "b"}, ["before"]),
        ({"policyID": "x"}, ["policyID"]),
    ],
)
def test_every_fault_of_a_query_is_named(tenant: Tenant, query: dict[str, str], fields: list[str]) -> None:
    problem = tenant.get("/flex/vehicle-policies/sessions", 400, **query)
    assert problem["type"].endswith("bad-request")
    assert sorted(issue["field"] for issue in problem["issues"]) == fields


def test_a_parameter_given_twice_is_refused(tenant: Tenant) -> None:
    answer = tenant.client.get("/flex/vehicle-policies/sessions?pageSize=1&pageSize=2")
    assert answer.status_code == 400


def test_a_short_visit_without_energy_is_not_listed_but_read_by_id(home: Home) -> None:
    session = home.session()
    home.tenant.observe(
        home.at(-60, plugged_in=True, soc_percent=50, latitude=48.1, longitude=11.5),
        home.at(-57, plugged_in=False),
    )
    assert home.settled() == []
    home.tenant.get(f"/flex/vehicle-policies/{home.policy['id']}/sessions/{session['id']}")
