"""Joint planner: what it answers is sound, with and without least powers; the verifier catches what is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from dwell.domain.planning import Block, BlockType, RegularTarget, Window
from dwell.domain.planning.site import (
    BaseLoad,
    SitePlan,
    SiteProblem,
    SiteVehicle,
    solve_site,
    verify_site,
)
from properties.sites import draw_site
from unit.planning.plan_builders import NOW_AT, at, car, hourly

A_SEED = 100  # drawn sites for each seed
HOUR = timedelta(hours=1)
Change = Callable[[SitePlan], SitePlan]


@pytest.mark.parametrize("power_min", [False, True])
def test_drawn_plans_are_sound(seed: int, power_min: bool) -> None:
    for number in range(A_SEED):
        name = f"v{seed}/{number}"
        problem = draw_site(name, power_min=power_min).problem
        plan = solve_site(problem)
        assert verify_site(problem, plan) == (), name
        assert plan.gap >= 0.0 and plan.gap_kwh >= 0.0, name
        if not power_min:
            assert plan.gap == plan.gap_kwh == 0.0, name


def vehicle(wanted: float = 70, hours: float = 6, reserve: float = 0) -> SiteVehicle:
    """100 kWh at 50 %, 10 kW, no losses, no least power: an hour is 10 %."""
    target = RegularTarget(
        minimum_charge_percent=wanted, ready_by_at=at(hours), battery_reserve_percent=reserve
    )
    return SiteVehicle(vehicle=car(power_min_kw=0.0), target=target)


def asked() -> SiteProblem:
    """Three vehicles and room for one and a half; the last one only from the fourth hour on."""
    last = replace(vehicle(wanted=60), restrictions=(Window(start_at=NOW_AT, end_at=at(3)),))
    return SiteProblem(
        now_at=NOW_AT,
        vehicles=(vehicle(wanted=65, reserve=55), vehicle(wanted=70), last),
        prices=hourly(0.3, 0.1, 0.4, 0.2, 0.5, 0.3),
        limit_kw=15.0,
        base_load=(BaseLoad(start_at=at(4), end_at=at(5), power_kw=12),),
    )


def too_much() -> SiteProblem:
    """Two vehicles that need more than there is; the second more than the first, by a later deadline."""
    return replace(asked(), vehicles=(vehicle(wanted=80, hours=4), vehicle(wanted=95, hours=5)), limit_kw=9.0)


def blocks_of(plan: SitePlan, v: int, *blocks: Block) -> SitePlan:
    """The plan with other blocks for one vehicle, its sums made to fit."""
    single = plan.vehicles[v]
    energy, cost = sum(b.energy_kwh for b in blocks), sum(b.cost for b in blocks)
    changed = replace(single, blocks=blocks, energy_kwh=energy, cost=cost)
    vehicles = (*plan.vehicles[:v], changed, *plan.vehicles[v + 1 :])
    slots = tuple(
        replace(
            slot, energy_kwh=sum(within(b, slot.start_at, slot.end_at) for s in vehicles for b in s.blocks)
        )
        for slot in plan.slots
    )
    return replace(
        plan,
        vehicles=vehicles,
        slots=slots,
        energy_kwh=sum(s.energy_kwh for s in vehicles),
        cost=sum(s.cost for s in vehicles),
    )


def within(block: Block, start_at: datetime, end_at: datetime) -> float:
    overlap = min(end_at, block.end_at) - max(start_at, block.start_at)
    return block.power_kw * max(0.0, overlap / HOUR)


def block(start: float, end: float, power: float, price: float) -> Block:
    energy = power * (end - start)
    return Block(
        type=BlockType.REGULAR,
        start_at=at(start),
        end_at=at(end),
        power_kw=power,
        energy_kwh=energy,
        cost=energy * price,
    )


def faults(problem: SiteProblem, plan: SitePlan) -> str:
    return "; ".join(f"{f.field}: {f.message}" for f in verify_site(problem, plan))


def test_what_is_tampered_with_is_sound_before() -> None:
    for problem in (asked(), too_much()):
        assert verify_site(problem, solve_site(problem)) == ()


def test_power_above_the_limit_is_caught() -> None:
    changed = blocks_of(solve_site(asked()), 1, block(1, 2, 10, 0.1), block(3, 4, 10, 0.2))
    more = blocks_of(changed, 2, block(3, 4, 10, 0.2))

    assert "more than the connection has" in faults(asked(), more)


def test_energy_in_a_dearer_slot_is_caught() -> None:
    changed = blocks_of(solve_site(asked()), 1, block(2, 4, 10, 0.0))

    assert "belongs into" in faults(asked(), changed)


def test_energy_in_a_later_slot_of_the_same_price_is_caught() -> None:
    problem = replace(asked(), vehicles=(vehicle(wanted=60), vehicle(wanted=50)), prices=hourly(*[0.2] * 6))
    changed = blocks_of(solve_site(problem), 0, block(1, 2, 10, 0.2))

    assert "belongs into" in faults(problem, changed)


def test_an_unfair_share_is_caught() -> None:
    plan = solve_site(too_much())
    unfair = blocks_of(plan, 0, block(0, 4, 2, 0.25))
    unfair = blocks_of(unfair, 1, block(0, 4, 7, 0.25), block(4, 5, 0.0 + 3, 0.5))

    assert plan.fractions[0] == pytest.approx(plan.fractions[1])
    assert "could have more by its deadline" in faults(too_much(), unfair)


def test_less_than_there_is_room_for_is_caught() -> None:
    changed = blocks_of(solve_site(asked()), 1, block(1, 2, 10, 0.1))

    assert "could have more by its deadline, in slots" in faults(asked(), changed)


def test_a_reserve_that_waits_is_caught() -> None:
    plan = solve_site(asked())
    late = [
        replace(b, start_at=b.start_at + HOUR, end_at=b.end_at + HOUR, cost=0.1 * b.energy_kwh)
        for b in plan.vehicles[0].blocks
        if b.type is BlockType.BATTERY_RESERVE
    ]

    assert "below its reserve could have more" in faults(asked(), blocks_of(plan, 0, *late))


def test_late_energy_that_waits_is_caught() -> None:
    problem = too_much()
    plan = solve_site(problem)
    kept = [b for b in plan.vehicles[0].blocks if b.start_at < at(4)]

    assert "late energy must not wait" in faults(problem, blocks_of(plan, 0, *kept))


def test_energy_that_would_earn_money_is_caught() -> None:
    problem = replace(
        asked(),
        vehicles=(vehicle(wanted=60, hours=2), vehicle(wanted=50, hours=2)),
        prices=hourly(-0.2, -0.1),
    )
    changed = blocks_of(solve_site(problem), 0, block(0, 1, 10, -0.2))

    assert "would earn money" in faults(problem, changed)


TAMPERED: dict[str, Change] = {
    "a vehicle too few": lambda plan: replace(plan, vehicles=plan.vehicles[1:]),
    "a sum of cost that is none": lambda plan: replace(plan, cost=plan.cost + 1e-3),
    "a sum of energy that is none": lambda plan: replace(plan, energy_kwh=plan.energy_kwh - 1e-3),
    "a baseline that is no sum": lambda plan: replace(plan, baseline_cost=0.0),
    "a lower peak": lambda plan: replace(plan, peak_kw=plan.peak_kw - 0.1),
    "a fraction too many": lambda plan: replace(plan, fractions=(*plan.fractions, 1.0)),
    "a fraction that is none": lambda plan: replace(plan, fractions=(1.0, 0.5, 1.0)),
    "a gap below zero": lambda plan: replace(plan, gap=-1e-3),
    "a gap that is no number": lambda plan: replace(plan, gap_kwh=float("nan")),
    "slots that are not cut": lambda plan: replace(
        plan, slots=(replace(plan.slots[0], end_at=plan.slots[1].end_at), *plan.slots[2:])
    ),
    "a slot left out": lambda plan: replace(plan, slots=plan.slots[1:]),
    "a slot's energy": lambda plan: replace(
        plan, slots=(replace(plan.slots[0], energy_kwh=99.0), *plan.slots[1:])
    ),
}
SINGLE: dict[str, dict[str, object]] = {
    "unreachable": {"reachable": False},
    "a level that is not met": {"soc_at_ready_by_percent": 99.0},
    "reached before": {"target_reached_at": NOW_AT},
    "more to reach than the limit": {"reachable_soc_percent": 120.0},
    "a start uncounted": {"starts": 0},
    "a cost that was not added up": {"cost": 0.5},
}


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED.keys())
def test_tampering_is_caught(change: Change) -> None:
    assert verify_site(asked(), change(solve_site(asked()))) != ()


@pytest.mark.parametrize("changes", SINGLE.values(), ids=SINGLE.keys())
def test_tampering_with_one_vehicle_is_caught(changes: dict[str, object]) -> None:
    plan = solve_site(asked())
    single = replace(plan.vehicles[1], **changes)  # type: ignore[arg-type]  # a test of wrong values
    tampered = replace(plan, vehicles=(plan.vehicles[0], single, plan.vehicles[2]))

    assert any(fault.field.startswith("vehicles[1]") for fault in verify_site(asked(), tampered))


@pytest.mark.parametrize("field", ["energy_kwh", "cost", "power_kw"])
def test_a_number_that_is_none_is_caught(field: str) -> None:
    plan = solve_site(asked())
    first = replace(plan.vehicles[1].blocks[0], **{field: float("nan")})  # type: ignore[arg-type]  # a test of wrong values
    single = replace(plan.vehicles[1], blocks=(first, *plan.vehicles[1].blocks[1:]))

    assert verify_site(asked(), replace(plan, vehicles=(plan.vehicles[0], single, plan.vehicles[2]))) != ()
