"""The page of receivers on a server as an operator starts it: dead letters are seen, and sent again."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from msgspec import structs
from playwright.sync_api import Page, expect

from browser.conftest import sign_in
from dwell.adapters.storage import open_store
from dwell.application.ports import Transaction
from dwell.domain.ids import OrganizationId
from dwell.domain.instants import write_instant
from e2e.attacks import make_home
from e2e.processes import dwell, environment, served
from e2e.test_serving import signed_in
from receiver import Answer, Receiver

LOGIN, PASSWORD = "anna@example.com", "a long enough password"
SECRET = "whsec_YSBrZXkgb2YgdHdlbnR5LWZvdXIgYnl0ZQ=="


@dataclass(frozen=True)
class Shop:
    """A running server, its database, and a client of its one organization."""

    url: str
    database_url: str
    organization_id: OrganizationId
    client: httpx.Client


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    database_url = f"sqlite:///{tmp_path}/dwell.db"
    env = environment(tmp_path, database_url)
    env |= {"DWELL_WEBHOOKS_ALLOW_HTTP": "true", "DWELL_WEBHOOKS_ALLOWED_NETWORKS": "127.0.0.0/8"}
    made = json.loads(dwell("org", "create", "Acme", "--json", env=env))
    owner = made["organization_id"]
    dwell("user", "add", owner, LOGIN, "--role", "admin", env=env, stdin=PASSWORD)
    with served(env) as process, signed_in(process, made) as client:
        yield Shop(process.url, database_url, OrganizationId(owner), client)


def _plug_in(shop: Shop, vehicle: str) -> None:
    at = write_instant(datetime.now(UTC) - timedelta(minutes=1))
    fact = {"vehicle_id": vehicle, "at": at, "plugged_in": True, "latitude": 48.1, "longitude": 11.5}
    assert shop.client.post("/v1/observations", json=[fact]).status_code == 202


async def _give_up(shop: Shop, webhook_id: str) -> None:
    """What the server does by itself after a day of tries."""
    store = await open_store(shop.database_url)

    async def work(tx: Transaction) -> None:
        line = await tx.line(shop.organization_id, webhook_id)
        assert line is not None
        await tx.bury(shop.organization_id, webhook_id)
        await tx.save_line(structs.replace(line, is_active=False, pending=0, attempt=0))

    try:
        await store.write(work)
    finally:
        await store.close()


def test_dead_letters_are_seen_and_sent_again(shop: Shop, page: Page, receiver: Receiver) -> None:
    made = shop.client.post("/webhooks", json={"url": receiver.url, "secret": SECRET})
    vehicle, _ = make_home(shop.client)
    receiver.answer_always(Answer(status=503))
    _plug_in(shop, vehicle)
    receiver.wait_for(1)
    with ThreadPoolExecutor(1) as apart:  # the browser's loop runs in this thread
        apart.submit(asyncio.run, _give_up(shop, made.json()["id"])).result()

    sign_in(page, shop.url, LOGIN, PASSWORD, at="webhooks")
    expect(page.locator("[data-dead]")).not_to_have_text("0")
    expect(page.locator("tbody .badge.FAILED").first).to_have_text("503")
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_role("status").filter(has_text="did not take the test: HTTP 503")).to_be_visible()

    receiver.answer_always(Answer())
    tried = len(receiver.requests)
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_role("status").filter(has_text=re.compile(r"[1-9]\d* wait again"))).to_be_visible()
    receiver.wait_for(tried + 1)
    expect(page.locator("[data-dead]")).to_have_text("0")
    expect(page.locator("tbody .badge.CONFIRMED").first).to_have_text("204", timeout=15_000)
