"""Joint planner: small sites worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dwell.domain.errors import Refused
from dwell.domain.planning import (
    BlockType,
    Ceiling,
    ImmediateStart,
    Plan,
    Problem,
    RegularTarget,
    Window,
)
from dwell.domain.planning.site import (
    BaseLoad,
    SiteProblem,
    SiteVehicle,
    explain_site,
    solve_site,
    verify_site,
)
from unit.planning.plan_builders import NOW_AT, at, car, hourly


def vehicle(wanted: float = 60, hours: float = 4, reserve: float = 0, **limits: Any) -> SiteVehicle:
    """100 kWh at 50 %, 10 kW, no losses, no least power: an hour is 10 %."""
    target = RegularTarget(
        minimum_charge_percent=wanted, ready_by_at=at(hours), battery_reserve_percent=reserve
    )
    return SiteVehicle(vehicle=car(**{"power_min_kw": 0.0, **limits}), target=target)


def site(
    *vehicles: SiteVehicle, limit: float = 10, prices: tuple[float, ...] = (0.3, 0.1, 0.2, 0.4)
) -> SiteProblem:
    return SiteProblem(now_at=NOW_AT, vehicles=vehicles, prices=hourly(*prices), limit_kw=limit)


def powers(plan: Plan, hours: int = 4) -> list[float]:
    """The planned power in the middle of each hour."""
    return [round(plan.power_kw_at(at(hour + 0.5)), 9) for hour in range(hours)]


def solved(problem: SiteProblem) -> tuple[Plan, ...]:
    plan = solve_site(problem)
    assert verify_site(problem, plan) == ()
    return plan.vehicles


def totals(problem: SiteProblem) -> list[float]:
    return [round(slot.power_kw, 9) for slot in solve_site(problem).slots]


def test_with_room_for_all_each_has_its_cheapest_time() -> None:
    assert [powers(plan) for plan in solved(site(vehicle(), vehicle(), limit=100))] == [[0, 10, 0, 0]] * 2


def test_a_full_slot_sends_one_to_the_next_cheapest() -> None:
    assert totals(site(vehicle(), vehicle())) == [0, 10, 10, 0]


def test_who_has_no_choice_gets_the_cheap_slot() -> None:
    bound = replace(
        vehicle(), restrictions=(Window(start_at=at(2), end_at=at(4)), Window(start_at=NOW_AT, end_at=at(1)))
    )

    assert powers(solved(site(vehicle(), bound))[1]) == [0, 10, 0, 0]


def test_equal_prices_mean_the_earliest_totals() -> None:
    assert totals(site(vehicle(), vehicle(), prices=(0.2, 0.2, 0.2, 0.2))) == [10, 10, 0, 0]


def test_too_little_is_shared_by_fractions_of_the_need() -> None:
    plan = solve_site(site(vehicle(wanted=80), vehicle(wanted=100), limit=10, prices=(0.3, 0.1, 0.2, 0.4)))

    assert plan.fractions == pytest.approx((0.5, 0.5))
    assert [single.reachable for single in plan.vehicles] == [False, False]
    assert [single.reachable_soc_percent for single in plan.vehicles] == pytest.approx([65, 75])


def test_who_leaves_first_holds_nobody_else_back() -> None:
    plan = solve_site(site(vehicle(wanted=80, hours=1), vehicle(wanted=70), limit=10))

    assert plan.fractions == pytest.approx((1 / 3, 1.0))


def test_what_was_missed_follows_at_once_in_what_the_others_leave() -> None:
    first, second = solved(site(vehicle(wanted=70, hours=1), vehicle(wanted=60), limit=10))

    assert powers(second) == [0, 10, 0, 0]
    assert powers(first) == [10, 0, 10, 0]
    assert first.target_reached_at == at(3)


def test_reserves_are_shared_by_what_is_lacking() -> None:
    first, second = solved(site(vehicle(reserve=54), vehicle(reserve=58), limit=8))
    reserves = [
        sum(b.energy_kwh for b in plan.blocks if b.type is BlockType.BATTERY_RESERVE and b.end_at <= at(1))
        for plan in (first, second)
    ]

    assert reserves == pytest.approx([2, 6])


def test_an_immediate_start_is_done_as_if_alone_where_the_others_can_wait() -> None:
    at_once = SiteVehicle(vehicle=car(power_min_kw=0.0), target=ImmediateStart(minimum_charge_percent=65))
    first, _ = solved(site(at_once, vehicle(), limit=10))

    assert first.reachable
    assert first.target_reached_at == at(1.5)
    assert {block.type for block in first.blocks} == {BlockType.IMMEDIATE_START}


def test_negative_prices_fill_up_to_the_charge_limit() -> None:
    problem = site(vehicle(), vehicle(charge_limit_percent=65), prices=(-0.1, 0.1, -0.2, 0.4), limit=12)

    assert totals(problem) == [12, 0, 12, 0]
    assert totals(replace(problem, charge_when_negative=False)) == [8, 0, 12, 0]


def test_the_base_load_leaves_the_room() -> None:
    problem = replace(
        site(vehicle(), vehicle()),
        base_load=(
            BaseLoad(start_at=at(1), end_at=at(2), power_kw=25),
            BaseLoad(start_at=at(2), end_at=at(3), power_kw=-10),
        ),
    )

    assert totals(problem) == [0, 0, 20, 0]


def test_a_connection_without_any_room_never_gets_there() -> None:
    (plan,) = solved(site(vehicle(), limit=0))

    assert (plan.reachable, plan.blocks, plan.target_reached_at) == (False, (), None)


def test_no_vehicles_make_an_empty_plan() -> None:
    assert solve_site(site()).vehicles == ()


def test_all_that_is_late_comes_in_days_later() -> None:
    (plan,) = solved(site(vehicle(wanted=100), limit=0.5))

    assert plan.target_reached_at == at(100)
    assert plan.energy_kwh == pytest.approx(50)


def test_less_than_the_least_power_is_mended() -> None:
    problem = site(vehicle(wanted=61, power_min_kw=4.0), limit=100)
    plan = solve_site(problem)

    assert verify_site(problem, plan) == ()
    assert powers(plan.vehicles[0]) == [0, 7, 4, 0]
    assert plan.gap == pytest.approx(3 * 0.1)


def test_a_need_below_the_least_power_is_a_shorter_block() -> None:
    (plan,) = solved(site(vehicle(wanted=51, power_min_kw=4.0), limit=100))

    assert [b.power_kw for b in plan.blocks] == [4.0]
    assert plan.energy_kwh == pytest.approx(1.0)
    assert plan.reachable


def test_a_ceiling_below_the_least_power_is_none() -> None:
    ceiling = Ceiling(start_at=at(1), end_at=at(2), power_kw=3)
    (plan,) = solved(site(replace(vehicle(power_min_kw=4.0), ceilings=(ceiling,)), limit=100))

    assert powers(plan) == [0, 0, 10, 0]


def test_a_vehicle_alone_must_have_a_least_power() -> None:
    alone = vehicle()
    with pytest.raises(Refused) as refused:
        Problem(now_at=NOW_AT, vehicle=alone.vehicle, target=alone.target, prices=hourly(0.1))

    assert [fault.field for fault in refused.value.faults] == ["vehicle.power_min_kw"]


def test_reasons_say_what_the_connection_does() -> None:
    problem = site(vehicle(wanted=80, hours=2), vehicle(wanted=90, hours=2), limit=10)
    first = explain_site(problem, solve_site(problem))[0]

    assert "cannot be reached" in first.summary
    assert first.reasons[0] == "too little room before the deadline: its fair share of the connection"
    assert first.reasons[-1] == "after the deadline: what the others leave"
