"""Who is connected, and the way to them: the port by which use cases reach stations."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

import structlog

from dwell.application.station_ports import OFFLINE
from dwell.domain.errors import DwellError, PeerFault
from dwell.domain.ids import StationId
from dwell.domain.station.orders import OrderAnswer, StationOrder

log = structlog.get_logger("dwell.gateway")


class Reachable(Protocol):
    """A station's socket, as the hub sees it."""

    async def give(self, order: StationOrder, *, timeout_s: float) -> OrderAnswer: ...

    async def answers_ping(self, *, within_s: float) -> bool: ...

    async def end(self, why: str) -> None: ...


class StationHub:
    """One for each process. All methods belong to the loop's own thread."""

    def __init__(self) -> None:
        self._sockets: dict[StationId, Reachable] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def connected(self) -> int:
        """How many stations are connected."""
        return len(self._sockets)

    def is_connected(self, station_id: StationId) -> bool:
        return station_id in self._sockets

    def socket_of(self, station_id: StationId) -> Reachable | None:
        """The socket that speaks for the station now."""
        return self._sockets.get(station_id)

    def enter(self, station_id: StationId, socket: Reachable) -> None:
        """From now on this socket speaks for the station."""
        self._sockets[station_id] = socket

    def leave(self, station_id: StationId, socket: Reachable) -> bool:
        """The socket is gone. False where another one speaks for the station already (OC12)."""
        if self._sockets.get(station_id) is not socket:
            return False
        del self._sockets[station_id]
        return True

    async def give(self, station_id: StationId, order: StationOrder, *, timeout_s: float) -> OrderAnswer:
        socket = self._sockets.get(station_id)
        if socket is None:
            raise PeerFault("The station is not connected.", code=OFFLINE)
        return await socket.give(order, timeout_s=timeout_s)

    def soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(_told(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def end(self) -> None:
        """Let go of what is still being done."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _told(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except DwellError as error:
        log.warning("station_work_failed", reason=error.message)
    except Exception:  # whatever it is: nobody waits for it, so the log is where it is seen
        log.exception("station_work_broke")
