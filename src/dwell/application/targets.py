"""A person overrides the target of one session that waits or runs, and takes the override back."""

from __future__ import annotations

from dwell.application.asking import ask, asked_of, moment_to_ask, unsettled
from dwell.application.case import Case, Moment
from dwell.application.controls import case_now, take_effect
from dwell.application.ports import Ports, Transaction
from dwell.application.queries import NO_SESSION, CurrentSession
from dwell.domain.errors import Conflict, NotFound, Refused
from dwell.domain.ids import OrganizationId, SessionId
from dwell.domain.policy.override import Wanted, faults_of
from dwell.domain.session.record import SETTLED, Session

SESSION_SETTLED = "session_settled"


async def override_target(
    ports: Ports, organization_id: OrganizationId, session_id: SessionId, wanted: Wanted
) -> CurrentSession:
    """Have the session charge towards `wanted` in place of its policy's target; a new revision takes effect at once.

    Raises NotFound, Conflict for a settled session, Refused with every fault. The same override again changes nothing.
    """
    return await _change_target(ports, organization_id, session_id, wanted)


async def remove_override(
    ports: Ports, organization_id: OrganizationId, session_id: SessionId
) -> CurrentSession:
    """Return the session to its policy's target; nothing happens where there is no override.

    Raises NotFound, and Conflict for a settled session.
    """
    return await _change_target(ports, organization_id, session_id, None)


async def _change_target(
    ports: Ports, organization_id: OrganizationId, session_id: SessionId, wanted: Wanted | None
) -> CurrentSession:
    now = ports.clock.now()

    async def work(tx: Transaction) -> CurrentSession:
        moment = Moment.of(ports, tx, now)
        case, session = await _session_case(moment, organization_id, session_id)
        faults = faults_of(wanted, now) if wanted is not None else ()
        if faults:
            raise Refused.because(*faults)
        moment = moment_to_ask(moment, case)
        if asked_of(moment, session) != wanted:
            await ask(moment, case, session, wanted)
            await take_effect(moment, case)
            session = unsettled(case, session_id) or session
        return CurrentSession(session=session, charge_limit_percent=case.seen.charge_limit_percent)

    return await ports.store.write(work)


async def _session_case(
    moment: Moment, organization_id: OrganizationId, session_id: SessionId
) -> tuple[Case, Session]:
    known = await moment.tx.session(organization_id, session_id)
    if known is None or (known.state != SETTLED and not known.managed):
        raise NotFound(NO_SESSION)
    if known.state != SETTLED:
        case = await case_now(moment, organization_id, known.vehicle_id)
        session = unsettled(case, session_id)
        if session is not None:
            return case, session
    raise Conflict("The session is settled: its target cannot change any more.", code=SESSION_SETTLED)
