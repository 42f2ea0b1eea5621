"""What the meter of a connection leaves each vehicle behind it: the balancer, fed from cases and asked by them.

Plans give the ceiling, and the balancer only lowers it. The vehicles that can be steered are its chargers; whatever
else draws, among it what a vehicle draws beyond what it was told, is load like a kettle.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from dwell.application.beside import AN_INSTANT, beside, may_draw_w
from dwell.application.case import Case, Moment
from dwell.application.steer import is_fresh, may_plan
from dwell.domain.ids import VehicleId
from dwell.domain.metering.ledger import POWER_HOLD_S, STEP_S
from dwell.domain.planning.balance import Balance, Charger, Reading, SetPoint, Site, divide, step
from dwell.domain.policy.load import SILENT_AFTER, ConnectionLoad, LoadReading, Steered
from dwell.domain.registry import Location
from dwell.domain.session.outcome import at_risk_from
from dwell.domain.session.record import known_share
from dwell.domain.session.steering import CONFIRMED, START, block_at, wish_at
from dwell.domain.session.visit import REGULAR, Visit
from dwell.domain.units import W_PER_KW

HEARD_AFTER = timedelta(seconds=10)
"""An order is on its way for so long: facts before that say nothing of it, and what exceeds it later is load."""
RAISE_EVERY = timedelta(minutes=1)
"""A vehicle that runs is told of more power no more often than this."""
TOLERANCE, TOLERANCE_W = 0.01, 50
"""Who draws more than it was told by no more than this obeys."""
WORTH_W = 300
"""A smaller change of a power that runs is not worth an order, unless there is no room or it is all that is wanted."""
LOOK_EVERY = timedelta(minutes=1)
"""How often vehicles are looked at behind a meter that has fallen silent."""
HOUR = timedelta(hours=1)
_HAIR_W = 1e-3


async def see_ceiling(moment: Moment, case: Case) -> None:
    """Note what the balancer allows the vehicle at this moment, and narrow its room to what was measured."""
    case.ceiling_w = case.look_by = None
    load = await _load_of(moment, case)
    if load is None or case.active is None or case.active.terms.grid_limit_w is None:
        return
    others = await beside(moment, case)
    room_w = _room_w(moment, case, load, others)
    case.room_w = room_w if case.room_w is None else min(case.room_w, room_w)
    if not is_steered(moment, case):
        return
    silent = load.is_silent(moment.now)
    if silent:
        case.ceiling_w = _safe_share_w(moment, case, load, others)
    elif case.vehicle.id in load.vehicles:
        case.ceiling_w = load.vehicles[case.vehicle.id].told_w
    if wanted_w(case, moment.now) > 0:
        case.look_by = moment.now + LOOK_EVERY if silent else load.silent_at


async def _load_of(moment: Moment, case: Case) -> ConnectionLoad | None:
    """What is known of the connection that the vehicle stands behind; None without a meter."""
    session = case.active
    if session is None or session.location_id is None or session.terms.grid_limit_w is None:
        return None
    if session.location_id not in moment.loads:
        load = await moment.tx.connection_load(case.organization_id, session.location_id)
        moment.loads[session.location_id] = load
    load = moment.loads[session.location_id]
    return None if load is None or load.is_forgotten(moment.now) else load


def is_steered(moment: Moment, case: Case) -> bool:
    """Whether the vehicle does what it is told, as far as anybody knows: others are load."""
    session, visit = case.active, case.visit
    if session is None or visit is None or session.promise is None:
        return False
    limited = session.terms.grid_limit_w is not None
    return limited and may_plan(session) and is_fresh(moment, visit)


def wanted_w(case: Case, now: datetime) -> int:
    """What the plan in force wants now, W."""
    session, visit = case.active, case.visit
    if session is None or visit is None or session.promise is None or visit.fully_charged_at is not None:
        return 0
    return wish_at(session.promise, max(now, session.promise.made_at)).power_w


def told_power_w(case: Case) -> int:
    """The most that the vehicle was told to draw, W: who was never told anything takes all it can."""
    session, order = case.active, case.order
    if session is None or (order is not None and order.kind != START):
        return 0
    if order is not None:
        return order.power_w
    return session.terms.power_max_w if _seems_charging(case) else 0


def drawn_w(case: Case, at: datetime) -> int:
    """What of the vehicle's power the balancer may count as its doing at `at`, W; the rest is load.

    Facts count once they are younger than the order by HEARD_AFTER. Until then a vehicle is taken to draw what it was
    told; for as long as the order is on its way, also what it drew before.
    """
    visit, order, told_w, seen_w = case.visit, case.order, told_power_w(case), _seen_w(case)
    if (
        visit is None
        or order is None
        or order.sent_at is None
        or _seen_at(visit) >= order.sent_at + HEARD_AFTER
    ):
        return min(seen_w, told_w)
    return told_w if at >= order.sent_at + HEARD_AFTER else max(seen_w, told_w)


def _seen_w(case: Case) -> int:
    """What the vehicle draws by the newest fact, W; what it was told where that is not known."""
    ledger = case.visit.ledger if case.visit is not None else None
    if ledger is not None and ledger.power_seen and ledger.power_w is not None:
        return round(ledger.power_w)
    return told_power_w(case) if _seems_charging(case) else 0


def _is_deaf(case: Case, at: datetime, *, was_deaf: bool, crowded: bool) -> bool:
    """Whether the vehicle goes on drawing more than it was told.

    So says a fact, or while the limit is passed the lack of any. Until a younger fact shows otherwise it stays so.
    """
    visit, order = case.visit, case.order
    if visit is None or order is None or order.sent_at is None:
        return False
    seen_at, heard_at = _seen_at(visit), order.sent_at + HEARD_AFTER
    seen_w, told_w = _seen_w(case), told_power_w(case)
    if crowded and seen_w > told_w and at >= heard_at:
        return True
    exceeds = seen_w > told_w * (1 + TOLERANCE) + TOLERANCE_W
    if seen_at > order.sent_at and not exceeds:
        return False
    return was_deaf or (exceeds and seen_at >= heard_at)


def _seems_charging(case: Case) -> bool:
    return case.visit is not None and case.visit.ledger.seems_charging(within_s=STEP_S)


def _seen_at(visit: Visit) -> datetime:
    """When it was last heard what the vehicle draws."""
    ledger = visit.ledger
    if ledger.power_seen and ledger.power_until_s > POWER_HOLD_S:
        return ledger.origin_at + timedelta(seconds=ledger.power_until_s - POWER_HOLD_S)
    return visit.last_at


def balanced(
    moment: Moment,
    location: Location,
    known: ConnectionLoad | None,
    *,
    readings: Sequence[LoadReading],
    cases: Iterable[Case],
) -> ConnectionLoad:
    """The connection after `readings`, each newer than the one before and than what is `known`."""
    steered = {case.vehicle.id: case for case in cases if is_steered(moment, case)}
    site = Site(limit_kw=(location.grid_limit_w or 0) / W_PER_KW)
    last, state = readings[-1], _before(known, steered, readings[0].at)
    before_at = known.at if known is not None else readings[0].at
    deaf = {one for one, before in (known.vehicles if known is not None else {}).items() if before.deaf}
    for reading in readings:
        crowded, were_deaf = reading.power_w > (location.grid_limit_w or 0), deaf
        deaf = {
            one
            for one, case in steered.items()
            if _is_deaf(case, reading.at, was_deaf=one in were_deaf, crowded=crowded)
        }
        heard = [case for one, case in steered.items() if one not in deaf]
        state = _without_healed(state, [case for case in heard if case.vehicle.id in were_deaf])
        chargers = [_charger(case, moment.now, reading.at) for case in heard]
        seconds = min(reading.at - before_at, SILENT_AFTER).total_seconds()
        said = Reading(load_kw=reading.power_w / W_PER_KW, seconds=seconds)
        state, before_at = step(site, state, said, chargers), reading.at
    envelope_kw = state.envelope_kw or 0.0
    load = ConnectionLoad(
        organization_id=location.organization_id,
        location_id=location.id,
        at=last.at,
        power_w=last.power_w,
        envelope_kw=envelope_kw,
        calm_s=min(state.calm_s, _LONG_S),
    )
    room_w = max(0.0, site.limit_kw - envelope_kw) * W_PER_KW
    fresh = known if known is not None and readings[0].at < known.silent_at else None
    return msgspec.structs.replace(
        load, vehicles=_told(moment.now, fresh, state, cases=steered, deaf=deaf, room_w=room_w)
    )


_LONG_S = 1e6
"""What has lasted longer than this has lasted for ever: infinity cannot be kept."""


def _before(known: ConnectionLoad | None, steered: Mapping[VehicleId, Case], at: datetime) -> Balance:
    """Where the balancer goes on from. Who is new to it, or had a safe share meanwhile, has what it was told."""
    heard = known is not None and at < known.silent_at
    points: dict[str, SetPoint] = {}
    for vehicle_id, case in steered.items():
        before = known.vehicles.get(vehicle_id) if known is not None and heard else None
        if before is not None:
            points[vehicle_id] = SetPoint(power_kw=before.set_point_kw, since_s=before.since_s)
        else:
            points[vehicle_id] = SetPoint(power_kw=told_power_w(case) / W_PER_KW)
    if known is None:
        return Balance(set_points=points)
    return Balance(set_points=points, envelope_kw=known.envelope_kw, calm_s=known.calm_s)


def _without_healed(state: Balance, healed: Sequence[Case]) -> Balance:
    """Who obeys again is no load any more: its power need not sink out of the envelope."""
    if state.envelope_kw is None or not healed:
        return state
    gone_kw = sum(max(_seen_w(case), told_power_w(case)) for case in healed) / W_PER_KW
    return replace(state, envelope_kw=max(0.0, state.envelope_kw - gone_kw))


def _charger(case: Case, now: datetime, at: datetime | None = None) -> Charger:
    """The vehicle as the balancer sees it by a reading of `at`."""
    terms = case.active.terms if case.active is not None else None
    wish_w = wanted_w(case, now)
    if _is_awaited(case):
        wish_w = min(wish_w, told_power_w(case))  # the room for more is the others' until it is seen to obey
    divides = terms is not None and terms.control == "modulating"
    least_w = min(terms.power_min_w, wish_w) if terms is not None and divides else wish_w
    return Charger(
        id=case.vehicle.id,
        wanted_kw=wish_w / W_PER_KW,
        laxity_h=_laxity_h(case, now),
        drawn_kw=drawn_w(case, at or now) / W_PER_KW,
        power_min_kw=least_w / W_PER_KW,
    )


def _laxity_h(case: Case, now: datetime) -> float:
    """For how many hours the vehicle could still wait; none where reserve or an immediate start cannot."""
    session, visit = case.active, case.visit
    if session is None or visit is None or session.promise is None:
        return math.inf
    if block_at(session.promise, now) != REGULAR:
        return 0.0
    risk_at = at_risk_from(visit, session.terms, now, known_share(session.promise))
    return (risk_at - now) / HOUR if risk_at is not None else math.inf


def _told(
    now: datetime,
    known: ConnectionLoad | None,
    state: Balance,
    *,
    cases: Mapping[VehicleId, Case],
    deaf: set[VehicleId],
    room_w: float,
) -> dict[VehicleId, Steered]:
    """The new set-points, and what each may be told now: down at once where there is no room, else in few steps."""
    before = known.vehicles if known is not None else {}
    told = {
        vehicle_id: min(before[vehicle_id].told_w if vehicle_id in before else told_power_w(case), wish_w)
        for vehicle_id, case in cases.items()
        for wish_w in (wanted_w(case, now),)
    }
    crowded = sum(power_w for one, power_w in told.items() if one not in deaf) > room_w + _HAIR_W
    found = {}
    for vehicle_id, case in cases.items():
        told_w, wish_w, known_one = told[vehicle_id], wanted_w(case, now), before.get(vehicle_id)
        if vehicle_id in deaf and room_w <= 0:
            told_w = 0  # nobody else has anything left: it may yet hear a STOP
        point = state.set_points.get(vehicle_id) or SetPoint(power_kw=told_w / W_PER_KW)
        point_w = math.floor(point.power_kw * W_PER_KW + _HAIR_W)
        since = known_one.told_at if known_one is not None else now - RAISE_EVERY
        if point_w != told_w and (
            (crowded and point_w < told_w) or _is_due(case, (told_w, point_w, wish_w), now - since)
        ):
            told_w, since = point_w, now
        found[vehicle_id] = Steered(
            set_point_kw=point.power_kw,
            since_s=min(point.since_s, _LONG_S),
            told_w=told_w,
            told_at=since,
            wanted_w=wish_w,
            drawn_w=drawn_w(case, now),
            deaf=vehicle_id in deaf,
        )
    return found


def _is_due(case: Case, powers_w: tuple[int, int, int], since: timedelta) -> bool:
    """Whether a change that need not be at once is told: beginnings and ends, and of the rest one a minute.

    More is told only to who was seen to obey before.
    """
    told_w, point_w, wish_w = powers_w
    if told_w == 0 or point_w == 0:
        return True
    if point_w > told_w and _is_awaited(case):
        return False
    return point_w >= wish_w or (since >= RAISE_EVERY and abs(point_w - told_w) >= WORTH_W)


def _is_awaited(case: Case) -> bool:
    """Whether the vehicle was not yet seen to do what it was told to: it may begin at any moment, or never."""
    return case.order is not None and case.order.kind == START and case.order.state != CONFIRMED


def _room_w(moment: Moment, case: Case, load: ConnectionLoad, others: Sequence[Case]) -> int:
    """What the limit leaves the vehicle beside the envelope and what the others that are steered may draw, W."""
    limit_w = case.active.terms.grid_limit_w if case.active is not None else None
    left_w = (limit_w or 0) - load.envelope_kw * W_PER_KW
    for other in others:
        known = load.vehicles.get(other.vehicle.id)
        if known is not None and known.deaf:
            continue  # it is load, and in the envelope
        if known is not None:
            left_w -= max(told_power_w(other), drawn_w(other, moment.now))
        elif is_steered(moment, other) or load.is_silent(moment.now):
            left_w -= may_draw_w(other)  # the last reading need not have heard of it
    return max(0, math.floor(left_w + _HAIR_W))


def _safe_share_w(moment: Moment, case: Case, load: ConnectionLoad, others: Sequence[Case]) -> int:
    """While the meter is silent: the vehicle's share of what the higher of envelope and base load leaves, W."""
    session = case.active
    if session is None:
        return 0
    [planned] = session.terms.left(moment.now, moment.now + AN_INSTANT)
    measured_kw = (session.terms.grid_limit_w or 0) / W_PER_KW - load.envelope_kw
    gone_w = sum(may_draw_w(other) for other in others if not is_steered(moment, other))
    room_kw = max(0.0, min(planned.power_w / W_PER_KW, measured_kw) - gone_w / W_PER_KW)
    deaf = {one for one, known in load.vehicles.items() if known.deaf}
    if case.vehicle.id in deaf:
        return load.vehicles[case.vehicle.id].told_w
    obeying = [one for one in (case, *others) if is_steered(moment, one) and one.vehicle.id not in deaf]
    chargers = [_charger(one, moment.now) for one in obeying]
    share_kw = divide(room_kw, sorted(chargers, key=lambda charger: charger.id))[case.vehicle.id]
    return math.floor(share_kw * W_PER_KW + _HAIR_W)


def has_moved(before: ConnectionLoad | None, after: ConnectionLoad) -> set[VehicleId]:
    """The vehicles that may be told something else than before."""
    known = before.vehicles if before is not None else {}
    back = before is None or after.at >= before.silent_at
    return {
        vehicle_id
        for vehicle_id, one in after.vehicles.items()
        if back or vehicle_id not in known or known[vehicle_id].told_w != one.told_w
    }
