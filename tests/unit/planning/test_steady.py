"""Steadiness: what runs goes on unless stopping is worth a start, and plans do not start too often."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dwell.domain.planning import (
    PriceGrid,
    Problem,
    at_true_prices,
    calmer,
    favoured,
    solve,
    starts_too_often,
)
from unit.planning.plan_builders import at, car, hourly, problem

QUARTER = at(0.25)


def running(*prices: float, **changes: object) -> Problem:
    return problem(*prices, wanted=60, vehicle=car(charging_now=True), **changes)  # type: ignore[arg-type]  # words of the builder


@pytest.mark.parametrize(("now", "goes_on"), [(0.204, True), (0.215, False)])
def test_a_running_quarter_hour_is_kept_while_it_costs_less_than_a_start(now: float, goes_on: bool) -> None:
    asked = running(now, 0.2, start_cost=0.02)  # 2.5 kWh in the quarter hour: worth 0.8 ct each
    assert solve(asked).blocks[0].start_at == at(1) or now > 0.2
    cheaper, favour = favoured(asked, QUARTER, just_started=False)
    assert favour is not None
    plan = at_true_prices(cheaper, solve(cheaper), favour)
    assert (plan.power_kw_at(at(0)) > 0) is goes_on


def test_what_has_just_started_goes_on_at_any_price() -> None:
    asked = running(0.9, 0.2, start_cost=0.02)
    cheaper, favour = favoured(asked, QUARTER, just_started=True)
    assert favour is not None
    plan = at_true_prices(cheaper, solve(cheaper), favour)
    assert plan.power_kw_at(at(0)) == 10
    assert plan.cost == pytest.approx(2.5 * 0.9 + 7.5 * 0.2)
    assert plan.blocks[0].cost == pytest.approx(2.5 * 0.9)
    assert plan.baseline_cost == pytest.approx(10 * 0.9)


def test_no_price_goes_below_zero_by_it_and_none_is_made_up() -> None:
    for prices in ((0.0, 0.2), (-0.1, 0.2)):
        assert favoured(running(*prices), QUARTER, just_started=True)[1] is None
    unknown = running(0.1, 0.2, prices=hourly(0.1, start_at=at(1)))
    assert favoured(unknown, QUARTER, just_started=True) == (unknown, None)


def test_a_cheaper_stretch_is_cut_out_exactly() -> None:
    grid = hourly(0.3, 0.4)
    start, end = grid.slots.start_us[0], grid.slots.start_us[0] + 900_000_000
    cheaper = grid.cheaper(int(start) + 300_000_000, int(end), 0.1)
    assert [round(float(v), 9) for v in cheaper.slots.value] == [0.3, 0.2, 0.3, 0.4]
    assert cheaper.known_us(int(start), int(start) + 7_200_000_000) == 7_200_000_000
    assert isinstance(cheaper, PriceGrid)


def test_a_plan_that_would_start_too_often_is_made_calmer() -> None:
    saw = problem(*[0.5, 0.1] * 4, wanted=60, start_cost=0.0)
    quarters = PriceGrid.from_slots((at(n / 4), at((n + 1) / 4), 0.1 if n % 2 else 0.11) for n in range(32))
    busy = Problem(now_at=saw.now_at, vehicle=saw.vehicle, target=saw.target, prices=quarters, start_cost=0.0)
    first, *dearer = list(calmer(busy))
    assert first is busy
    assert starts_too_often(solve(first), (), 2)
    assert not starts_too_often(solve(dearer[-1]), (), 2)


def test_past_switches_count_and_runs_that_touch_do_not() -> None:
    plan = solve(problem(0.1, wanted=60))
    past = tuple(at(0) - timedelta(minutes=n) for n in (50, 40, 30))
    assert starts_too_often(plan, past, 2)
    assert not starts_too_often(plan, past[:2], 2)
    assert not starts_too_often(plan, tuple(t - timedelta(minutes=15) for t in past), 2)
    late = solve(problem(0.1, 0.2, wanted=75, reserve=55))
    assert len(late.blocks) > 1
    assert not starts_too_often(late, past[:2], 2)
