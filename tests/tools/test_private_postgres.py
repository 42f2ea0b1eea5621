"""The private PostgreSQL that tests and benchmarks stand on."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from scripts import private_postgres
from scripts.private_postgres import OLDEST_VERSION, Cluster, PostgresError, private_cluster

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
DEADLINE_S = 30


async def ask(url: str, question: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def test_a_database_is_fresh_and_its_url_is_one_asyncpg_takes(postgres_database: str) -> None:
    tables = "select count(*) from information_schema.tables where table_schema = 'public'"

    assert await ask(postgres_database, tables) == 0
    assert int(str(await ask(postgres_database, "show server_version_num"))) >= OLDEST_VERSION * 10_000


async def test_durability_is_as_shipped(postgres_database: str) -> None:
    assert await ask(postgres_database, "show fsync") == "on"
    assert await ask(postgres_database, "show synchronous_commit") == "on"
    assert await ask(postgres_database, "show full_page_writes") == "on"


async def test_nobody_enters_without_the_password(postgres_database: str) -> None:
    address = urlsplit(postgres_database)

    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(
            host=address.hostname, port=address.port, user="postgres", password="guess", database="postgres"
        )


async def test_a_database_is_dropped_though_somebody_is_still_connected(postgres_cluster: Cluster) -> None:
    connection = await asyncpg.connect(postgres_cluster.create_database("held"))

    postgres_cluster.drop_database("held")

    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError)):
        await connection.fetchval("select 1")
    connection.terminate()


async def test_a_template_is_copied_whole(postgres_cluster: Cluster) -> None:
    template = postgres_cluster.create_database("pattern")
    await ask(template, "create table kept as select 7 as answer")

    copy = postgres_cluster.create_database("copy_of_pattern", template="pattern")

    assert await ask(copy, "select answer from kept") == 7
    postgres_cluster.drop_database("copy_of_pattern")
    postgres_cluster.drop_database("pattern")


async def test_what_was_committed_survives_a_crash_and_what_was_not_does_not(
    postgres_cluster: Cluster, postgres_database: str
) -> None:
    connection = await asyncpg.connect(postgres_database)
    await connection.execute("create table facts (id int); insert into facts values (1)")
    await connection.execute("begin; insert into facts values (2)")

    await asyncio.to_thread(postgres_cluster.restart, "immediate")

    assert await ask(postgres_database, "select array_agg(id) from facts") == [1]
    connection.terminate()


def test_the_server_and_its_folder_go_with_a_killed_owner() -> None:
    program = (
        "from scripts.private_postgres import private_cluster\n"
        "with private_cluster() as cluster:\n"
        "    print(cluster.folder, (cluster.folder / 'data/postmaster.pid').read_text().split()[0], flush=True)\n"
        "    input()\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdin is not None and owner.stdout is not None
    folder, server = owner.stdout.readline().split()

    owner.send_signal(signal.SIGKILL)
    owner.communicate(timeout=DEADLINE_S)

    assert gone(Path(folder)) and gone(Path("/proc") / server)


def gone(path: Path) -> bool:
    """Waits for it, up to the deadline."""
    pause = threading.Event()
    return any(not path.exists() or pause.wait(0.05) for _ in range(DEADLINE_S * 20))


def test_an_error_in_the_block_still_ends_the_server() -> None:
    with pytest.raises(RuntimeError, match="by the test"), private_cluster() as cluster:
        server = (cluster.folder / "data/postmaster.pid").read_text().split()[0]
        raise RuntimeError("by the test")

    assert not cluster.folder.exists()
    assert gone(Path("/proc") / server)


def test_a_taken_port_is_not_the_end(monkeypatch: pytest.MonkeyPatch, postgres_cluster: Cluster) -> None:
    free = private_postgres._free_port()
    ports = iter([postgres_cluster.port, free])
    monkeypatch.setattr(private_postgres, "_free_port", lambda: next(ports))

    with private_cluster() as cluster:
        assert cluster.port == free


def test_without_postgresql_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_postgres, "OLDEST_VERSION", 999)

    with pytest.raises(PostgresError, match="apt-get install -y --no-install-recommends postgresql"):
        private_postgres.find_binaries()


@pytest.mark.parametrize("name", ["server", "data"])
def test_others_may_not_look_into_the_folder(postgres_cluster: Cluster, name: str) -> None:
    folder = postgres_cluster.folder if name == "server" else postgres_cluster.folder / "data"

    assert os.stat(folder).st_mode & 0o077 == 0
