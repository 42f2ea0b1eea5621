"""From committed events to receivers: events are put into lines, lines are claimed, tries are recorded.

Each step is one transaction, and nothing waits for a receiver within one. A line is held by one worker at a time, and
its head goes out before what is behind it: so the events of a session arrive in order. A worker that dies after a try
and before its record leaves the line to whoever finds the lease over; the same events go out again, with the same ids.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from dwell.application.ports import Ports, Reader, Transaction
from dwell.application.records import Event
from dwell.domain.errors import NotFound
from dwell.domain.ids import OrganizationId, UserId
from dwell.domain.instants import write_instant
from dwell.domain.webhooks.schedule import (
    BATCH_BYTES,
    BATCH_EVENTS,
    HEARTBEAT_EVERY,
    Answered,
    wait_after,
)
from dwell.domain.webhooks.subscription import HEARTBEAT, Attempt, Line, Queued, Webhook

ROUTED_AT_ONCE = 250
LOOKED_THROUGH = 1_000
"""So many of the oldest events tell whose are routed next."""
WEBHOOKS_AT_MOST = 1_000
"""Of one organization; registration refuses more."""
COALESCE = timedelta(seconds=1)
"""So long an event that changes neither state, target nor error waits for its successor, which may take its place."""
LEASE = timedelta(seconds=10)
"""Twice the longest delivery; whoever holds a line longer is taken for dead."""
ANSWER_KEPT = 2_048

Render = Callable[[Event, str], tuple[str, bytes] | None]
"""Name and JSON object of an event of the user with that reference, without its number; None where nobody is told."""


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed line with what goes out now."""

    webhook: Webhook
    line: Line
    items: tuple[Queued, ...]
    heartbeat: bool
    at: datetime

    @property
    def body(self) -> bytes:
        """The JSON list that is sent."""
        parts = [item.body for item in self.items]
        if self.heartbeat:
            parts.append(_heartbeat(self))
        return b"[" + b",".join(parts) + b"]"


async def route(ports: Ports, render: Render) -> int:
    """Put what was committed into the lines of those who want it. Returns how many events were taken up."""
    organizations = await ports.store.write(lambda tx: tx.organizations_to_route(limit=LOOKED_THROUGH))
    now, routed = ports.clock.now(), 0
    for organization_id in organizations:
        routed += await ports.store.write(_routing(organization_id, render, now))
    return routed


def _routing(
    organization_id: OrganizationId, render: Render, now: datetime
) -> Callable[[Transaction], Awaitable[int]]:
    async def work(tx: Transaction) -> int:
        found = await tx.events_to_route(organization_id, limit=ROUTED_AT_ONCE)
        if not found or not _is_due([event for _, event in found], now):
            return 0
        told = await _lines_of(tx, organization_id, [event for _, event in found], render)
        for webhook, items in told:
            await _put_into_line(tx, webhook, items, now)
        await tx.number_events(organization_id, until=found[-1][0])
        return len(found)

    return work


def _is_due(events: Sequence[Event], now: datetime) -> bool:
    return any(event.significant or event.created_at <= now - COALESCE for event in events)


async def _lines_of(
    tx: Transaction, organization_id: OrganizationId, events: Sequence[Event], render: Render
) -> list[tuple[Webhook, list[Queued]]]:
    """For each webhook what it is to be told, not numbered yet."""
    webhooks = await tx.webhooks(organization_id, limit=WEBHOOKS_AT_MOST)
    found: list[tuple[Webhook, list[Queued]]] = [(webhook, []) for webhook in webhooks]
    references = dict[UserId, str]()
    for event in events if webhooks else ():
        user_id = event.session.user_id
        if user_id not in references:
            user = await tx.user(organization_id, user_id)
            references[user_id] = user.reference if user is not None else ""
        rendered = render(event, references[user_id])
        if rendered is None:
            continue
        for webhook, items in found:
            if webhook.wants(rendered[0]) and event.created_at >= webhook.created_at:
                item = Queued(
                    webhook_id=webhook.id,
                    session_id=event.session.id,
                    event_id=event.id,
                    sequence=0,
                    created_at=event.created_at,
                    payload=rendered[1],
                )
                items.append(item)
    return [(webhook, items) for webhook, items in found if items]


async def _put_into_line(tx: Transaction, webhook: Webhook, items: list[Queued], now: datetime) -> None:
    organization_id = webhook.organization_id
    line = await tx.line(organization_id, webhook.id)
    if line is None:
        return
    last = await tx.sequences(organization_id, webhook.id, {item.session_id for item in items})
    numbered = []
    for item in items:
        last[item.session_id] = last.get(item.session_id, 0) + 1
        numbered.append(msgspec.structs.replace(item, sequence=last[item.session_id]))
    await tx.save_sequences(organization_id, webhook.id, last)
    await tx.add_queued(organization_id, numbered, dead=not line.is_active)
    if line.is_active:
        # A line that waits for a later try keeps its time; this row is written all the same, so that whoever
        # finds the line empty at this moment loses the race and looks again.
        next_at = line.next_at if line.attempt else min(line.next_at, now)
        await tx.save_line(msgspec.structs.replace(line, pending=line.pending + len(items), next_at=next_at))


async def claim(ports: Ports, holder: str, *, limit: int) -> list[Job]:
    """Take up to `limit` lines that are due, for `holder` alone until the lease is over.

    Each claim has a name of its own: the same worker may come back to a line while its last try is still under way.
    """
    now = ports.clock.now()
    claim_name = f"{holder}:{ports.ids.new_id()}"

    async def work(tx: Transaction) -> list[Job]:
        jobs = [await _claimed(tx, line, claim_name, now) for line in await tx.due_lines(now, limit=limit)]
        return [job for job in jobs if job is not None]

    return await ports.store.write(work)


async def _claimed(tx: Transaction, line: Line, holder: str, now: datetime) -> Job | None:
    webhook = await tx.webhook(line.organization_id, line.webhook_id)
    if webhook is None or webhook.deleted_at is not None:
        await tx.save_line(msgspec.structs.replace(line, is_active=False))
        return None
    waiting = await tx.queued(line.organization_id, line.webhook_id, dead=False, limit=BATCH_EVENTS)
    items = _fitting(waiting)
    heartbeat = webhook.wants(HEARTBEAT) and line.heartbeat_at <= now and not line.attempt
    if not items and not heartbeat:
        later = max(line.heartbeat_at, now + HEARTBEAT_EVERY)
        await tx.save_line(msgspec.structs.replace(line, next_at=later, heartbeat_at=later))
        return None
    held = msgspec.structs.replace(line, holder=holder, leased_until=now + LEASE)
    await tx.save_line(held)
    return Job(webhook, held, items, heartbeat, now)


def _fitting(items: Sequence[Queued]) -> tuple[Queued, ...]:
    """As many from the head as fit into one body; always the first."""
    total = 0
    for count, item in enumerate(items):
        total += len(item.payload) + 32
        if count and total > BATCH_BYTES:
            return tuple(items[:count])
    return tuple(items)


async def record(ports: Ports, job: Job, answered: Answered, *, chance: float) -> bool:
    """Keep what became of the try. Returns False where the lease was lost meanwhile: the record is void then."""
    now = ports.clock.now()
    attempt_id = ports.ids.new_id()

    async def work(tx: Transaction) -> bool:
        line = await tx.line(job.line.organization_id, job.line.webhook_id)
        if line is None or line.holder != job.line.holder:
            return False
        await tx.add_attempt(_attempt_of(job, answered, attempt_id))
        if answered.is_success:
            await _succeed(tx, line, job, now)
        elif job.items:
            await _fail(tx, line, wait_after(line.attempt + 1, answered.retry_after, chance), now)
        else:  # a heartbeat that nobody took harms nobody
            await tx.save_line(_put_down(line, heartbeat_at=now + HEARTBEAT_EVERY, now=now))
        return True

    return await ports.store.write(work)


async def _succeed(tx: Transaction, line: Line, job: Job, now: datetime) -> None:
    if job.items:
        last = job.items[-1].position
        await tx.remove_queued(line.organization_id, line.webhook_id, last=last)
    done = msgspec.structs.replace(
        line,
        pending=max(0, line.pending - len(job.items)),
        attempt=0,
        failing_since=None,
        last_success_at=now,
    )
    await tx.save_line(_put_down(done, heartbeat_at=now + HEARTBEAT_EVERY, now=now))


async def _fail(tx: Transaction, line: Line, wait: timedelta | None, now: datetime) -> None:
    failed = msgspec.structs.replace(
        line,
        attempt=line.attempt + 1,
        failing_since=line.failing_since or now,
        holder="",
        leased_until=now,
    )
    if wait is not None:
        await tx.save_line(msgspec.structs.replace(failed, next_at=now + wait))
        return
    await tx.bury(line.organization_id, line.webhook_id)
    await tx.save_line(msgspec.structs.replace(failed, is_active=False, pending=0, attempt=0))


def _put_down(line: Line, *, heartbeat_at: datetime, now: datetime) -> Line:
    """The line, let go: to be looked at at once if something waits, else at the next heartbeat."""
    return msgspec.structs.replace(
        line,
        holder="",
        leased_until=now,
        heartbeat_at=heartbeat_at,
        next_at=now if line.pending else heartbeat_at,
    )


async def attempts_of(
    ports: Ports, organization_id: OrganizationId, webhook_id: str, *, before_id: str | None, limit: int
) -> list[Attempt]:
    """Tries of the webhook, the newest first, also of one that has ended. Raises NotFound."""

    async def work(reader: Reader) -> list[Attempt]:
        await _webhook(reader, organization_id, webhook_id)
        return await reader.attempts(organization_id, webhook_id, before_id=before_id, limit=limit)

    return await ports.store.read(work)


async def dead_letters_of(
    ports: Ports, organization_id: OrganizationId, webhook_id: str, *, after: int, limit: int
) -> list[Queued]:
    """Events that could not be delivered, in order. Raises NotFound."""

    async def work(reader: Reader) -> list[Queued]:
        await _webhook(reader, organization_id, webhook_id)
        return await reader.queued(organization_id, webhook_id, dead=True, after=after, limit=limit)

    return await ports.store.read(work)


async def _webhook(reader: Reader, organization_id: OrganizationId, webhook_id: str) -> Webhook:
    webhook = await reader.webhook(organization_id, webhook_id)
    if webhook is None:
        raise NotFound("There is no such webhook.")
    return webhook


def _attempt_of(job: Job, answered: Answered, attempt_id: str) -> Attempt:
    return Attempt(
        organization_id=job.line.organization_id,
        webhook_id=job.line.webhook_id,
        id=attempt_id,
        at=job.at,
        number=job.line.attempt + 1,
        status=answered.status,
        fault=answered.fault,
        duration_ms=round(answered.duration / timedelta(milliseconds=1)),
        answer=answered.body[:ANSWER_KEPT],
        events=tuple((item.event_id, item.session_id, item.sequence) for item in job.items),
    )


def _heartbeat(job: Job) -> bytes:
    said = {
        "event": HEARTBEAT,
        "createdAt": write_instant(job.at.replace(microsecond=0)),
        "pendingEvents": max(0, job.line.pending - len(job.items)),
    }
    return msgspec.json.encode(said)
