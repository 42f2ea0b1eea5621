"""From plan to vehicle: when a plan is wanted, which order is due, and when the case must be looked at again."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from dwell.application.case import Case, Moment
from dwell.domain.ids import OrderId
from dwell.domain.metering.ledger import STEP_S
from dwell.domain.session.outcome import at_risk_from, full_power_done_at, is_gate, reserve_lacks_percent
from dwell.domain.session.power_share import SHARE_MOVES, shown_share
from dwell.domain.session.record import Promise, Session, known_share
from dwell.domain.session.steering import (
    CONFIRM_WITHIN,
    CONFIRMED,
    DROPPED,
    FAILED,
    PENDING,
    START,
    STOP,
    SWITCHES_AN_HOUR,
    Order,
    block_at,
    error_of,
    is_done,
    is_exhausted,
    is_healed,
    is_obeyed,
    is_open,
    wish_at,
)
from dwell.domain.session.visit import BATTERY_RESERVE, REGULAR, Visit

ASTRAY_PERCENT = 3.0
"""How far the charge level may be from the plan's before a new plan is made."""
PLAN_PAUSE = timedelta(minutes=5)
"""The least time between two plans for the same target that only behaviour asks for."""
LAG = timedelta(minutes=10)
"""How much charging may be missing in a pause between two blocks: later there may be no time to make it up."""
IN_VAIN = timedelta(minutes=1)
"""A block that ends this soon is left to end by itself."""
HOUR = timedelta(hours=1)
WEAKEST = 0.9
"""Nothing is put off that could not wait if the vehicle gave this much less than is known of it."""
TRY_AGAIN = {START: timedelta(hours=1), STOP: timedelta(minutes=30)}
"""How long after its last repetition a failed order is given anew."""
PRESSED_AGAIN = timedelta(minutes=20)
"""The same where reserve or deadline press: as long as all its repetitions took."""

LET_GO = "smart_optimization_disabled"
"""The gate under which a vehicle charges as it likes."""


def may_plan(session: Session) -> bool:
    """Whether the system is to control this session at all."""
    gated = is_gate(session.reason) and session.reason not in (
        "already_at_target",
        "insufficient_price_coverage",
    )
    return session.managed and session.target is not None and not gated


def is_fresh(moment: Moment, visit: Visit) -> bool:
    """Whether the vehicle is known to be plugged in now, by a fact young enough to act on."""
    seen_at = visit.last_plugged_fact_at
    return seen_at is not None and moment.now - seen_at <= moment.rules.fresh_within


def wants_plan(case: Case, now: datetime) -> bool:
    """Whether target, charge level or behaviour have left the plan in force behind."""
    visit, session = case.visit, case.active
    if visit is None or session is None or not may_plan(session):
        return False
    promise = session.promise
    if (
        case.plan_wanted
        or promise is None
        or session.target is None
        or promise.target_number != session.target.number
    ):
        return True
    if visit.reached_at is not None or visit.fully_charged_at is not None:
        return _goes_on_in_vain(promise, visit, now)
    if promise.blocks and promise.blocks[-1].end_at <= now and visit.ledger.charging:
        return True  # a little more is cheaper than a stop and a new start
    if now - promise.made_at < PLAN_PAUSE:
        return False
    done = not promise.blocks or promise.blocks[-1].end_at <= now or _lacks_reserve(promise, visit, session)
    return done or _is_astray(promise, visit, session) or _is_weaker(promise, case, now)


def _goes_on_in_vain(promise: Promise, visit: Visit, now: datetime) -> bool:
    """Whether the target was reached before the block that was to bring it is over: a vehicle may give more."""
    if visit.reached_at is None or promise.made_at >= visit.reached_at:
        return False
    wish = wish_at(promise, now)
    return wish.power_w > 0 and wish.until is not None and wish.until - now > IN_VAIN


def _lacks_reserve(promise: Promise, visit: Visit, session: Session) -> bool:
    """Whether the reserve, which is charged whatever the price, came out short of what was planned."""
    if visit.mode != BATTERY_RESERVE or wish_at(promise, visit.last_at).power_w > 0:
        return False
    lacks_percent = reserve_lacks_percent(session.terms, visit)
    return lacks_percent is not None and lacks_percent > 0


def _is_weaker(promise: Promise, case: Case, now: datetime) -> bool:
    """Whether the vehicle gives another share of the told power than the plan counts on, by enough to matter."""
    visit, session = case.visit, case.active
    shown = shown_share(case.order, visit) if visit is not None else None
    if visit is None or session is None or shown is None or promise.share is None:
        return False
    done_at = full_power_done_at(visit, session.terms, now, shown)
    thought_at = full_power_done_at(visit, session.terms, now, promise.share)
    later = done_at is not None and thought_at is not None and done_at - thought_at > PLAN_PAUSE
    return later or abs(shown - promise.share) > SHARE_MOVES


def _is_astray(promise: Promise, visit: Visit, session: Session) -> bool:
    soc_percent = visit.soc_now_percent()
    battery_wh = session.terms.battery_capacity_wh
    if soc_percent is None or battery_wh is None or promise.start_soc_percent is None:
        return False
    planned_wh = 0.0
    for block in promise.blocks:
        if block.start_at >= visit.last_at:
            break
        share = (min(visit.last_at, block.end_at) - block.start_at) / (block.end_at - block.start_at)
        planned_wh += block.energy_wh * share
    percent_per_wh = session.terms.efficiency / battery_wh * 100
    behind = min(100.0, promise.start_soc_percent + planned_wh * percent_per_wh) - soc_percent
    if planned_wh > 0 and wish_at(promise, visit.last_at).power_w == 0:
        lag_percent = session.terms.available_power_w * (LAG / HOUR) * percent_per_wh
        return behind > min(ASTRAY_PERCENT, lag_percent) or behind < -ASTRAY_PERCENT
    return abs(behind) > ASTRAY_PERCENT


def steer(moment: Moment, case: Case) -> None:
    """Confirm, repeat or give the order that the plan calls for now."""
    visit, session, now = case.visit, case.active, moment.now
    if visit is None or session is None or session.promise is None or not may_plan(session):
        _see_off(moment, case)
        return
    # Facts received just before the plan was made do not undo it.
    wish = wish_at(session.promise, max(now, session.promise.made_at))
    power_w = 0 if visit.fully_charged_at is not None else wish.power_w
    if case.ceiling_w is not None:
        power_w = min(power_w, case.ceiling_w)
    charging = visit.ledger.seems_charging(within_s=STEP_S if power_w > 0 else 0.0)
    if power_w > 0:
        power_w = _within_room(case, session, power_w, charging=charging)
        if power_w == 0:
            return
    obeyed = is_obeyed(msgspec.structs.replace(wish, power_w=power_w), charging=charging)
    if obeyed and not _is_retold(case, session, power_w) and not _is_called_back(case, power_w):
        _confirm(case, now, charging=charging)
        return
    kind = START if power_w > 0 else STOP
    if not is_fresh(moment, visit):
        return
    _give(moment, case, kind, power_w)


def _within_room(case: Case, session: Session, power_w: int, *, charging: bool) -> int:
    """The power that can be told beside what the others may draw, 0 for none yet; the case is held where it is less.

    What flows already is not taken back here: the plan has done so where it has to be. Only more of it has to wait.
    """
    if case.room_w is None or power_w <= case.room_w:
        return power_w
    case.held = True
    order = case.order
    told_w = order.power_w if order is not None and order.kind == START else session.terms.power_max_w
    on_its_way = case.ceiling_w is not None and _is_start_open(case)
    flows_w = min(power_w, told_w) if charging or on_its_way else 0
    divisible = session.terms.control == "modulating" and case.room_w >= session.terms.power_min_w
    return max(flows_w, case.room_w if divisible else 0)


def _is_retold(case: Case, session: Session, power_w: int) -> bool:
    """Whether a vehicle that charges must hear of another power: it was told of one, or takes all it can."""
    if power_w == 0:
        return False
    told = case.order is not None and case.order.kind == START
    known_w = case.order.power_w if told and case.order is not None else session.terms.power_max_w
    return power_w != known_w


def _is_called_back(case: Case, power_w: int) -> bool:
    """Whether a start that nobody has seen obeyed has to be taken back: behind a full connection none may come late."""
    return case.ceiling_w is not None and power_w == 0 and _is_start_open(case)


def _is_start_open(case: Case) -> bool:
    return case.order is not None and case.order.kind == START and is_open(case.order)


def let_go(moment: Moment, case: Case) -> None:
    """Smart charging was switched off: a vehicle that was held back is started, once, and then left alone."""
    visit, session = case.visit, case.active
    if visit is None or session is None or session.reason != LET_GO or not is_fresh(moment, visit):
        return
    able = session.managed and session.terms.control != "none" and visit.fully_charged_at is None
    paused_until = case.vehicle.paused_until
    paused = paused_until is not None and paused_until > moment.now
    if able and not paused and not visit.ledger.seems_charging(within_s=STEP_S):
        power_w = _within_room(case, session, session.terms.available_power_w, charging=False)
        if power_w > 0:
            _give(moment, case, START, power_w)


def _see_off(moment: Moment, case: Case) -> None:
    """Nothing is ordered of a vehicle that is not steered; only the start that let it go is seen through."""
    visit, session, order = case.visit, case.active, case.order
    if visit is None or session is None or session.reason != LET_GO or order is None or order.kind != START:
        _drop(case)
    elif visit.ledger.seems_charging(within_s=STEP_S):
        _confirm(case, moment.now, charging=True)
    elif is_open(order) and is_fresh(moment, visit):
        _give(moment, case, START, order.power_w)


def _confirm(case: Case, now: datetime, *, charging: bool) -> None:
    """The vehicle does what it should: an order obeyed is confirmed, one no longer wanted is dropped, errors heal."""
    session, order = case.active, case.order
    if order is not None and is_done(order, charging=charging):
        if order.state != CONFIRMED and not _is_unheard(case, order):
            _note(case, msgspec.structs.replace(order, state=CONFIRMED, confirmed_at=now))
    else:
        _drop(case)
    if session is not None and session.error is not None and is_healed(session.error, charging=charging):
        case.current = msgspec.structs.replace(session, error=None, updated_at=now)
        case.save(case.current)


def _is_unheard(case: Case, order: Order) -> bool:
    """Whether a vehicle that charged already has not been heard of since it was told another power."""
    visit = case.visit
    return order.kind == START and (
        order.state == PENDING or visit is None or order.sent_at is None or visit.last_at <= order.sent_at
    )


def _drop(case: Case) -> None:
    """Forget the order: what is wanted next is a new one, also where this one failed."""
    if case.order is not None and is_open(case.order):
        case.orders.append(msgspec.structs.replace(case.order, state=DROPPED))
    case.order = None


def _give(moment: Moment, case: Case, kind: str, power_w: int) -> None:
    order, now = case.order, moment.now
    session = case.active
    if session is None:
        return
    if order is not None and (order.kind, order.power_w) == (kind, power_w) and order.state != CONFIRMED:
        if order.state == FAILED:
            if now >= may_try_again_at(case, order, now):
                _note(case, _order(moment, case, kind, power_w))
            return
        if not _is_overdue(order, now):
            return
        if is_exhausted(order, now):
            _note(case, msgspec.structs.replace(order, state=FAILED))
            was_charging = kind == START and session.energy_wh > 0
            error = error_of(order, now, was_charging=was_charging)
            case.current = msgspec.structs.replace(session, error=error, updated_at=now)
            case.save(case.current)
            return
        _note(case, msgspec.structs.replace(order, state=PENDING, attempts=order.attempts + 1, sent_at=now))
        return
    # Another power for what runs is told at once: nothing is switched by it.
    switches = order is None or order.kind != kind
    if switches and kind == START and may_start_at(case, now) > now:
        return
    _drop(case)
    if switches:
        case.switched_at = (*_lately(case, now), now)
    _note(case, _order(moment, case, kind, power_w))


def _order(moment: Moment, case: Case, kind: str, power_w: int) -> Order:
    session = case.active
    if session is None:
        raise ValueError("an order needs a session that runs")
    return Order(
        id=OrderId(moment.ids.new_id()),
        organization_id=case.organization_id,
        vehicle_id=case.vehicle.id,
        session_id=session.id,
        kind=kind,
        power_w=power_w,
        created_at=moment.now,
        attempts=1,
        sent_at=moment.now,
    )


def may_start_at(case: Case, now: datetime) -> datetime:
    """From when on a start is within the bound on switches, with room for the stop after it; now where it presses."""
    lately = _lately(case, now)
    if len(lately) <= SWITCHES_AN_HOUR - 2:
        return now
    allowed_at = lately[-(SWITCHES_AN_HOUR - 1)] + HOUR
    return now if _presses(case, now, allowed_at) else allowed_at


def _lately(case: Case, now: datetime) -> tuple[datetime, ...]:
    return tuple(at for at in case.switched_at if now - at < HOUR)


def _presses(case: Case, now: datetime, put_off_until: datetime) -> bool:
    """Whether reserve, deadline or an immediate start cannot wait until then."""
    visit, session = case.visit, case.active
    if visit is None or session is None or session.promise is None:
        return False
    if block_at(session.promise, now) != REGULAR or not session.promise.reachable:
        return True
    share = known_share(session.promise) * WEAKEST
    risk_at = at_risk_from(visit, session.terms, now, share)
    return risk_at is not None and risk_at < put_off_until


def may_try_again_at(case: Case, order: Order, now: datetime) -> datetime:
    """When a failed order is given anew."""
    since, pause = order.sent_at or order.created_at, TRY_AGAIN[order.kind]
    return since + (min(pause, PRESSED_AGAIN) if _presses(case, now, since + pause) else pause)


def _is_overdue(order: Order, now: datetime) -> bool:
    return order.sent_at is None or now >= order.sent_at + CONFIRM_WITHIN


def _note(case: Case, order: Order) -> None:
    case.order = order
    case.orders.append(order)
