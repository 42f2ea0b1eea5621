"""An operator's word that a suspect session counts after all."""

from __future__ import annotations

import msgspec

from dwell.application.ports import Ports, Transaction
from dwell.application.queries import NO_SESSION
from dwell.domain.errors import Conflict, NotFound
from dwell.domain.ids import OrganizationId, SessionId


async def accept_session(ports: Ports, organization_id: OrganizationId, session_id: SessionId) -> None:
    """Have the suspect session counted in sums from now on; one accepted before stays so.

    Further reasons that a later settlement finds have to be accepted, too. Raises NotFound, Conflict where nothing is
    suspect about the session.
    """
    now = ports.clock.now()

    async def work(tx: Transaction) -> None:
        session = await tx.session(organization_id, session_id)
        if session is not None:  # the track is what every other work about the vehicle holds, too
            await tx.tracks(organization_id, [session.vehicle_id])
            session = await tx.session(organization_id, session_id)
        if session is None:
            raise NotFound(NO_SESSION)
        if not session.suspect:
            raise Conflict("Nothing is suspect about this session.")
        if not session.suspect_accepted:
            accepted = msgspec.structs.replace(session, suspect_accepted=True, updated_at=now)
            await tx.save_sessions([accepted])

    await ports.store.write(work)
