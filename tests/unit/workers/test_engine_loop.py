"""The engine's loop outlives whatever a run of it raises, and says how it fares."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx
import pytest

from dwell.adapters.clock import SystemClock
from dwell.adapters.ids import SystemIds
from dwell.adapters.storage.memory import MemoryStore
from dwell.api.shared.metrics import Metrics
from dwell.application.credentials import Keyring
from dwell.application.engine import Engine, Looked
from dwell.application.ports import Ports, Transaction
from dwell.bootstrap import NoVehicles, build_app
from dwell.domain.errors import Unavailable
from dwell.domain.ids import VehicleId
from dwell.settings import Settings
from dwell.workers import engine as loop
from dwell.workers.engine import run_engine

pytestmark = pytest.mark.anyio
T = TypeVar("T")


class FaultyStore(MemoryStore):
    """A store whose next writes raise these, in order; then it works."""

    def __init__(self, *faults: Exception) -> None:
        super().__init__()
        self.faults = list(faults)

    async def write(
        self, work: Callable[[Transaction], Awaitable[T]], *, about: Iterable[VehicleId] = ()
    ) -> T:
        if self.faults:
            raise self.faults.pop(0)
        return await super().write(work, about=about)


class Watched(Metrics):
    """Measures that also tell when a run has failed or succeeded."""

    def __init__(self) -> None:
        super().__init__()
        self.told: asyncio.Queue[str] = asyncio.Queue()

    def engine_ran(self, looked: Looked, duration_s: float) -> None:
        super().engine_ran(looked, duration_s)
        self.told.put_nowait("ran")

    def engine_failed(self, kind: str) -> None:
        super().engine_failed(kind)
        self.told.put_nowait(kind)


@asynccontextmanager
async def engine_of(store: MemoryStore) -> AsyncIterator[tuple[Watched, httpx.AsyncClient]]:
    """The engine at work on the store, its measures, and a client of the application beside it."""
    ports, watch = Ports(store, SystemClock(), SystemIds()), Watched()
    app: Any = build_app(ports, Settings(), keyring=Keyring(b"k" * 32), metrics=watch)
    work = asyncio.create_task(run_engine(Engine(ports, NoVehicles()), asyncio.Event(), watch))
    try:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url="http://test"
        ) as client:
            yield watch, client
        assert not work.done()
    finally:
        work.cancel()


async def test_it_goes_on_after_whatever_a_run_raised(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(loop, "PAUSE_S", 0.01)
    faults = (ZeroDivisionError("a"), RuntimeError("b"), Unavailable("c"), MemoryError())
    async with asyncio.timeout(20), engine_of(FaultyStore(*faults)) as (watch, client):
        told = [await watch.told.get() for _ in range(5)]
        assert told == ["ZeroDivisionError", "RuntimeError", "Unavailable", "MemoryError", "ran"]
        measures = (await client.get("/metrics")).text
    assert 'dwell_engine_failures_total{kind="ZeroDivisionError"} 1.0' in measures
    assert "dwell_engine_run_seconds_count 1.0" in measures


async def test_ready_says_that_the_engine_failed_until_it_runs_again() -> None:
    async with asyncio.timeout(20), engine_of(FaultyStore(ZeroDivisionError("secret"))) as (watch, client):
        assert await watch.told.get() == "ZeroDivisionError"
        ready = await client.get("/health/ready")
        assert (ready.status_code, ready.headers["retry-after"]) == (503, "1")
        assert "engine" in ready.json()["detail"]
        assert "secret" not in ready.text and "Zero" not in ready.text
        assert (await client.get("/health/live")).status_code == 200
        assert await watch.told.get() == "ran"
        assert (await client.get("/health/ready")).status_code == 200


async def test_the_pause_grows_and_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = list[float]()
    awake = asyncio.sleep

    async def note(pause_s: float) -> None:
        # A server on another thread sleeps too, for less than a second.
        if pause_s < 1:
            await awake(pause_s)
        else:
            pauses.append(pause_s)
            await awake(0)

    monkeypatch.setattr(asyncio, "sleep", note)
    async with asyncio.timeout(20), engine_of(FaultyStore(*[KeyError("x")] * 9)) as (watch, _):
        while await watch.told.get() != "ran":
            pass
    assert pauses[:9] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
