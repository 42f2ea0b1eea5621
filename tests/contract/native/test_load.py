"""The meter of a connection speaks over HTTP: what is taken, what is refused and why, and what can be seen of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contract.serving import AT_HOME, Home, Tenant
from dwell.application.engine import Engine, run_due
from dwell.domain.instants import write_instant
from house import Deaf

LIMIT_KW = 11


@pytest.fixture
def house(tenant: Tenant) -> Home:
    return tenant.home(gridLimitW=LIMIT_KW * 1000)


def reading(home: Home, seconds: float, power_kw: float) -> dict[str, Any]:
    at = home.tenant.serving.clock.now() + timedelta(seconds=seconds)
    return {"at": write_instant(at), "power_kw": power_kw}


def path(home: Home) -> str:
    return f"/v1/locations/{home.location['id']}/load"


def test_readings_are_taken_in_order_and_shown(house: Home) -> None:
    before = house.tenant.get(path(house))
    assert (before["reading"], before["silent"], before["limit_kw"]) == (None, True, LIMIT_KW)
    one = house.tenant.post(path(house), reading(house, -20, 3.5), 202)
    assert one == {"accepted": 1, "passed_over": []}
    many = [reading(house, 0, 2.25), reading(house, -10, 4), reading(house, -20, 9)]
    assert house.tenant.post(path(house), many, 202) == {
        "accepted": 2,
        "passed_over": [{"index": 2, "reason": "not_newer"}],
    }
    found = house.tenant.get(path(house))
    assert (found["reading"]["power_kw"], found["silent"]) == (2.25, False)
    assert 3.9 < found["envelope_kw"] <= 4
    assert found["room_kw"] == pytest.approx(LIMIT_KW - found["envelope_kw"])


def test_what_is_no_news_is_named_and_changes_nothing(house: Home) -> None:
    sent = [reading(house, -121, 1), reading(house, 61, 2)]
    assert house.tenant.post(path(house), sent, 202) == {
        "accepted": 0,
        "passed_over": [{"index": 0, "reason": "too_old"}, {"index": 1, "reason": "in_future"}],
    }
    assert house.tenant.get(path(house))["reading"] is None


def test_every_fault_is_named_and_nothing_is_taken(house: Home) -> None:
    good, bad = reading(house, 0, 2), {"at": "yesterday", "power_kw": "much", "phase": 1}
    answer = house.tenant.client.post(path(house), json=[good, bad, 7])
    assert answer.status_code == 400
    fields = {issue["field"] for issue in answer.json()["issues"]}
    assert {"readings[1].at", "readings[1].power_kw", "readings[1].phase", "readings[2]"} <= fields
    for body in (b"[]", b"[", b"7", b"", b'[], "x": [{}]'):
        answer = house.tenant.client.post(
            path(house), content=body, headers={"content-type": "application/json"}
        )
        assert answer.status_code == 400, body
    assert house.tenant.get(path(house))["reading"] is None


def test_a_place_without_a_limit_or_of_somebody_else_is_refused(house: Home) -> None:
    unlimited = house.tenant.home()
    answer = house.tenant.client.post(path(unlimited), json=reading(house, 0, 2))
    assert (answer.status_code, "no grid limit" in answer.json()["detail"]) == (409, True)
    assert house.tenant.client.get(path(unlimited)).status_code == 409
    stranger = house.tenant.serving.tenant()
    assert stranger.client.post(path(house), json=reading(house, 0, 2)).status_code == 404
    assert stranger.client.get(path(house)).status_code == 404


def test_a_session_says_that_the_connection_holds_it_back(house: Home) -> None:
    """Below its reserve it is to charge at once, and the oven leaves nothing."""
    tenant = house.tenant
    tenant.post(path(house), reading(house, -10, 10.9), 202)
    tenant.observe(house.at(-0.1, plugged_in=True, charging=False, soc_percent=5, **AT_HOME))
    tenant.serving.run(run_due(Engine(tenant.serving.ports, Deaf())))
    tenant.post(path(house), reading(house, 0, 10.9), 202)
    [vehicle] = tenant.get(path(house))["vehicles"]
    assert (vehicle["why"], vehicle["told_at_most_kw"]) == ("paused", 0)
    said = tenant.get(f"/v1/sessions/{house.session()['id']}")["outcome"]
    assert "grid connection" in said["sentence_en"]
    assert "Netzanschluss" in said["sentence_de"]
