"""Plan one running visit: gather the problem, have it solved and verified, and keep the answer as a promise.

A plan that the verifier refuses is never used: the vehicle is then charged at once, and the faults are handed back.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec

from dwell.application.case import Case, Moment
from dwell.application.learning import learn
from dwell.application.owed import owed_target
from dwell.application.visits import refresh
from dwell.domain.errors import Fault
from dwell.domain.instants import QUARTER, floor_quarter
from dwell.domain.planning import (
    BlockType,
    Care,
    Careful,
    Ceiling,
    Control,
    Explanation,
    Favour,
    ImmediateStart,
    PriceGrid,
    Problem,
    RegularTarget,
    Target,
    VehicleLimits,
    Window,
    at_true_prices,
    calmer,
    careful,
    favoured,
    starts_too_often,
    verify,
)
from dwell.domain.policy.connection import Room
from dwell.domain.policy.schedule import restricted_windows
from dwell.domain.policy.terms import VisitTerms
from dwell.domain.session.outcome import COVERED_ENOUGH, reserve_lacks_percent
from dwell.domain.session.power_share import shown_share
from dwell.domain.session.record import Block, Promise, Session
from dwell.domain.session.steering import FAILED, START, SWITCHES_AN_HOUR, wish_at
from dwell.domain.session.visit import IMMEDIATE_START, Visit
from dwell.domain.session.visit import Target as SessionTarget
from dwell.domain.tariff.curve import PriceCurve
from dwell.domain.units import W_PER_KW, WH_PER_KWH, w_from_kw, wh_from_kwh

PRICES_BACK = timedelta(days=8)
"""Missing prices are made up from the week before."""
PROFILE_PAST = timedelta(days=2)
"""How far past its deadline a plan follows the base load's profile; later the least room of the time before holds."""
HAIR_PERCENT = 1e-6
FAR = timedelta(days=365)
"""A plan that would begin to charge only after so long has found no room."""
NO_ROOM = "The connection leaves no power for charging."
_GRIDS_KEPT = 64
NO_PRICES = PriceGrid.from_slots([])


class Grids:
    """Price curves as the planner wants them, the last few kept: curves are shared by many plans."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, tuple[PriceCurve, PriceGrid]] = OrderedDict()

    def of(self, curve: PriceCurve | None) -> PriceGrid:
        """The grid of `curve`; one without any price for None."""
        if curve is None:
            return NO_PRICES
        kept = self._kept.get(id(curve))
        if kept is None or kept[0] is not curve:
            kept = (curve, PriceGrid.of(curve))
            self._kept[id(curve)] = kept
            if len(self._kept) > _GRIDS_KEPT:
                self._kept.popitem(last=False)
        return kept[1]


@dataclass(frozen=True, slots=True)
class Known:
    """What a plan is made with beside facts and prices.

    The care taken, the share of told power that flows, when the vehicle was told to start if that is what it does,
    when it was lately told to start or stop, until when charging is paused, and what others behind the connection draw.
    """

    care: Care
    share: float = 1.0
    started_at: datetime | None = None
    switched_at: tuple[datetime, ...] = ()
    paused_until: datetime | None = None
    taken: tuple[Room, ...] = ()


@dataclass(frozen=True, slots=True)
class Stated:
    """What is to be planned for a running visit, and all that is known for it."""

    session: Session
    visit: Visit
    grid: PriceGrid
    known: Known
    problem: Problem


async def plan_visit(
    moment: Moment, case: Case, grids: Grids, care: Care, *, taken: tuple[Room, ...] = ()
) -> tuple[Fault, ...]:
    """Make the case's plan and put it in force. Returns what the verifier found, () for a sound plan.

    `taken` is what others draw behind the same connection.
    """
    case.plan_wanted = False
    visit, session, found = case.visit, case.active, await _known(moment, case, grids, care)
    if visit is None or session is None or found is None:
        return ()
    grid, known = found
    promise, faults = make_promise(session, visit, moment.now, grid=grid, known=replace(known, taken=taken))
    _put_in_force(moment, case, session, promise)
    return faults


async def stated(moment: Moment, case: Case, grids: Grids, care: Care) -> Stated | None:
    """The problem of the case, as if it were alone behind its connection; None where there is nothing to plan."""
    visit, session, found = case.visit, case.active, await _known(moment, case, grids, care)
    if visit is None or session is None or found is None:
        return None
    grid, known = found
    problem = _problem(session, visit, moment.now, grid=grid, known=known)
    return Stated(session, visit, grid, known, problem)


def keep_promise(moment: Moment, case: Case, said: Stated, answer: Careful, *, words: Explanation) -> None:
    """Put a plan in force that was made elsewhere."""
    case.plan_wanted = False
    coverage = answer.plan.price_coverage
    promise = _promise(said.session, said.problem, answer, words, coverage=coverage)
    promise = msgspec.structs.replace(promise, share=said.known.share if said.known.care.learn else None)
    _put_in_force(moment, case, said.session, promise)


def _put_in_force(moment: Moment, case: Case, session: Session, promise: Promise) -> None:
    first = session.first_promise or promise
    case.current = msgspec.structs.replace(session, promise=promise, first_promise=first)
    refresh(case, moment.now)


async def _known(moment: Moment, case: Case, grids: Grids, care: Care) -> tuple[PriceGrid, Known] | None:
    """Prices, and what else a plan is made with; None where nothing can be planned."""
    session, visit = case.active, case.visit
    if (
        session is None
        or visit is None
        or session.target is None
        or session.terms.battery_capacity_wh is None
    ):
        return None
    paused_until = _still(case.vehicle.paused_until, moment.now)
    horizon_at = _latest(session.target.ready_by, paused_until, moment.now) + timedelta(days=1)
    curve = None
    if session.terms.zone is not None:
        curve = await moment.tx.curve(session.terms.zone, moment.now - PRICES_BACK, horizon_at)
    learn(case)
    return grids.of(curve), _known_of(case, visit, care, paused_until)


def _still(paused_until: datetime | None, now: datetime) -> datetime | None:
    """The end of a pause that is not over."""
    return paused_until if paused_until is not None and paused_until > now else None


def _latest(*instants: datetime | None) -> datetime:
    return max(at for at in instants if at is not None)


def _known_of(case: Case, visit: Visit, care: Care, paused_until: datetime | None) -> Known:
    order, shown = case.order, shown_share(case.order, visit)
    share = case.power_share if shown is None else shown
    started = order is not None and order.kind == START and order.state != FAILED
    return Known(
        care,
        share=share if care.learn else 1.0,
        started_at=order.created_at if started and order is not None else None,
        switched_at=case.switched_at,
        paused_until=paused_until,
    )


def make_promise(
    session: Session, visit: Visit, now: datetime, *, grid: PriceGrid, known: Known
) -> tuple[Promise, tuple[Fault, ...]]:
    """The plan from `now` for a session with target and capacity; until a pause is over, of the reserve only."""
    problem, share = _problem(session, visit, now, grid=grid, known=known), known.share
    problem, favour = _kept_running(session, problem, known)
    answer = _calm(problem, known)
    coverage = answer.plan.price_coverage
    if coverage < COVERED_ENOUGH:
        problem, favour = replace(problem, prices=NO_PRICES), None
        answer = careful(problem, share, known.care)
    faults = verify(answer.asked, answer.made)
    if faults:
        wanted = ImmediateStart(minimum_charge_percent=problem.wanted_percent)
        problem, favour = _with_target(problem, wanted), None
        answer = careful(problem, share, known.care)
    plan = answer.plan
    if favour is not None:
        plan = at_true_prices(answer.asked, plan, favour)
        problem = replace(problem, prices=grid)
    answer = replace(answer, plan=plan)
    promise = _promise(session, problem, answer, answer.words(problem), coverage=coverage)
    return msgspec.structs.replace(promise, share=share if known.care.learn else None), tuple(faults)


def _calm(problem: Problem, known: Known) -> Careful:
    """The careful plan, with as few starts as it takes to stay within the bound on switches."""
    for asked in calmer(problem):
        answer = careful(asked, known.share, known.care)
        if not starts_too_often(answer.plan, known.switched_at, SWITCHES_AN_HOUR - 2):
            break
    return answer


def _kept_running(session: Session, problem: Problem, known: Known) -> tuple[Problem, Favour | None]:
    """A block that runs for the same target goes on to the end of its quarter hour, unless stopping is worth it."""
    promise, now = session.promise, problem.now_at
    if not problem.vehicle.charging_now or promise is None or session.target is None:
        return problem, None
    if promise.target_number != session.target.number or wish_at(promise, now).power_w == 0:
        return problem, None
    if (
        promise.price_coverage < COVERED_ENOUGH
    ):  # it was started by no price: now that there are some, they decide
        return problem, None
    started_at = known.started_at
    if started_at is not None and now - started_at < QUARTER:
        return favoured(problem, started_at + QUARTER, just_started=True)
    return favoured(problem, floor_quarter(now) + QUARTER, just_started=False)


def _with_target(problem: Problem, target: Target) -> Problem:
    return Problem(
        now_at=problem.now_at,
        vehicle=problem.vehicle,
        target=target,
        prices=problem.prices,
        timezone=problem.timezone,
        ceilings=problem.ceilings,
    )


def _problem(session: Session, visit: Visit, now: datetime, *, grid: PriceGrid, known: Known) -> Problem:
    terms, target = session.terms, session.target
    if target is None or terms.battery_capacity_wh is None:
        raise ValueError("a plan needs a target and a battery capacity")
    soc_percent = visit.soc_at_percent(now)
    if soc_percent is None:
        # Unknown is not empty: taken to have been at the reserve at plug-in, the deadline is safe and nothing hurries.
        gained = visit.ledger.energy_since_wh(0.0) * terms.efficiency / terms.battery_capacity_wh * 100
        soc_percent = target.battery_reserve_percent + gained
    power_max_kw = terms.power_max_w / W_PER_KW
    return Problem(
        now_at=now,
        vehicle=VehicleLimits(
            battery_capacity_kwh=terms.battery_capacity_wh / WH_PER_KWH,
            soc_percent=min(100.0, max(0.0, soc_percent)),
            charge_limit_percent=100.0 if visit.charge_limit_percent is None else visit.charge_limit_percent,
            power_max_kw=power_max_kw,
            power_min_kw=min(power_max_kw, terms.power_min_w / W_PER_KW),
            efficiency=terms.efficiency,
            control=Control.MODULATING if terms.control == "modulating" else Control.ON_OFF,
            charging_now=bool(visit.ledger.charging) or known.started_at is not None,
        ),
        target=_wanted(session, visit, now, known),
        prices=grid,
        timezone=_zone(terms.timezone),
        ceilings=_ceilings(terms, now, _latest(target.ready_by, known.paused_until, now), known.taken),
        restrictions=_forbidden(session, now, known.paused_until),
    )


def _ceilings(
    terms: VisitTerms, now: datetime, until: datetime, taken: tuple[Room, ...]
) -> tuple[Ceiling, ...]:
    """What the connection leaves beside its base load. A plan may run past its deadline: never without a ceiling."""
    if terms.grid_limit_w is None:
        return ()
    edge_at = until + PROFILE_PAST
    found = [*terms.rooms(now, edge_at, taken)]
    least_w = min(room.power_w for room in found)
    found.append(Room(edge_at, edge_at + 2 * FAR, least_w))
    return tuple(
        Ceiling(start_at=room.start_at, end_at=room.end_at, power_kw=room.power_w / W_PER_KW)
        for room in found
        if room.power_w < terms.power_max_w
    )


def _wanted(session: Session, visit: Visit, now: datetime, known: Known) -> Target:
    target = session.target
    if target is None:
        raise ValueError("a plan needs a target")
    if target.ready_by is not None:
        owed = owed_target(visit, session.terms, now, known.care.after_deadline)
        if owed is not None:
            return owed
    reserve, minimum = _reserve_percent(session, visit, target), target.minimum_charge_percent
    # Not even an immediate start breaks a pause: due at its end, which no charge can meet, it starts as it ends.
    ready_by_at = target.ready_by or known.paused_until
    if ready_by_at is None:
        return ImmediateStart(minimum_charge_percent=minimum, battery_reserve_percent=reserve)
    return RegularTarget(
        minimum_charge_percent=minimum, ready_by_at=ready_by_at, battery_reserve_percent=reserve
    )


def _forbidden(session: Session, now: datetime, paused_until: datetime | None) -> tuple[Window, ...]:
    """When nothing but the reserve is charged: while paused, and in the policy's restriction windows.

    The windows do not bind an immediate start; a pause binds it, too.
    """
    terms, ready_by = session.terms, session.target.ready_by if session.target is not None else None
    policy = terms.policy_at(now)
    found = [Window(start_at=now, end_at=paused_until)] if paused_until is not None else []
    if policy is not None and ready_by is not None:
        until = _latest(ready_by, paused_until) + timedelta(days=1)
        windows = restricted_windows(policy.restrictions, now, until, terms.timezone)
        found += [Window(start_at=start, end_at=end) for start, end in windows]
    return tuple(found)


def _reserve_percent(session: Session, visit: Visit, target: SessionTarget) -> float:
    """The reserve to plan for: where only a hair of it is missing and nothing runs, what there is."""
    soc_percent, lacks_percent = visit.soc_now_percent(), reserve_lacks_percent(session.terms, visit, target)
    if soc_percent is None or lacks_percent != 0.0 or visit.ledger.charging:
        return target.battery_reserve_percent
    return min(soc_percent, target.battery_reserve_percent)


def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _promise(
    session: Session, problem: Problem, answer: Careful, words: Explanation, *, coverage: float
) -> Promise:
    target, plan = session.target, answer.plan
    owed = isinstance(problem.target, RegularTarget) and problem.target.ready_by_at <= problem.now_at
    at_ready_by = plan.soc_at_ready_by_percent
    if owed:  # what is owed comes in before the next deadline, which is the one that is asked about
        at_ready_by = min(100.0, problem.vehicle.soc_percent + problem.vehicle.gain_percent(plan.energy_kwh))
    # A target within a reserve that is itself not in by the deadline is not reached, whatever is left of it after that.
    reached = owed or at_ready_by is None or at_ready_by >= problem.wanted_percent - HAIR_PERCENT
    # What comes after FAR never comes.
    count = sum(block.start_at < problem.now_at + FAR for block in plan.blocks)
    at_once = target is not None and target.type == IMMEDIATE_START
    savings = None if coverage < COVERED_ENOUGH else Decimal(repr(round(plan.savings, 6)))
    return Promise(
        made_at=problem.now_at,
        target_number=target.number if target is not None else 0,
        blocks=tuple(
            Block(
                _block_type(block.type, at_once=at_once),
                block.start_at,
                block.end_at,
                wh_from_kwh(block.energy_kwh),
            )
            for block in plan.blocks[:count]
        ),
        powers_w=tuple(w_from_kw(block.power_kw / answer.assumed) for block in plan.blocks[:count]),
        reasons=tuple(words.reasons[:count]),
        reached_at=plan.target_reached_at if count == len(plan.blocks) else None,
        soc_at_ready_by_percent=at_ready_by,
        reachable=(plan.reachable and reached) or owed or at_once,
        reachable_soc_percent=plan.reachable_soc_percent if reached else at_ready_by,
        price_coverage=coverage,
        expected_savings=savings,
        start_soc_percent=problem.vehicle.soc_percent,
        sentence=words.summary if count == len(plan.blocks) else NO_ROOM,
    )


def _block_type(planned: BlockType, *, at_once: bool) -> str:
    """An immediate start that a pause has put off is still one."""
    return IMMEDIATE_START if at_once and planned is BlockType.REGULAR else planned.value
