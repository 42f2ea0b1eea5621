"""A house whose changes are told to real receivers, one step at a time, on a virtual clock."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

from standardwebhooks.webhooks import Webhook as Verifier

from dwell.adapters.webhooks import HttpDeliver
from dwell.api.flex.events import render_event
from dwell.application.credentials import Keyring
from dwell.application.deliveries import COALESCE, Job, claim, record, route
from dwell.application.webhooks import (
    Office,
    Wanted,
    WebhookView,
    add_webhook,
    header_of,
    secret_of,
    webhook_view,
)
from dwell.domain.session.facts import Fact
from dwell.domain.webhooks.schedule import TIMEOUT, Answered
from dwell.domain.webhooks.subscription import HEARTBEAT
from dwell.domain.webhooks.targets import TargetRules
from dwell.protocols.webhooks.signature import delivery_headers
from house import ORGANIZATION, House, a_house
from receiver import ReceivedRequest
from stores import AnyStore

KEYRING = Keyring(b"k" * 32)
SECRET = "whsec_YSBrZXkgb2YgdHdlbnR5LWZvdXIgYnl0ZQ=="
LOOPBACK = TargetRules(networks=(ip_network("127.0.0.0/8"),), plain_http=True)


@dataclass
class Mailroom:
    """The house, and delivery done by hand."""

    house: House
    office: Office

    async def subscribe(self, url: str, **wanted: Any) -> str:
        """A webhook's id."""
        view = await add_webhook(self.office, ORGANIZATION, Wanted(url=url, **{"secret": SECRET, **wanted}))
        return view.webhook.id

    async def view(self, webhook_id: str) -> WebhookView:
        return await webhook_view(self.office.ports, ORGANIZATION, webhook_id)

    async def happen(self, *facts: Fact) -> None:
        """Facts come in, the engine looks, and what changed is put into the lines."""
        await self.house.tell(*facts)
        await self.house.look()
        await self.route()

    async def route(self) -> None:
        self.house.clock.move_to(self.house.clock.now() + COALESCE)
        while await route(self.office.ports, render_event):
            pass

    async def claimed(self, holder: str = "one", *, limit: int = 64) -> list[Job]:
        return await claim(self.office.ports, holder, limit=limit)

    async def post(self, job: Job) -> Answered:
        secret = secret_of(KEYRING, job.webhook)
        at = self.house.clock.now()
        headers = delivery_headers(secret, self.office.ports.ids.new_id(), at, job.body)
        return await self.office.deliver.post(
            job.webhook.url, job.body, headers | header_of(KEYRING, job.webhook)
        )

    async def deliver(self, holder: str = "one") -> int:
        """One round: everything due is posted and recorded. Returns how many posts there were."""
        jobs = await self.claimed(holder)
        for job in jobs:
            await record(self.office.ports, job, await self.post(job), chance=0.5)
        return len(jobs)

    async def deliver_all(self) -> int:
        """Rounds until nothing is due."""
        total = 0
        while count := await self.deliver():
            total += count
        return total

    async def live_until_delivered(self, webhook_id: str, *, at_most: timedelta) -> timedelta:
        """Time goes from try to try until nothing waits or the webhook is inactive; how long it took."""
        began_at = self.house.clock.now()
        while (line := (await self.view(webhook_id)).line).pending and line.is_active:
            assert self.house.clock.now() - began_at <= at_most, "it took too long"
            self.house.clock.move_to(max(self.house.clock.now(), line.next_at))
            await self.deliver()
        return self.house.clock.now() - began_at


@asynccontextmanager
async def a_mailroom(store: AnyStore, *, patience: timedelta = TIMEOUT) -> AsyncIterator[Mailroom]:
    """A house on the store, with a way to receivers on loopback."""
    house = await a_house(store)
    async with HttpDeliver(LOOPBACK, timeout=patience) as deliver:
        yield Mailroom(house, Office(ports=house.ports, keyring=KEYRING, deliver=deliver))


def events_of(requests: Sequence[ReceivedRequest]) -> list[dict[str, Any]]:
    """Every event of a session, in order of arrival; each request's signatures have to be right."""
    found: list[dict[str, Any]] = []
    for request in requests:
        expected = hmac.new(SECRET.encode(), request.body, hashlib.sha1).hexdigest()
        assert request.headers["x-enode-signature"] == f"sha1={expected}"
        found.extend(event for event in json.loads(request.body) if event["event"] != HEARTBEAT)
    return found


def heartbeats_of(requests: Sequence[ReceivedRequest]) -> list[dict[str, Any]]:
    """Every heartbeat received."""
    return [e for request in requests for e in json.loads(request.body) if e["event"] == HEARTBEAT]


def verified(request: ReceivedRequest) -> Any:
    """The body, as the library of the Standard Webhooks verifies it. Its clock is the wall's."""
    return Verifier(SECRET).verify(request.body, dict(request.headers))


def in_order(events: Sequence[dict[str, Any]]) -> None:
    """AssertionError unless each session's numbers go up, repeats of the whole event aside."""
    last: dict[str, int] = {}
    seen: dict[str, int] = {}
    for event in events:
        session_id = event["session"]["id"]
        if event["id"] in seen:
            assert seen[event["id"]] == event["sequence"]
            continue
        assert event["sequence"] == last.get(session_id, 0) + 1
        last[session_id] = seen[event["id"]] = event["sequence"]
