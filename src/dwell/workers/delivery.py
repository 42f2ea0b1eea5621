"""The loop that tells receivers: route what was committed, claim what is due, post, record."""

from __future__ import annotations

import asyncio
import random
import uuid
from dataclasses import dataclass

import structlog

from dwell.application.deliveries import Job, Render, claim, record, route
from dwell.application.webhooks import Office, header_of, secret_of
from dwell.domain.errors import DwellError, Unavailable
from dwell.domain.webhooks.schedule import Answered
from dwell.protocols.webhooks.signature import delivery_headers

JOBS_AT_ONCE = 768
"""Deliveries under way; the next are claimed as they end. More receivers than these would have to hang together."""
CLAIMED_AT_ONCE = 64
IDLE_S = 0.2
"""Another process may have committed something, and a wait may have ended."""
PAUSE_S = 1.0
"""After the store could not serve."""

log = structlog.get_logger("dwell.delivery")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryDesk:
    """What the loop works with. `news` is set after commits that may have brought events."""

    office: Office
    render: Render
    news: asyncio.Event


async def run_delivery(desk: DeliveryDesk) -> None:
    """Run until cancelled. Deliveries under way are then given up; their lines are taken up again after the lease."""
    holder = uuid.uuid4().hex
    under_way = set[asyncio.Task[None]]()
    async with asyncio.TaskGroup() as tasks:
        while True:
            desk.news.clear()
            try:
                routed = await route(desk.office.ports, desk.render)
                free = min(CLAIMED_AT_ONCE, JOBS_AT_ONCE - len(under_way))
                jobs = await claim(desk.office.ports, holder, limit=free) if free > 0 else []
            except Unavailable as error:
                log.warning("delivery_waited_for_store", reason=error.message)
                await asyncio.sleep(PAUSE_S)
                continue
            for job in jobs:
                task = tasks.create_task(_deliver(desk, job))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
            if not routed and not jobs:
                await _wait(desk.news, under_way)


async def _wait(news: asyncio.Event, under_way: set[asyncio.Task[None]]) -> None:
    """Until there is news, a delivery ends, or the idle time is over."""
    heard = asyncio.ensure_future(news.wait())
    try:
        await asyncio.wait({heard, *under_way}, timeout=IDLE_S, return_when=asyncio.FIRST_COMPLETED)
    finally:
        heard.cancel()


async def _deliver(desk: DeliveryDesk, job: Job) -> None:
    try:
        answered = await _post(desk.office, job)
        kept = await record(desk.office.ports, job, answered, chance=random.random())
    except DwellError as error:
        log.warning("delivery_not_recorded", webhook_id=job.webhook.id, reason=error.message)
        return
    if not kept:
        log.warning("delivery_lease_lost", webhook_id=job.webhook.id)
    elif not answered.is_success:
        log.info("delivery_failed", webhook_id=job.webhook.id, status=answered.status, reason=answered.fault)


async def _post(office: Office, job: Job) -> Answered:
    secret, body = secret_of(office.keyring, job.webhook), job.body
    headers = delivery_headers(secret, office.ports.ids.new_id(), office.ports.clock.now(), body)
    headers |= header_of(office.keyring, job.webhook)
    return await office.deliver.post(job.webhook.url, body, headers)
