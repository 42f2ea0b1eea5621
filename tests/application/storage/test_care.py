"""A damaged file is found when it is opened, a torn log loses nothing acknowledged, a backup is one instant."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from application.storage import builders as b
from application.storage.builders import events_in, fact, get, orders_in, put
from application.storage.test_crashes import child
from dwell.adapters.storage import care, open_store, schema
from dwell.adapters.storage.postgres import PostgresStore
from dwell.adapters.storage.sqlite import SqliteStore
from dwell.application.ports import Transaction
from dwell.domain.errors import Conflict, Unavailable
from scripts.private_postgres import Cluster

pytestmark = pytest.mark.anyio

PAGE = 4096


async def filled(path: Path) -> None:
    """Some hundred pages of orders, all of them in the file itself."""
    store = await SqliteStore.open(path)
    await put(store, "save_orders", [b.order(id=f"o-{n:05}", answer="x" * 500) for n in range(2_000)])
    await store.close()


def overwrite(path: Path, page: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(page * PAGE)
        file.write(content)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: 50 * PAGE])


def cut_within_a_page(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def wipe_a_page(path: Path) -> None:
    overwrite(path, 100, bytes(PAGE))


def flip_a_bit(path: Path) -> None:
    overwrite(path, 100, bytes([path.read_bytes()[100 * PAGE] ^ 1]))


def lose_the_header(path: Path) -> None:
    overwrite(path, 0, bytes(100))


@pytest.mark.parametrize("damage", [truncate, cut_within_a_page, wipe_a_page, flip_a_bit, lose_the_header])
async def test_a_damaged_file_is_refused_with_what_to_do(
    sqlite_path: Path, damage: Callable[[Path], None]
) -> None:
    await filled(sqlite_path)
    await (await open_store(f"sqlite:///{sqlite_path}")).close()
    damage(sqlite_path)
    with pytest.raises(Unavailable, match=r"damaged.*restore a backup") as caught:
        await open_store(f"sqlite:///{sqlite_path}")
    assert caught.value.code == "damaged"
    with pytest.raises(Unavailable, match="damaged"):
        care.examine(sqlite_path, within_s=None)


async def test_a_large_file_is_looked_through_only_for_so_long(sqlite_path: Path) -> None:
    await filled(sqlite_path)
    assert not care.examine(sqlite_path, within_s=0)
    assert care.examine(sqlite_path, within_s=None)


def tear(log: Path) -> None:
    """Add the beginning of a commit that no answer waited for, without its end."""
    content = log.read_bytes()
    log.write_bytes(content + content[32 : 32 + 3 * (24 + PAGE) - 100])


async def test_a_torn_log_keeps_all_that_was_acknowledged(sqlite_path: Path) -> None:
    with child("writing_child", sqlite_path) as process:
        assert process.stdout is not None
        names = {process.stdout.readline().strip() for _ in range(200)}
        process.send_signal(signal.SIGKILL)
        names |= {line.strip() for line in process.stdout if line.endswith("\n")}
    tear(sqlite_path.with_name(f"{sqlite_path.name}-wal"))
    store = await open_store(f"sqlite:///{sqlite_path}")
    kept = {stored.fact.external_id for stored in await get(store, "facts", b.OURS, b.CAR, since=b.NOON)}
    assert kept >= names
    await put(store, "add_facts", b.OURS, [fact(9_999)], received_at=b.NOON)
    await store.close()
    assert care.examine(sqlite_path, within_s=None)


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


async def test_a_backup_under_load_is_one_instant_and_lives_on(sqlite_path: Path, tmp_path: Path) -> None:
    store, copy = await SqliteStore.open(sqlite_path), tmp_path / "copy.db"
    written = 0
    enough, over = asyncio.Event(), asyncio.Event()

    async def writes() -> None:
        nonlocal written
        while not over.is_set():

            async def work(tx: Transaction, number: int = written) -> None:
                await tx.save_orders([b.order(id=f"o-{number:06}")])
                await tx.add_events([b.event(f"e-{number:06}", b.session(), significant=True)])

            await store.write(work)
            written += 1
            if written == 50:
                enough.set()

    writing = asyncio.ensure_future(writes())
    await enough.wait()
    before = written
    await asyncio.to_thread(care.back_up, sqlite_path, copy)
    after = written
    over.set()
    await writing
    await store.close()
    assert mode_of(copy) == 0o600
    restored = await open_store(f"sqlite:///{copy}")
    orders, events = await orders_in(restored), await events_in(restored)
    assert before <= len(orders) <= after + 1
    assert [order.id for order in orders] == [f"o-{n:06}" for n in range(len(orders))]
    assert [event.id for event in events] == [f"e-{n:06}" for n in range(len(orders))]
    await put(restored, "add_events", [b.event("e-new", b.session(), significant=True)])
    assert [event.id for event in await events_in(restored)][-1] == "e-new", "after those that were there"
    await restored.close()


def test_a_backup_replaces_nothing_and_leaves_nothing_half_done(sqlite_path: Path, tmp_path: Path) -> None:
    asyncio.run(filled(sqlite_path))
    there = tmp_path / "there.db"
    there.write_text("precious")
    with pytest.raises(Conflict, match="exists"):
        care.back_up(sqlite_path, there)
    assert there.read_text() == "precious"
    with pytest.raises(Unavailable):
        care.back_up(sqlite_path, tmp_path / "nowhere" / "copy.db")
    wipe_a_page(sqlite_path)
    with pytest.raises(Unavailable, match="damaged"):
        care.back_up(sqlite_path, tmp_path / "copy.db")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("copy.db")]


async def test_what_is_forgotten_from_a_restored_outbox_is_not_numbered_again(
    sqlite_path: Path, tmp_path: Path
) -> None:
    """A position is never given twice, also in a copy whose newest events have been delivered and removed."""
    store = await SqliteStore.open(sqlite_path)
    await put(store, "add_events", [b.event(f"e-{n}", b.session(), significant=True) for n in range(5)])
    await put(store, "forget_before", b.NOON + b.HOUR, limit=9)
    await store.close()
    care.back_up(sqlite_path, tmp_path / "copy.db")
    restored = await SqliteStore.open(tmp_path / "copy.db")
    await put(restored, "add_events", [b.event("e-9", b.session(), significant=True)])
    await restored.close()
    with closing(sqlite3.connect(tmp_path / "copy.db")) as connection:
        assert connection.execute("SELECT position FROM outbox").fetchall() == [(6,)]


async def test_a_dump_of_postgresql_under_load_is_one_instant_and_lives_on(
    postgres_cluster: Cluster, postgres_database: str, tmp_path: Path
) -> None:
    await schema.upgrade(postgres_database)
    store = await PostgresStore.open(postgres_database)
    over = asyncio.Event()
    written = 0

    async def writes() -> None:
        nonlocal written
        while not over.is_set():

            async def work(tx: Transaction, number: int = written) -> None:
                await tx.save_orders([b.order(id=f"o-{number:06}")])
                await tx.add_events([b.event(f"e-{number:06}", b.session(), significant=True)])

            await store.write(work)
            written += 1

    async def tool(name: str, *words: str) -> None:
        process = await asyncio.create_subprocess_exec(postgres_cluster.binaries / name, *words)
        assert await process.wait() == 0

    writing = asyncio.ensure_future(writes())
    dump, copy = str(tmp_path / "dwell.dump"), postgres_cluster.create_database("restored")
    await tool("pg_dump", "--format=custom", f"--file={dump}", postgres_database)
    over.set()
    await writing
    await tool("pg_restore", "--no-owner", f"--dbname={copy}", dump)
    restored = await open_store(copy)
    orders, events = await orders_in(restored), await events_in(restored)
    assert [order.id for order in orders] == [f"o-{n:06}" for n in range(len(orders))]
    assert [event.id for event in events] == [f"e-{n:06}" for n in range(len(orders))]
    await put(restored, "add_events", [b.event("e-new", b.session(), significant=True)])
    assert [event.id for event in await events_in(restored)][-1] == "e-new", "after those that were there"
    await restored.close()
    await store.close()
    postgres_cluster.drop_database("restored")
