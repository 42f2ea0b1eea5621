"""One transaction on a PostgreSQL connection: what it runs, and what its errors mean."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import asyncpg

from dwell.adapters.storage.dialect import (
    POSTGRES,
    Insert,
    Row,
    Taken,
    Value,
    compiled,
    compiled_insert,
    storable,
)
from dwell.domain.errors import Refused, Unavailable

CONNECT_TIMEOUT_S = 10.0
STATEMENT_TIMEOUT_S = 30.0
"""No statement of ours takes this long; one that does waits for something that will not come."""

LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that died while idle says so when it is used again
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.ReadOnlySQLTransactionError,
    OSError,
)
"""There is no server to talk to, or not the right one: another try may find it."""
RACED = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
"""Another transaction was there first: nothing was applied, and another try sees what it did."""
REFUSING = (
    asyncpg.InsufficientResourcesError,  # disk full, out of memory
    asyncpg.OperatorInterventionError,  # statement timeout
    asyncpg.PostgresSystemError,  # an I/O error below the server
    TimeoutError,
)
"""The server is there and cannot do it now."""

SETTINGS = {
    "application_name": "dwell",
    "synchronous_commit": "on",
    "statement_timeout": f"{STATEMENT_TIMEOUT_S:.0f}s",
    "idle_in_transaction_session_timeout": f"{STATEMENT_TIMEOUT_S:.0f}s",
    "jit": "off",  # our statements are short; compiling them costs more than running them
}


class PostgresRows:
    """Rows of one transaction."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def all(self, sql: str, **values: Value) -> list[Row]:
        text, names = compiled(sql, POSTGRES)
        found: list[Row] = await self._connection.fetch(text, *[_bound(values[name]) for name in names])
        return found

    async def run(self, sql: str, **values: Value) -> None:
        text, names = compiled(sql, POSTGRES)
        await self._connection.execute(text, *[_bound(values[name]) for name in names])

    async def put(self, insert: Insert, rows: list[Row]) -> list[bool]:
        if not rows:
            return []
        coming = _distinct(insert, rows) if insert.conflict else rows
        columns = [[_bound(value) for value in column] for column in zip(*coming, strict=True)]
        try:
            told = await self._connection.fetch(compiled_insert(insert, POSTGRES), *columns)
        except asyncpg.UniqueViolationError as error:
            raise Taken(str(error)) from error
        if not insert.key:
            return [True] * len(rows)
        places = [insert.columns.index(name) for name in insert.key]
        effective = {tuple(row) for row in told}
        return [_take(effective, tuple(row[place] for place in places)) for row in rows]


def _distinct(insert: Insert, rows: list[Row]) -> list[Row]:
    """In order of key, so that two transactions lock in one order; of an upserted key the last row only.

    One command may not touch a row twice. Of rows that leave known ones alone all go in: the first is the one.
    """
    if insert.key and "DO NOTHING" in insert.conflict:
        return sorted(rows, key=lambda row: row[:3])
    width = len(insert.table.primary_key)
    last = {row[:width]: row for row in rows}
    return [last[key] for key in sorted(last)]


def _take(effective: set[Row], key: Row) -> bool:
    """Whether the key took effect; said once, of the first row that has it."""
    found = key in effective
    effective.discard(key)
    return found


def _bound(value: Value) -> Value:
    if type(value) is str:
        return storable(value)
    return [storable(text) for text in value] if isinstance(value, list) else value


@contextmanager
def told() -> Iterator[None]:
    """Turns what the driver raises for a server that cannot serve into Unavailable."""
    try:
        yield
    except (*LOST, *REFUSING) as error:
        raise unavailable(error) from error


def unavailable(error: BaseException) -> Unavailable:
    """What the caller is told. Messages of the server name no password; addresses are left out."""
    if isinstance(error, OSError | TimeoutError):
        return Unavailable("the database does not answer", code="storage")
    return Unavailable(f"the database cannot be used now: {error}", code="storage")


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection outside any pool. Raises Unavailable, Refused for an address that the driver does not take."""
    with told():
        try:
            connection = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_S, server_settings=SETTINGS)
        except (ValueError, asyncpg.InvalidAuthorizationSpecificationError) as error:
            raise refused(error) from None
        except asyncpg.InvalidCatalogNameError as error:
            raise Unavailable(f"the database cannot be used: {error}", code="storage") from None
        try:
            yield connection
        finally:
            await connection.close(timeout=CONNECT_TIMEOUT_S)


def refused(error: BaseException) -> Refused:
    """For an address or a password that is wrong; says neither."""
    if isinstance(error, asyncpg.PostgresError):
        return Refused("the database does not let this user in", code="database_login")
    return Refused("the database address cannot be read", code="database_address")
