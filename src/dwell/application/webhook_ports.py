"""What the use cases of webhooks need of the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from dwell.application.records import Event
from dwell.domain.ids import OrganizationId
from dwell.domain.webhooks.subscription import Attempt, Line, Queued, Webhook


class WebhookReader(Protocol):
    """What can be read of webhooks."""

    async def webhook(self, organization_id: OrganizationId, webhook_id: str) -> Webhook | None:
        """Also a deleted one: `deleted_at` tells."""
        ...

    async def webhooks(
        self,
        organization_id: OrganizationId,
        *,
        after_id: str | None = None,
        before_id: str | None = None,
        limit: int = 50,
    ) -> list[Webhook]:
        """Not deleted, ascending by id (descending when `before_id` is given)."""
        ...

    async def line(self, organization_id: OrganizationId, webhook_id: str) -> Line | None:
        """Locked for the transaction, if this is one, where the store knows locks."""
        ...

    async def queued(
        self, organization_id: OrganizationId, webhook_id: str, *, dead: bool, after: int = 0, limit: int
    ) -> list[Queued]:
        """What waits in the line, or lies in its dead letters, in order, from beyond the position `after`."""
        ...

    async def attempts(
        self, organization_id: OrganizationId, webhook_id: str, *, before_id: str | None, limit: int
    ) -> list[Attempt]:
        """The newest first."""
        ...

    async def events_after(
        self, organization_id: OrganizationId, number: int, *, limit: int
    ) -> list[tuple[int, Event]]:
        """Numbered events with a greater number, ascending. Numbers follow the order of commits, without gaps."""
        ...

    async def newest_number(self, organization_id: OrganizationId) -> int:
        """The number of the organization's newest numbered event, 0 without any."""
        ...


class WebhookWriter(Protocol):
    """What can be written of webhooks."""

    async def save_webhook(self, webhook: Webhook) -> None: ...

    async def save_line(self, line: Line) -> None: ...

    async def due_lines(self, now: datetime, *, limit: int) -> list[Line]:
        """Active lines of any organization that are due and held by nobody; locked, those locked elsewhere left out."""
        ...

    async def organizations_to_route(self, *, limit: int) -> list[OrganizationId]:
        """Organizations of the oldest `limit` events that are not numbered yet."""
        ...

    async def events_to_route(
        self, organization_id: OrganizationId, *, limit: int
    ) -> list[tuple[int, Event]]:
        """Those events with their positions, in order."""

    async def number_events(self, organization_id: OrganizationId, *, until: int) -> None:
        """Give the events up to this position that have none the organization's next numbers, in their order.

        Two transactions that do so side by side are a lost race for one of them.
        """

    async def sequences(
        self, organization_id: OrganizationId, webhook_id: str, session_ids: Iterable[str]
    ) -> dict[str, int]:
        """The last number given within the line to each session that has one."""

    async def save_sequences(
        self, organization_id: OrganizationId, webhook_id: str, last: Mapping[str, int]
    ) -> None: ...

    async def add_queued(
        self, organization_id: OrganizationId, items: Sequence[Queued], *, dead: bool
    ) -> None: ...

    async def remove_queued(self, organization_id: OrganizationId, webhook_id: str, *, last: int) -> None:
        """What waits in the line up to and including the position `last` has been delivered."""

    async def forget_queued(self, organization_id: OrganizationId, webhook_id: str) -> None:
        """All that waits in the line, and its dead letters, are let go."""

    async def bury(self, organization_id: OrganizationId, webhook_id: str) -> None:
        """All that waits in the line becomes dead letters."""

    async def revive(
        self,
        organization_id: OrganizationId,
        webhook_id: str,
        window: tuple[datetime, datetime],
        *,
        limit: int,
    ) -> int:
        """The line's dead letters of events within the window wait again. Returns how many."""

    async def add_attempt(self, attempt: Attempt) -> None: ...
