"""Facts applied to one vehicle's case: visits open, go on, end and are settled, in order of time.

Facts newer than all that is known take the short way here; an earlier one sends the whole neighbourhood through
`recut`, which arrives at the same sessions from the whole set of facts.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from dwell.application.case import Case, Moment
from dwell.application.learning import learn
from dwell.application.places import anticipated_since, place_of, switched, terms_of
from dwell.domain.ids import SessionId
from dwell.domain.policy.terms import VisitTerms
from dwell.domain.registry import Policy
from dwell.domain.session.cut import End, ended_by
from dwell.domain.session.facts import Fact, in_order
from dwell.domain.session.record import ACTIVE, SETTLED, UPCOMING, Session, by_law
from dwell.domain.session.settle import observed, settled
from dwell.domain.session.steering import DROPPED, is_open
from dwell.domain.session.track import seen_after
from dwell.domain.session.visit import Visit, begin, moved_on, step, waiting_target
from dwell.domain.tariff.curve import PriceCurve

PRICES_AHEAD = timedelta(days=2)


def is_final(moment: Moment, session: Session) -> bool:
    """Settled so long ago that no fact changes it any more."""
    return session.settled_at is not None and moment.now - session.settled_at > moment.rules.late_after


async def apply_in_order(moment: Moment, case: Case, facts: Iterable[Fact]) -> bool:
    """Apply facts newer than all known ones. False when a visit turned out to be elsewhere: recut it."""
    placed: tuple[float, float] | Literal["nowhere"] | None = "nowhere"
    for fact in in_order(facts):
        _let_go_of_what_is_final(moment, case)
        ended, inside = case.cutter.take(fact, moment.rules)
        if ended is not None:
            await end_visit(moment, case, ended)
        if inside:
            if case.visit is None:
                open_visit(moment, case, fact)
            else:
                _go_on(moment, case, fact)
        case.newest_at = fact.at
        case.seen = seen_after(case.seen, fact, moment.now)
        position = case.cutter.span.position if case.cutter.span is not None else None
        if inside and position != placed:  # the same position is at the same place throughout a batch
            if not _still_in_place(case):
                return False
            placed = position
    return True


def open_visit(moment: Moment, case: Case, fact: Fact) -> None:
    """Start the visit that the cutter has just opened, as the policy's session or as an unmanaged one."""
    span = case.cutter.span
    location = place_of(span, case.locations) if span is not None else None
    policy = case.policy_at(location)
    waiting = case.upcoming.pop(policy.id, None) if policy is not None else None
    since = waiting.terms.anticipated_at if waiting is not None else None
    terms = terms_of(case.vehicle, location, policy, anticipated_at=since)
    session = waiting or new_session(moment, case, ACTIVE, terms)
    told = (waiting.target, waiting.updated_at) if waiting is not None else None
    case.visit = begin(fact, terms, waiting=told)
    case.current = msgspec.structs.replace(
        session,
        state=ACTIVE,
        terms=terms,
        at_home=terms.at_home,
        policy_id=policy.id if policy is not None else None,
        location_id=location.id if location is not None else None,
        plugged_in_at=fact.at,
    )
    case.plan_wanted = policy is not None
    case.order = None


def new_session(moment: Moment, case: Case, state: str, terms: VisitTerms) -> Session:
    """A session of the case's vehicle with a name of its own, bound to no policy and no place yet."""
    return Session(
        id=SessionId(moment.ids.new_id()),
        organization_id=case.organization_id,
        user_id=case.vehicle.user_id,
        vehicle_id=case.vehicle.id,
        policy_id=None,
        location_id=None,
        state=state,
        created_at=moment.now,
        updated_at=moment.now,
        terms=terms,
    )


def _go_on(moment: Moment, case: Case, fact: Fact) -> None:
    visit, session = case.visit, case.current
    if visit is None or session is None:
        return
    step(visit, fact, session.terms)
    if session.state == SETTLED:
        case.current = reopened(moment, case, session)


def reopened(moment: Moment, case: Case, session: Session) -> Session:
    """The session of a visit that silence ended, running again; its policy's UPCOMING one steps back."""
    if session.policy_id is not None:
        waiting = case.upcoming.pop(session.policy_id, None)
        if waiting is not None:
            case.withdraw(waiting)
    case.plan_wanted = session.managed
    return msgspec.structs.replace(
        session,
        state=ACTIVE,
        revision=session.revision + 1,
        inferred_end_at=None,
        plugged_out_at=None,
        settled_at=None,
        terms=switched(session.terms, case.vehicle.switches),
        valuation=None,
        short=False,
        suspect=(),
        updated_at=moment.now,
    )


def release(case: Case) -> None:
    """Take the running session out of its policy: no target, no plan, no orders."""
    session, visit = case.active, case.visit
    if session is None or visit is None:
        return
    terms = msgspec.structs.replace(session.terms, agreed=(), overrides=(), anticipated_at=None)
    visit.target, visit.verdict, visit.reached_at, visit.boosted = None, None, None, False
    case.current = msgspec.structs.replace(
        session, policy_id=None, terms=terms, promise=None, first_promise=None, error=None
    )
    case.plan_wanted = False


def release_orphan(case: Case) -> None:
    """Release a session that runs again under a policy which was deleted while it was settled."""
    session = case.active
    if session is not None and session.managed and all(p.id != session.policy_id for p in case.policies):
        release(case)


async def end_visit(moment: Moment, case: Case, end: End) -> None:
    """Settle the open visit. One that silence had ended keeps its first settlement unless the end is another."""
    visit, session = case.visit, case.current
    if visit is None or session is None:
        return
    learn(case)
    await settle(moment, case, session, visit, end=end)
    if is_open(case.order) and case.order is not None:
        case.orders.append(msgspec.structs.replace(case.order, state=DROPPED))
    case.visit, case.current, case.order, case.plan_wanted = None, None, None, False
    if session.state == ACTIVE:
        anticipate_next(moment, case, session, end.at)
    await moment.tx.pack_facts(case.organization_id, case.vehicle.id, until=end.at)
    case.packed_until = end.at


async def settle(moment: Moment, case: Case, session: Session, visit: Visit, *, end: End) -> Session:
    """Work out and save the settled record, with its revision raised where it was settled otherwise before."""
    curve = await _curve(moment, session, visit, end)
    before = case.known.get(session.id)
    if before is not None and before.state == SETTLED:
        session = msgspec.structs.replace(session, settled_at=before.settled_at)
    # Switches count as they stood at the end of the visit, however late that is told.
    terms = switched(session.terms, case.vehicle.switches_at(end.at))
    session = msgspec.structs.replace(session, terms=terms)
    deleted = case.vehicle.deleted_at is not None
    record = settled(session, visit, end, moment.now, curve=curve, vehicle_deleted=deleted)
    if before is not None:  # an operator's word covers the reasons it was given for
        accepted = before.suspect_accepted and set(record.suspect) <= set(before.suspect)
        record = msgspec.structs.replace(record, suspect_accepted=accepted)
    if before is not None and before.state == SETTLED:
        if by_law(record) == by_law(before):
            case.saved.pop(before.id, None)
            return before
        record = msgspec.structs.replace(record, revision=before.revision + 1)
    case.save(record)
    if case.held_from_at is not None and visit is case.visit:
        case.recut_from_at = min(case.held_from_at, case.recut_from_at or case.held_from_at)
        case.held_from_at = None
    return record


async def _curve(moment: Moment, session: Session, visit: Visit, end: End) -> PriceCurve | None:
    """The prices of the visit, and those up to the deadline by which their coverage is judged."""
    zone, until = session.terms.zone, end.at + PRICES_AHEAD
    if zone is None:
        return None
    if visit.target is not None and visit.target.ready_by is not None:
        until = max(until, visit.target.ready_by)
    return await moment.tx.curve(zone, visit.plugged_in_at, until)


def anticipate_next(moment: Moment, case: Case, session: Session, ended_at: datetime) -> None:
    """The policy's next session, from the moment the last one is over."""
    policy = next((p for p in case.policies if p.id == session.policy_id), None)
    if policy is not None and policy.id not in case.upcoming:
        anticipate(moment, case, policy, previous_end_at=ended_at)


def anticipate(
    moment: Moment, case: Case, policy: Policy, *, previous_end_at: datetime | None = None
) -> Session:
    """Make the policy's UPCOMING session."""
    since = anticipated_since(policy, previous_end_at)
    terms = terms_of(case.vehicle, case.location_of(policy), policy, anticipated_at=since)
    session = msgspec.structs.replace(
        new_session(moment, case, UPCOMING, terms),
        policy_id=policy.id,
        location_id=policy.location_id,
        target=waiting_target(terms, max(moment.now, since), None),
    )
    case.upcoming[policy.id] = session
    case.save(session)
    return session


async def end_by_time(moment: Moment, case: Case) -> None:
    """End the open visit if time has: a plug-out no flap can undo, or silence."""
    span, visit, session = case.cutter.span, case.visit, case.active
    if span is None or visit is None or session is None:
        return
    deadline = visit.target.ready_by if visit.target is not None else None
    end = ended_by(span, moment.now, deadline, moment.rules)
    if end is None:
        return
    if end.observed:
        case.cutter.span = None
        await end_visit(moment, case, end)
        return
    record = await settle(moment, case, session, visit, end=end)
    anticipate_next(moment, case, session, end.at)
    case.current, case.order, case.plan_wanted = record, None, False


def refresh(case: Case, now: datetime) -> None:
    """Bring the running session's record up to `now` and note it if it says something new."""
    visit, session = case.visit, case.active
    if visit is None or session is None:
        return
    record = observed(session, visit, max(now, session.updated_at))
    before = case.known.get(session.id)
    if before is None or msgspec.structs.replace(record, updated_at=before.updated_at) != before:
        case.save(record)
    case.current = record


def refresh_upcoming(case: Case, now: datetime) -> None:
    """Move the targets of waiting sessions past the deadlines that have gone by; they are the policy's, uncapped."""
    for policy_id, session in list(case.upcoming.items()):
        since = session.updated_at
        if session.target is None or session.terms.anticipated_at is None or now < since:
            target = waiting_target(session.terms, now, None)
        else:
            target = moved_on(session.target, since, now, session.terms, charge_limit_percent=None)
        if target != session.target:
            moved = msgspec.structs.replace(session, target=target, updated_at=now)
            case.upcoming[policy_id] = moved
            case.save(moved)


def _still_in_place(case: Case) -> bool:
    """Whether the position, once known, agrees with the place the session was given at plug-in."""
    span, session = case.cutter.span, case.active
    if span is None or session is None or span.position is None:
        return True
    location = place_of(span, case.locations)
    return (location.id if location is not None else None) == session.location_id


def _let_go_of_what_is_final(moment: Moment, case: Case) -> None:
    """A visit that silence ended too long ago is closed for good: the next plugged fact opens another."""
    session = case.current
    if session is not None and session.state == SETTLED and is_final(moment, session):
        case.cutter.span, case.visit, case.current = None, None, None
