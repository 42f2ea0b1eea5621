"""What was acknowledged is there after a crash; what could not be made durable was never acknowledged."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from application.storage import builders as b
from application.storage.builders import fact, get, put, works
from dwell.adapters.storage import schema, sqlite_writer
from dwell.adapters.storage.postgres import PostgresStore
from dwell.adapters.storage.sqlite import SqliteStore
from dwell.adapters.storage.sqlite_connection import open_connection
from dwell.application.ports import Transaction
from dwell.domain.errors import Refused, Unavailable
from scripts.private_postgres import Cluster

pytestmark = pytest.mark.anyio

TESTS = Path(__file__).parents[2]
ROOT = TESTS.parent


def child(name: str, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", f"application.storage.{name}", str(path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=TESTS,
        env={**os.environ, "PYTHONPATH": f"{TESTS}{os.pathsep}{ROOT}"},
    )


@pytest.mark.parametrize("acknowledged_first", [1, 40, 400])
async def test_a_killed_process_has_written_all_that_it_acknowledged(
    sqlite_path: Path, acknowledged_first: int
) -> None:
    with child("writing_child", sqlite_path) as process:
        assert process.stdout is not None
        names = [process.stdout.readline().strip() for _ in range(acknowledged_first)]
        process.send_signal(signal.SIGKILL)
        names += [line.strip() for line in process.stdout if line.endswith("\n")]
    store = await SqliteStore.open(sqlite_path)
    kept = await get(store, "facts", b.OURS, b.CAR, since=b.NOON)
    stored_names = {stored.fact.external_id for stored in kept}
    orders = {order.id for order in await b.orders_in(store)}
    await store.close()
    assert len(names) >= acknowledged_first
    assert stored_names >= set(names)
    assert orders == stored_names, "a work is there as a whole or not at all"


async def test_a_full_disk_refuses_writes_reads_go_on_and_it_heals(sqlite_path: Path) -> None:
    with child("full_disk_child", sqlite_path) as process:
        said, _ = process.communicate(timeout=60)
    report = json.loads(said)
    assert process.returncode == 0
    assert report["full"]["refused"]
    assert report["full"]["trouble"]
    assert report["full"]["reads"] == report["acknowledged"]
    assert report["healed"] == {"trouble": None, "reads": [*report["acknowledged"], "healed"]}


COPY_BACK = "PRAGMA wal_checkpoint(TRUNCATE)"


class SickDisk:
    """Opens connections on which the next COMMIT, or copying back, fails as a disk does, as often as told."""

    def __init__(self, code: int) -> None:
        self.code = code
        self.failures = 0
        self.opened = 0
        self.commits = 0
        self.failures_to_copy = 0
        self.ran: list[str] = []

    def error(self) -> sqlite3.OperationalError:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = self.code
        return error

    def __call__(self, path: Path, *, writes: bool) -> Any:
        self.opened += writes
        return SickConnection(open_connection(path, writes=writes), self)


class SickConnection:
    """An SQLite connection that asks its disk before each COMMIT."""

    def __init__(self, connection: sqlite3.Connection, disk: SickDisk) -> None:
        self._connection = connection
        self._disk = disk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        self._disk.commits += sql == "COMMIT"
        self._disk.ran.append(sql)
        if sql == COPY_BACK and self._disk.failures_to_copy:
            self._disk.failures_to_copy -= 1
            raise self._disk.error()
        if sql == "COMMIT" and self._disk.failures:
            self._disk.failures -= 1
            raise self._disk.error()
        return self._connection.execute(sql, *values)


@pytest.mark.parametrize(
    ("code", "reopens"),
    [(sqlite3.SQLITE_IOERR_FSYNC, True), (sqlite3.SQLITE_IOERR_WRITE, True), (sqlite3.SQLITE_FULL, False)],
)
async def test_a_commit_that_the_disk_fails_is_told_to_all_and_leaves_nothing(
    sqlite_path: Path, code: int, reopens: bool
) -> None:
    disk = SickDisk(code)
    store = await SqliteStore.open(sqlite_path, connect=disk)
    disk.failures = 1_000

    async def saves(tx: Transaction, number: int) -> None:
        await tx.save_vehicle(b.vehicle(id=f"car-{number}"))

    answers = await asyncio.gather(*works(store, 20, saves), return_exceptions=True)
    assert [getattr(answer, "code", None) for answer in answers] == ["storage"] * 20
    assert store.trouble
    assert await get(store, "vehicles", b.OURS) == []
    disk.failures = 0
    await put(store, "save_vehicle", b.vehicle())
    assert store.trouble is None
    assert (disk.opened > 1) == reopens
    assert await get(store, "vehicles", b.OURS) == [b.vehicle()]
    await store.close()


@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_FULL])
async def test_after_an_input_output_error_nothing_is_written_before_the_log_is_copied_back(
    sqlite_path: Path, code: int
) -> None:
    """Not a byte of what the failed commit may have left is built upon: see docs/decisions/0010."""
    disk = SickDisk(sqlite3.SQLITE_IOERR_FSYNC)
    store = await SqliteStore.open(sqlite_path, connect=disk)
    await put(store, "save_vehicle", b.vehicle(id="before"))
    disk.failures = 1
    with pytest.raises(Unavailable):
        await put(store, "save_vehicle", b.vehicle(id="failed"))
    disk.code, disk.failures_to_copy = code, 2
    disk.ran.clear()
    for _ in range(2):
        with pytest.raises(Unavailable):
            await put(store, "save_vehicle", b.vehicle(id="refused"))
        assert store.trouble
        assert [one.id for one in await get(store, "vehicles", b.OURS)] == ["before"], "reads go on"
    assert "BEGIN IMMEDIATE" not in disk.ran
    await put(store, "save_vehicle", b.vehicle(id="after"))
    assert disk.ran.index(COPY_BACK) < disk.ran.index("BEGIN IMMEDIATE")
    assert [one.id for one in await get(store, "vehicles", b.OURS)] == ["after", "before"]
    assert store.trouble is None
    await store.close()


@pytest.mark.parametrize(("time_s", "commits"), [(0.0, range(30, 31)), (60.0, range(1, 4))])
async def test_works_join_a_commit_only_for_so_long(
    sqlite_path: Path, monkeypatch: pytest.MonkeyPatch, time_s: float, commits: range
) -> None:
    monkeypatch.setattr(sqlite_writer, "GROUP_TIME_S", time_s)
    disk = SickDisk(sqlite3.SQLITE_FULL)
    store = await SqliteStore.open(sqlite_path, connect=disk)

    async def saves(tx: Transaction, number: int) -> None:
        await tx.save_vehicle(b.vehicle(id=f"car-{number}"))

    await asyncio.gather(*works(store, 30, saves))
    assert disk.commits in commits
    assert len(await get(store, "vehicles", b.OURS)) == 30
    await store.close()


async def test_a_full_queue_refuses_and_what_was_taken_is_done(
    sqlite_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_writer, "QUEUE_LIMIT", 10)
    store = await SqliteStore.open(sqlite_path)
    blocker = open_connection(sqlite_path, writes=True)
    blocker.execute("BEGIN IMMEDIATE")

    async def saves(tx: Transaction, number: int) -> int:
        await tx.save_vehicle(b.vehicle(id=f"car-{number}"))
        return number

    tasks = [asyncio.ensure_future(one) for one in works(store, 600, saves)]
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    assert {getattr(task.exception(), "code", None) for task in done} == {"overloaded"}
    blocker.execute("ROLLBACK")
    blocker.close()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    taken = [answer for answer in answers if isinstance(answer, int)]
    assert len(taken) >= 10
    assert len(await get(store, "vehicles", b.OURS, limit=999)) == len(taken)
    await store.close()


async def test_two_processes_take_turns(sqlite_path: Path) -> None:
    first, second = await SqliteStore.open(sqlite_path), await SqliteStore.open(sqlite_path)

    async def counts(tx: Transaction, number: int) -> None:
        track = (await tx.tracks(b.OURS, [b.CAR])).get(b.CAR) or b.track()
        await tx.save_tracks([track])

    await asyncio.gather(*works(first, 40, counts), *works(second, 40, counts))
    assert (await get(first, "track", b.OURS, b.CAR)).version == 80
    await first.close()
    await second.close()


async def test_closing_finishes_what_waits_and_then_refuses(sqlite_path: Path) -> None:
    store = await SqliteStore.open(sqlite_path)

    async def saves(tx: Transaction, number: int) -> int:
        await tx.save_vehicle(b.vehicle(id=f"car-{number}"))
        return number

    tasks = [asyncio.ensure_future(one) for one in works(store, 50, saves)]
    await asyncio.sleep(0)
    await store.close()
    assert await asyncio.gather(*tasks) == list(range(50))
    with pytest.raises(Unavailable) as caught:
        await put(store, "save_vehicle", b.vehicle())
    assert caught.value.code == "closed"


async def test_the_log_does_not_grow_without_end(sqlite_path: Path) -> None:
    store = await SqliteStore.open(sqlite_path)
    for number in range(200):
        await put(store, "save_vehicle", b.vehicle(vendor=f"{number}" * 50_000))
    assert size_of_log(sqlite_path) < 40_000_000
    await store.close()


def size_of_log(path: Path) -> int:
    return path.with_name(f"{path.name}-wal").stat().st_size


async def test_every_commit_of_sqlite_is_synced_before_its_answer(sqlite_path: Path) -> None:
    with closing(open_connection(sqlite_path, writes=True)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,), "FULL"


async def test_every_commit_of_postgres_is_flushed_before_its_answer(own_database: str) -> None:
    connection = await asyncpg.connect(own_database)
    await connection.execute("ALTER DATABASE crashes SET synchronous_commit = off")
    await connection.close()
    store = await PostgresStore.open(own_database)
    assert await b.rows_in(store, "SHOW synchronous_commit") == [("on",)]
    await store.close()


async def test_a_reader_cannot_write(sqlite_path: Path) -> None:
    connection = open_connection(sqlite_path, writes=False)
    with closing(connection), pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM sessions")


async def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear all, " * 999)
    with pytest.raises(Unavailable, match="not a database"):
        await SqliteStore.open(path)


@pytest.fixture
async def own_database(postgres_cluster: Cluster) -> AsyncIterator[str]:
    """One that may be crashed: of the cluster that all tests share, nobody else uses anything now."""
    url = postgres_cluster.create_database("crashes")
    await schema.upgrade(url)
    yield url
    postgres_cluster.drop_database("crashes")


async def test_a_crashed_server_has_all_that_was_acknowledged_and_works_go_on(
    own_database: str, postgres_cluster: Cluster
) -> None:
    store = await PostgresStore.open(own_database, retry_within_s=20)
    acknowledged: list[str] = []
    busy, crashed = asyncio.Event(), asyncio.Event()

    async def writer(lane: int) -> None:
        number = 0
        while not (crashed.is_set() and number > 20):
            number += 1
            name = f"{lane}-{number}"

            async def work(tx: Transaction, name: str = name, number: int = number) -> None:
                await tx.add_facts(b.OURS, [fact(number, external_id=name)], received_at=b.NOON)
                await tx.save_orders([b.order(id=name)])

            try:
                await store.write(work)
            except Unavailable as error:
                assert error.code == "unknown_outcome"
            else:
                acknowledged.append(name)
                if len(acknowledged) == 40:
                    busy.set()

    async def crash() -> None:
        await busy.wait()
        await asyncio.to_thread(postgres_cluster.restart, "immediate")
        crashed.set()

    await asyncio.gather(crash(), *(writer(lane) for lane in range(4)))
    kept = {s.fact.external_id for s in await get(store, "facts", b.OURS, b.CAR, since=b.NOON)}
    assert kept >= set(acknowledged)
    assert {order.id for order in await b.orders_in(store)} == kept
    await store.close()


async def test_a_server_that_is_away_is_unavailable_and_welcome_back(
    own_database: str, postgres_cluster: Cluster
) -> None:
    store = await PostgresStore.open(own_database, retry_within_s=0.2)
    await put(store, "save_vehicle", b.vehicle())
    postgres_cluster.stop("immediate")
    try:
        with pytest.raises(Unavailable):
            await get(store, "vehicle", b.OURS, b.CAR)
        with pytest.raises(Unavailable):
            await put(store, "save_vehicle", b.vehicle(id="car-2"))
        assert store.trouble
        with pytest.raises(Unavailable):
            await PostgresStore.open(own_database)
    finally:
        postgres_cluster.start()
    assert await get(store, "vehicles", b.OURS) == [b.vehicle()]
    assert store.trouble is None
    await store.close()


async def test_a_wrong_password_is_refused_and_never_told(own_database: str) -> None:
    wrong = own_database.replace("postgres:", "postgres:hunter2", 1)
    with pytest.raises(Refused) as caught:
        await PostgresStore.open(wrong)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
