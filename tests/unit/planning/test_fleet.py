"""A fleet as columns: what is no column is refused whole, what is no vehicle is named and left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dwell.domain.errors import Refused
from dwell.domain.instants import micros_of
from dwell.domain.planning import Fleet, FleetPlans, PriceGrid, faults_in, plan_fleet, plan_many, solve
from dwell.domain.planning.compiled import Windows
from unit.planning.plan_builders import NOW_AT, hourly, problem

NOW_US = micros_of(NOW_AT)
HOUR_US = 3_600_000_000
COUNT = 5
PRICES = hourly(0.3, 0.1, 0.2, 0.4, -0.1, 0.3)


def columns(**changes: Any) -> dict[str, Any]:
    """Five vehicles that want 5, 10 … 25 kWh in six hours with 10 kW."""
    usual: dict[str, Any] = {
        "now_us": NOW_US,
        "ready_by_us": np.full(COUNT, NOW_US + 6 * HOUR_US),
        "need_kwh": 5.0 * np.arange(1, COUNT + 1),
        "power_max_kw": np.full(COUNT, 10.0),
        "power_min_kw": np.full(COUNT, 2.0),
    }
    return {**usual, **changes}


def planned(fleet: Fleet, **options: Any) -> FleetPlans:
    (plans,) = plan_fleet(fleet, **options)
    return plans


def refused(**changes: Any) -> list[str]:
    with pytest.raises(Refused) as caught:
        Fleet.of(columns(**changes), [PRICES])
    return [fault.field for fault in caught.value.faults]


def with_value(name: str, row: int, value: object) -> dict[str, Any]:
    """The usual columns with one number replaced."""
    fleet = Fleet.of(columns(), [PRICES])
    column = getattr(fleet.columns, name).copy()
    column[row] = value
    return {name: column}


def test_a_fleet_is_planned_at_the_least_cost() -> None:
    plans = planned(Fleet.of(columns(start_cost=0.0, charge_when_negative=False), [PRICES]))

    assert plans.results.cost == pytest.approx([-0.5, -1.0, -0.5, 0.0, 1.0])
    assert plans.results.energy_kwh == pytest.approx([5, 10, 15, 20, 25])
    assert plans.results.starts.tolist() == [1, 1, 2, 2, 2]
    assert plans.runs_of(1).tolist() == [[4.0, 5.0, 10.0, 10.0, -1.0]]
    assert plans.faults == ()


def test_what_cannot_be_a_column_is_refused_all_at_once() -> None:
    assert refused(need_kwh=[1.0, 2.0], colour="red", now_us=1.5, modulating=3) == [
        "colour",
        "now_us",
        "need_kwh",
        "modulating",
    ]
    assert refused(power_max_kw=np.full((COUNT, 2), 1.0)) == ["power_max_kw"]
    assert refused(power_max_kw=[[1.0], [1.0, 2.0]]) == ["power_max_kw"]
    assert refused(now_us=np.full(COUNT, 2**63, np.uint64)) == ["now_us"]
    with pytest.raises(Refused) as caught:
        Fleet.of({}, [])
    assert [f.field for f in caught.value.faults] == [
        "now_us",
        "ready_by_us",
        "need_kwh",
        "power_max_kw",
        "curves",
    ]


def test_a_line_that_is_none_is_refused() -> None:
    now, later = np.array([NOW_US]), np.array([NOW_US + HOUR_US])
    lines = [
        Windows(now, later, np.array([3.0])),
        Windows(later, now, np.array([3.0])),
        Windows(now, later, np.array([np.nan])),
        Windows(now, later, np.empty(0)),
        Windows(now - 2**62, later, np.array([1.0])),
    ]
    with pytest.raises(Refused) as caught:
        Fleet.of(columns(), [PRICES], lines)
    assert [f.field for f in caught.value.faults] == [f"ceilings[{k}]" for k in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("need_kwh", np.nan, "finite"),
        ("need_kwh", np.inf, "finite"),
        ("need_kwh", -1.0, "at least 0"),
        ("need_kwh", 1e7, "at most 500000"),
        ("reserve_kwh", -np.inf, "finite"),
        ("power_max_kw", 0.0, "at least 0.01"),
        ("power_max_kw", np.nan, "finite"),
        ("power_min_kw", 0.0, "above 0"),
        ("power_min_kw", 10.5, "at most power_max_kw"),
        ("start_cost", -0.02, "at least 0"),
        ("now_us", -1, "from 1970"),
        ("now_us", np.iinfo(np.int64).min, "from 1970"),
        ("ready_by_us", np.iinfo(np.int64).max, "to 2199"),
        ("curve", 1, "from 0 to 0"),
        ("curve", -1, "from 0 to 0"),
        ("ceiling", 0, "from -1 to -1"),
        ("restriction", -2, "from -1 to -1"),
    ],
)
def test_a_faulty_vehicle_is_named_and_the_others_are_planned(name: str, value: Any, said: str) -> None:
    fleet = Fleet.of(columns(**with_value(name, 2, value)), [PRICES])
    plans, usual = planned(fleet), planned(Fleet.of(columns(), [PRICES]))
    others = [0, 1, 3, 4]

    assert {(fault.index, fault.field) for fault in plans.faults} >= {
        (2, name)
    }  # no power is also below power_min
    assert {fault.index for fault in plans.faults} == {2}
    assert any(said in fault.message for fault in plans.faults if fault.field == name)
    assert faults_in(fleet) == plans.faults
    assert plans.planned.tolist() == [row in others for row in range(COUNT)]
    assert np.isnan(plans.results.cost[2])
    assert len(plans.runs_of(2)) == 0
    for row in others:
        assert plans.results.cost[row] == usual.results.cost[row]
        assert np.array_equal(plans.runs_of(row), usual.runs_of(row))


def test_every_fault_of_every_vehicle_is_named_at_once() -> None:
    need, power = np.array([1, np.nan, 3, -4, 5.0]), np.array([10, np.inf, 10, 10, 0.0])
    fleet = Fleet.of(columns(need_kwh=need, power_max_kw=power), [PRICES])

    assert [(f.index, f.field) for f in faults_in(fleet)] == [
        (1, "need_kwh"),
        (1, "power_max_kw"),
        (3, "need_kwh"),
        (4, "power_max_kw"),
        (4, "power_min_kw"),
    ]
    named = [(f.index, f.field) for part in plan_fleet(fleet, chunk=2) for f in part.faults]
    assert named == [(f.index, f.field) for f in faults_in(fleet)]


def test_only_faulty_vehicles_make_only_faults() -> None:
    plans = planned(Fleet.of(columns(need_kwh=np.full(COUNT, np.nan)), [PRICES]))

    assert len(plans.faults) == COUNT
    assert plans.run_first.tolist() == [0] * (COUNT + 1)


def test_no_vehicle_is_no_plan() -> None:
    assert (
        list(
            plan_fleet(
                Fleet.of(columns(ready_by_us=[], need_kwh=[], power_max_kw=[], power_min_kw=[]), [PRICES])
            )
        )
        == []
    )
    assert plan_many([]) == []


def test_columns_that_may_not_be_written_to_are_planned_too() -> None:
    need = 5.0 * np.arange(1, COUNT + 1)
    need.flags.writeable = False
    fleet = Fleet.of(columns(need_kwh=need, power_max_kw=np.full(2 * COUNT, 10)[::2]), [PRICES])

    assert np.array_equal(planned(fleet).runs, planned(Fleet.of(columns(), [PRICES])).runs)


def test_a_deadline_that_has_passed_means_at_once() -> None:
    plans = planned(Fleet.of(columns(ready_by_us=np.full(COUNT, NOW_US - HOUR_US)), [PRICES]))

    assert plans.results.late.all()
    assert not plans.results.reachable.any()
    assert plans.runs_of(4)[:, :4].tolist() == [[0.0, 2.5, 10.0, 25.0]]


def test_a_curve_without_prices_is_charged_at_once() -> None:
    plans = planned(Fleet.of(columns(), [PriceGrid.from_slots([])]))

    assert plans.results.price_coverage.tolist() == [0.0] * COUNT
    assert plans.results.cost.tolist() == [0.0] * COUNT
    assert plans.runs_of(0).tolist() == [[0.0, 0.5, 10.0, 5.0, 0.0]]


def test_ceilings_and_restrictions_are_shared_by_index() -> None:
    def line(first: int, last: int, power_kw: float) -> Windows:
        span = (np.array([NOW_US + first * HOUR_US]), np.array([NOW_US + last * HOUR_US]))
        return Windows(*span, np.array([power_kw]))

    lines = columns(
        need_kwh=10.0,
        charge_when_negative=False,
        start_cost=0.0,
        ceiling=[-1, 0, 1, -1, 1],
        restriction=[-1, -1, -1, 0, 0],
    )
    plans = planned(
        Fleet.of(lines, [PRICES], [line(4, 5, 5.0), line(1, 2, 1.0)], [line(4, 5, 0.0)]),
    )

    assert plans.results.cost == pytest.approx([-1.0, -0.5 + 0.5, -1.0, 1.0, 2.0])


def test_ten_thousand_slots() -> None:
    rng = np.random.default_rng(7)
    starts = NOW_US + np.arange(10_000) * (HOUR_US // 4)
    grid = PriceGrid.from_arrays(starts, starts + HOUR_US // 4, rng.normal(0.2, 0.1, 10_000))
    far = columns(ready_by_us=np.full(COUNT, starts[-1]), modulating=np.arange(COUNT) % 2 == 0)
    plans = planned(Fleet.of(far, [grid]))

    assert plans.results.reachable.all()
    assert plans.results.gap.tolist() == [0.0] * COUNT
    assert plans.results.energy_kwh == pytest.approx(5.0 * np.arange(1, COUNT + 1), abs=1e-6)


def test_problems_keep_their_order_whatever_their_target() -> None:
    lot = [problem(0.3, 0.1, 0.2, wanted=60 + k) for k in range(4)]

    assert plan_many(lot) == [solve(one) for one in lot]
