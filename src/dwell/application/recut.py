"""The long way: a late fact, or a place learned late, sends a stretch of a vehicle's life through the cutter again.

Visits are cut from the whole set of facts, from the visit before the earliest change on. A session that exists belongs
to the visit in whose time it began; the first of a visit keeps its id, others have been joined into it and are
withdrawn, and a visit without one gets a new session. What was settled too long ago is left as it is.

Of a long life only a stretch is cut: up to a visit that begins where one has begun before. From there on the cutter is
in the state in which it was, so the rest is as it is.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from dwell.application.case import Case, Moment
from dwell.application.places import anticipated_since, place_of, terms_of, terms_under, terms_with
from dwell.application.visits import anticipate, end_by_time, is_final, new_session, reopened, settle
from dwell.domain.ids import PolicyId
from dwell.domain.policy.terms import VisitTerms
from dwell.domain.registry import Location, Policy
from dwell.domain.session.cut import CARRY, Cutter, End, Span, ended_by
from dwell.domain.session.facts import Fact, in_order
from dwell.domain.session.record import ACTIVE, SETTLED, Session
from dwell.domain.session.rules import Rules
from dwell.domain.session.track import seen_after
from dwell.domain.session.visit import Visit, begin, step

MEET_AFTER = 3
"""The visit at which a stretch should meet what is known: so many begin after a late fact until then."""


@dataclass(slots=True)
class Piece:
    """One visit found by the cut: its span as the cutter left it, its facts, its end (None while it is open)."""

    span: Span
    facts: list[Fact]
    end: End | None = None
    sessions: list[Session] = field(default_factory=list)

    @property
    def session(self) -> Session | None:
        """The session that keeps its id."""
        return self.sessions[0] if self.sessions else None


@dataclass(slots=True)
class Neighbourhood:
    """What a late fact may touch: where it begins, the sessions from there on, and how each policy's last one ended.

    `meet_at` is where a known visit begins at which it may end; None for all that came after.
    """

    begin_at: datetime
    sessions: list[Session]
    ended_at: dict[PolicyId, datetime]
    meet_at: datetime | None = None

    @property
    def facts_from_at(self) -> datetime:
        """From where facts are needed: a position a little older still tells where a plug-in happened."""
        return self.begin_at - CARRY


async def neighbourhoods(
    moment: Moment, case: Case, instants: Sequence[datetime], *, whole: bool = False
) -> list[Neighbourhood]:
    """What changes at `instants`, ascending, may touch: the two visits that began last before each, and some after.

    They do not overlap. The last one holds all that came after where that is little, or something is held apart.
    """
    found = await moment.tx.sessions_of_vehicle(
        case.organization_id, case.vehicle.id, since=instants[0] - moment.rules.look_back
    )
    case.know(found)
    sessions = [(s.plugged_in_at, s) for s in found if s.plugged_in_at is not None]
    sessions.sort(key=lambda entry: (entry[0], entry[1].id))
    starts = [at for at, _ in sessions]
    bounds: list[tuple[datetime, datetime | None]] = []
    for at in instants:
        before = bisect_right(starts, at)
        begin_at = starts[max(0, before - 2)] if before else at
        after = bisect_right(starts, at + CARRY) + MEET_AFTER - 1
        open_ended = whole or case.held_from_at is not None or after >= len(starts)
        meet_at = None if open_ended else starts[after]
        if bounds and (bounds[-1][1] is None or begin_at < bounds[-1][1]):
            bounds[-1] = (bounds[-1][0], meet_at)
        else:
            bounds.append((begin_at, meet_at))
    around = []
    for begin_at, meet_at in bounds:
        first = bisect_left(starts, begin_at)
        last = len(starts) if meet_at is None else bisect_left(starts, meet_at)
        ended_at = _ends([session for _, session in sessions[:first]])
        around.append(Neighbourhood(begin_at, [s for _, s in sessions[first:last]], ended_at, meet_at))
    return around


def _ends(sessions: Sequence[Session]) -> dict[PolicyId, datetime]:
    """When each policy's last one of the sessions, which are in order, ended."""
    return {s.policy_id: s.ended_at for s in sessions if s.policy_id is not None and s.ended_at is not None}


async def recut(
    moment: Moment, case: Case, facts: Sequence[Fact], around: Neighbourhood, *, with_final: bool = False
) -> None:
    """Rework every session of the neighbourhood; `facts` are all of the vehicle's from `facts_from_at` on.

    Sessions settled too long ago stay as they are, save `with_final`: where no fact is new, only prices can be.
    """
    case.cutter, pieces = _cut(facts, around.begin_at, moment.rules)
    case.visit, case.current = None, None
    pieces, case.held_from_at = _held_apart(moment, case, pieces, around.sessions)
    await _rework_all(moment, case, pieces, around, with_final=with_final)
    _see(case, facts, moment.now)
    _restore_anticipation(moment, case, around)
    await end_by_time(moment, case)
    await _pack(moment, case, pieces)


async def recut_stretch(moment: Moment, case: Case, facts: Sequence[Fact], around: Neighbourhood) -> bool:
    """Rework the neighbourhood up to where it meets what is known; `facts` are all up to that instant.

    False where the two do not meet: then the case is spoilt, and all that came after is to be reworked.
    """
    _, pieces = _cut(facts, around.begin_at, moment.rules)
    if not pieces or pieces[-1].facts[0].at != around.meet_at:
        return False
    pieces.pop()
    expected = around.ended_at | _ends(around.sessions)
    await _rework_all(moment, case, pieces, around, with_final=False)
    if around.ended_at != expected:  # the next visit of some policy began to wait at another instant
        return False
    await _pack(moment, case, pieces)
    return True


async def recut_from(moment: Moment, case: Case, since: datetime, *, with_final: bool = True) -> None:
    """Rework the sessions from around `since` on by the facts that are stored, also those final to new facts."""
    [around] = await neighbourhoods(moment, case, [since], whole=True)
    known = await moment.tx.facts(case.organization_id, case.vehicle.id, since=around.facts_from_at)
    await recut(moment, case, [stored.fact for stored in known], around, with_final=with_final)


async def _rework_all(
    moment: Moment, case: Case, pieces: list[Piece], around: Neighbourhood, *, with_final: bool
) -> None:
    _assign(pieces, around.sessions)
    for piece in pieces:
        session = piece.session
        if session is not None and is_final(moment, session) and not with_final:
            if session.policy_id is not None and session.ended_at is not None:
                around.ended_at[session.policy_id] = session.ended_at
        else:
            await _rework(moment, case, piece, around)
    kept = {piece.session.id for piece in pieces if piece.session is not None}
    for session in around.sessions:
        if session.id not in kept and not is_final(moment, session):
            case.withdraw(session)


async def _pack(moment: Moment, case: Case, pieces: list[Piece]) -> None:
    over = [piece.end.at for piece in pieces if piece.end is not None]
    if over:
        await moment.tx.pack_facts(case.organization_id, case.vehicle.id, until=over[-1])


def _cut(facts: Sequence[Fact], begin_at: datetime, rules: Rules) -> tuple[Cutter, list[Piece]]:
    """The visits from `begin_at` on; facts before it only tell where the vehicle last was."""
    cutter, pieces = Cutter(), list[Piece]()
    for fact in in_order(facts):
        if fact.at < begin_at:
            cutter.remember(fact)
            continue
        before = cutter.span
        ended, inside = cutter.take(fact, rules)
        if ended is not None:
            pieces[-1].end = ended
        if not inside or cutter.span is None:
            continue
        if cutter.span is before:
            pieces[-1].facts.append(fact)
        else:
            pieces.append(Piece(cutter.span, [fact]))
    return cutter, pieces


def _held_apart(
    moment: Moment, case: Case, pieces: list[Piece], sessions: list[Session]
) -> tuple[list[Piece], datetime | None]:
    """Keep a session that ended by an observed plug-out out of a visit that still runs: it never runs again.

    Once the running visit is over, the whole set of facts joins the two: the second answer is from where on.
    """
    running = pieces[-1] if pieces and pieces[-1].end is None else None
    if running is None:
        return pieces, None
    first_at, last_at = running.facts[0].at, running.facts[-1].at
    ends = [s.plugged_out_at for s in sessions if s.state == SETTLED and s.plugged_out_at is not None]
    within = [at for at in ends if first_at < at < last_at]
    if not within or _is_over(moment, case, running):
        return pieces, None
    barrier = max(within)
    before = [fact for fact in running.facts if fact.at <= barrier]
    after = [fact for fact in running.facts if fact.at > barrier]
    span = msgspec.structs.replace(running.span)
    running.span.plugged_in_at = after[0].at
    running.facts = after
    return [*pieces[:-1], Piece(span, before, End(barrier, observed=True)), running], first_at


def _is_over(moment: Moment, case: Case, piece: Piece) -> bool:
    """Whether time has ended the visit, by a plug-out or by silence."""
    location = place_of(piece.span, case.locations)
    terms = terms_of(case.vehicle, location, case.policy_at(location), anticipated_at=None)
    target = fold(piece.facts, terms).target
    deadline = target.ready_by if target is not None else None
    return ended_by(piece.span, moment.now, deadline, moment.rules) is not None


def _assign(pieces: list[Piece], sessions: list[Session]) -> None:
    """Give each session to the visit in whose time it began; one that began before all goes to the first."""
    starts = [piece.facts[0].at for piece in pieces]
    for session in sorted(sessions, key=lambda s: (s.plugged_in_at is None, s.plugged_in_at, s.id)):
        began = bisect_right(starts, session.plugged_in_at) if session.plugged_in_at is not None else 0
        if not pieces:
            continue
        piece = pieces[max(0, began - 1)]
        if piece.end is None or session.plugged_in_at is None or session.plugged_in_at <= piece.end.at:
            piece.sessions.append(session)


async def _rework(moment: Moment, case: Case, piece: Piece, around: Neighbourhood) -> None:
    """Bring the piece's session to what its facts say."""
    location, policy = _place(case, piece)
    session = _session(moment, case, piece, policy)
    policy_id = policy.id if policy is not None else _lasting_policy(session, location)
    since = session.terms.anticipated_at
    if policy is not None:
        since = _anticipated(policy, session, around)
    session = msgspec.structs.replace(
        session,
        policy_id=policy_id,
        location_id=location.id if location is not None else None,
        terms=_terms(case, session, location, policy, since=since),
        at_home=location is not None,
    )
    visit = fold(piece.facts, session.terms)
    if piece.end is None:
        _run(moment, case, session, visit)
        return
    record = await settle(moment, case, session, visit, end=piece.end)
    if record.policy_id is not None:
        around.ended_at[record.policy_id] = piece.end.at


def _anticipated(policy: Policy, session: Session | None, around: Neighbourhood) -> datetime:
    """Since when the policy's session had waited: what lies before the neighbourhood is as it was."""
    if policy.id in around.ended_at:
        return anticipated_since(policy, around.ended_at[policy.id])
    before = session.terms.anticipated_at if session is not None else None
    return before if before is not None and before < around.begin_at else policy.created_at


def fold(facts: Sequence[Fact], terms: VisitTerms) -> Visit:
    """The visit that the facts (in order, merged) make under the terms."""
    visit = begin(facts[0], terms)
    for fact in facts[1:]:
        step(visit, fact, terms)
    return visit


def _place(case: Case, piece: Piece) -> tuple[Location | None, Policy | None]:
    """Where the visit is, and the policy that rules it; one settled without a policy stays without."""
    known = piece.session
    location = place_of(piece.span, case.locations)
    if location is None and known is not None and piece.span.position is None:
        # Of several locations nothing tells which: the session stays where it was, when there was but one.
        location = next((place for place in case.locations if place.id == known.location_id), None)
    was_unmanaged = known is not None and known.state == SETTLED and not known.managed
    same_place = known is not None and location is not None and known.location_id == location.id
    return location, None if was_unmanaged and same_place else case.policy_at(location)


def _lasting_policy(session: Session, location: Location | None) -> PolicyId | None:
    """A session settled under a policy that was deleted since keeps it while its place is the same."""
    same_place = session.location_id == (location.id if location is not None else None)
    return session.policy_id if session.state == SETTLED and same_place else None


def _session(moment: Moment, case: Case, piece: Piece, policy: Policy | None) -> Session:
    """The session to rework: the piece's own, or the policy's waiting one for a running visit, or a new one."""
    known = piece.session
    if piece.end is None and policy is not None and (known is None or known.policy_id != policy.id):
        waiting = case.upcoming.pop(policy.id, None)
        if waiting is not None:
            piece.sessions.insert(0, waiting)
            return waiting
    if known is None:
        known = new_session(moment, case, ACTIVE, terms_of(case.vehicle, None, None, anticipated_at=None))
        piece.sessions.append(known)
    return known


def _terms(
    case: Case, session: Session, location: Location | None, policy: Policy | None, *, since: datetime | None
) -> VisitTerms:
    """The session's own terms while place and policy are the same, else fresh ones."""
    same_place = session.location_id == (location.id if location is not None else None)
    same_policy = policy is None or session.policy_id == policy.id
    if session.plugged_in_at is not None and same_place and same_policy:
        terms = session.terms if session.state == SETTLED else terms_with(session.terms, case.vehicle)
        if policy is not None:
            return terms_under(terms, policy, anticipated_at=since)
        return msgspec.structs.replace(terms, anticipated_at=since if session.managed else None)
    return terms_of(case.vehicle, location, policy, anticipated_at=since)


def _run(moment: Moment, case: Case, session: Session, visit: Visit) -> None:
    """Make the session the running one."""
    if session.state == SETTLED:
        session = reopened(moment, case, session)
    case.visit = visit
    case.current = msgspec.structs.replace(session, state=ACTIVE, plugged_in_at=visit.plugged_in_at)


def _restore_anticipation(moment: Moment, case: Case, around: Neighbourhood) -> None:
    """One unsettled session for every policy: the running one, or an UPCOMING one that waits since the last end."""
    running = case.active.policy_id if case.active is not None else None
    for policy in case.policies:
        waiting = case.upcoming.get(policy.id)
        if policy.id == running:
            if waiting is not None:
                case.withdraw(case.upcoming.pop(policy.id))
            continue
        if waiting is None:
            anticipate(moment, case, policy, previous_end_at=around.ended_at.get(policy.id))
        else:
            since = _anticipated(policy, waiting, around)
            if since != waiting.terms.anticipated_at:
                terms = msgspec.structs.replace(waiting.terms, anticipated_at=since)
                case.upcoming[policy.id] = msgspec.structs.replace(waiting, terms=terms)
                case.save(case.upcoming[policy.id])


def _see(case: Case, facts: Sequence[Fact], now: datetime) -> None:
    """Bring the last known state up to the newest facts; older ones say nothing new about the present."""
    for fact in in_order(facts):
        if case.newest_at is None or fact.at > case.newest_at:
            case.seen = seen_after(case.seen, fact, now)
            case.newest_at = fact.at
