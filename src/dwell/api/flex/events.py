"""Events as receivers of the Flex dialect are told of them."""

from __future__ import annotations

import msgspec

from dwell.api.flex import schemas
from dwell.api.flex.mapping import session_of
from dwell.application.records import Event
from dwell.domain.instants import write_instant
from dwell.domain.session.record import SETTLED
from dwell.domain.webhooks.subscription import SESSION_UPDATED, SESSION_WITHDRAWN

_encode = msgspec.json.Encoder(decimal_format="number").encode


class SessionEvent(schemas.Struct, frozen=True, kw_only=True):
    """A change of a session, with the whole session as it then was."""

    id: str
    event: str
    user_id: str
    created_at: schemas.At
    session: schemas.Session


def render_event(event: Event, user_reference: str) -> tuple[str, bytes] | None:
    """Name and JSON of the event; None for an unmanaged visit that is not settled, of which Flex knows nothing."""
    session = event.session
    if session.policy_id is None and session.state != SETTLED:
        return None
    name = SESSION_WITHDRAWN if event.withdrawn else SESSION_UPDATED
    shown = SessionEvent(
        id=event.id,
        event=name,
        user_id=user_reference,
        created_at=write_instant(event.created_at.replace(microsecond=0)),
        session=session_of(session, event.created_at),
    )
    return name, _encode(shown)
