"""`dwell plan`, the words on the wire: every fault of a problem at once, by its path."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from dwell.domain.errors import Refused
from dwell.domain.planning import Control, ImmediateStart, RegularTarget, explain, solve
from dwell.protocols.plan_json import decode, read_problem, write_faults, write_plan

GOOD: dict[str, Any] = {
    "now": "2026-01-10T17:07:00Z",
    "timezone": "Europe/Berlin",
    "prices": [
        {"start": "2026-01-10T17:00:00Z", "end": "2026-01-10T18:00:00Z", "price": 0.31},
        {"start": "2026-01-10T18:00:00Z", "end": "2026-01-11T06:00:00Z", "price": 0.21},
    ],
    "vehicle": {
        "id": "car-1",
        "battery_capacity_kwh": 77,
        "soc_percent": 35,
        "charge_limit_percent": 100,
        "power_max_kw": 11,
        "power_min_kw": 1.4,
        "efficiency": 0.9,
        "control": "on_off",
        "charging_now": False,
    },
    "target": {
        "type": "REGULAR",
        "battery_reserve_percent": 20,
        "minimum_charge_percent": 80,
        "ready_by": "2026-01-11T06:00:00Z",
    },
    "limits": [{"start": "2026-01-10T18:00:00Z", "end": "2026-01-10T20:00:00Z", "power_kw": 7.4}],
    "restrictions": [{"start": "2026-01-10T19:00:00Z", "end": "2026-01-10T19:30:00Z"}],
    "start_cost": 0.02,
    "charge_when_negative": True,
}
ABSENT = object()


def changed(*changes: tuple[str, object]) -> dict[str, Any]:
    """The good document with the values at some paths replaced, or taken out."""
    document = copy.deepcopy(GOOD)
    for path, value in changes:
        place: Any = document
        *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        for step in way:
            place = place[step]
        if value is ABSENT:
            del place[last]
        else:
            place[last] = value
    return document


def faults(document: object) -> list[str]:
    with pytest.raises(Refused) as refused:
        read_problem(document)
    return [fault.field for fault in refused.value.faults]


def test_a_good_problem_is_read_whole() -> None:
    problem = read_problem(GOOD)

    assert problem.now_at == datetime(2026, 1, 10, 17, 7, tzinfo=UTC)
    assert problem.vehicle.control is Control.ON_OFF
    assert isinstance(problem.target, RegularTarget)
    assert problem.ceilings[0].power_kw == 7.4
    assert len(problem.restrictions) == 1


def test_what_may_be_left_out_has_its_default() -> None:
    absent = ["timezone", "limits", "restrictions", "start_cost", "charge_when_negative"]
    absent += [
        f"vehicle.{n}" for n in ("id", "charge_limit_percent", "power_min_kw", "efficiency", "control")
    ]
    problem = read_problem(changed(*((path, ABSENT) for path in absent)))

    assert problem.start_cost == 0.02
    assert problem.charge_when_negative is True
    assert problem.vehicle.charge_limit_percent == 100


def test_an_immediate_start_needs_no_deadline() -> None:
    problem = read_problem(changed(("target", {"type": "IMMEDIATE_START", "minimum_charge_percent": 60})))

    assert isinstance(problem.target, ImmediateStart)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("now", "2026-01-10T17:07:00"),
        ("now", "yesterday"),
        ("now", "9999-12-31T23:59:59Z"),
        ("now", 7),
        ("now", ABSENT),
        ("timezone", "Mars/Olympus"),
        ("timezone", "Europe"),
        ("timezone", "../../etc/passwd"),
        ("timezone", None),
        ("prices", ABSENT),
        ("prices", {}),
        ("vehicle", []),
        ("vehicle", ABSENT),
        ("vehicle.battery_capacity_kwh", -1),
        ("vehicle.battery_capacity_kwh", 0),
        ("vehicle.soc_percent", float("nan")),
        ("vehicle.soc_percent", float("inf")),
        ("vehicle.soc_percent", 101),
        ("vehicle.soc_percent", "35"),
        ("vehicle.soc_percent", True),
        ("vehicle.soc_percent", None),
        ("vehicle.soc_percent", ABSENT),
        ("vehicle.power_min_kw", 0),
        ("vehicle.power_min_kw", 12),
        ("vehicle.efficiency", 1.1),
        ("vehicle.control", "pulsing"),
        ("vehicle.charging_now", 1),
        ("vehicle.id", 5),
        ("vehicle.colour", "red"),
        ("target.type", "SOON"),
        ("target.ready_by", ABSENT),
        ("target.minimum_charge_percent", -0.1),
        ("limits", None),
        ("start_cost", -1),
        ("start_cost", "0,02"),
        ("charge_when_negative", "yes"),
        ("extra", 1),
    ],
)
def test_a_fault_is_named_by_its_field(path: str, value: object) -> None:
    assert faults(changed((path, value))) == [path]


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("prices.0.price", float("-inf"), "prices[0].price"),
        ("prices.1.start", "2026-01-10T17:59:00Z", "prices[1].start"),
        ("prices.0.end", "2026-01-10T17:00:00Z", "prices[0].end"),
        ("prices.0.unit", "ct", "prices[0].unit"),
        ("prices.0", 0.3, "prices[0]"),
        ("limits.0.power_kw", -1, "limits[0].power_kw"),
        ("limits.0.end", "2026-01-10T17:00:00Z", "limits[0].end"),
        ("restrictions.0.end", ABSENT, "restrictions[0].end"),
    ],
)
def test_a_fault_in_a_list_has_its_index(path: str, value: object, field: str) -> None:
    assert faults(changed((path, value))) == [field]


def test_all_faults_are_named_at_once() -> None:
    document = changed(
        ("now", "2026-01-10"), ("vehicle.soc_percent", -3), ("target.ready_by", 3), ("prices.0.price", None)
    )

    assert faults(document) == ["now", "prices[0].price", "vehicle.soc_percent", "target.ready_by"]


@pytest.mark.parametrize("document", [None, 3, "x", [], True])
def test_what_is_no_object_is_refused(document: object) -> None:
    assert faults(document) == [""]


def test_numbers_beyond_any_machine_are_refused_by_field() -> None:
    for digits in ("1e309", "NaN", "-Infinity", "1" + "0" * 400, "9" * 5000):
        document = json.dumps(GOOD).replace('"soc_percent": 35', f'"soc_percent": {digits}')
        assert faults(decode(document)) == ["vehicle.soc_percent"]


def test_nesting_without_end_is_no_json() -> None:
    with pytest.raises(ValueError, match="nested"):
        decode("[" * 200_000)


def test_the_answer_has_every_word_of_it() -> None:
    problem = read_problem(GOOD)
    plan = solve(problem)
    answer = write_plan(plan, explain(problem, plan))

    assert list(answer) == [
        "blocks",
        "energy_kwh",
        "cost",
        "baseline_cost",
        "savings",
        "starts",
        "target_reached_at",
        "soc_at_ready_by_percent",
        "reachable",
        "reachable_soc_percent",
        "price_coverage",
        "gap",
    ]
    assert isinstance(answer["blocks"], list)
    assert list(answer["blocks"][0]) == ["type", "start", "end", "power_kw", "energy_kwh", "cost", "reason"]
    assert str(answer["target_reached_at"]).endswith("Z")


def test_the_answer_to_faults_names_the_first_and_all() -> None:
    with pytest.raises(Refused) as refused:
        read_problem(changed(("now", 1), ("extra", 2)))
    error: Any = write_faults(refused.value.faults)["error"]

    assert error["field"] == "now"
    assert [fault["field"] for fault in error["faults"]] == ["now", "extra"]
