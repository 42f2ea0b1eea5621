"""Flex: overriding the target of a session that waits or runs, and returning to the policy."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contract.serving import AT_HOME, Home
from dwell.domain.instants import write_instant

NOW = {"type": "IMMEDIATE_START", "minimumChargeTarget": 90}


def hour_of(home: Home, hours: float) -> str:
    return write_instant(home.tenant.serving.clock.now() + timedelta(hours=hours))


def path_of(home: Home) -> str:
    return f"/flex/sessions/{home.session()['id']}/target"


def put(home: Home, body: object, status: int = 200) -> Any:
    answer = home.tenant.client.put(path_of(home), json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def remove(home: Home, status: int = 200) -> Any:
    answer = home.tenant.client.delete(path_of(home))
    assert answer.status_code == status, answer.text
    return answer.json()


def plug_in(home: Home) -> None:
    home.tenant.observe(home.at(-5, plugged_in=True, charging=False, soc_percent=40, **AT_HOME))


def test_an_immediate_start_shows_its_type_and_charge_only(home: Home) -> None:
    plug_in(home)
    session = put(home, NOW)
    assert session == home.session()
    assert session["state"] == "ACTIVE:IMMEDIATE_START"
    assert session["target"]["latest"] == {"id": 2, "type": "IMMEDIATE_START", "minimumChargeTarget": 90}
    assert session["outcome"]["latest"]["type"] == "IMMEDIATE_START"
    assert (session["outcome"]["latest"]["state"], session["outcome"]["latest"]["targetId"]) == (
        "ON_TRACK",
        2,
    )
    [block] = session["blocks"]
    assert (block["type"], block["startAt"]) == ("IMMEDIATE_START", hour_of(home, 0))


def test_a_deadline_of_its_own_takes_the_place_of_the_policys_and_gives_it_back(home: Home) -> None:
    plug_in(home)
    before = home.session()["target"]["latest"]
    ready_by = hour_of(home, 3)
    session = put(home, {"type": "REGULAR", "readyBy": ready_by, "minimumChargeTarget": 50})
    assert session["target"]["latest"] == {
        "id": 2,
        "type": "REGULAR",
        "source": "OVERRIDE",
        "batteryReserve": 20,
        "minimumChargeTarget": 50,
        "readyBy": ready_by,
    }
    assert remove(home)["target"]["latest"] == before | {"id": 3}
    assert remove(home) == home.session()


def test_a_reserve_of_its_own_is_shown(home: Home) -> None:
    body = {
        "type": "REGULAR",
        "readyBy": hour_of(home, 3),
        "minimumChargeTarget": 50,
        "batteryReserve": 45,
    }
    assert put(home, body)["target"]["latest"]["batteryReserve"] == 45


def test_a_waiting_session_can_be_overridden(home: Home) -> None:
    session = put(home, NOW)
    assert (session["state"], session["target"]["latest"]["type"]) == ("UPCOMING", "IMMEDIATE_START")
    plug_in(home)
    assert home.session()["state"] == "ACTIVE:IMMEDIATE_START"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["minimumChargeTarget", "type"]),
        ({"type": "BOOST", "minimumChargeTarget": 101}, ["minimumChargeTarget", "type"]),
        ({"type": "REGULAR"}, ["minimumChargeTarget", "readyBy"]),
        ({"type": "REGULAR", "minimumChargeTarget": 50, "readyBy": "tomorrow"}, ["readyBy"]),
        ({"type": "REGULAR", "minimumChargeTarget": 50, "readyBy": 1_800_000_000}, ["readyBy"]),
        ({"type": "REGULAR", "minimumChargeTarget": 50, "readyBy": "2026-01-10T13:00:00"}, ["readyBy"]),
        ({"type": "REGULAR", "minimumChargeTarget": 50, "readyBy": "2026-01-01T00:00:00Z"}, ["readyBy"]),
        ({"type": "REGULAR", "minimumChargeTarget": 50, "readyBy": "2027-01-01T00:00:00Z"}, ["readyBy"]),
        (
            {
                "type": "REGULAR",
                "minimumChargeTarget": 50,
                "batteryReserve": 51,
                "readyBy": "2026-01-01T00:00:00Z",
                "source": "POLICY",
            },
            ["batteryReserve", "readyBy", "source"],
        ),
        ({**NOW, "readyBy": "2026-01-10T15:00:00Z", "batteryReserve": 10}, ["batteryReserve", "readyBy"]),
        ({**NOW, "minimumChargeTarget": "90"}, ["minimumChargeTarget"]),
        ({**NOW, "minimumChargeTarget": None}, ["minimumChargeTarget"]),
    ],
)
def test_every_fault_is_named_and_nothing_is_changed(
    home: Home, body: dict[str, Any], fields: list[str]
) -> None:
    before = home.session()
    problem = put(home, body, 400)
    assert problem["type"].endswith("bad-request")
    assert sorted(issue["field"] for issue in problem["issues"]) == fields
    assert home.session() == before


def test_a_settled_session_is_a_conflict(home: Home) -> None:
    path = path_of(home)
    home.visit(-180, hours=2)
    for answer in (home.tenant.client.put(path, json=NOW), home.tenant.client.delete(path)):
        assert answer.status_code == 409
        assert answer.json()["type"].endswith("conflict")


@pytest.mark.parametrize("name", ["00000000-0000-7000-8000-000000000000", "session-1", "%00"])
def test_what_is_no_session_of_ours_is_not_there(home: Home, name: str) -> None:
    path = f"/flex/sessions/{name}/target"
    assert home.tenant.client.put(path, json=NOW).status_code == 404
    assert home.tenant.client.delete(path).status_code == 404
