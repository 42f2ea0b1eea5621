"""The grown store: PostgreSQL 15 or newer, by asyncpg.

Isolation is REPEATABLE READ: a work sees one state of everything, and a work that would change what another has changed
meanwhile fails and is run again from the start. Works that name a vehicle take turns before they ask for a connection;
those of other processes, and those that learn of their vehicle on the way, meet at its track, which is locked when it
is loaded. Rules that no row lock can hold (one unsettled session per policy) are unique indexes. A commit is flushed
before anybody is answered (synchronous_commit = on).
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar
from weakref import WeakValueDictionary

import asyncpg

from dwell.adapters.storage.curves import CurveCache
from dwell.adapters.storage.postgres_connection import (
    CONNECT_TIMEOUT_S,
    LOST,
    RACED,
    REFUSING,
    SETTINGS,
    PostgresRows,
    connected,
    refused,
    unavailable,
)
from dwell.adapters.storage.races import ATTEMPTS, TakenConflict, VersionRace, too_many_races
from dwell.adapters.storage.sql_reader import SqlReader
from dwell.adapters.storage.sql_transaction import SqlTransaction
from dwell.application.ports import OnCommit, Reader, Transaction
from dwell.domain.errors import UNKNOWN_OUTCOME, Unavailable
from dwell.domain.ids import VehicleId

T = TypeVar("T")

_log = logging.getLogger("dwell.storage")

CONNECTIONS = 10
WAITING_LIMIT = 4_096
"""Works and reads under way or waiting for a connection; one more is refused at once."""
RETRY_WITHIN_S = 5.0
"""How long a lost server is looked for before the caller is told: a restart takes a second or two."""
FIRST_PAUSE_S = 0.01
LONGEST_PAUSE_S = 0.5


class PostgresStore:
    """A Store in a PostgreSQL database. Make one with `open`."""

    def __init__(
        self, pool: asyncpg.Pool, *, retry_within_s: float, on_commit: OnCommit | None = None
    ) -> None:
        self._pool = pool
        self._retry_within_s = retry_within_s
        self._on_commit = on_commit
        self._curves = CurveCache()
        self._asked = 0
        self._turns: WeakValueDictionary[VehicleId, asyncio.Lock] = WeakValueDictionary()
        self.trouble: str | None = None
        """Why the last work could not be done, for the health page; None while all is well."""

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        connections: int = CONNECTIONS,
        retry_within_s: float = RETRY_WITHIN_S,
        on_commit: OnCommit | None = None,
    ) -> PostgresStore:
        """The store in the database at `url`, which must have its schema (`schema.upgrade`).

        Raises Unavailable where it cannot be reached, Refused for an address or a password that is wrong.
        """
        async with connected(url):
            pass  # the pool connects when first asked; better to learn now that it cannot
        try:
            pool = asyncpg.create_pool(
                url,
                min_size=0,
                max_size=connections,
                timeout=CONNECT_TIMEOUT_S,
                server_settings=SETTINGS,
                statement_cache_size=256,
                reset=_leave_as_it_is,
            )
            await pool
        except ValueError as error:
            raise refused(error) from None
        return cls(pool, retry_within_s=retry_within_s, on_commit=on_commit)

    async def write(
        self, work: Callable[[Transaction], Awaitable[T]], *, about: Iterable[VehicleId] = ()
    ) -> T:
        async def once() -> T:
            started_s = time.monotonic()
            async with self._transaction() as rows:
                answer = await work(SqlTransaction(rows, self._curves))
            if self._on_commit is not None:
                self._on_commit(1, time.monotonic() - started_s)
            return answer

        async def in_turn() -> T:
            async with AsyncExitStack() as turns:
                for vehicle_id in sorted(set(about)):  # in one order, so that no two wait for each other
                    await turns.enter_async_context(self._turns.setdefault(vehicle_id, asyncio.Lock()))
                return await self._with_retries(once)

        return await self._tried(in_turn)

    async def read(self, work: Callable[[Reader], Awaitable[T]]) -> T:
        async def once() -> T:
            async with self._transaction(readonly=True) as rows:
                return await work(SqlReader(rows, self._curves))

        return await self._tried(lambda: self._with_retries(once))

    async def close(self) -> None:
        """Wait for what is under way, then close every connection."""
        try:
            await asyncio.wait_for(self._pool.close(), CONNECT_TIMEOUT_S)
        except TimeoutError:
            self._pool.terminate()

    @asynccontextmanager
    async def _transaction(self, *, readonly: bool = False) -> AsyncIterator[PostgresRows]:
        async with self._pool.acquire(timeout=CONNECT_TIMEOUT_S) as connection:
            transaction = connection.transaction(isolation="repeatable_read", readonly=readonly)
            await transaction.start()
            try:
                yield PostgresRows(connection)
            except BaseException:  # nothing of the work may remain, whatever ended it
                if not connection.is_closed():
                    await transaction.rollback()
                raise
            try:
                await transaction.commit()
            except LOST as error:
                raise _UnknownOutcome from error

    async def _tried(self, once: Callable[[], Awaitable[T]]) -> T:
        if self._asked >= WAITING_LIMIT:
            raise Unavailable("too many works are waiting; try again", code="overloaded")
        self._asked += 1
        try:
            answer = await once()
            self.trouble = None
            return answer
        except Unavailable as error:
            self.trouble = error.message
            _log.error("work failed", extra={"reason": error.message})
            raise
        finally:
            self._asked -= 1

    async def _with_retries(self, once: Callable[[], Awaitable[T]]) -> T:
        """`once`, again after a lost race or a lost server, within limits; never after it was committed."""
        patience = _Patience(self._retry_within_s)
        while True:
            try:
                return await once()
            except (*RACED, VersionRace, TakenConflict) as error:
                patience.lost_race(error)
            except TimeoutError as error:  # an OSError, too, but the server may well be there
                raise Unavailable("no database connection came free in time", code="overloaded") from error
            except LOST as error:
                patience.lost_server(error)
                await self._pool.expire_connections()
            except REFUSING as error:
                raise unavailable(error) from error
            except _UnknownOutcome as error:
                raise Unavailable(
                    "the connection was lost during the commit; it may have been applied",
                    code=UNKNOWN_OUTCOME,
                ) from error
            await patience.pause()


async def _leave_as_it_is(_: asyncpg.Connection) -> None:
    """What is done between two works: nothing. None of ours changes its session, and a reset costs a round trip."""


class _Patience:
    """How often and how long one work is tried again. The `lost_…` methods raise when that is enough."""

    def __init__(self, within_s: float) -> None:
        self._deadline = asyncio.get_running_loop().time() + within_s
        self._pause_s = FIRST_PAUSE_S
        self._races = 0
        self._taken = 0

    def lost_race(self, error: BaseException) -> None:
        self._races += 1
        if isinstance(error, TakenConflict):
            self._taken += 1
            if self._taken == 2:  # the second run has seen the other's row and still: no race, a conflict
                raise error
        if self._races == ATTEMPTS:
            raise too_many_races() from error

    def lost_server(self, error: BaseException) -> None:
        if isinstance(error, ValueError):  # the driver's word for a value it cannot send: a fault of ours
            raise error
        if asyncio.get_running_loop().time() + self._pause_s >= self._deadline:
            raise unavailable(error) from error

    async def pause(self) -> None:
        """Wait a little longer each time, and not all for the same time."""
        await asyncio.sleep(self._pause_s * random.uniform(0.5, 1.0))
        self._pause_s = min(LONGEST_PAUSE_S, self._pause_s * 2)


class _UnknownOutcome(Exception):
    """The commit was sent and its answer never came."""
