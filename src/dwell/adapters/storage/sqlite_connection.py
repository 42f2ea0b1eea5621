"""One connection to an SQLite file: how it is opened, what it runs, and what its errors mean."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path

from dwell.adapters.storage.dialect import (
    SQLITE,
    Insert,
    Row,
    Taken,
    Value,
    compiled,
    compiled_insert,
    storable,
)
from dwell.domain.errors import Unavailable

BUSY_TIMEOUT_S = 20.0
"""How long another process may hold the write lock: its own commits are milliseconds, a migration may take seconds."""
BUSY_PAUSE_S = 0.02
CHECKPOINT_PAGES = 2_000
"""The write-ahead log is copied back at about 8 MB of pages."""
WAL_LIMIT_BYTES = 64 * 1024 * 1024
"""What of the log's file is kept after a copy back that a long reader had held up."""
WRITER_CACHE_KIB = 64 * 1024
READER_CACHE_KIB = 16 * 1024

_REPLACE_CONNECTION = frozenset(
    {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CANTOPEN}
)
_STORAGE_CODES = _REPLACE_CONNECTION | {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PROTOCOL,
}


class StorageFailure(Exception):
    """The file or its disk failed, not the work. `broken`: this connection may hold pages that disk does not have."""

    def __init__(self, error: sqlite3.Error) -> None:
        super().__init__(str(error))
        self.broken = _primary(error) in _REPLACE_CONNECTION

    def unavailable(self) -> Unavailable:
        """What the caller is told."""
        return Unavailable(f"the database cannot be used now: {self}", code="storage")


def open_connection(path: Path, *, writes: bool) -> sqlite3.Connection:
    """A connection in autocommit mode, to be used by one thread at a time. Raises StorageFailure."""
    try:
        connection = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False, cached_statements=512
        )
        try:
            for pragma in _pragmas(writes=writes):
                _set(connection, pragma)
        except BaseException:  # a half-open connection is closed whatever the reason
            connection.close()
            raise
    except sqlite3.Error as error:
        raise StorageFailure(error) from error
    return connection


def _set(connection: sqlite3.Connection, pragma: str) -> None:
    """Run the pragma; for the change to a log SQLite itself does not wait while another process makes it."""
    until_s = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute(pragma).close()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= until_s:
                raise
            time.sleep(BUSY_PAUSE_S)


def _pragmas(*, writes: bool) -> list[str]:
    if not writes:
        return [f"PRAGMA cache_size = -{READER_CACHE_KIB}", "PRAGMA query_only = ON"]
    return [
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",
        f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}",
        f"PRAGMA journal_size_limit = {WAL_LIMIT_BYTES}",
        f"PRAGMA cache_size = -{WRITER_CACHE_KIB}",
        "PRAGMA temp_store = MEMORY",
    ]


def control(connection: sqlite3.Connection, command: str) -> None:
    """Run BEGIN, COMMIT, a savepoint or the like. Raises StorageFailure."""
    try:
        connection.execute(command)
    except sqlite3.Error as error:
        raise StorageFailure(error) from error


class SqliteRows:
    """Rows of one connection; its async functions never wait."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def all(self, sql: str, **values: Value) -> list[Row]:
        text, names = compiled(sql, SQLITE)
        try:
            return self._connection.execute(text, [_bound(values[name]) for name in names]).fetchall()
        except sqlite3.Error as error:
            raise meaning(error) from error

    async def run(self, sql: str, **values: Value) -> None:
        text, names = compiled(sql, SQLITE)
        try:
            self._connection.execute(text, [_bound(values[name]) for name in names])
        except sqlite3.Error as error:
            raise meaning(error) from error

    async def put(self, insert: Insert, rows: list[Row]) -> list[bool]:
        if not rows:
            return []
        text = compiled_insert(insert, SQLITE)
        bound = [tuple(map(_bound, row)) for row in rows]
        try:
            if insert.key and not self._all_new(text, bound):
                execute = self._connection.execute
                return [execute(text, row).rowcount == 1 for row in bound]
            if not insert.key:
                self._connection.executemany(text, bound)
        except sqlite3.Error as error:
            raise meaning(error) from error
        return [True] * len(rows)

    def _all_new(self, text: str, bound: list[tuple[Value, ...]]) -> bool:
        """Insert all rows at once if every one is new, else none: the usual case, at a third of the cost."""
        connection = self._connection
        connection.execute("SAVEPOINT many")
        before = connection.total_changes
        connection.executemany(text, bound)
        everything = connection.total_changes - before == len(bound)
        if not everything:
            connection.execute("ROLLBACK TO many")
        connection.execute("RELEASE many")
        return everything


def meaning(error: sqlite3.Error) -> Exception:
    """What an error of a statement means: Taken, StorageFailure, or a fault of ours as it is."""
    if isinstance(error, sqlite3.IntegrityError) and error.sqlite_errorcode in (
        sqlite3.SQLITE_CONSTRAINT_UNIQUE,
        sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
    ):
        return Taken(str(error))
    return StorageFailure(error) if _primary(error) in _STORAGE_CODES else error


def _primary(error: sqlite3.Error) -> int:
    """The primary result code; an extended one adds detail in its higher bits."""
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & 0xFF


def _bound(value: Value) -> Value:
    if type(value) is str:
        return value if value.isascii() and "\x00" not in value else storable(value)
    return json.dumps([storable(text) for text in value]) if isinstance(value, list) else value
