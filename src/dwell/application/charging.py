"""Plan one running visit: gather the problem, have it solved and verified, and keep the answer as a promise.

A plan that the verifier refuses is never used: the vehicle is then charged at once, and the faults are handed back.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec

from dwell.application.case import Case, Moment
from dwell.application.visits import refresh
from dwell.domain.errors import Fault
from dwell.domain.planning import (
    BlockType,
    Ceiling,
    Control,
    ImmediateStart,
    Plan,
    PriceGrid,
    Problem,
    RegularTarget,
    Target,
    VehicleLimits,
    Window,
    explain,
    solve,
    verify,
)
from dwell.domain.policy.connection import Room
from dwell.domain.policy.schedule import restricted_windows
from dwell.domain.policy.terms import VisitTerms
from dwell.domain.session.outcome import COVERED_ENOUGH
from dwell.domain.session.record import Block, Promise, Session
from dwell.domain.session.visit import IMMEDIATE_START, Visit
from dwell.domain.session.visit import Target as SessionTarget
from dwell.domain.tariff.curve import PriceCurve
from dwell.domain.units import W_PER_KW, WH_PER_KWH, w_from_kw, wh_from_kwh

PRICES_BACK = timedelta(days=8)
"""Missing prices are made up from the week before."""
PROFILE_PAST = timedelta(days=2)
"""How far past its deadline a plan follows the base load's profile; later the least room of the time before holds."""
FAR = timedelta(days=365)
"""A plan that would begin to charge only after so long has found no room."""
NO_ROOM = "The connection leaves no power for charging."
_GRIDS_KEPT = 64
_NO_PRICES = PriceGrid.from_slots([])


class Grids:
    """Price curves as the planner wants them, the last few kept: curves are shared by many plans."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, tuple[PriceCurve, PriceGrid]] = OrderedDict()

    def of(self, curve: PriceCurve | None) -> PriceGrid:
        """The grid of `curve`; one without any price for None."""
        if curve is None:
            return _NO_PRICES
        kept = self._kept.get(id(curve))
        if kept is None or kept[0] is not curve:
            kept = (curve, PriceGrid.of(curve))
            self._kept[id(curve)] = kept
            if len(self._kept) > _GRIDS_KEPT:
                self._kept.popitem(last=False)
        return kept[1]


async def plan_visit(moment: Moment, case: Case, grids: Grids) -> tuple[Fault, ...]:
    """Make the case's plan and put it in force. Returns what the verifier found, () for a sound plan."""
    session, visit = case.active, case.visit
    case.plan_wanted = False
    if session is None or visit is None or session.target is None:
        return ()
    if session.terms.battery_capacity_wh is None:
        return ()
    paused_until = _still(case.vehicle.paused_until, moment.now)
    horizon_at = _latest(session.target.ready_by, paused_until, moment.now) + timedelta(days=1)
    curve = None
    if session.terms.zone is not None:
        curve = await moment.tx.curve(session.terms.zone, moment.now - PRICES_BACK, horizon_at)
    promise, faults = make_promise(
        session, visit, moment.now, grids=grids, curve=curve, paused_until=paused_until
    )
    first = session.first_promise or promise
    case.current = msgspec.structs.replace(session, promise=promise, first_promise=first)
    refresh(case, moment.now)
    return faults


def _still(paused_until: datetime | None, now: datetime) -> datetime | None:
    """The end of a pause that is not over."""
    return paused_until if paused_until is not None and paused_until > now else None


def _latest(*instants: datetime | None) -> datetime:
    return max(at for at in instants if at is not None)


def make_promise(
    session: Session,
    visit: Visit,
    now: datetime,
    *,
    grids: Grids,
    curve: PriceCurve | None,
    paused_until: datetime | None = None,
) -> tuple[Promise, tuple[Fault, ...]]:
    """The plan from `now` for a session with target and capacity; until a pause is over, of the reserve only."""
    problem = _problem(session, visit, now, grids.of(curve), paused_until=paused_until)
    plan = solve(problem)
    coverage = plan.price_coverage
    if coverage < COVERED_ENOUGH:
        problem = _problem(session, visit, now, _NO_PRICES, paused_until=paused_until)
        plan = solve(problem)
    faults = verify(problem, plan)
    if faults:
        wanted = ImmediateStart(minimum_charge_percent=problem.wanted_percent)
        problem = _with_target(problem, wanted)
        plan = solve(problem)
    return _promise(session, problem, plan, coverage=coverage), tuple(faults)


def _with_target(problem: Problem, target: Target) -> Problem:
    return Problem(
        now_at=problem.now_at,
        vehicle=problem.vehicle,
        target=target,
        prices=problem.prices,
        timezone=problem.timezone,
        ceilings=problem.ceilings,
    )


def _problem(
    session: Session, visit: Visit, now: datetime, grid: PriceGrid, *, paused_until: datetime | None
) -> Problem:
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
            charging_now=bool(visit.ledger.charging),
        ),
        target=_wanted(target, paused_until),
        prices=grid,
        timezone=_zone(terms.timezone),
        ceilings=_ceilings(terms, now, _latest(target.ready_by, paused_until, now)),
        restrictions=_forbidden(session, now, paused_until),
    )


def _ceilings(terms: VisitTerms, now: datetime, until: datetime) -> tuple[Ceiling, ...]:
    """What the connection leaves beside its base load. A plan may run past its deadline: never without a ceiling."""
    if terms.grid_limit_w is None:
        return ()
    edge_at = until + PROFILE_PAST
    found = [*terms.rooms(now, edge_at)]
    least_w = min(room.power_w for room in found)
    found.append(Room(edge_at, edge_at + 2 * FAR, least_w))
    return tuple(
        Ceiling(start_at=room.start_at, end_at=room.end_at, power_kw=room.power_w / W_PER_KW)
        for room in found
        if room.power_w < terms.power_max_w
    )


def _wanted(target: SessionTarget, paused_until: datetime | None) -> Target:
    reserve, minimum = target.battery_reserve_percent, target.minimum_charge_percent
    # Not even an immediate start breaks a pause: due at its end, which no charge can meet, it starts as it ends.
    ready_by_at = target.ready_by or paused_until
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


def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _promise(session: Session, problem: Problem, plan: Plan, *, coverage: float) -> Promise:
    target, words = session.target, explain(problem, plan)
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
        powers_w=tuple(w_from_kw(block.power_kw) for block in plan.blocks[:count]),
        reasons=tuple(words.reasons[:count]),
        reached_at=plan.target_reached_at if count == len(plan.blocks) else None,
        soc_at_ready_by_percent=plan.soc_at_ready_by_percent,
        reachable=plan.reachable or at_once,
        reachable_soc_percent=plan.reachable_soc_percent,
        price_coverage=coverage,
        expected_savings=savings,
        start_soc_percent=problem.vehicle.soc_percent,
        sentence=words.summary if count == len(plan.blocks) else NO_ROOM,
    )


def _block_type(planned: BlockType, *, at_once: bool) -> str:
    """An immediate start that a pause has put off is still one."""
    return IMMEDIATE_START if at_once and planned is BlockType.REGULAR else planned.value
