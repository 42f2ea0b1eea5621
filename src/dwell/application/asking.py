"""What a person asks of one session, noted beside its policy and brought to the session in the same transaction."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from dwell.application.case import Case, Moment
from dwell.application.places import terms_under
from dwell.application.recut import recut_from
from dwell.domain.ids import SessionId
from dwell.domain.policy.override import Override, Wanted
from dwell.domain.policy.terms import overrides_since
from dwell.domain.registry import Policy
from dwell.domain.session.record import UPCOMING, Session
from dwell.domain.session.visit import IMMEDIATE_START, waiting_target

OVERRIDES_KEPT = 1_000
"""How many overrides a policy remembers at most; older ones matter only to facts that come very late."""
SAME_INSTANT = timedelta(seconds=1)
"""Clocks are coarse: what is asked within this before the last word is asked after it."""


def moment_to_ask(moment: Moment, case: Case) -> Moment:
    """The moment, later than all that was asked before: each override has an instant of its own.

    What was asked by a clock that has been set back since then gives way instead.
    """
    said_at = max((p.overrides[-1].at if p.overrides else p.created_at for p in case.policies), default=None)
    if said_at is None or not timedelta(0) <= said_at - moment.now < SAME_INSTANT:
        return moment
    return replace(moment, now=said_at + timedelta(microseconds=1))


def unsettled(case: Case, session_id: SessionId) -> Session | None:
    """The case's session of that id while it waits or runs."""
    if case.active is not None and case.active.id == session_id:
        return case.active
    return next((session for session in case.upcoming.values() if session.id == session_id), None)


def asked_of(moment: Moment, session: Session) -> Wanted | None:
    """What a person has asked of the session and still stands."""
    at = max(moment.now, session.plugged_in_at or moment.now)
    return session.terms.override_at(at, session.plugged_in_at)


async def ask(
    moment: Moment, case: Case, session: Session, wanted: Wanted | None, *, also_next: bool = False
) -> None:
    """Have the session charge towards `wanted`, or towards its policy's target again (None), from now on.

    `also_next`: whatever visit the vehicle is next seen to be plugged in for, this one taken up again or a later one.
    """
    policy = next((known for known in case.policies if known.id == session.policy_id), None)
    waiting = also_next or session.state == UPCOMING
    if policy is None:
        return
    said_of_next = not also_next or not policy.overrides or policy.overrides[-1].waiting
    if asked_of(moment, session) == wanted and said_of_next:
        return
    # A vehicle's clock may be ahead: what is asked of a running visit is asked at its plug-in at the earliest.
    at = max(moment.now, session.plugged_in_at or moment.now)
    entry = Override(at=at, wanted=wanted, waiting=waiting)
    lasting = overrides_since(policy.overrides, moment.now - moment.rules.look_back)[-OVERRIDES_KEPT + 1 :]
    lasting = tuple(earlier for earlier in lasting if earlier.at < at)
    changed = msgspec.structs.replace(policy, overrides=(*lasting, entry))
    await moment.tx.save_policy(changed)
    case.policies = [changed if known.id == policy.id else known for known in case.policies]
    if session.state == UPCOMING:
        case.upcoming[policy.id] = under(session, changed)
        case.save(case.upcoming[policy.id])
    else:
        await tell_running(moment, case, changed, at=at)


def under(session: Session, policy: Policy) -> Session:
    """The session with all that has been said of its policy; a waiting one gets its target by the way."""
    terms = terms_under(session.terms, policy, anticipated_at=session.terms.anticipated_at)
    session = msgspec.structs.replace(session, terms=terms)
    if session.state != UPCOMING:
        return session
    at = max((session.updated_at, *(e.from_at for e in policy.agreed), *(e.at for e in policy.overrides)))
    return msgspec.structs.replace(session, target=waiting_target(terms, at, None), updated_at=at)


async def tell_running(moment: Moment, case: Case, policy: Policy, *, at: datetime) -> None:
    """Bring what was said of the policy at `at` to the visit that runs under it, and ask for a plan."""
    if case.active is None or case.visit is None:
        return
    case.current = under(case.active, policy)
    if at <= case.visit.clock_at:
        # The newest fact is as young: what was said belongs before it.
        await recut_from(moment, case, case.visit.plugged_in_at)
    case.plan_wanted = True


async def spend_boost(moment: Moment, case: Case) -> None:
    """A boost that was armed for whatever plug-in comes next is spent by the first one: the others are disarmed."""
    running = case.active
    if running is None or running.target is None or running.target.type != IMMEDIATE_START:
        return
    spent = {entry.at for entry in running.terms.overrides if entry.waiting and entry.wanted is not None}
    for session in list(case.upcoming.values()):
        if session.terms.overrides and session.terms.overrides[-1].at in spent:
            await ask(moment_to_ask(moment, case), case, session, None)
