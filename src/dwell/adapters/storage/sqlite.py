"""The embedded store: one SQLite file, one thread that writes, a few that read.

A commit is on disk before anybody is answered (write-ahead log, synchronous = FULL). Several processes may use the
file: whoever finds it locked waits. A read sees one state of everything, and never waits for a writer.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from dwell.adapters.storage.curves import CurveCache
from dwell.adapters.storage.driven import run_now
from dwell.adapters.storage.file_systems import refuse_network
from dwell.adapters.storage.sql_reader import SqlReader
from dwell.adapters.storage.sql_transaction import SqlTransaction
from dwell.adapters.storage.sqlite_connection import SqliteRows, StorageFailure, control, open_connection
from dwell.adapters.storage.sqlite_writer import SqliteWriter
from dwell.application.ports import OnCommit, Reader, Transaction
from dwell.domain.errors import Unavailable
from dwell.domain.ids import VehicleId

T = TypeVar("T")
Connect = Callable[..., sqlite3.Connection]

READERS = 4
READ_QUEUE_LIMIT = 4_096
"""Reads under way or waiting; one more is refused at once."""


class SqliteStore:
    """A Store in an SQLite file. Make one with `open`."""

    def __init__(
        self, path: Path, *, readers: int, connect: Connect, on_commit: OnCommit | None = None
    ) -> None:
        self._path = path
        self._connect = connect
        self._curves = CurveCache()
        self._own = threading.local()
        self._reading: set[sqlite3.Connection] = set()
        self._asked = 0
        self._writer = SqliteWriter(
            lambda: connect(path, writes=True),
            lambda connection: SqlTransaction(SqliteRows(connection), self._curves),
            on_commit,
        )
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="dwell-sqlite-reader")

    @classmethod
    async def open(
        cls,
        path: str | Path,
        *,
        readers: int = READERS,
        connect: Connect = open_connection,
        on_commit: OnCommit | None = None,
    ) -> SqliteStore:
        """The store in the file at `path`, which must have its schema (`schema.upgrade`).

        Raises Refused for a network file system, Unavailable where the file cannot be used. `connect` opens
        connections; tests give one that fails.
        """
        try:
            return await asyncio.to_thread(cls._opened, Path(path), readers, connect, on_commit)
        except StorageFailure as failure:
            raise failure.unavailable() from failure

    @classmethod
    def _opened(cls, path: Path, readers: int, connect: Connect, on_commit: OnCommit | None) -> SqliteStore:
        whole = path.absolute()
        refuse_network(whole)
        return cls(whole, readers=readers, connect=connect, on_commit=on_commit)

    @property
    def trouble(self) -> str | None:
        """Why the last commit failed, for the health page; None while all is well."""
        return self._writer.trouble

    async def write(
        self, work: Callable[[Transaction], Awaitable[T]], *, about: Iterable[VehicleId] = ()
    ) -> T:
        del about  # works are serial here
        answer: T = await self._writer.submit(work)
        return answer

    async def read(self, work: Callable[[Reader], Awaitable[T]]) -> T:
        if self._asked >= READ_QUEUE_LIMIT:
            raise Unavailable("too many reads are waiting; try again", code="overloaded")
        self._asked += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, self._read_now, work)
        finally:
            self._asked -= 1

    async def close(self) -> None:
        """Finish what waits and close the file. Nothing may be asked of the store afterwards."""
        await asyncio.to_thread(self._close_now)

    def _read_now(self, work: Callable[[Reader], Awaitable[T]]) -> T:
        try:
            connection = self._reader()
            control(connection, "BEGIN")
            try:
                return run_now(work(SqlReader(SqliteRows(connection), self._curves)))
            finally:
                control(connection, "ROLLBACK")
        except StorageFailure as failure:
            self._let_go()
            raise failure.unavailable() from failure

    def _reader(self) -> sqlite3.Connection:
        """The connection of this thread."""
        connection: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = self._connect(self._path, writes=False)
            self._reading.add(connection)
        return connection

    def _let_go(self) -> None:
        connection: sqlite3.Connection | None = getattr(self._own, "connection", None)
        self._own.connection = None
        if connection is not None:
            self._reading.discard(connection)
            with suppress(sqlite3.Error):
                connection.close()

    def _close_now(self) -> None:
        self._readers.shutdown(wait=True)
        for connection in self._reading:
            connection.close()
        self._writer.close()
