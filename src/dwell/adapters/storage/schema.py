"""The database's schema: bringing it up to date, and refusing to work with one that is not ours.

Migrations are rendered to SQL for the engine and run by the store's own driver in one transaction: all or nothing, one
process at a time. Their number is in `alembic_version`.
"""

from __future__ import annotations

import asyncio
import io
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config

from dwell.adapters.storage.addresses import SqliteAddress, address_of
from dwell.adapters.storage.care import examine
from dwell.adapters.storage.file_systems import refuse_network
from dwell.adapters.storage.postgres_connection import connected
from dwell.adapters.storage.sqlite_connection import StorageFailure, control, open_connection
from dwell.adapters.storage.tables import SCHEMA
from dwell.domain.errors import Unavailable

COMMAND = "dwell db upgrade"
_ADVISORY_LOCK = 0x6477_656C_6C
"""`dwell` in ASCII: the lock under which one process at a time migrates a PostgreSQL database."""
_NUMBER = "SELECT version_num FROM alembic_version"


async def upgrade(database_url: str) -> None:
    """Bring the database to this version's schema; nothing happens if it is there.

    Raises Refused for an address or a schema that is not for us, Unavailable where the database cannot be reached.
    """
    address = address_of(database_url)
    if isinstance(address, SqliteAddress):
        await asyncio.to_thread(_upgrade_sqlite, address.path)
    else:
        await _upgrade_postgres(address.url)


async def check(database_url: str) -> None:
    """Raises Unavailable, naming what helps, unless the schema is this version's and the file is whole."""
    address = address_of(database_url)
    if isinstance(address, SqliteAddress):
        found = await asyncio.to_thread(_sqlite_number, address.path)
        if found is not None:
            await asyncio.to_thread(examine, address.path.absolute())
    else:
        found = await _postgres_number(address.url)
    compare(found)


def compare(found: str | None) -> None:
    """Raises Unavailable unless `found`, None for none, is the number of our schema."""
    if found is None:
        raise Unavailable(f"the database has no schema yet; run `{COMMAND}`", code="schema_missing")
    if found < SCHEMA:
        raise Unavailable(
            f"the database has schema {found}, this version needs {SCHEMA}; run `{COMMAND}`",
            code="schema_old",
        )
    if found > SCHEMA:
        raise Unavailable(
            f"the database has schema {found}, newer than {SCHEMA} of this version; install a newer dwell "
            f"(`{COMMAND}` does not go back)",
            code="schema_new",
        )


def script(dialect: str, present: str | None) -> list[str]:
    """The statements that lead from schema `present` (None: an empty database) to ours."""
    written = io.StringIO()
    config = Config(output_buffer=written)
    config.set_main_option("script_location", "dwell.adapters.storage:migrations")
    config.attributes["dialect"] = dialect
    command.upgrade(config, SCHEMA if present is None else f"{present}:{SCHEMA}", sql=True)
    return list(_statements(written.getvalue()))


def _statements(text: str) -> Iterator[str]:
    """The script cut where a statement is complete; Alembic ends each with a semicolon at the end of a line."""
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if line.rstrip().endswith(";") and sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _upgrade_sqlite(path: Path) -> None:
    whole = path.absolute()
    refuse_network(whole)
    try:
        whole.parent.mkdir(parents=True, exist_ok=True)
        whole.touch(
            mode=0o600
        )  # what is in it is nobody else's business; SQLite gives its log the same rights
    except OSError as error:
        raise Unavailable(f"{whole} cannot be made: {error.strerror}", code="storage") from error
    try:
        with closing(open_connection(whole, writes=True)) as connection:
            control(connection, "BEGIN IMMEDIATE")
            present = _number_in(connection)
            for statement in _steps("sqlite", present):
                control(connection, statement)
            control(connection, "COMMIT")
    except StorageFailure as failure:
        raise failure.unavailable() from failure


def _steps(dialect: str, present: str | None) -> list[str]:
    if present == SCHEMA:
        return []
    if present is not None and present > SCHEMA:
        compare(present)
    return script(dialect, present)


def _sqlite_number(path: Path) -> str | None:
    if not path.exists():
        return None
    try:
        with closing(open_connection(path.absolute(), writes=False)) as connection:
            return _number_in(connection)
    except StorageFailure as failure:
        examine(path.absolute())  # says what to do if that is why
        raise failure.unavailable() from failure


def _number_in(connection: sqlite3.Connection) -> str | None:
    try:
        known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
        row = connection.execute(_NUMBER).fetchone() if known else None
    except sqlite3.Error as error:
        raise StorageFailure(error) from error
    return str(row[0]) if row else None


async def _upgrade_postgres(url: str) -> None:
    try:
        async with connected(url) as connection, connection.transaction():
            await connection.execute(
                "SET LOCAL statement_timeout = 0"
            )  # an index over years of visits takes its time
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _ADVISORY_LOCK)
            for statement in _steps("postgresql", await _number_of(connection)):
                await connection.execute(statement)
    except asyncpg.PostgresError as error:
        raise Unavailable(f"the migration failed and changed nothing: {error}", code="migration") from error


async def _postgres_number(url: str) -> str | None:
    async with connected(url) as connection:
        return await _number_of(connection)


async def _number_of(connection: asyncpg.Connection) -> str | None:
    known = await connection.fetchval("SELECT to_regclass('alembic_version') IS NOT NULL")
    found: str | None = await connection.fetchval(_NUMBER) if known else None
    return found
