"""Plans that survive a night as it is: power that falls short, orders that get lost, batteries that slow near full.

A plan for the true deadline at the promised power is exact and brittle: nothing may go wrong in its last hour. So the
problem is solved with less power and less time than was promised, as far as both can be spared:

1. by what the vehicle is known to give of what it is told (`share`), done `spare` and the taper's allowance early;
2. if that plan leaves it too late to turn out `least_share` weak, the same again at that power;
3. if neither fits, at once: nothing else leaves more room. Only what does not fit at the known share is unreachable.

Powers of the plans are what is expected to flow; a vehicle is told `power / assumed`, never above what was allowed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

import numpy as np

from dwell.domain.errors import Fault, Refused
from dwell.domain.instants import micros_of
from dwell.domain.planning.compiled import SMALL_KWH
from dwell.domain.planning.explain import Explanation, InHand, explain
from dwell.domain.planning.plan import BlockType, Plan
from dwell.domain.planning.problem import Problem, RegularTarget
from dwell.domain.planning.slots import HOUR_US
from dwell.domain.planning.solve import slots_before, solve

AC_POWER_AT_MOST_KW = 43.0
"""The most that an AC connector gives (IEC 62196, 63 A on three phases); above it the vehicle charges with DC."""
TAPER_FROM_PERCENT = {"ac": 95.0, "dc": 80.0}
"""Above this level a battery takes less: its cells are held at their highest voltage."""
TAPER_AT_MOST = {"ac": timedelta(minutes=15), "dc": timedelta(minutes=30)}
SHARE_LEAST = 0.5
"""No vehicle is taken to give less than this of what it is told: below it something else is wrong."""
SPARE_AT_MOST = timedelta(hours=4)


class AfterDeadline(StrEnum):
    """What follows a missed deadline: the next one; the energy still owed; or charging for as long as it stays."""

    STOP = "stop"
    CONTINUE = "continue"
    UNTIL_UNPLUGGED = "until_unplugged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Care:
    """How much is kept in hand; `Care.none()` takes every promise at its word.

    `spare`: how long before the deadline a plan is done, where that is possible; as long as four orders can take to be
    found lost. `least_share`: the share of the told power with which a plan must still come out. `taper`: whether
    time is allowed for slow charging near full. `learn`: whether a vehicle's measured power counts.
    """

    spare: timedelta = timedelta(minutes=20)
    least_share: float = 0.9
    taper: bool = True
    learn: bool = True
    after_deadline: AfterDeadline = AfterDeadline.CONTINUE

    def __post_init__(self) -> None:
        faults = []
        if not timedelta(0) <= self.spare <= SPARE_AT_MOST:
            faults.append(Fault(field="spare", message="must be from 0 to 240 minutes"))
        if not SHARE_LEAST <= self.least_share <= 1.0:
            faults.append(Fault(field="least_share", message=f"must be from {SHARE_LEAST} to 1"))
        if faults:
            raise Refused.because(*faults)

    @classmethod
    def none(cls) -> Care:
        """Exact plans for the true deadline, and nothing learned."""
        return cls(spare=timedelta(0), least_share=1.0, taper=False, learn=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Careful:
    """A plan with something in hand.

    `asked` and `made` are what was solved and its exact answer, for the verifier; `plan` is `made` in the terms of the
    true deadline. `assumed`: the share of the told power that the plan counts on. `spared`: how long before the
    deadline it is done at the latest. `hurried`: reachable, but only by charging at once.
    """

    asked: Problem
    made: Plan
    plan: Plan
    assumed: float
    spared: timedelta = timedelta(0)
    hurried: bool = False

    def words(self, problem: Problem) -> Explanation:
        """The plan in sentences; `problem` is the one that was to be planned carefully."""
        target = problem.target
        owed = isinstance(target, RegularTarget) and target.ready_by_at <= problem.now_at
        in_hand = InHand(spared=self.spared, share=self.assumed, hurried=self.hurried, owed=owed)
        return explain(problem, self.plan, in_hand)


def careful(problem: Problem, share: float, care: Care) -> Careful:
    """The plan for `problem` if the vehicle gives `share` (0.5 … 1) of the power it is told, with `care`."""
    known = weakened(problem, share)
    target = problem.target
    if not isinstance(target, RegularTarget) or target.ready_by_at <= problem.now_at:
        made = solve(known)
        return Careful(asked=known, made=made, plan=made, assumed=share)
    spared = spare_of(problem, care)
    least = min(share, care.least_share)
    for assumed in dict.fromkeys((share, least)):
        asked = _early(weakened(problem, assumed), target, spared)
        if asked is None:
            break
        made = solve(asked)
        if made.reachable and (assumed == least or _has_room(asked, made, least / assumed)):
            coverage = _coverage(problem, target)
            plan = replace(made, price_coverage=coverage)
            return Careful(asked=asked, made=made, plan=plan, assumed=assumed, spared=spared)
    return _at_once(known, target, share)


def spare_of(problem: Problem, care: Care) -> timedelta:
    """How long before its deadline a plan should be done."""
    return care.spare + (taper_allowance(problem) if care.taper else timedelta(0))


def taper_allowance(problem: Problem) -> timedelta:
    """The time that slow charging near full may cost: as if it took twice as long from there on, bounded."""
    vehicle = problem.vehicle
    kind = "ac" if vehicle.power_max_kw <= AC_POWER_AT_MOST_KW else "dc"
    slow_from = max(TAPER_FROM_PERCENT[kind], vehicle.soc_percent)
    hours = vehicle.energy_kwh(slow_from, problem.wanted_percent) / vehicle.power_max_kw
    return min(timedelta(hours=hours), TAPER_AT_MOST[kind])


def weakened(problem: Problem, share: float) -> Problem:
    """The problem of a vehicle that gives `share` of whatever power it is told."""
    if share == 1.0:
        return problem
    vehicle = replace(
        problem.vehicle,
        power_max_kw=max(0.01, problem.vehicle.power_max_kw * share),
        power_min_kw=problem.vehicle.power_min_kw * share,
    )
    ceilings = tuple(replace(ceiling, power_kw=ceiling.power_kw * share) for ceiling in problem.ceilings)
    return replace(problem, vehicle=vehicle, ceilings=ceilings)


def _early(problem: Problem, target: RegularTarget, spared: timedelta) -> Problem | None:
    """The problem with its deadline moved up; None where that leaves no time at all."""
    if target.ready_by_at - spared <= problem.now_at:
        return None
    return replace(problem, target=replace(target, ready_by_at=target.ready_by_at - spared))


def _has_room(asked: Problem, made: Plan, share: float) -> bool:
    """Whether at each block's start what is still to come would fit at `share` of the power.

    So long as it does, a weak vehicle is found out while there is time: once it charges, its power is measured.
    """
    slots = slots_before(weakened(asked, share))
    now_us = micros_of(asked.now_at)
    left_kwh = asked.vehicle.energy_kwh(asked.vehicle.soc_percent, asked.wanted_percent)
    for block in made.blocks:
        if left_kwh <= SMALL_KWH:
            return True
        since_h = (micros_of(block.start_at) - now_us) / HOUR_US
        open_h = np.maximum(slots.end_h - np.maximum(slots.start_h, since_h), 0.0)
        powers = slots.free_kw if block.type is BlockType.BATTERY_RESERVE else slots.allowed_kw
        if float(np.dot(powers, open_h)) < left_kwh - SMALL_KWH:
            return False
        left_kwh -= block.energy_kwh
    return True


def _at_once(known: Problem, target: RegularTarget, share: float) -> Careful:
    """Nothing to spare: charge from now on; whether the deadline can be met is said by the exact plan for it."""
    exact = solve(known)
    coverage = _coverage(known, target)
    if not exact.reachable or not exact.blocks:
        return Careful(asked=known, made=exact, plan=replace(exact, price_coverage=coverage), assumed=share)
    asked = replace(known, target=replace(target, ready_by_at=known.now_at))
    made = solve(asked)
    plan = replace(
        made,
        reachable=True,
        reachable_soc_percent=exact.reachable_soc_percent,
        soc_at_ready_by_percent=max(known.wanted_percent, known.vehicle.soc_percent),
        price_coverage=coverage,
    )
    return Careful(asked=asked, made=made, plan=plan, assumed=share, hurried=True)


def _coverage(problem: Problem, target: RegularTarget) -> float:
    """The share of the time to the true deadline for which prices are known."""
    now_us, until_us = micros_of(problem.now_at), micros_of(target.ready_by_at)
    return problem.prices.known_us(now_us, until_us) / (until_us - now_us)
