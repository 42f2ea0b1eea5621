"""Processes that share the stations through one PostgreSQL database.

Each process has one connection on which it hears and renews its lease, so that who cannot be told has no lease either.
An order to another process is a row: its holder takes it by one UPDATE, and so exactly once; notices only wake.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import msgspec
import structlog

from dwell.adapters.ids import SystemIds
from dwell.adapters.relay import statements
from dwell.adapters.relay.messages import Ask, Outcome, decode_ask, decode_outcome, encode
from dwell.adapters.relay.view import NOBODY, Holder, View
from dwell.adapters.storage.postgres_connection import (
    CONNECT_TIMEOUT_S,
    LOST,
    REFUSING,
    SETTINGS,
    unavailable,
)
from dwell.application.relay_ports import StationsHere, not_connected
from dwell.application.station_ports import NO_ANSWER
from dwell.domain.errors import PeerFault, Refused, Unavailable
from dwell.domain.ids import StationId
from dwell.domain.station.orders import OrderAnswer, StationOrder

LEASE_S = 6.0
RENEW_EVERY_S = 2.0
STATEMENT_S = 2.0
"""What takes longer is given up: so a lease is tried for twice before it ends."""
RECONNECT_PAUSE_S = 0.2
TAKEN_WITHIN_S = 1.0
"""An order that its holder has not taken by then is withdrawn: the station counts as not connected."""
ANSWER_MARGIN_S = 1.0
"""How much longer than the holder waits for the station one waits for the holder."""
PING_S = 6.0
CLAIM_WAIT_S = LEASE_S + 0.5
"""How long a station is kept at the door whose holder says nothing: until its lease is over."""
SWEEP_EVERY = 30
CONNECTIONS = 4
_MICROS = 1_000_000

log = structlog.get_logger("dwell.relay")


class PostgresRelay:
    """A StationRelay. Make one with `opened`; all methods belong to the loop's own thread."""

    def __init__(self, url: str, pool: asyncpg.Pool) -> None:
        ids = SystemIds()
        self.process_id = ids.new_id()
        self._new_id = ids.new_id
        self._url = url
        self._pool = pool
        self._view = View(self.process_id)
        self._waiting: dict[str, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._door = asyncio.Semaphore(CONNECTIONS // 2)  # thousands that come at once hold up no order
        self._leased = asyncio.Event()
        self._look = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def opened(cls, url: str) -> AsyncIterator[PostgresRelay]:
        """While the block runs."""
        pool = asyncpg.create_pool(
            url,
            min_size=0,
            max_size=CONNECTIONS,
            timeout=CONNECT_TIMEOUT_S,
            server_settings=SETTINGS,
            reset=_leave_as_it_is,
        )
        await pool
        try:
            yield cls(url, pool)
        finally:
            pool.terminate()

    # --- the port ---

    @asynccontextmanager
    async def serving(self, here: StationsHere) -> AsyncIterator[None]:
        attending = asyncio.create_task(self._attend(here))
        try:
            try:
                await asyncio.wait_for(self._leased.wait(), CONNECT_TIMEOUT_S)
            except TimeoutError as error:
                raise unavailable(error) from error
            yield
        finally:
            tasks = [attending, *self._tasks]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with suppress(Unavailable):  # then the lease ends by itself
                await self._rows(statements.RESIGN, self.process_id)

    async def claim(self, station_id: StationId) -> int | None:
        until_s = _now_s() + CLAIM_WAIT_S
        while True:
            async with self._door:
                claimed = await self._rows(statements.CLAIM, station_id, self.process_id)
            if claimed:
                epoch: int = claimed[0]["epoch"]
                return epoch
            with suppress(
                PeerFault
            ):  # nobody answers; by the time it has left, or its lease is over, it is ours
                if (await self._ask(station_id, Ask(), timeout_s=PING_S)).lives:
                    return None
            if _now_s() > until_s:
                raise Unavailable("another process holds the station and says nothing")

    async def release(self, station_id: StationId, epoch: int) -> None:
        try:
            async with self._door:
                await self._rows(statements.RELEASE, station_id, self.process_id, epoch)
        except Unavailable as error:  # who asks us for the station is told that it is not here
            log.warning("station_not_released", station_id=station_id, reason=error.message)

    async def may_send(self, station_id: StationId, epoch: int) -> bool:
        asked_s = _now_s()
        try:
            found = await self._rows(statements.STANDING, station_id, self.process_id, epoch)
        except Unavailable as error:
            raise not_connected(
                "Whether the station is still connected here cannot be learned now."
            ) from error
        return bool(found) and _still(found[0], asked_s)

    def is_elsewhere(self, station_id: StationId) -> bool:
        return self._view.is_elsewhere(station_id, _now_s())

    async def give(self, station_id: StationId, order: StationOrder, *, timeout_s: float) -> OrderAnswer:
        return (await self._ask(station_id, Ask(order), timeout_s=timeout_s)).told()

    # --- asking another process ---

    async def _ask(self, station_id: StationId, ask: Ask, *, timeout_s: float) -> Outcome:
        """What the holder made of it. Raises PeerFault: OFFLINE where it was surely not sent, else NO_ANSWER."""
        ask_id, woken = self._new_id(), asyncio.Event()
        self._waiting[ask_id] = woken
        try:
            values = (ask_id, station_id, round(timeout_s * _MICROS), encode(ask), self.process_id)
            if not await self._rows(statements.ASK, *values):
                raise not_connected()
            return await self._collected(ask_id, woken, timeout_s)
        except Unavailable as error:
            raise PeerFault("The way to the station's process was lost.", code=NO_ANSWER) from error
        finally:
            del self._waiting[ask_id]

    async def _collected(self, ask_id: str, woken: asyncio.Event, timeout_s: float) -> Outcome:
        """Wait for the answer; withdraw what nobody takes, give up what nobody answers."""
        asked_s = _now_s()
        taken_by_s, over_at_s = asked_s + TAKEN_WITHIN_S, asked_s + timeout_s + ANSWER_MARGIN_S
        is_taken = False
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(over_at_s if is_taken else taken_by_s):
                    await woken.wait()
            woken.clear()
            now_s = _now_s()
            late, over = now_s >= taken_by_s, now_s >= over_at_s
            found = await self._rows(statements.COLLECT, ask_id, late, over)
            if found and found[0]["answer"] is not None:
                return decode_outcome(found[0]["answer"])
            if found and not found[0]["claimed"]:
                raise not_connected("The process that holds the station does not answer.")
            if found or over:
                raise PeerFault("The station did not answer.", code=NO_ANSWER)
            is_taken = late

    # --- being asked ---

    async def _serve(self, here: StationsHere, ask_id: str) -> None:
        asked_s = _now_s()
        taken = await self._rows(statements.TAKE, ask_id, self.process_id)
        if taken:
            outcome = await self._outcome(here, taken[0], asked_s)
            await self._rows(statements.ANSWER, ask_id, encode(outcome))

    async def _outcome(self, here: StationsHere, row: Any, asked_s: float) -> Outcome:
        station_id, epoch = StationId(row["station_id"]), row["epoch"]
        try:
            order = decode_ask(row["body"]).order
        except msgspec.ValidationError:  # of a newer version
            return Outcome.of(
                Refused("The station's process does not know this order.", code="not_supported")
            )
        if order is None:
            lives = await here.lives_here(station_id)
            if not lives:
                await self.release(station_id, epoch)
            return Outcome(lives=lives)
        if not _still(row, asked_s):
            return Outcome.of(not_connected("The lease of the station's process has ended."))
        try:
            timeout_s = row["time_us"] / _MICROS - (_now_s() - asked_s)
            answer = await here.give_here(station_id, order, epoch=epoch, timeout_s=timeout_s)
        except (PeerFault, Refused) as fault:
            return Outcome.of(fault)
        return Outcome(answer=answer)

    # --- hearing, and the lease ---

    async def _attend(self, here: StationsHere) -> None:
        """Hold a connection to hear on, and with it the lease, until cancelled."""
        while True:
            try:
                connection = await asyncpg.connect(
                    self._url, timeout=CONNECT_TIMEOUT_S, server_settings=SETTINGS
                )
                try:
                    await self._attend_on(connection, here)
                finally:
                    connection.terminate()
            except (*LOST, *REFUSING) as error:
                log.warning("relay_waits_for_database", reason=str(error) or type(error).__name__)
            except Exception:  # whatever it is: without a lease no order leaves, and the next try may go well
                log.exception("relay_broke")
            await asyncio.sleep(RECONNECT_PAUSE_S)

    async def _attend_on(self, connection: asyncpg.Connection, here: StationsHere) -> None:
        def hear(_: object, __: int, channel: str, payload: str) -> None:
            self._hear(here, channel, payload.split(" "))

        connection.add_termination_listener(lambda _: self._look.set())
        for channel in (statements.STATIONS, statements.channel_of(self.process_id)):
            await connection.add_listener(channel, hear)
        turn = 0
        while not connection.is_closed():
            self._look.clear()
            async with asyncio.timeout(STATEMENT_S):
                await self._renew(connection, here, is_first=turn == 0)
                if turn % SWEEP_EVERY == 0:
                    await connection.execute(statements.SWEEP_ORDERS)
                    await connection.execute(statements.SWEEP_PROCESSES)
            turn += 1
            self._leased.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(RENEW_EVERY_S):
                    await self._look.wait()

    async def _renew(self, connection: asyncpg.Connection, here: StationsHere, *, is_first: bool) -> None:
        lasted = await connection.fetchval(statements.RENEW, self.process_id, round(LEASE_S * _MICROS))
        asked_s = _now_s()
        leases = await connection.fetch(statements.LEASES)
        self._view.hear_leases({row["id"]: row["left_us"] / _MICROS for row in leases}, asked_s)
        if (
            is_first or not lasted
        ):  # what was said meanwhile was not heard, or others were free to take what is ours
            for row in await connection.fetch(statements.HOLDERS):
                self._hear_holder(here, StationId(row["station_id"]), Holder(row["process_id"], row["epoch"]))
        for row in await connection.fetch(statements.WAITING, self.process_id):
            self._begin(self._serve(here, row["id"]))
        for woken in self._waiting.values() if is_first else ():
            woken.set()

    def _hear(self, here: StationsHere, channel: str, words: list[str]) -> None:
        if channel == statements.STATIONS:
            station_id, process_id, epoch = words
            holder = Holder(NOBODY if process_id == "-" else process_id, int(epoch))
            self._hear_holder(here, StationId(station_id), holder)
            return
        kind, ask_id = words
        if kind == "ask":
            self._begin(self._serve(here, ask_id))
        elif ask_id in self._waiting:
            self._waiting[ask_id].set()

    def _hear_holder(self, here: StationsHere, station_id: StationId, holder: Holder) -> None:
        if not self._view.hear_holder(station_id, holder):
            return
        if not self._view.is_leased(holder.process_id):
            self._look.set()  # a process that is new
        epoch = here.epoch_here(station_id)
        if epoch is not None and epoch < holder.epoch:
            self._begin(here.end_before(station_id, holder.epoch))

    # --- within ---

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(_told(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _rows(self, sql: str, *values: object) -> list[Any]:
        """One statement. Raises Unavailable; it may have been done then."""
        try:
            async with asyncio.timeout(STATEMENT_S):
                found: list[Any] = await self._pool.fetch(sql, *values)
                return found
        except TimeoutError as error:  # an OSError, too, but the server may well be there
            raise unavailable(error) from error
        except (*LOST, *REFUSING) as error:
            await self._pool.expire_connections()
            raise unavailable(error) from error


async def _leave_as_it_is(_: asyncpg.Connection) -> None:
    """What is done between two statements: nothing. None of ours changes its session."""


async def _told(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Unavailable as error:
        log.warning("relay_work_failed", reason=error.message)
    except Exception:  # whatever it is: the asker's time runs out, and the log is where it is seen
        log.exception("relay_work_broke")


def _still(row: Any, asked_s: float) -> bool:
    """Whether the lease that the database told of still holds, however long its answer took to be read."""
    return bool(_now_s() - asked_s < row["left_us"] / _MICROS)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
