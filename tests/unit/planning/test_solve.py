"""Planner, one vehicle: reserve, target, cost, ties, as the specification words them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dwell.domain.planning import (
    BlockType,
    Ceiling,
    Control,
    ImmediateStart,
    Plan,
    PriceGrid,
    Problem,
    RegularTarget,
    Window,
    solve,
    verify,
)
from dwell.domain.planning.problem import BOUNDS, LAST_INSTANT
from unit.planning.plan_builders import NOW_AT, at, car, hourly, problem


def sound(asked: Problem) -> Plan:
    plan = solve(asked)
    assert verify(asked, plan) == ()
    return plan


def spans(plan: Plan) -> list[tuple[float, float, float]]:
    """Blocks as hours from now and kW."""
    hour = timedelta(hours=1)
    return [
        (
            round((b.start_at - NOW_AT) / hour, 6),
            round((b.end_at - NOW_AT) / hour, 6),
            round(b.power_kw, 6),
        )
        for b in plan.blocks
    ]


def test_without_start_costs_the_cheapest_hours_are_taken() -> None:
    plan = sound(problem(0.3, 0.1, 0.2, 0.1, wanted=75))

    assert spans(plan) == [(1, 2.5, 10), (3, 4, 10)]
    assert plan.cost == pytest.approx(1 + 1 + 1)
    assert plan.starts == 2


def test_a_start_cost_above_the_price_of_bridging_joins_two_runs() -> None:
    plan = sound(problem(0.10, 0.11, 0.10, 0.5, wanted=70, start_cost=0.2))

    assert spans(plan) == [(0, 2, 10)]
    assert plan.starts == 1


def test_modulating_power_stays_on_at_its_minimum_where_that_is_cheaper_than_a_start() -> None:
    asked = problem(
        0.10, 0.12, 0.10, 0.12, wanted=72, start_cost=0.3, vehicle=car(control=Control.MODULATING)
    )
    plan = sound(asked)

    assert spans(plan) == [(0, 1, 10), (1, 2, 2), (2, 3, 10)]


def test_equal_prices_are_taken_as_early_as_can_be() -> None:
    assert spans(sound(problem(0.2, 0.2, 0.2, wanted=65))) == [(0, 1.5, 10)]
    assert spans(sound(problem(0.2, 0.2, 0.2, wanted=65, start_cost=0.02))) == [(0, 1.5, 10)]


def test_going_on_without_a_pause_is_no_start() -> None:
    asked = problem(0.20, 0.19, wanted=60, start_cost=0.15, vehicle=car(charging_now=True))
    plan = sound(asked)

    assert spans(plan) == [(0, 1, 10)]
    assert plan.starts == 0


def test_the_end_of_one_run_and_the_start_of_the_next_share_a_slot_for_one_start() -> None:
    # Three hours at one ceiling, the middle one dear: on at both ends of it.
    asked = problem(0.1, 0.5, 0.1, wanted=75, start_cost=0.01, vehicle=car(charging_now=True))
    plan = sound(asked)

    assert spans(plan) == [(0, 1.5, 10), (2, 3, 10)]
    assert plan.starts == 1


def test_a_ceiling_of_nothing_ends_a_run() -> None:
    ceiling = Ceiling(start_at=at(0.5), end_at=at(1), power_kw=1.9)  # below power_min
    plan = sound(problem(0.2, 0.2, wanted=65, start_cost=0.02, ceilings=(ceiling,)))

    assert spans(plan) == [(0, 0.5, 10), (1, 2, 10)]
    assert plan.starts == 2


def test_of_overlapping_ceilings_the_least_holds() -> None:
    ceilings = (
        Ceiling(start_at=at(-1), end_at=at(5), power_kw=8),
        Ceiling(start_at=at(0.5), end_at=at(1), power_kw=4),
    )
    plan = sound(problem(0.2, 0.2, wanted=64, ceilings=ceilings))

    assert spans(plan) == [(0, 0.5, 8), (0.5, 1, 4), (1, 2, 8)]


def test_cuts_that_change_nothing_change_nothing() -> None:
    same = Ceiling(start_at=at(0.3), end_at=at(0.7), power_kw=50)

    assert sound(problem(0.2, 0.1, start_cost=0.02, ceilings=(same,))) == sound(
        problem(0.2, 0.1, start_cost=0.02)
    )


class TestReserve:
    def test_is_charged_at_once_whatever_the_price_and_the_restrictions(self) -> None:
        window = Window(start_at=at(0), end_at=at(1))
        asked = problem(0.9, 0.8, 0.1, 0.2, wanted=70, reserve=55, restrictions=(window,))
        plan = sound(asked)

        assert spans(plan) == [(0, 0.5, 10), (2, 3.5, 10)]
        assert [b.type for b in plan.blocks] == [BlockType.BATTERY_RESERVE, BlockType.REGULAR]

    def test_going_on_after_it_is_no_start(self) -> None:
        plan = sound(problem(0.1, 0.1, wanted=60, reserve=55, start_cost=0.02))

        assert spans(plan) == [(0, 0.5, 10), (0.5, 1, 10)]
        assert plan.starts == 1

    def test_is_capped_by_the_charge_limit(self) -> None:
        asked = problem(0.1, 0.1, wanted=90, reserve=80, vehicle=car(charge_limit_percent=52))

        assert sound(asked).energy_kwh == pytest.approx(2)

    def test_pauses_where_the_ceiling_is_nothing_and_resuming_is_a_start(self) -> None:
        ceiling = Ceiling(start_at=at(0.5), end_at=at(1), power_kw=0)
        plan = sound(problem(0.1, 0.1, 0.1, wanted=50, reserve=60, ceilings=(ceiling,)))

        assert spans(plan) == [(0, 0.5, 10), (1, 1.5, 10)]
        assert plan.starts == 2

    def test_may_run_past_the_deadline(self) -> None:
        plan = sound(problem(0.1, wanted=80, reserve=70))

        assert spans(plan) == [(0, 2, 10), (2, 3, 10)]
        assert not plan.reachable
        assert plan.soc_at_ready_by_percent == pytest.approx(60)
        assert plan.reachable_soc_percent == pytest.approx(60)


class TestUnreachable:
    def test_charges_from_now_past_the_deadline_and_says_what_can_be_reached(self) -> None:
        plan = sound(problem(0.3, 0.1, wanted=75))

        assert spans(plan) == [(0, 2.5, 10)]
        assert not plan.reachable
        assert plan.reachable_soc_percent == pytest.approx(70)
        assert plan.target_reached_at == at(2.5)
        assert plan.savings == pytest.approx(0)

    def test_keeps_to_restrictions(self) -> None:
        window = Window(start_at=at(0), end_at=at(1))

        assert spans(sound(problem(0.3, 0.1, wanted=75, restrictions=(window,)))) == [(1, 3.5, 10)]

    def test_a_deadline_in_the_past_leaves_no_horizon(self) -> None:
        target = RegularTarget(minimum_charge_percent=55, ready_by_at=at(-3))
        plan = sound(problem(0.3, 0.1, target=target))

        assert spans(plan) == [(0, 0.5, 10)]
        assert not plan.reachable

    def test_a_target_that_fits_to_the_last_minute_is_reachable(self) -> None:
        plan = sound(problem(0.3, 0.1, wanted=70))

        assert plan.reachable
        assert spans(plan) == [(0, 2, 10)]


class TestNegativePrices:
    def test_charge_beyond_the_target_where_it_lowers_the_sum(self) -> None:
        plan = sound(problem(0.3, -0.1, -0.2, wanted=55, start_cost=0.02))

        assert spans(plan) == [(1, 3, 10)]
        assert plan.cost == pytest.approx(-3)

    def test_stop_at_the_charge_limit(self) -> None:
        asked = problem(-0.1, -0.2, wanted=55, vehicle=car(charge_limit_percent=62))

        assert sound(asked).energy_kwh == pytest.approx(12)

    def test_do_not_pay_a_start_that_costs_more_than_they_earn(self) -> None:
        plan = sound(problem(0.1, 0.1, -0.001, wanted=60, start_cost=0.25))

        assert plan.energy_kwh == pytest.approx(10)

    def test_leave_the_energy_as_it_is_where_that_is_switched_off(self) -> None:
        asked = problem(0.3, -0.1, -0.2, wanted=55, charge_when_negative=False)

        assert spans(sound(asked)) == [(2, 2.5, 10)]

    def test_a_price_of_nothing_is_no_reason_to_take_more(self) -> None:
        assert sound(problem(0.3, 0.0, 0.0, -0.1, wanted=65)).energy_kwh == pytest.approx(15)


def test_immediate_start_takes_full_power_from_now_and_ignores_restrictions() -> None:
    window = Window(start_at=at(0), end_at=at(1))
    asked = problem(0.9, 0.1, target=ImmediateStart(minimum_charge_percent=65), restrictions=(window,))
    plan = sound(asked)

    assert spans(plan) == [(0, 1.5, 10)]
    assert {b.type for b in plan.blocks} == {BlockType.IMMEDIATE_START}
    assert plan.soc_at_ready_by_percent is None


def test_nothing_is_planned_for_a_battery_that_is_full_enough() -> None:
    plan = sound(problem(0.3, 0.1, wanted=50))

    assert plan.blocks == ()
    assert plan.target_reached_at == NOW_AT


def test_without_any_price_the_target_is_still_met() -> None:
    asked = problem(
        prices=PriceGrid.from_slots([]), target=RegularTarget(minimum_charge_percent=60, ready_by_at=at(9))
    )
    plan = sound(asked)

    assert spans(plan) == [(0, 1, 10)]
    assert plan.price_coverage == 0.0


def test_a_night_with_the_autumn_clock_change_has_its_extra_hour() -> None:
    now_at = datetime(2026, 10, 24, 22, 0, tzinfo=UTC)  # midnight in Berlin
    until_at = datetime(2026, 10, 25, 6, 0, tzinfo=UTC)  # 07:00 after 25-hour day's change
    asked = problem(
        now_at=now_at,
        prices=hourly(0.3, 0.3, 0.3, 0.1, 0.3, 0.3, 0.3, 0.3, start_at=now_at),
        timezone=ZoneInfo("Europe/Berlin"),
        target=RegularTarget(minimum_charge_percent=60, ready_by_at=until_at),
    )
    plan = sound(asked)

    assert [(b.start_at, b.end_at) for b in plan.blocks] == [
        (now_at + timedelta(hours=3), now_at + timedelta(hours=4))
    ]


def test_ten_thousand_slots_and_as_many_ceilings_are_planned() -> None:
    quarter = timedelta(minutes=15)
    count = 10_000
    prices = PriceGrid.from_slots(
        (NOW_AT + i * quarter, NOW_AT + (i + 1) * quarter, 0.1 + (i * 7919 % 101) / 1000)
        for i in range(count)
    )
    ceilings = tuple(
        Ceiling(start_at=NOW_AT + i * quarter, end_at=NOW_AT + (i + 1) * quarter, power_kw=4 + i * 31 % 7)
        for i in range(count)
    )
    target = RegularTarget(minimum_charge_percent=95, ready_by_at=NOW_AT + count * quarter)
    plan = sound(problem(prices=prices, ceilings=ceilings, target=target, start_cost=0.02))

    assert plan.reachable
    assert plan.energy_kwh == pytest.approx(45)


def test_the_largest_battery_at_the_least_power_still_ends_in_a_year_that_can_be_written() -> None:
    slow = car(
        battery_capacity_kwh=BOUNDS["battery_capacity_kwh"].most,
        soc_percent=0,
        power_max_kw=BOUNDS["power_max_kw"].least,
        power_min_kw=0.01,
        efficiency=BOUNDS["efficiency"].least,
    )
    last_at = LAST_INSTANT - timedelta(hours=1)
    closed = Window(start_at=at(0), end_at=last_at)
    plan = sound(problem(0.1, wanted=100, vehicle=slow, restrictions=(closed,)))

    assert plan.blocks[-1].end_at.year > LAST_INSTANT.year


def test_a_lack_too_small_for_a_block_is_reached_at_once() -> None:
    crumb = car(battery_capacity_kwh=50_000, soc_percent=99.999999999, power_max_kw=100_000)
    plan = sound(problem(0.1, wanted=100, vehicle=crumb))

    assert plan.blocks == ()
    assert plan.target_reached_at == NOW_AT
