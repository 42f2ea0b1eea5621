"""Who is connected, and the way to them: the port by which use cases reach stations.

A station's socket is here, or at another process that shares the database; the relay knows the latter, and whether a
socket here still speaks for its station.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from dwell.application.relay_ports import ALONE, StationRelay, not_connected
from dwell.domain.errors import DwellError
from dwell.domain.ids import StationId
from dwell.domain.station.orders import OrderAnswer, StationOrder

DOUBLE_PING_S = 5.0
"""How long a station that is connected already has to show that it lives, when it comes again (OC12)."""

log = structlog.get_logger("dwell.gateway")


class Reachable(Protocol):
    """A station's socket, as the hub sees it."""

    async def give(self, order: StationOrder, *, timeout_s: float) -> OrderAnswer: ...

    async def answers_ping(self, *, within_s: float) -> bool: ...

    async def end(self, why: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Held:
    """A socket, and the epoch with which it speaks for its station."""

    socket: Reachable
    epoch: int


class StationHub:
    """One for each process. All methods belong to the loop's own thread."""

    def __init__(self, relay: StationRelay = ALONE) -> None:
        self._relay = relay
        self._held: dict[StationId, Held] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def shared(self) -> AbstractAsyncContextManager[None]:
        """While the block runs other processes reach the stations here. Raises Unavailable."""
        return self._relay.serving(self)

    @property
    def connected(self) -> int:
        """How many stations are connected here."""
        return len(self._held)

    def is_connected(self, station_id: StationId) -> bool:
        """Here or at another process."""
        return station_id in self._held or self._relay.is_elsewhere(station_id)

    async def admit(self, station_id: StationId) -> int | None:
        """The epoch for a new socket of the station; None while one that lives speaks for it. Raises Unavailable."""
        if await self.lives_here(station_id):
            return None
        return await self._relay.claim(station_id)

    def enter(self, station_id: StationId, socket: Reachable, epoch: int) -> None:
        """From now on this socket speaks for the station."""
        self._held[station_id] = Held(socket, epoch)

    async def leave(self, station_id: StationId, socket: Reachable) -> bool:
        """The socket is gone. False where another one speaks for the station already (OC12)."""
        held = self._held.get(station_id)
        if held is None or held.socket is not socket:
            return False
        del self._held[station_id]
        await self._relay.release(station_id, held.epoch)
        return True

    async def give(self, station_id: StationId, order: StationOrder, *, timeout_s: float) -> OrderAnswer:
        held = self._held.get(station_id)
        if held is not None and await self._relay.may_send(station_id, held.epoch):
            return await held.socket.give(order, timeout_s=timeout_s)
        return await self._relay.give(station_id, order, timeout_s=timeout_s)

    def soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(_told(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def end(self) -> None:
        """Let go of what is still being done."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- for the relay ---

    async def give_here(
        self, station_id: StationId, order: StationOrder, *, epoch: int, timeout_s: float
    ) -> OrderAnswer:
        held = self._held.get(station_id)
        if held is None or held.epoch != epoch:
            raise not_connected()
        return await held.socket.give(order, timeout_s=timeout_s)

    async def lives_here(self, station_id: StationId) -> bool:
        held = self._held.get(station_id)
        if held is None:
            return False
        if await held.socket.answers_ping(within_s=DOUBLE_PING_S):
            return True
        await self._replace(station_id, held)
        return False

    def epoch_here(self, station_id: StationId) -> int | None:
        held = self._held.get(station_id)
        return None if held is None else held.epoch

    async def end_before(self, station_id: StationId, epoch: int) -> None:
        held = self._held.get(station_id)
        if held is not None and held.epoch < epoch:
            log.warning("station_moved", station_id=station_id, epoch=epoch)
            await self._replace(station_id, held)

    async def _replace(self, station_id: StationId, held: Held) -> None:
        """The socket speaks for nobody any more, and ends."""
        if self._held.get(station_id) is held:
            del self._held[station_id]
        await held.socket.end("replaced")


async def _told(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except DwellError as error:
        log.warning("station_work_failed", reason=error.message)
    except Exception:  # whatever it is: nobody waits for it, so the log is where it is seen
        log.exception("station_work_broke")
