"""The one thread that writes to an SQLite file, and how many works share one commit.

Works wait in a queue. The thread runs those that are there, each inside a savepoint of one transaction, until they are
GROUP_LIMIT or have taken GROUP_TIME_S; commits once, and only then answers. A work that fails is undone alone; a disk
that fails undoes them all.
"""

from __future__ import annotations

import asyncio
import logging
import math
import sqlite3
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from dwell.adapters.storage.driven import run_now
from dwell.adapters.storage.races import ATTEMPTS, VersionRace, too_many_races
from dwell.adapters.storage.sqlite_connection import StorageFailure, control
from dwell.application.ports import OnCommit, Transaction
from dwell.domain.errors import Unavailable

_log = logging.getLogger("dwell.storage")

QUEUE_LIMIT = 4_096
"""Works that may wait; one more is refused at once, so that whoever sends slows down."""
GROUP_LIMIT = 256
"""Works in one commit; each waits for all of its group."""
GROUP_TIME_S = 0.05
"""How long works join one commit: who waits behind slow ones waits for one of them, not for a group of them."""

Work = Callable[[Transaction], Awaitable[Any]]


@dataclass(slots=True, eq=False)
class Job:
    """A work on its way, and what came of it."""

    work: Work
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop = field(init=False)
    answer: Any = None
    error: BaseException | None = None

    def __post_init__(self) -> None:
        self.loop = self.future.get_loop()

    def resolve(self) -> None:
        """Tell the one who waits; in its own loop."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.answer)


class SqliteWriter:
    """A thread with a connection of its own. `connect` opens one; `transaction` makes the Transaction on it."""

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        transaction: Callable[[sqlite3.Connection], Transaction],
        on_commit: OnCommit | None = None,
    ) -> None:
        self._connect = connect
        self._transaction = transaction
        self._on_commit = on_commit
        self._connection: sqlite3.Connection | None = connect()
        self._waiting: deque[Job] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self.trouble: str | None = None
        """Why the last commit failed; None once one has succeeded."""
        self._thread = threading.Thread(target=self._run, name="dwell-sqlite-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Work) -> asyncio.Future[Any]:
        """The future answer of `work`. Raises Unavailable when the queue is full or closed."""
        job = Job(work, asyncio.get_running_loop().create_future())
        with self._changed:
            if self._closing:
                raise Unavailable("the store is closed", code="closed")
            if len(self._waiting) >= QUEUE_LIMIT:
                raise Unavailable("too many writes are waiting; try again", code="overloaded")
            self._waiting.append(job)
            self._changed.notify()
        return job.future

    def close(self) -> None:
        """Take no more, finish what waits, close the connection. Blocks."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while self._is_asked():
            group = self._commit_some()
            loops: dict[asyncio.AbstractEventLoop, list[Job]] = {}
            for job in group:
                loops.setdefault(job.loop, []).append(job)
            for loop, jobs in loops.items():
                with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                    loop.call_soon_threadsafe(_resolve_all, jobs)
        if self._connection is not None:
            self._connection.close()

    def _is_asked(self) -> bool:
        """Wait for a work. False when closing and done."""
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait()
            return bool(self._waiting)

    def _next_of_group(self, group: list[Job], until: float) -> Job | None:
        """The next work for the commit, noted in `group`; None when that is enough."""
        if len(group) >= GROUP_LIMIT or (group and monotonic() >= until):
            return None
        with self._changed:
            job = self._waiting.popleft() if self._waiting else None
        if job is not None:
            group.append(job)
        return job

    def _commit_some(self) -> list[Job]:
        """Run works and commit them. Returns them, each with its answer or its error."""
        group: list[Job] = []
        started_s = monotonic()
        try:
            connection = self._connected()
            control(connection, "BEGIN IMMEDIATE")
            until = monotonic() + GROUP_TIME_S
            while (job := self._next_of_group(group, until)) is not None:
                if not job.future.cancelled():
                    self._attempt(connection, job)
            control(connection, "COMMIT")
            self.trouble = None
            if self._on_commit is not None:
                self._on_commit(len(group), monotonic() - started_s)
        except StorageFailure as failure:
            self.trouble = str(failure)
            if not group:  # not even begun: of those who wait, a group is told, and the others try once more
                while self._next_of_group(group, math.inf) is not None:
                    pass
            _log.error("commit failed", extra={"reason": self.trouble, "works": len(group)})
            self._let_go(failure)
            for job in group:
                job.answer, job.error = None, failure.unavailable()
        return group

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = self._connect()
            try:
                # What was committed is copied back, and the log with what a failed commit left in it is cut off, before
                # anything is added to it. See docs/decisions/0010.
                control(connection, "PRAGMA wal_checkpoint(TRUNCATE)")
            except StorageFailure:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _attempt(self, connection: sqlite3.Connection, job: Job) -> None:
        """Run the work in a savepoint. Raises StorageFailure when the transaction as a whole is lost."""
        for _ in range(ATTEMPTS):
            control(connection, "SAVEPOINT work")
            try:
                job.answer = run_now(job.work(self._transaction(connection)))
            except StorageFailure:
                raise
            except BaseException as error:  # noqa: BLE001 - of whatever kind, it is for the one who gave the work
                job.error = error
                control(connection, "ROLLBACK TO work")
            else:
                job.error = None
            control(connection, "RELEASE work")
            if not isinstance(job.error, VersionRace):
                return
        job.error = too_many_races()

    def _let_go(self, failure: StorageFailure) -> None:
        """Undo the transaction; give up a connection whose pages may differ from what is on disk."""
        connection = self._connection
        if connection is None:
            return
        with suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        if failure.broken or connection.in_transaction:
            self._connection = None
            with suppress(sqlite3.Error):
                connection.close()


def _resolve_all(jobs: list[Job]) -> None:
    for job in jobs:
        job.resolve()
