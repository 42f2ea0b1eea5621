"""Planner: the verifier passes every plan that is made and catches every one that is tampered with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from dwell.domain.planning import BlockType, Plan, Problem, Window, solve, verify
from unit.planning.plan_builders import at, car, problem

Change = Callable[[Plan], Plan]
STEP = timedelta(minutes=10)


def asked() -> Problem:
    """A reserve, two regular runs, a restriction."""
    return problem(
        0.3,
        0.1,
        0.5,
        0.1,
        0.2,
        wanted=72,
        reserve=52,
        start_cost=0.02,
        vehicle=car(charge_limit_percent=80),
        restrictions=(Window(start_at=at(2.2), end_at=at(2.8)),),
    )


def change_block(index: int, **changes: object) -> Change:
    def change(plan: Plan) -> Plan:
        blocks = list(plan.blocks)
        blocks[index] = replace(blocks[index], **changes)  # type: ignore[arg-type]  # a test of wrong values
        return replace(plan, blocks=tuple(blocks))

    return change


def move_block(index: int, by: timedelta) -> Change:
    def change(plan: Plan) -> Plan:
        blocks = list(plan.blocks)
        blocks[index] = replace(
            blocks[index], start_at=blocks[index].start_at + by, end_at=blocks[index].end_at + by
        )
        return replace(plan, blocks=tuple(blocks))

    return change


def drop_block(index: int) -> Change:
    def change(plan: Plan) -> Plan:
        kept = plan.blocks[:index] + plan.blocks[index + 1 :]
        energy, cost = sum(b.energy_kwh for b in kept), sum(b.cost for b in kept)
        return replace(plan, blocks=kept, energy_kwh=energy, cost=cost)

    return change


TAMPERED: dict[str, Change] = {
    "a block before now": move_block(0, -STEP),
    "a reserve that waits": move_block(0, STEP),
    "a run after ready_by": move_block(-1, timedelta(hours=3)),
    "a run in a restriction": move_block(-1, at(2.3) - at(3)),
    "blocks out of order": lambda plan: replace(plan, blocks=plan.blocks[::-1]),
    "power above the ceiling": change_block(1, power_kw=11.0),
    "power below the ceiling": change_block(1, power_kw=9.0),
    "energy that is not power × time": change_block(1, energy_kwh=9.0),
    "a cost that was not added up": change_block(1, cost=0.5),
    "no reserve": drop_block(0),
    "a run too few": drop_block(1),
    "a reserve that is called regular": change_block(0, type=BlockType.REGULAR),
    "an immediate start that nobody asked for": change_block(1, type=BlockType.IMMEDIATE_START),
    "a start uncounted": lambda plan: replace(plan, starts=plan.starts - 1),
    "a sum of energy that is none": lambda plan: replace(plan, energy_kwh=plan.energy_kwh + 1e-3),
    "a sum of cost that is none": lambda plan: replace(plan, cost=plan.cost - 1e-3),
    "a target called unreachable": lambda plan: replace(plan, reachable=False),
    "a level at ready_by that is not met": lambda plan: replace(plan, soc_at_ready_by_percent=80.0),
    "a target reached too soon": lambda plan: replace(plan, target_reached_at=at(1)),
    "a target never reached": lambda plan: replace(plan, target_reached_at=None),
    "more to reach than the limit": lambda plan: replace(plan, reachable_soc_percent=99.0),
    "less to reach than is planned": lambda plan: replace(plan, reachable_soc_percent=60.0),
    "more prices known than there are": lambda plan: replace(plan, price_coverage=1.5),
}


def test_the_plan_itself_is_sound() -> None:
    plan = solve(asked())

    assert len(plan.blocks) >= 3
    assert verify(asked(), plan) == ()


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED.keys())
def test_tampering_is_caught(change: Change) -> None:
    assert verify(asked(), change(solve(asked()))) != ()


@pytest.mark.parametrize("field", ["energy_kwh", "cost", "power_kw"])
def test_a_number_that_is_none_is_caught(field: str) -> None:
    assert verify(asked(), change_block(1, **{field: float("nan")})(solve(asked()))) != ()
