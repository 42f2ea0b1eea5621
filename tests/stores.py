"""The three stores: `store` runs a test on each of them, `database` on the two that last, always on an empty one."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest

from dwell.adapters.storage import schema
from dwell.adapters.storage.memory import MemoryStore
from dwell.adapters.storage.postgres import PostgresStore
from dwell.adapters.storage.sqlite import SqliteStore
from dwell.adapters.storage.tables import metadata
from scripts.private_postgres import Cluster

AnyStore = MemoryStore | SqliteStore | PostgresStore
KINDS = ("memory", "sqlite", "postgres")


def _upgrade(url: str) -> None:
    """In a thread of its own: the fixture that asks may be running in an event loop."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(schema.upgrade(url))).result()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty file with its schema, to be copied."""
    path = tmp_path_factory.mktemp("template") / "empty.db"
    _upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_path(sqlite_template: Path, tmp_path: Path) -> Path:
    path = tmp_path / "dwell.db"
    shutil.copy(sqlite_template, path)
    return path


@pytest.fixture(scope="session")
def migrated_url(postgres_cluster: Cluster) -> str:
    """A database with its schema, used by one test after another."""
    url = postgres_cluster.create_database("storage_contract")
    _upgrade(url)
    return url


@pytest.fixture
async def postgres_store_url(migrated_url: str) -> str:
    """The database, emptied."""
    return await _emptied(migrated_url)


async def _emptied(url: str) -> str:
    connection = await asyncpg.connect(url)
    await connection.execute("TRUNCATE " + ", ".join(metadata.tables))
    await connection.close()
    return url


@pytest.fixture(params=KINDS)
async def store(request: pytest.FixtureRequest) -> AsyncIterator[AnyStore]:
    """An empty store of each kind."""
    opened = await _opened(request)
    yield opened
    await opened.close()


@pytest.fixture(params=KINDS[1:])
async def database(request: pytest.FixtureRequest) -> AsyncIterator[AnyStore]:
    """An empty store on each of the two databases."""
    opened = await _opened(request)
    yield opened
    await opened.close()


@pytest.fixture
async def sqlite_store(sqlite_path: Path) -> AsyncIterator[AnyStore]:
    """An empty SQLite store, where the engine makes no difference."""
    opened = await SqliteStore.open(sqlite_path)
    yield opened
    await opened.close()


async def _opened(request: pytest.FixtureRequest) -> AnyStore:
    if request.param == "memory":
        return MemoryStore()
    if request.param == "sqlite":
        return await SqliteStore.open(request.getfixturevalue("sqlite_path"))
    return await PostgresStore.open(await _emptied(request.getfixturevalue("migrated_url")))
