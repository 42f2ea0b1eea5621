"""Webhooks in the in-memory store. Its outbox is a list, so a position is an index counted from 1."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

import msgspec

from dwell.adapters.storage.pages import page_by_id
from dwell.adapters.storage.webhook_shelves import WebhookShelves
from dwell.application.records import Event
from dwell.domain.ids import OrganizationId
from dwell.domain.webhooks.subscription import Attempt, Line, Queued, Webhook

K = TypeVar("K")
V = TypeVar("V")


class MemoryWebhookReader:
    """What a reader says of webhooks."""

    _hooks: WebhookShelves

    async def webhook(self, organization_id: OrganizationId, webhook_id: str) -> Webhook | None:
        return self._hooks.webhooks.get((organization_id, webhook_id))

    async def webhooks(
        self,
        organization_id: OrganizationId,
        *,
        after_id: str | None = None,
        before_id: str | None = None,
        limit: int = 50,
    ) -> list[Webhook]:
        found = (
            webhook
            for webhook in self._hooks.webhooks.values()
            if webhook.organization_id == organization_id and webhook.deleted_at is None
        )
        return page_by_id(found, after_id=after_id, before_id=before_id, limit=limit)

    async def line(self, organization_id: OrganizationId, webhook_id: str) -> Line | None:
        return self._hooks.lines.get((organization_id, webhook_id))

    async def queued(
        self, organization_id: OrganizationId, webhook_id: str, *, dead: bool, after: int = 0, limit: int
    ) -> list[Queued]:
        shelf = self._hooks.dead if dead else self._hooks.waiting
        found = shelf.get((organization_id, webhook_id), ())
        return [item for item in found if item.position > after][:limit]

    async def attempts(
        self, organization_id: OrganizationId, webhook_id: str, *, before_id: str | None, limit: int
    ) -> list[Attempt]:
        found = self._hooks.attempts.get((organization_id, webhook_id), ())
        return [one for one in reversed(found) if before_id is None or one.id < before_id][:limit]

    async def events_after(
        self, organization_id: OrganizationId, number: int, *, limit: int
    ) -> list[tuple[int, Event]]:
        numbered = self._hooks.numbered.get(organization_id, ())
        return list(enumerate(numbered[number : number + limit], start=number + 1))

    async def newest_number(self, organization_id: OrganizationId) -> int:
        return len(self._hooks.numbered.get(organization_id, ()))


class MemoryWebhookWriter(MemoryWebhookReader):
    """What a transaction does with webhooks. Every change is of whole values, so that it is undone by putting back."""

    _undo: list[Callable[[], object]]
    _events: Callable[[], list[Event]]

    async def save_webhook(self, webhook: Webhook) -> None:
        self._set(self._hooks.webhooks, (webhook.organization_id, webhook.id), webhook)

    async def save_line(self, line: Line) -> None:
        self._set(self._hooks.lines, (line.organization_id, line.webhook_id), line)

    async def due_lines(self, now: datetime, *, limit: int) -> list[Line]:
        due = [
            line
            for line in self._hooks.lines.values()
            if line.is_active and line.next_at <= now and line.leased_until <= now
        ]
        return sorted(due, key=lambda line: (line.next_at, line.organization_id, line.webhook_id))[:limit]

    async def organizations_to_route(self, *, limit: int) -> list[OrganizationId]:
        waiting = [e.organization_id for e in self._events() if e.id not in self._hooks.numbered_ids]
        return list(dict.fromkeys(waiting[:limit]))

    async def events_to_route(
        self, organization_id: OrganizationId, *, limit: int
    ) -> list[tuple[int, Event]]:
        found = [
            (position, event)
            for position, event in enumerate(self._events(), start=1)
            if event.organization_id == organization_id and event.id not in self._hooks.numbered_ids
        ]
        return found[:limit]

    async def number_events(self, organization_id: OrganizationId, *, until: int) -> None:
        waiting = await self.events_to_route(organization_id, limit=until)
        fresh = tuple(event for position, event in waiting if position <= until)
        ids = {event.id for event in fresh}
        self._hooks.numbered_ids |= ids
        self._undo.append(partial(self._hooks.numbered_ids.difference_update, ids))
        before = self._hooks.numbered.get(organization_id, ())
        self._set(self._hooks.numbered, organization_id, before + fresh)

    async def sequences(
        self, organization_id: OrganizationId, webhook_id: str, session_ids: Iterable[str]
    ) -> dict[str, int]:
        known = self._hooks.sequences.get((organization_id, webhook_id), {})
        return {name: known[name] for name in session_ids if name in known}

    async def save_sequences(
        self, organization_id: OrganizationId, webhook_id: str, last: Mapping[str, int]
    ) -> None:
        key = (organization_id, webhook_id)
        self._set(self._hooks.sequences, key, {**self._hooks.sequences.get(key, {}), **last})

    async def add_queued(
        self, organization_id: OrganizationId, items: Sequence[Queued], *, dead: bool
    ) -> None:
        shelf = self._hooks.dead if dead else self._hooks.waiting
        for item in items:
            self._hooks.position += 1
            key = (organization_id, item.webhook_id)
            placed = msgspec.structs.replace(item, position=self._hooks.position)
            self._set(shelf, key, (*shelf.get(key, ()), placed))

    async def remove_queued(self, organization_id: OrganizationId, webhook_id: str, *, last: int) -> None:
        key, shelf = (organization_id, webhook_id), self._hooks.waiting
        self._set(shelf, key, tuple(item for item in shelf.get(key, ()) if item.position > last))

    async def forget_queued(self, organization_id: OrganizationId, webhook_id: str) -> None:
        self._set(self._hooks.waiting, (organization_id, webhook_id), ())
        self._set(self._hooks.dead, (organization_id, webhook_id), ())

    async def bury(self, organization_id: OrganizationId, webhook_id: str) -> None:
        key, hooks = (organization_id, webhook_id), self._hooks
        self._set(hooks.dead, key, hooks.dead.get(key, ()) + hooks.waiting.get(key, ()))
        self._set(hooks.waiting, key, ())

    async def revive(
        self,
        organization_id: OrganizationId,
        webhook_id: str,
        window: tuple[datetime, datetime],
        *,
        limit: int,
    ) -> int:
        key, hooks = (organization_id, webhook_id), self._hooks
        low, high = window
        dead = hooks.dead.get(key, ())
        chosen = [item for item in dead if low <= item.created_at < high][:limit]
        ids = {item.position for item in chosen}
        waiting = sorted([*hooks.waiting.get(key, ()), *chosen], key=lambda item: item.position)
        self._set(hooks.waiting, key, tuple(waiting))
        self._set(hooks.dead, key, tuple(item for item in dead if item.position not in ids))
        return len(chosen)

    async def add_attempt(self, attempt: Attempt) -> None:
        key = (attempt.organization_id, attempt.webhook_id)
        self._set(self._hooks.attempts, key, (*self._hooks.attempts.get(key, ()), attempt))

    def _set(self, shelf: dict[K, V], key: K, value: V) -> None:
        before = shelf.get(key)
        self._undo.append(
            partial(shelf.pop, key) if before is None else partial(shelf.__setitem__, key, before)
        )
        shelf[key] = value
