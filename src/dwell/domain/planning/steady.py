"""A plan made again while the vehicle charges: what runs goes on, unless stopping is worth more than a start.

Prices that change by little would else stop and start a vehicle at every update. The rest of the running quarter hour
is made cheaper by what one start costs, so that the exact search itself weighs the two; the answer is then told at
the true prices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dwell.domain.instants import micros_of
from dwell.domain.planning.plan import Block, Plan
from dwell.domain.planning.problem import Problem

HOUR = timedelta(hours=1)
DEARER = (5, 25, 125)
LEAST_START_COST = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Favour:
    """What a kWh until `until_at` is made cheaper by, in the currency of the prices."""

    until_at: datetime
    per_kwh: float


def favoured(problem: Problem, until_at: datetime, *, just_started: bool) -> tuple[Problem, Favour | None]:
    """The problem with the time from now to `until_at` cheaper by one start in all; no price goes below zero by it.

    A run that has just started is kept at any price: it is free. None, and the problem as it was, where no price is
    known now or nothing can be gained.
    """
    hours = (until_at - problem.now_at) / HOUR
    now_us, until_us = micros_of(problem.now_at), micros_of(until_at)
    price = problem.prices.least_between(now_us, until_us)
    if hours <= 0 or price is None or price <= 0:
        return problem, None
    worth = problem.start_cost / (problem.vehicle.power_max_kw * hours)
    by = price if just_started else min(price, worth)
    return (
        replace(problem, prices=problem.prices.cheaper(now_us, until_us, by)),
        Favour(until_at=until_at, per_kwh=by),
    )


def at_true_prices(problem: Problem, plan: Plan, favour: Favour) -> Plan:
    """The plan for the favoured `problem` with its costs as they are."""
    blocks = tuple(
        replace(b, cost=b.cost + _energy_kwh(problem, b, favour) * favour.per_kwh) for b in plan.blocks
    )
    cost = plan.cost + sum(new.cost - old.cost for new, old in zip(blocks, plan.blocks, strict=True))
    whole_kwh = problem.vehicle.power_max_kw * ((favour.until_at - problem.now_at) / HOUR)
    at_once = min(plan.energy_kwh, whole_kwh) * favour.per_kwh
    return replace(plan, blocks=blocks, cost=cost, baseline_cost=plan.baseline_cost + at_once)


def calmer(problem: Problem) -> Iterator[Problem]:
    """The problem, and again with starts dearer and dearer, for plans that would start too often."""
    for factor in (1, *DEARER):
        yield (
            replace(problem, start_cost=max(problem.start_cost, LEAST_START_COST) * factor)
            if factor > 1
            else problem
        )


def starts_too_often(plan: Plan, lately: Sequence[datetime], most_before: int) -> bool:
    """Whether a start of the plan has more than `most_before` switches in the hour before it, `lately` included."""
    switches = list(lately)
    for index, block in enumerate(plan.blocks):
        goes_on = index > 0 and plan.blocks[index - 1].end_at == block.start_at
        if goes_on:
            switches.pop()
        elif sum(block.start_at - at < HOUR for at in switches) > most_before:
            return True
        else:
            switches.append(block.start_at)
        switches.append(block.end_at)
    return False


def _energy_kwh(problem: Problem, block: Block, favour: Favour) -> float:
    """The energy of the block that was made cheaper."""
    hours = (min(block.end_at, favour.until_at) - max(block.start_at, problem.now_at)) / HOUR
    return max(0.0, hours) * block.power_kw
