"""Plan a vehicle that shares its connection: alone where there is room for that, else together with the others.

A plan of its own that fits beside the others' is as good as any joint one, and leaves them alone. Where it does not
fit, all who can be planned are planned anew by the joint planner, and what the rest draws is taken off the connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from dwell.application.beside import beside, drawn_by, fits, promised
from dwell.application.case import Case, Moment
from dwell.application.charging import NO_PRICES, Grids, Stated, keep_promise, plan_visit, stated
from dwell.application.steer import is_fresh, may_plan
from dwell.domain.errors import Fault, Refused
from dwell.domain.planning import Care, Careful, Control, Explanation, Plan, RegularTarget, spare_of
from dwell.domain.planning.site import (
    BaseLoad,
    SitePlan,
    SiteProblem,
    SiteVehicle,
    explain_site,
    solve_site,
    verify_site,
)
from dwell.domain.policy.connection import Room, less
from dwell.domain.session.outcome import COVERED_ENOUGH, at_risk_from
from dwell.domain.session.record import known_share
from dwell.domain.units import W_PER_KW

LONG_AFTER = datetime.max.replace(tzinfo=UTC)
SITE_PAST = timedelta(days=2)
"""How far past the last deadline a joint plan follows what the connection leaves."""


class InHand(NamedTuple):
    """What a joint plan keeps in hand for a vehicle: time before the deadline, and power that it may lack."""

    spare: float
    weak: bool


IN_HAND = (
    InHand(1, weak=True),
    InHand(1, weak=False),
    InHand(0.5, weak=False),
    InHand(0.2, weak=False),
    InHand(0, weak=False),
)
"""From all that is asked for to nothing: parts of the usual spare time, and whether it may be as weak as foreseen."""
LAST = len(IN_HAND) - 1


@dataclass(frozen=True, slots=True)
class Member:
    """A vehicle of a joint plan: its problem as it is known, and how long before the deadline it should be done."""

    case: Case
    stated: Stated
    spared: timedelta

    @property
    def share(self) -> float:
        """Of the power that it is told, what flows."""
        return self.stated.known.share

    def asked(self, hand: InHand) -> SiteVehicle:
        """As the joint planner is asked, in powers that are told: what flows of them is a matter of efficiency."""
        problem = self.stated.problem
        least = self.stated.known.care.least_share
        flows = min(self.share, least) if hand.weak else self.share
        limits = replace(problem.vehicle, efficiency=problem.vehicle.efficiency * flows)
        if limits.control is Control.ON_OFF:
            limits = replace(limits, power_min_kw=limits.power_max_kw)
        target = problem.target
        if isinstance(target, RegularTarget) and target.ready_by_at > problem.now_at:
            early_at = max(problem.now_at, target.ready_by_at - self.spared * hand.spare)
            target = replace(target, ready_by_at=early_at)
        return SiteVehicle(vehicle=limits, target=target, restrictions=problem.restrictions)


async def plan_running(moment: Moment, case: Case, grids: Grids, care: Care) -> tuple[Fault, ...]:
    """Make the plan of the case, and where it has to be, of those beside it; put them in force.

    Returns what the verifiers found, () for sound plans.
    """
    others = await beside(moment, case)
    if not others:
        return await plan_visit(moment, case, grids, care)
    able = [other for other in others if _can_be_planned(moment, other)]
    rest = [other for other in others if not _can_be_planned(moment, other)]
    taken = drawn_by(rest, moment.now)
    faults = await plan_visit(moment, case, grids, care, taken=taken)
    together = [case, *able]
    if not able or fits(together, taken, moment.now):
        return faults
    if any(_is_indivisible(one) for one in together):
        faults += await _plan_in_turn(moment, together, grids, care, taken=taken)
        if all(_is_reachable(one) for one in together):
            return faults
    if not await _is_planned_together(moment, together, grids, care, taken=taken):
        faults += await _plan_in_turn(moment, together, grids, care, taken=taken)
    return faults


def _can_be_planned(moment: Moment, case: Case) -> bool:
    session, visit = case.active, case.visit
    if session is None or visit is None or session.target is None or not may_plan(session):
        return False
    return session.terms.battery_capacity_wh is not None and is_fresh(moment, visit)


def _is_indivisible(case: Case) -> bool:
    """Whether the vehicle takes all or nothing: turns of its own are worth more to it than a share of each quarter."""
    return case.active is not None and case.active.terms.control != "modulating"


def _is_reachable(case: Case) -> bool:
    promise = case.active.promise if case.active is not None else None
    return promise is not None and promise.reachable


async def _is_planned_together(
    moment: Moment, cases: Sequence[Case], grids: Grids, care: Care, *, taken: tuple[Room, ...]
) -> bool:
    """Put the joint plan in force; False where it could not be made or was refused by its verifier."""
    members = []
    for case in cases:
        said = await stated(moment, case, grids, care)
        if said is not None:
            members.append(Member(case, said, spare_of(said.problem, care)))
    try:
        problem, plan = _solved(members, moment.now, taken)
    except Refused:  # more vehicles and slots than one plan can hold
        return False
    if verify_site(problem, plan):
        return False
    words = explain_site(problem, plan)
    for member, single, explained in zip(members, plan.vehicles, words, strict=True):
        _keep(moment, member, single, explained)
    return True


def _solved(
    members: Sequence[Member], now: datetime, taken: tuple[Room, ...]
) -> tuple[SiteProblem, SitePlan]:
    """The plan in which each has as much in hand as lets all reach their targets; else the one for the true deadlines.

    Who does not reach its target gives up what it has in hand, step by step; when that is all gone, so do the others.
    """
    steps = [0] * len(members)
    while True:
        problem = _site_problem(members, now, taken, [IN_HAND[step] for step in steps])
        plan = _at_known_prices(problem)
        short = [k for k, single in enumerate(plan.vehicles) if not single.reachable]
        giving = [k for k in short if steps[k] < LAST] or [k for k in range(len(steps)) if steps[k] < LAST]
        if not short or not giving:
            return problem, plan
        for k in giving:
            steps[k] += 1


def _at_known_prices(problem: SiteProblem) -> SitePlan:
    """The plan; where too few prices are known, the one without any, which says how many there are."""
    plan = solve_site(problem)
    if all(single.price_coverage >= COVERED_ENOUGH for single in plan.vehicles):
        return plan
    blind = solve_site(replace(problem, prices=NO_PRICES))
    told = zip(blind.vehicles, plan.vehicles, strict=True)
    vehicles = tuple(replace(single, price_coverage=priced.price_coverage) for single, priced in told)
    return replace(blind, vehicles=vehicles)


def _site_problem(
    members: Sequence[Member], now: datetime, taken: tuple[Room, ...], hands: Sequence[InHand]
) -> SiteProblem:
    session = members[0].case.active
    if session is None or session.terms.grid_limit_w is None:
        raise ValueError("a joint plan needs a connection with a limit")
    terms, limit_w = session.terms, session.terms.grid_limit_w
    vehicles = tuple(member.asked(hand) for member, hand in zip(members, hands, strict=True))
    until = max([now, *(v.ready_by_at for v in vehicles if v.ready_by_at is not None)]) + SITE_PAST
    load = tuple(
        BaseLoad(start_at=left.start_at, end_at=left.end_at, power_kw=(limit_w - left.power_w) / W_PER_KW)
        for left in less(terms.left(now, until), taken)
        if left.power_w < limit_w
    )
    problem = members[0].stated.problem
    return SiteProblem(
        now_at=now,
        vehicles=vehicles,
        prices=problem.prices,
        limit_kw=limit_w / W_PER_KW,
        base_load=load,
        timezone=problem.timezone,
    )


def _keep(moment: Moment, member: Member, told: Plan, words: Explanation) -> None:
    """Put the member's part of a joint plan in force. It is in told powers; what flows of them is the share."""
    share = member.share
    blocks = tuple(
        replace(
            block,
            power_kw=block.power_kw * share,
            energy_kwh=block.energy_kwh * share,
            cost=block.cost * share,
        )
        for block in told.blocks
    )
    plan = replace(
        told,
        blocks=blocks,
        energy_kwh=told.energy_kwh * share,
        cost=told.cost * share,
        baseline_cost=told.baseline_cost * share,
    )
    answer = Careful(asked=member.stated.problem, made=plan, plan=plan, assumed=share)
    keep_promise(moment, member.case, member.stated, answer, words=words)
    moment.touched[member.case.vehicle.id] = member.case


async def _plan_in_turn(
    moment: Moment, cases: Sequence[Case], grids: Grids, care: Care, *, taken: tuple[Room, ...]
) -> tuple[Fault, ...]:
    """One after the other, who can wait least before who can wait, each beside what those before were promised."""
    faults: tuple[Fault, ...] = ()
    done = list[Case]()
    for case in sorted(cases, key=lambda one: _can_wait_until(one, moment.now)):
        before = (*taken, *(room for one in done for room in promised(one, moment.now)))
        faults += await plan_visit(moment, case, grids, care, taken=before)
        moment.touched[case.vehicle.id] = case
        done.append(case)
    return faults


def _can_wait_until(case: Case, now: datetime) -> tuple[datetime, str]:
    """Until when full power would still bring the target in time; far off where there is none."""
    visit, session = case.visit, case.active
    risk_at = None
    if visit is not None and session is not None:
        risk_at = at_risk_from(visit, session.terms, now, known_share(session.promise))
    return (risk_at or LONG_AFTER, case.vehicle.id)
