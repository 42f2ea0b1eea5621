"""Vehicles behind one connection: who they are, what each may draw at this moment, and what is left for one of them.

What may be drawn is thought of as worse than it may be: a vehicle that was told to stop draws until it is seen to have
stopped, one that does not answer draws what it was told, one that nobody told anything draws all it can.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from dwell.application.case import Case, Moment, load_cases
from dwell.domain.policy.connection import Room
from dwell.domain.session.steering import CONFIRMED, START

WHOLE_W = 1
"""Plans are told in whole W; so much may be over by rounding."""
AN_INSTANT = timedelta(microseconds=1)
AT_MOST = timedelta(hours=24)
"""A vehicle that is not steered, and whose battery nobody knows, is taken to charge for so long."""


async def beside(moment: Moment, case: Case) -> list[Case]:
    """The other vehicles that are plugged in behind the same limited connection."""
    session = case.active
    if session is None or session.location_id is None or session.terms.grid_limit_w is None:
        return []
    if session.location_id not in moment.seen_beside:
        moment.seen_beside.add(session.location_id)
        running = await moment.tx.running_at(case.organization_id, session.location_id)
        missing = [vehicle_id for vehicle_id in running if vehicle_id not in moment.cases]
        if missing:
            await load_cases(moment, case.organization_id, missing)
    return [
        other
        for other in moment.cases.values()
        if other.vehicle.id != case.vehicle.id
        and other.active is not None
        and other.active.location_id == session.location_id
    ]


async def see_room(moment: Moment, case: Case) -> None:
    """Note what the connection leaves the vehicle at this moment."""
    session = case.active
    others = await beside(moment, case)
    case.room_w, case.held = None, False
    if session is not None and session.terms.grid_limit_w is not None:
        [room] = session.terms.left(moment.now, moment.now + AN_INSTANT)
        case.room_w = room.power_w - sum(may_draw_w(other) for other in others)


def may_draw_w(case: Case) -> int:
    """The most that the vehicle may draw now by what is known of it, W."""
    visit, session, order = case.visit, case.active, case.order
    if visit is None or session is None or visit.fully_charged_at is not None:
        return 0
    told_w = order.power_w if order is not None and order.kind == START else 0
    if not visit.ledger.charging:
        return told_w
    if visit.ledger.power_seen and visit.ledger.power_w is not None:
        return max(told_w, round(visit.ledger.power_w))
    obeys = order is not None and order.kind == START and order.state == CONFIRMED
    return told_w if obeys else session.terms.power_max_w


def drawn_by(cases: Iterable[Case], now: datetime) -> tuple[Room, ...]:
    """What vehicles that no plan is made for will draw, by their plans in force and by what they do now."""
    taken = list[Room]()
    for case in cases:
        visit, session = case.visit, case.active
        if visit is None or session is None:
            continue
        now_w = may_draw_w(case)
        if now_w > 0:
            taken.append(Room(now, max(now + AN_INSTANT, _done_at(case, now, now_w)), now_w))
        taken += [room for room in promised(case, now) if now_w == 0]
    return tuple(taken)


def promised(case: Case, now: datetime) -> list[Room]:
    """What the plan in force draws from now on."""
    promise = case.active.promise if case.active is not None else None
    if promise is None:
        return []
    return [
        Room(max(block.start_at, now), block.end_at, power_w)
        for block, power_w in zip(promise.blocks, promise.powers_w, strict=True)
        if block.end_at > now
    ]


def _done_at(case: Case, now: datetime, power_w: int) -> datetime:
    visit, session = case.visit, case.active
    soc_percent = visit.soc_at_percent(now) if visit is not None else None
    if session is None or soc_percent is None or session.terms.battery_capacity_wh is None:
        return now + AT_MOST
    lacks_wh = (100.0 - soc_percent) / 100 * session.terms.battery_capacity_wh / session.terms.efficiency
    return now + min(AT_MOST, timedelta(hours=max(0.0, lacks_wh) / power_w))


def fits(cases: Iterable[Case], taken: tuple[Room, ...], now: datetime) -> bool:
    """Whether the plans in force of vehicles behind one connection, and what is taken, stay within its limit."""
    planned = [(case, room) for case in cases for room in promised(case, now)]
    if not planned:
        return True
    terms = next(case.active.terms for case, _ in planned if case.active is not None)
    end_at = max(room.end_at for _, room in planned)
    drawn = (*(room for _, room in planned), *taken)
    edges = sorted({now, *(edge for room in drawn for edge in (room.start_at, room.end_at))})
    for left in terms.left(now, end_at):
        for at in {left.start_at, *(edge for edge in edges if left.start_at < edge < left.end_at)}:
            drawn_w = sum(room.power_w for room in drawn if room.start_at <= at < room.end_at)
            planned_w = sum(room.power_w for _, room in planned if room.start_at <= at < room.end_at)
            if planned_w > 0 and drawn_w > left.power_w + WHOLE_W * len(planned):
                return False
    return True
