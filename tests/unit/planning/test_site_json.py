"""`dwell plan` for a location: read with every fault by its path, answered, bounded in time."""

from __future__ import annotations

import json
import time
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dwell.cli.plan import plan
from dwell.domain.errors import Refused
from dwell.protocols.site_json import read_site
from unit.planning.test_plan_json import GOOD as ONE

CAR: dict[str, Any] = {
    "vehicle": {"id": "car-1", "battery_capacity_kwh": 60, "soc_percent": 40, "power_max_kw": 11},
    "target": {
        "minimum_charge_percent": 80,
        "battery_reserve_percent": 20,
        "ready_by": "2026-01-11T06:00:00Z",
    },
}
SITE: dict[str, Any] = {
    "now": "2026-01-10T17:07:00Z",
    "timezone": "Europe/Berlin",
    "prices": [
        {"start": "2026-01-10T17:00:00Z", "end": "2026-01-10T22:00:00Z", "price": 0.31},
        {"start": "2026-01-10T22:00:00Z", "end": "2026-01-11T06:00:00Z", "price": 0.22},
    ],
    "site": {
        "limit_kw": 15,
        "base_load": [{"start": "2026-01-10T17:00:00Z", "end": "2026-01-10T20:00:00Z", "power_kw": 3}],
    },
    "vehicles": [
        CAR,
        {
            **CAR,
            "limits": [{"start": "2026-01-10T18:00:00Z", "end": "2026-01-10T20:00:00Z", "power_kw": 7.4}],
            "restrictions": [{"start": "2026-01-11T00:00:00Z", "end": "2026-01-11T01:00:00Z"}],
        },
        {**CAR, "target": {"type": "IMMEDIATE_START", "minimum_charge_percent": 60}},
    ],
}


def changed(*changes: tuple[str, object]) -> dict[str, Any]:
    """The site with members replaced, by path: `vehicles.1.vehicle.soc_percent`."""
    document: dict[str, Any] = json.loads(json.dumps(SITE))  # no row is another one's
    for path, value in changes:
        *way, last = (int(part) if part.isdigit() else part for part in path.split("."))
        inner: Any = document
        for part in way:
            inner = inner[part]
        inner[last] = value
    return document


def run(document: object, *options: str) -> Result:
    return CliRunner().invoke(plan, ["-", *options], input=json.dumps(document))


def test_a_location_is_answered_for_each_vehicle_and_together() -> None:
    result = run(SITE)
    answer = json.loads(result.stdout)

    assert result.exit_code == 0, result.stdout
    assert [vehicle["reachable"] for vehicle in answer["vehicles"]] == [True, True, True]
    assert answer["site"]["cost"] == pytest.approx(sum(v["cost"] for v in answer["vehicles"]))
    assert 0 < answer["site"]["peak_kw"] <= 15
    assert answer["vehicles"][2]["blocks"][0]["type"] == "IMMEDIATE_START"
    assert all(block["reason"] for vehicle in answer["vehicles"] for block in vehicle["blocks"])


def test_too_little_room_is_said_before_the_night() -> None:
    answer = json.loads(run(changed(("site.limit_kw", 3))).stdout)

    assert answer["site"]["reachable"] is False
    assert {vehicle["reachable"] for vehicle in answer["vehicles"]} == {False}
    assert all(40 <= vehicle["reachable_soc_percent"] < 80 for vehicle in answer["vehicles"])
    reasons = {block["reason"] for block in answer["vehicles"][0]["blocks"]}
    assert "after the deadline: what the others leave" in reasons


def test_a_location_stands_among_single_problems() -> None:
    result = run([ONE, SITE, {"site": {}}])
    answers = json.loads(result.stdout)

    assert result.exit_code == 2
    assert ["blocks" in answers[0], "site" in answers[1], "error" in answers[2]] == [True, True, True]


def test_a_location_is_explained_in_local_time() -> None:
    result = run(changed(("site.limit_kw", 3)), "--explain")

    assert "for 3 vehicles" in result.stdout and "will not have what they need in time" in result.stdout
    assert "vehicle 2:" in result.stdout and "Sat 21:00" in result.stdout


FAULTS: list[tuple[str, object, str]] = [
    ("vehicles.1.vehicle.soc_percent", 140, "vehicles[1].vehicle.soc_percent"),
    ("vehicles.0.target.ready_by", "tomorrow", "vehicles[0].target.ready_by"),
    ("vehicles.1.limits.0.power_kw", -1, "vehicles[1].limits[0].power_kw"),
    ("vehicles.1.restrictions.0.end", "2026-01-10T00:00:00Z", "vehicles[1].restrictions[0].end"),
    ("vehicles.2", 3, "vehicles[2]"),
    ("vehicles", None, "vehicles"),
    ("vehicles.0.colour", "red", "vehicles[0].colour"),
    ("vehicles.0.vehicle.power_min_kw", 12, "vehicles[0].vehicle.power_min_kw"),
    ("site.limit_kw", -1, "site.limit_kw"),
    ("site.limit_kw", float("nan"), "site.limit_kw"),
    ("site.base_load.0.power_kw", "3", "site.base_load[0].power_kw"),
    ("site.base_load.0.end", "2026-01-10T17:00:00Z", "site.base_load[0].end"),
    ("site.fuse_ampere", 63, "site.fuse_ampere"),
    ("site", 43.5, "site"),
    ("vehicle", {}, "vehicle"),
    ("now", "2026-01-10T17:07:00", "now"),
]


@pytest.mark.parametrize(("path", "value", "field"), FAULTS, ids=[path for path, _, _ in FAULTS])
def test_a_fault_is_named_by_its_path(path: str, value: object, field: str) -> None:
    with pytest.raises(Refused) as refused:
        read_site(changed((path, value)))

    assert [fault.field for fault in refused.value.faults] == [field]


def test_all_faults_are_named_at_once() -> None:
    with pytest.raises(Refused) as refused:
        read_site(
            changed(
                ("vehicles.0.vehicle.soc_percent", -1),
                ("vehicles.2.target.minimum_charge_percent", 101),
                ("site.limit_kw", None),
            )
        )

    assert {fault.field for fault in refused.value.faults} == {
        "vehicles[0].vehicle.soc_percent",
        "vehicles[2].target.minimum_charge_percent",
        "site.limit_kw",
    }


def test_base_loads_that_overlap_are_at_fault() -> None:
    load = {"start": "2026-01-10T19:00:00Z", "end": "2026-01-10T21:00:00Z", "power_kw": 1}
    with pytest.raises(Refused) as refused:
        read_site(changed(("site.base_load", [load, *SITE["site"]["base_load"]])))

    assert [fault.field for fault in refused.value.faults] == ["site.base_load[0].start"]


def test_a_least_power_is_none_where_none_is_given() -> None:
    assert {vehicle.vehicle.power_min_kw for vehicle in read_site(SITE).vehicles} == {0.0}


def test_an_empty_location_is_answered() -> None:
    assert json.loads(run(changed(("vehicles", []))).stdout)["vehicles"] == []


def test_ten_thousand_slots_are_planned_in_seconds() -> None:
    first_at, step = datetime(2026, 1, 10, 17, tzinfo=UTC), timedelta(minutes=15)
    edges = [(first_at + i * step).isoformat() for i in range(10_001)]
    prices = [
        {"start": a, "end": b, "price": 0.2 + (i * 37 % 101) / 1000}
        for i, (a, b) in enumerate(pairwise(edges))
    ]
    far = deepcopy(CAR)
    far["target"]["ready_by"] = edges[-1]
    begin = time.perf_counter()
    answer = json.loads(run(changed(("prices", prices), ("vehicles", [far] * 20))).stdout)

    assert answer["site"]["reachable"] is True
    assert time.perf_counter() - begin < 20
