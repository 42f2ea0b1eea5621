"""Webhooks in the SQL stores: the part of reader and transaction that is about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from dwell.adapters.storage import bodies, statements
from dwell.adapters.storage.dialect import Row, Rows
from dwell.application.records import Event
from dwell.domain.ids import OrganizationId
from dwell.domain.instants import instant_of, micros_of
from dwell.domain.webhooks.subscription import Attempt, Line, Queued, Webhook

_BEYOND_ALL_IDS = "~"


class SqlWebhookReader:
    """What a reader says of webhooks."""

    _rows: Rows

    async def webhook(self, organization_id: OrganizationId, webhook_id: str) -> Webhook | None:
        found = await self._rows.all(statements.WEBHOOK, organization_id=organization_id, id=webhook_id)
        return bodies.decode_webhook(found[0][0]) if found else None

    async def webhooks(
        self,
        organization_id: OrganizationId,
        *,
        after_id: str | None = None,
        before_id: str | None = None,
        limit: int = 50,
    ) -> list[Webhook]:
        values = {"after_id": after_id, "before_id": before_id}
        given = {name: value for name, value in values.items() if value is not None}
        statement = statements.list_of("webhooks", frozenset(given))
        found = await self._rows.all(statement, organization_id=organization_id, limit=limit, **given)
        return [bodies.decode_webhook(body) for (body,) in found]

    async def line(self, organization_id: OrganizationId, webhook_id: str) -> Line | None:
        return await self._line(statements.LINE_SEEN, organization_id, webhook_id)

    async def _line(self, statement: str, organization_id: OrganizationId, webhook_id: str) -> Line | None:
        found = await self._rows.all(statement, organization_id=organization_id, webhook_id=webhook_id)
        return bodies.decode_line(found[0][0]) if found else None

    async def queued(
        self, organization_id: OrganizationId, webhook_id: str, *, dead: bool, after: int = 0, limit: int
    ) -> list[Queued]:
        found = await self._rows.all(
            statements.QUEUED,
            organization_id=organization_id,
            webhook_id=webhook_id,
            dead=int(dead),
            after=after,
            limit=limit,
        )
        return [
            Queued(
                position=position,
                webhook_id=webhook_id,
                session_id=session_id,
                event_id=event_id,
                sequence=sequence,
                created_at=instant_of(created_at),
                payload=bytes(payload),
            )
            for position, session_id, event_id, sequence, created_at, payload in found
        ]

    async def attempts(
        self, organization_id: OrganizationId, webhook_id: str, *, before_id: str | None, limit: int
    ) -> list[Attempt]:
        found = await self._rows.all(
            statements.ATTEMPTS,
            organization_id=organization_id,
            webhook_id=webhook_id,
            before_id=before_id or _BEYOND_ALL_IDS,
            limit=limit,
        )
        return [bodies.decode_attempt(body) for (body,) in found]

    async def events_after(
        self, organization_id: OrganizationId, number: int, *, limit: int
    ) -> list[tuple[int, Event]]:
        found = await self._rows.all(
            statements.EVENTS_AFTER, organization_id=organization_id, number=number, limit=limit
        )
        return [(sequence, bodies.decode_event(body)) for sequence, body in found]

    async def newest_number(self, organization_id: OrganizationId) -> int:
        found = await self._rows.all(statements.LAST_NUMBER_SEEN, organization_id=organization_id)
        return int(found[0][0]) if found else 0


class SqlWebhookWriter(SqlWebhookReader):
    """What a transaction does with webhooks."""

    async def line(self, organization_id: OrganizationId, webhook_id: str) -> Line | None:
        return await self._line(statements.LINE, organization_id, webhook_id)

    async def save_webhook(self, webhook: Webhook) -> None:
        deleted = int(webhook.deleted_at is not None)
        row = (webhook.organization_id, webhook.id, deleted, bodies.encode(webhook))
        await self._rows.put(statements.SAVE_WEBHOOK, [row])

    async def save_line(self, line: Line) -> None:
        next_at = micros_of(line.next_at) if line.is_active else None
        key = (line.organization_id, line.webhook_id)
        row = (*key, next_at, micros_of(line.leased_until), bodies.encode(line))
        await self._rows.put(statements.SAVE_LINE, [row])

    async def due_lines(self, now: datetime, *, limit: int) -> list[Line]:
        found = await self._rows.all(statements.DUE_LINES, now=micros_of(now), limit=limit)
        return [bodies.decode_line(body) for (body,) in found]

    async def organizations_to_route(self, *, limit: int) -> list[OrganizationId]:
        found = await self._rows.all(statements.ORGANIZATIONS_TO_ROUTE, after=0, limit=limit)
        return [OrganizationId(name) for name in dict.fromkeys(name for (name,) in found)]

    async def events_to_route(
        self, organization_id: OrganizationId, *, limit: int
    ) -> list[tuple[int, Event]]:
        found = await self._rows.all(statements.EVENTS_TO_ROUTE, organization_id=organization_id, limit=limit)
        return [(position, bodies.decode_event(body)) for position, body in found]

    async def number_events(self, organization_id: OrganizationId, *, until: int) -> None:
        found = await self._rows.all(statements.LAST_NUMBER, organization_id=organization_id)
        last = int(found[0][0]) if found else 0
        numbered = await self._rows.all(
            statements.NUMBER_EVENTS, organization_id=organization_id, last=last, until=until
        )
        await self._rows.put(statements.SAVE_LAST_NUMBER, [(organization_id, last + len(numbered))])

    async def sequences(
        self, organization_id: OrganizationId, webhook_id: str, session_ids: Iterable[str]
    ) -> dict[str, int]:
        ids = list(session_ids)
        found = await self._rows.all(
            statements.SEQUENCES, organization_id=organization_id, webhook_id=webhook_id, ids=ids
        )
        return {session_id: int(last) for session_id, last in found}

    async def save_sequences(
        self, organization_id: OrganizationId, webhook_id: str, last: Mapping[str, int]
    ) -> None:
        rows: list[Row] = [(organization_id, webhook_id, name, number) for name, number in last.items()]
        await self._rows.put(statements.SAVE_SEQUENCE, rows)

    async def add_queued(
        self, organization_id: OrganizationId, items: Sequence[Queued], *, dead: bool
    ) -> None:
        rows: list[Row] = [
            (
                organization_id,
                item.webhook_id,
                int(dead),
                item.session_id,
                item.event_id,
                item.sequence,
                micros_of(item.created_at),
                item.payload,
            )
            for item in items
        ]
        await self._rows.put(statements.ADD_QUEUED, rows)

    async def remove_queued(self, organization_id: OrganizationId, webhook_id: str, *, last: int) -> None:
        await self._rows.run(
            statements.REMOVE_QUEUED, organization_id=organization_id, webhook_id=webhook_id, last=last
        )

    async def forget_queued(self, organization_id: OrganizationId, webhook_id: str) -> None:
        await self._rows.run(statements.FORGET_QUEUED, organization_id=organization_id, webhook_id=webhook_id)

    async def bury(self, organization_id: OrganizationId, webhook_id: str) -> None:
        await self._rows.run(statements.BURY, organization_id=organization_id, webhook_id=webhook_id)

    async def revive(
        self,
        organization_id: OrganizationId,
        webhook_id: str,
        window: tuple[datetime, datetime],
        *,
        limit: int,
    ) -> int:
        found = await self._rows.all(
            statements.REVIVE,
            organization_id=organization_id,
            webhook_id=webhook_id,
            start_at=micros_of(window[0]),
            end_at=micros_of(window[1]),
            limit=limit,
        )
        return len(found)

    async def add_attempt(self, attempt: Attempt) -> None:
        row = (
            attempt.organization_id,
            attempt.webhook_id,
            attempt.id,
            micros_of(attempt.at),
            bodies.encode(attempt),
        )
        await self._rows.put(statements.ADD_ATTEMPT, [row])
