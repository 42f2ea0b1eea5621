"""A subscription, its line, and what waits in it.

The subscription is what the organization says; the line is how delivery to it stands. They are apart, because people
change the one and workers the other. Secrets are sealed: only a holder of the key outside the database can read them.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from dwell.domain.ids import OrganizationId

SESSION_UPDATED = "flex:session:updated"
SESSION_WITHDRAWN = "flex:session:withdrawn"
HEARTBEAT = "system:heartbeat"
ALL_EVENTS = "*"
EVENT_NAMES = (SESSION_UPDATED, SESSION_WITHDRAWN, HEARTBEAT)


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """An address that wants to be told, and of what. `secret` and `header_value` are sealed."""

    organization_id: OrganizationId
    id: str
    url: str
    events: tuple[str, ...]
    secret: bytes
    header_name: str | None = None
    header_value: bytes | None = None
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None

    def wants(self, event: str) -> bool:
        """Whether it subscribed to events of this name."""
        return ALL_EVENTS in self.events or event in self.events


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """How delivery to one webhook stands.

    `pending` counts what waits; `attempt` the failed tries at what waits first, since `failing_since`. `next_at` is
    when to look at it; a worker that does so holds it by `holder` until `leased_until`, and what others do then is
    void.
    """

    organization_id: OrganizationId
    webhook_id: str
    is_active: bool = True
    pending: int = 0
    attempt: int = 0
    failing_since: datetime | None = None
    next_at: datetime
    holder: str = ""
    leased_until: datetime
    heartbeat_at: datetime
    last_success_at: datetime | None = None


class Queued(msgspec.Struct, frozen=True, kw_only=True):
    """An event that waits in a line: its place, its stable id, its number within session and line, its JSON."""

    position: int = 0
    webhook_id: str
    session_id: str
    event_id: str
    sequence: int
    created_at: datetime
    payload: bytes

    @property
    def body(self) -> bytes:
        """The event as it is sent: the payload, with its number."""
        return b'{"sequence":%d,%b' % (self.sequence, self.payload[1:])


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery that was tried: what it held, what came back (status None: nothing did) and after how long."""

    organization_id: OrganizationId
    webhook_id: str
    id: str
    at: datetime
    number: int
    status: int | None
    fault: str | None
    duration_ms: int
    answer: str
    events: tuple[tuple[str, str, int], ...]
    """Event id, session id and sequence of each."""
