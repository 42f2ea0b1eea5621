"""Every queue and cache has a limit, and says so when it is reached."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from application.storage import builders as b
from application.storage.builders import events_in, fact, get, put, slots, works
from dwell.adapters.storage import curves, postgres, shelves, sqlite
from dwell.adapters.storage.curves import CurveCache
from dwell.adapters.storage.memory import MemoryStore
from dwell.adapters.storage.postgres import PostgresStore
from dwell.adapters.storage.sqlite import SqliteStore
from dwell.application.ports import Reader, Transaction
from dwell.domain.tariff.curve import PriceCurve

pytestmark = pytest.mark.anyio


async def test_too_many_works_on_postgres_are_refused(
    postgres_store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "WAITING_LIMIT", 5)
    store = await PostgresStore.open(postgres_store_url)

    async def saves(tx: Transaction, number: int) -> int:
        await tx.save_vehicle(b.vehicle(id=f"car-{number}"))
        return number

    answers = await asyncio.gather(*works(store, 9, saves), return_exceptions=True)
    assert answers[:5] == list(range(5))
    assert [getattr(answer, "code", None) for answer in answers[5:]] == ["overloaded"] * 4
    await store.close()


async def test_a_work_that_gets_no_connection_in_time_is_told(
    postgres_store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "CONNECT_TIMEOUT_S", 0.05)
    store = await PostgresStore.open(postgres_store_url, connections=1)
    answered = asyncio.Event()

    async def holds(tx: Transaction, number: int) -> None:
        await tx.next_wake_at()
        if number == 0:
            await answered.wait()

    first, second = (asyncio.ensure_future(one) for one in works(store, 2, holds))
    (said,) = await asyncio.gather(second, return_exceptions=True)
    answered.set()
    await first
    assert getattr(said, "code", None) == "overloaded"
    await store.close()


async def test_too_many_reads_of_sqlite_are_refused(
    sqlite_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "READ_QUEUE_LIMIT", 5)
    store = await SqliteStore.open(str(sqlite_path))

    async def reads(reader: Reader) -> int:
        return len(await reader.zones())

    answers = await asyncio.gather(*(store.read(reads) for _ in range(9)), return_exceptions=True)
    assert answers[:5] == [0] * 5
    assert [getattr(answer, "code", None) for answer in answers[5:]] == ["overloaded"] * 4
    await store.close()


def test_the_least_recent_curve_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "KEPT_WINDOWS", 2)
    cache, empty = CurveCache(), PriceCurve.of("EUR", ())
    windows = [("DE-LU", stamp, b.NOON, b.NOON + b.DAY) for stamp in range(3)]
    cache.keep(windows[0], empty)
    cache.keep(windows[1], empty)
    assert cache.get(windows[0]) is empty
    cache.keep(windows[2], empty)
    assert [cache.get(window) is not None for window in windows] == [True, False, True]


async def test_the_in_memory_store_lets_old_windows_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelves, "KEPT_WINDOWS", 3)
    store = MemoryStore()
    await put(store, "replace_prices", "DE-LU", "EUR", slots(b.NOON, "1", "2"))
    for day in range(-9, 9):
        start_at = b.NOON + day * b.DAY
        found = await get(store, "curve", "DE-LU", start_at, start_at + timedelta(minutes=5))
        assert len(found.slots) == (2 if day == 0 else 0)
    assert len(store.shelves.zones["DE-LU"].windows) <= 3


async def test_the_in_memory_store_need_not_keep_history() -> None:
    store = MemoryStore(keep_events=False, keep_packed_facts=False)
    await put(store, "add_events", [b.event("e-1", b.session(), significant=True)])
    await put(store, "add_facts", b.OURS, [fact(1), fact(2)], received_at=b.NOON)
    await put(store, "pack_facts", b.OURS, b.CAR, until=fact(1).fact.at)
    assert await events_in(store) == []
    assert await get(store, "facts", b.OURS, b.CAR, since=b.NOON) == [fact(2)]
