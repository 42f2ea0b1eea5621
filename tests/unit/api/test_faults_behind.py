"""What is answered when something behind the interface fails: a store that is away, and what nobody foresaw."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, TypeVar

import httpx
import pytest

from dwell.adapters.clock import SystemClock
from dwell.adapters.ids import SystemIds
from dwell.adapters.storage.memory import MemoryStore
from dwell.application.credentials import Keyring, create_organization
from dwell.application.ports import Ports, Reader, Transaction
from dwell.bootstrap import build_app
from dwell.domain.errors import UNKNOWN_OUTCOME, Unavailable
from dwell.domain.ids import VehicleId
from dwell.settings import Settings

pytestmark = pytest.mark.anyio
T = TypeVar("T")
KEYRING = Keyring(b"k" * 32)
FACT = {
    "vehicle_id": "0190a0a0-0000-7000-8000-000000000001",
    "at": "2026-01-10T10:00:00Z",
    "plugged_in": True,
}


class FailingStore(MemoryStore):
    """A store that works until it is told which fault to raise."""

    fault: Exception | None = None
    reads_work = False

    async def write(
        self, work: Callable[[Transaction], Awaitable[T]], *, about: Iterable[VehicleId] = ()
    ) -> T:
        if self.fault is not None:
            raise self.fault
        return await super().write(work, about=about)

    async def read(self, work: Callable[[Reader], Awaitable[T]]) -> T:
        if self.fault is not None and not self.reads_work:
            raise self.fault
        return await super().read(work)


@pytest.fixture
def store() -> FailingStore:
    return FailingStore()


@pytest.fixture
async def client(store: FailingStore) -> Any:
    ports = Ports(store, SystemClock(), SystemIds())
    organization = await create_organization(ports, KEYRING, "Acme")
    app: Any = build_app(ports, Settings(), keyring=KEYRING)
    headers = {"x-api-key": organization.api_key}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as one:
        yield one


async def test_ready_tells_whether_the_store_answers(client: httpx.AsyncClient, store: FailingStore) -> None:
    assert (await client.get("/health/ready")).status_code == 200
    store.fault = Unavailable("the disk at /secret/path is full")
    ready, live = await client.get("/health/ready"), await client.get("/health/live")
    assert (ready.status_code, live.status_code) == (503, 200)
    assert "/secret/path" not in ready.text
    store.fault = None
    assert (await client.get("/health/ready")).status_code == 200


async def test_ready_tells_of_a_store_that_reads_but_does_not_commit(
    client: httpx.AsyncClient, store: FailingStore
) -> None:
    store.trouble = "the disk at /secret/path is full"
    ready = await client.get("/health/ready")
    assert (ready.status_code, ready.headers["retry-after"]) == (503, "1")
    assert "could not commit" in ready.json()["detail"]
    assert "/secret/path" not in ready.text


async def test_after_a_lost_commit_nobody_says_that_nothing_was_done(
    client: httpx.AsyncClient, store: FailingStore
) -> None:
    store.fault, store.reads_work = Unavailable("lost", code=UNKNOWN_OUTCOME), True
    answer = await client.post("/v1/observations", json=[FACT])
    assert answer.status_code == 503
    assert "may have been done" in answer.json()["detail"]
    assert "Nothing was" not in answer.text


async def test_measures_are_told_though_the_store_is_away(
    client: httpx.AsyncClient, store: FailingStore
) -> None:
    store.fault = Unavailable("away")
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert "dwell_engine_lag_seconds NaN" in answer.text


@pytest.mark.parametrize("reads_work", [True, False])
async def test_what_could_not_be_stored_is_not_accepted(
    client: httpx.AsyncClient, store: FailingStore, reads_work: bool
) -> None:
    store.fault, store.reads_work = Unavailable("disk full"), reads_work
    answer = await client.post("/v1/observations", json=[FACT])
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["type"].endswith("service-unavailable")
    assert "disk" not in answer.text


async def test_no_token_while_the_store_is_away(client: httpx.AsyncClient, store: FailingStore) -> None:
    store.fault = Unavailable("away")
    answer = await client.post("/oauth2/token", auth=("a", "b"), data={"grant_type": "client_credentials"})
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")


async def test_the_unforeseen_is_a_number_to_the_caller(
    client: httpx.AsyncClient, store: FailingStore
) -> None:
    store.fault, store.reads_work = ZeroDivisionError("SELECT secret FROM /path"), True
    answer = await client.post("/v1/observations", json=[FACT])
    assert answer.status_code == 500
    assert answer.json()["type"].endswith("internal-server-error")
    for inside in ("Zero", "SELECT", "Traceback", "/path"):
        assert inside not in answer.text


async def test_the_partner_dialect_tells_the_unforeseen_in_its_own_words(store: FailingStore) -> None:
    ports = Ports(store, SystemClock(), SystemIds())
    organization = await create_organization(ports, KEYRING, "Acme")
    app: Any = build_app(ports, Settings(), keyring=KEYRING)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        auth, grant = (
            (organization.client_id, organization.client_secret),
            {"grant_type": "client_credentials"},
        )
        token = (await client.post("/oauth2/token/", auth=auth, json=grant)).json()["access_token"]
        client.headers["authorization"] = f"Bearer {token}"
        users = f"/api/partners/v2.0/org/{organization.organization_id}/users"
        store.fault, store.reads_work = ZeroDivisionError("SELECT secret FROM /path"), True
        unforeseen = await client.post(users, json={})
        store.fault = Unavailable("the disk at /path is full")
        away = await client.post(users, json={})
    assert (unforeseen.status_code, set(unforeseen.json())) == (500, {"detail"})
    assert (away.status_code, set(away.json()), away.headers["retry-after"]) == (503, {"detail"}, "1")
    for inside in ("Zero", "SELECT", "Traceback", "/path"):
        assert inside not in unforeseen.text + away.text


async def test_a_caller_who_hangs_up_is_no_fault_of_ours(store: FailingStore) -> None:
    ports = Ports(store, SystemClock(), SystemIds())
    organization = await create_organization(ports, KEYRING, "Acme")
    app: Any = build_app(ports, Settings(), keyring=KEYRING)
    sent = list[dict[str, Any]]()
    coming: list[dict[str, Any]] = [
        {"type": "http.request", "body": b"[", "more_body": True},
        {"type": "http.disconnect"},
    ]
    messages: Iterator[dict[str, Any]] = iter(coming)

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/v1/observations",
        "raw_path": b"/v1/observations",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"x-api-key", organization.api_key.encode()), (b"content-type", b"application/json")],
        "client": ("192.0.2.1", 1),
        "server": ("test", 80),
    }
    await app(scope, receive, send)
    assert sent[0]["status"] == 400
