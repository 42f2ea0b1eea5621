"""The end of every change: bring the case up to now, and say when time will next change something."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from dwell.application.asking import spend_boost
from dwell.application.beside import see_room
from dwell.application.case import Case, Moment
from dwell.application.ceilings import see_ceiling
from dwell.application.steer import is_fresh, may_plan, may_start_at, may_try_again_at, steer, wants_plan
from dwell.application.visits import end_by_time, refresh, refresh_upcoming, release_orphan
from dwell.domain.session.cut import silence_ends_at
from dwell.domain.session.outcome import at_risk_from, reached_by
from dwell.domain.session.power_share import SHOWS_AFTER
from dwell.domain.session.record import Promise, Session, known_share
from dwell.domain.session.steering import CONFIRM_WITHIN, CONFIRMED, FAILED, PENDING, is_open, wish_at
from dwell.domain.session.visit import Visit

HOLD = timedelta(seconds=10)
"""How long a start that found no room is held before it is thought of again."""
RISK_PAUSE = timedelta(minutes=1)


async def look_again(moment: Moment, case: Case) -> None:
    """After any change: end what time has ended, bring the records up to now, and see whether a plan is wanted."""
    await end_by_time(moment, case)
    release_orphan(case)
    refresh(case, moment.now)
    _forgo_plan(case)
    await spend_boost(moment, case)
    refresh_upcoming(case, moment.now)
    case.plan_wanted = wants_plan(case, moment.now)
    await see_room(moment, case)
    await see_ceiling(moment, case)
    if not case.plan_wanted:
        steer(moment, case)


def _forgo_plan(case: Case) -> None:
    """The plan of a session that is not steered any more is none."""
    session = case.active
    if session is not None and session.promise is not None and not may_plan(session):
        case.current = msgspec.structs.replace(session, promise=None)
        case.save(case.current)


def next_look(moment: Moment, case: Case) -> datetime | None:
    """When the engine is to look at the case again; at once while an order waits to be handed out."""
    if case.recut_from_at is not None or (case.order is not None and case.order.state == PENDING):
        return moment.now
    held_until = moment.now + HOLD if case.held else None
    instants = (wake_at(moment, case), held_until, case.look_by)
    return min((at for at in instants if at is not None), default=None)


def wake_at(moment: Moment, case: Case) -> datetime | None:
    """When time itself will next change something for this vehicle."""
    now = moment.now
    instants = [s.target.ready_by for s in case.upcoming.values() if s.target is not None]
    visit, session, span = case.visit, case.active, case.cutter.span
    if visit is not None and session is not None and span is not None:
        judged_by = visit.target.ready_by if visit.target is not None else None
        next_by = session.target.ready_by if session.target is not None else None
        instants += [silence_ends_at(span, judged_by, moment.rules), next_by]
        instants += _control_instants(moment, case, visit, session)
        risk_at = at_risk_from(visit, session.terms, now, known_share(session.promise))
        if risk_at is not None and risk_at > now:
            # While it charges the instant recedes as time goes on: do not chase it.
            instants.append(max(risk_at, now + RISK_PAUSE))
    return min((at for at in instants if at is not None), default=None)


def _control_instants(moment: Moment, case: Case, visit: Visit, session: Session) -> list[datetime | None]:
    """When plan or order next want attention; a vehicle not heard of is left alone until it is."""
    now = moment.now
    if case.plan_wanted and is_fresh(moment, visit):
        return [now]
    found: list[datetime | None] = []
    if session.promise is not None:
        found.append(_next_edge(session.promise, now))
        found += _instants_of_care(case, visit, session, now)
    if case.order is not None and is_open(case.order) and case.order.sent_at is not None:
        overdue_at = case.order.sent_at + CONFIRM_WITHIN
        found.append(overdue_at if overdue_at > now else None)
    return found


def _instants_of_care(case: Case, visit: Visit, session: Session, now: datetime) -> list[datetime | None]:
    """When power can first be judged, the target comes in, or an order that was put off may be given."""
    order = case.order
    found: list[datetime | None] = []
    if order is not None and order.state == CONFIRMED and order.confirmed_at is not None:
        found.append(order.confirmed_at + SHOWS_AFTER)
    if order is not None and order.state == FAILED:
        found.append(may_try_again_at(case, order, now))
    found += [reached_by(visit, session.terms, now), may_start_at(case, now)]
    return [at for at in found if at is not None and at > now]


def _next_edge(promise: Promise, now: datetime) -> datetime | None:
    return wish_at(promise, now).until
