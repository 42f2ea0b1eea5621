"""Subscriptions: made, changed, tried out, ended; and dead letters sent again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import msgspec

from dwell.application.credentials import Keyring
from dwell.application.deliveries import WEBHOOKS_AT_MOST
from dwell.application.ports import Ports, Reader, Transaction
from dwell.application.sealing import seal, unseal
from dwell.domain.errors import Conflict, Fault, NotFound, Refused
from dwell.domain.ids import OrganizationId
from dwell.domain.webhooks.schedule import HEARTBEAT_EVERY, Answered
from dwell.domain.webhooks.subscription import ALL_EVENTS, Line, Webhook

NO_WEBHOOK = "There is no such webhook."
REPLAYED_AT_MOST = 100_000


class Deliver(Protocol):
    """The way to receivers. Never raises for what a receiver does: that is in the answer."""

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> Answered: ...

    async def fault_of(self, url: str) -> str | None:
        """Why the URL may not be a target, by its form and by where it leads now; None if it may."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a caller says of a webhook; None for what stays as it is."""

    url: str | None = None
    secret: str | None = None
    events: tuple[str, ...] | None = None
    header: tuple[str, str] | None = None
    clears_header: bool = False


class WebhookView(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook and how delivery to it stands."""

    webhook: Webhook
    line: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """What work on webhooks needs beside the ports: the key of their secrets, and the way to receivers."""

    ports: Ports
    keyring: Keyring
    deliver: Deliver


async def add_webhook(office: Office, organization_id: OrganizationId, wanted: Wanted) -> WebhookView:
    """A new webhook, told of what happens from now on. Raises Refused for its URL, Conflict for too many."""
    await _check_url(office, wanted.url)
    ports, now = office.ports, office.ports.clock.now()
    webhook_id = ports.ids.new_id()
    webhook = Webhook(
        organization_id=organization_id,
        id=webhook_id,
        url=wanted.url or "",
        events=wanted.events or (ALL_EVENTS,),
        secret=_seal(office, webhook_id, wanted.secret or ""),
        header_name=wanted.header[0] if wanted.header is not None else None,
        header_value=_seal(office, webhook_id, wanted.header[1]) if wanted.header is not None else None,
        created_at=now,
        updated_at=now,
    )
    line = Line(
        organization_id=organization_id,
        webhook_id=webhook_id,
        next_at=now + HEARTBEAT_EVERY,
        leased_until=now,
        heartbeat_at=now + HEARTBEAT_EVERY,
    )

    async def work(tx: Transaction) -> WebhookView:
        if len(await tx.webhooks(organization_id, limit=WEBHOOKS_AT_MOST)) >= WEBHOOKS_AT_MOST:
            raise Conflict(f"There are {WEBHOOKS_AT_MOST} webhooks already.", code="too_many_webhooks")
        await tx.save_webhook(webhook)
        await tx.save_line(line)
        return WebhookView(webhook=webhook, line=line)

    return await ports.store.write(work)


async def change_webhook(
    office: Office, organization_id: OrganizationId, webhook_id: str, wanted: Wanted
) -> WebhookView:
    """Change it, and have it active again. Raises NotFound, Refused."""
    if wanted.url is not None:
        await _check_url(office, wanted.url)
    sealed = None if wanted.secret is None else _seal(office, webhook_id, wanted.secret)
    value = None if wanted.header is None else _seal(office, webhook_id, wanted.header[1])

    def changed(webhook: Webhook, now: datetime) -> Webhook:
        keeps = wanted.header is None and not wanted.clears_header
        return msgspec.structs.replace(
            webhook,
            url=wanted.url or webhook.url,
            events=wanted.events or webhook.events,
            secret=sealed or webhook.secret,
            header_name=webhook.header_name if keeps else wanted.header[0] if wanted.header else None,
            header_value=webhook.header_value if keeps else value,
            updated_at=now,
        )

    return await _change(office.ports, organization_id, webhook_id, changed)


async def reactivate(ports: Ports, organization_id: OrganizationId, webhook_id: str) -> WebhookView:
    """Have the webhook told again from now on. Raises NotFound."""
    return await _change(ports, organization_id, webhook_id, lambda webhook, _: webhook)


async def _change(
    ports: Ports,
    organization_id: OrganizationId,
    webhook_id: str,
    change: Callable[[Webhook, datetime], Webhook],
) -> WebhookView:
    now = ports.clock.now()

    async def work(tx: Transaction) -> WebhookView:
        known = await _known(tx, organization_id, webhook_id)
        webhook = change(known.webhook, now)
        line = msgspec.structs.replace(
            known.line, is_active=True, attempt=0, failing_since=None, next_at=min(known.line.next_at, now)
        )
        await tx.save_webhook(webhook)
        await tx.save_line(line)
        return WebhookView(webhook=webhook, line=line)

    return await ports.store.write(work)


async def remove_webhook(ports: Ports, organization_id: OrganizationId, webhook_id: str) -> None:
    """End it, with all that waits for it. Raises NotFound."""
    now = ports.clock.now()

    async def work(tx: Transaction) -> None:
        known = await _known(tx, organization_id, webhook_id)
        await tx.save_webhook(msgspec.structs.replace(known.webhook, deleted_at=now, updated_at=now))
        await tx.save_line(msgspec.structs.replace(known.line, is_active=False, pending=0, holder=""))
        await tx.forget_queued(organization_id, webhook_id)

    await ports.store.write(work)


async def webhook_view(ports: Ports, organization_id: OrganizationId, webhook_id: str) -> WebhookView:
    """Raises NotFound."""

    async def work(reader: Reader) -> WebhookView:
        return await _known(reader, organization_id, webhook_id)

    return await ports.store.read(work)


async def webhook_views(
    ports: Ports,
    organization_id: OrganizationId,
    *,
    after_id: str | None = None,
    before_id: str | None = None,
    limit: int,
) -> list[WebhookView]:
    """A page of webhooks, by id."""

    async def work(reader: Reader) -> list[WebhookView]:
        found = await reader.webhooks(organization_id, after_id=after_id, before_id=before_id, limit=limit)
        views = []
        for webhook in found:
            line = await reader.line(organization_id, webhook.id)
            if line is not None:
                views.append(WebhookView(webhook=webhook, line=line))
        return views

    return await ports.store.read(work)


async def replay(
    ports: Ports, organization_id: OrganizationId, webhook_id: str, window: tuple[datetime, datetime]
) -> int:
    """Have the dead letters of events created within the window wait again, ids and numbers as they were.

    The webhook becomes active. Returns how many. Raises NotFound.
    """
    now = ports.clock.now()

    async def work(tx: Transaction) -> int:
        known = await _known(tx, organization_id, webhook_id)
        count = await tx.revive(organization_id, webhook_id, window, limit=REPLAYED_AT_MOST)
        # A try that is under way is void: it would count letters as delivered that it did not hold.
        line = msgspec.structs.replace(
            known.line,
            is_active=True,
            pending=known.line.pending + count,
            attempt=0,
            failing_since=None,
            holder="",
            leased_until=now,
            next_at=now,
        )
        await tx.save_line(line)
        return count

    return await ports.store.write(work)


def secret_of(keyring: Keyring, webhook: Webhook) -> str:
    """The secret that signs. Raises Unavailable."""
    return unseal(keyring, webhook.id, webhook.secret)


def header_of(keyring: Keyring, webhook: Webhook) -> dict[str, str]:
    """The header that the receiver wants to see, if it does. Raises Unavailable."""
    if webhook.header_name is None or webhook.header_value is None:
        return {}
    return {webhook.header_name: unseal(keyring, webhook.id, webhook.header_value)}


async def _known(reader: Reader, organization_id: OrganizationId, webhook_id: str) -> WebhookView:
    webhook = await reader.webhook(organization_id, webhook_id)
    line = await reader.line(organization_id, webhook_id)
    if webhook is None or webhook.deleted_at is not None or line is None:
        raise NotFound(NO_WEBHOOK)
    return WebhookView(webhook=webhook, line=line)


async def _check_url(office: Office, url: str | None) -> None:
    fault = await office.deliver.fault_of(url or "")
    if fault is not None:
        raise Refused.because(Fault(field="url", message=fault))


def _seal(office: Office, webhook_id: str, secret: str) -> bytes:
    return seal(office.keyring, office.ports.ids, webhook_id, secret)
