"""Care of an SQLite file: whether it is whole, and a copy of it while it is in use.

SQLite tells a damaged page by its structure, and a torn log by its checksums: the log counts up to its last whole
commit. Bytes of a record that a disk has changed silently only its own content can tell.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from time import monotonic

from dwell.adapters.storage.sqlite_connection import StorageFailure, open_connection
from dwell.domain.errors import Conflict, Unavailable

GLANCE_S = 1.0
"""How long a server that starts looks through its file: hundreds of megabytes; `dwell db check` takes its time."""
_FAULTS = 5
"""So many faults of a file are named: one is enough to restore it."""
_STEPS = 20_000
"""Instructions of SQLite's machine between two looks at the clock."""


def examine(path: Path, *, within_s: float | None = GLANCE_S) -> bool:
    """Look through the file; whether all of it was seen in that time (None: it is).

    Raises Unavailable with code `damaged` where it is not whole, `storage` where it cannot be read.
    """
    try:
        with closing(open_connection(path, writes=False)) as connection:
            return _is_seen(connection, path, within_s)
    except StorageFailure as failure:
        raise _damaged(path, str(failure)) if failure.broken else failure.unavailable() from failure


def _is_seen(connection: sqlite3.Connection, path: Path, within_s: float | None) -> bool:
    thorough = within_s is None
    until = monotonic() + (within_s or 0)
    if not thorough:
        connection.set_progress_handler(lambda: monotonic() >= until, _STEPS)
    try:
        kind = "integrity_check" if thorough else "quick_check"
        found = [row[0] for row in connection.execute(f"PRAGMA {kind}({_FAULTS})")]
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            return False
        raise StorageFailure(error) from error
    except sqlite3.Error as error:
        raise StorageFailure(error) from error
    if found != ["ok"]:
        raise _damaged(path, "; ".join(found).replace("\n", " "))
    return True


def _damaged(path: Path, why: str) -> Unavailable:
    return Unavailable(
        f"the database file {path} is damaged: {why}. Keep it with its -wal file, and restore a backup "
        "(docs/how-to/operate.md, Backup and restore)",
        code="damaged",
    )


def back_up(path: Path, target: Path) -> None:
    """Write the file as it is at one instant to `target`, whole or not at all, while others read and write it.

    Raises Conflict where `target` exists, Unavailable where the copy cannot be made or is not whole.
    """
    if target.exists():
        raise Conflict(f"{target} exists already; a backup replaces nothing", code="backup_exists")
    unfinished = target.with_name(f"{target.name}.unfinished")
    try:
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=0o600)
        _copy(path, unfinished)
        examine(unfinished, within_s=None)
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        os.link(
            unfinished, target
        )  # unlike a renaming it fails where somebody has made a file of that name meanwhile
    except FileExistsError as error:
        raise Conflict(f"{target} exists already; a backup replaces nothing", code="backup_exists") from error
    except OSError as error:
        raise Unavailable(f"{target} cannot be written: {error.strerror}", code="storage") from error
    except StorageFailure as failure:
        raise failure.unavailable() from failure
    finally:
        for leftover in (
            unfinished,
            *(unfinished.with_name(unfinished.name + end) for end in ("-wal", "-shm")),
        ):
            with suppress(OSError):
                leftover.unlink(missing_ok=True)


def _copy(path: Path, target: Path) -> None:
    """In one step, under one read of the source: what is committed meanwhile is not in the copy, nor held up by it."""
    try:
        with (
            closing(open_connection(path, writes=False)) as source,
            closing(sqlite3.connect(target, isolation_level=None)) as copy,
        ):
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE").close()
    except sqlite3.Error as error:
        raise StorageFailure(error) from error
