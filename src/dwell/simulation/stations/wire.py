"""A virtual station's socket: what it says goes out one call at a time, what it is told is answered as it comes.

A connection that is lost is made again, with a boot, and what had no answer is said again.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from dwell.simulation.stations.client import (
    ANSWER_TIMEOUT_S,
    CALL,
    ERROR,
    FIRST_BACKOFF_S,
    GONE,
    LAST_BACKOFF_S,
    RESULT,
)
from dwell.simulation.stations.tongues import Said

Obey = Callable[[str, dict[str, Any]], dict[str, Any] | None]
"""The answer to a call of the central system; None for what the station does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """Where a station connects, as whom, and in which version."""

    address: str
    name: str
    key: str
    protocol: str


@dataclass(slots=True)
class Wire:
    """The way from one station to its central system. `greeting` is said first on every connection."""

    sign: Sign
    obey: Obey
    greeting: Callable[[], list[Said]]
    interval_s: int = 300
    errors: list[str] = field(default_factory=list)
    connects: int = 0
    _socket: ClientConnection | None = None
    _reader: asyncio.Task[None] | None = None
    _waiting: dict[str, asyncio.Future[list[Any]]] = field(default_factory=dict)
    _count: int = 0

    async def say(self, said: Said) -> dict[str, Any]:
        """The answer's payload, {} for an error, however many connections it takes."""
        backoff_s = FIRST_BACKOFF_S
        while True:
            try:
                if self._socket is None:
                    await self._open()
                return await self._ask(*said)
            except GONE:
                await self.close()
                await asyncio.sleep(backoff_s)
                backoff_s = min(2 * backoff_s, LAST_BACKOFF_S)

    async def open(self) -> None:
        """Connect and greet. Raises what a connection fails with."""
        await self._open()

    async def close(self) -> None:
        """Hang up."""
        socket, reader = self._socket, self._reader
        self._socket = self._reader = None
        if socket is not None:
            with suppress(*GONE):
                await socket.close()
        if reader is not None:
            await reader

    async def _open(self) -> None:
        sign = self.sign
        shown = base64.b64encode(f"{sign.name}:{sign.key}".encode()).decode()
        socket = self._socket = await connect(
            f"{sign.address}/{sign.name}",
            subprotocols=[Subprotocol(sign.protocol)],
            additional_headers={"Authorization": f"Basic {shown}"},
            compression=None,
            proxy=None,
        )
        self._reader = asyncio.create_task(self._read(socket))
        self.connects += 1
        for said in self.greeting():
            answer = await self._ask(*said)
            self.interval_s = int(answer.get("interval") or self.interval_s)

    async def _ask(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        if self._socket is None:
            raise ConnectionError("the socket is closed")
        self._count += 1
        call_id = f"{self.sign.name}-{self._count}"
        future = self._waiting[call_id] = asyncio.get_running_loop().create_future()
        try:
            await self._socket.send(json.dumps([CALL, call_id, action, payload]))
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                frame = await future
        finally:
            self._waiting.pop(call_id, None)
        if frame[0] == ERROR:
            self.errors.append(f"{action}: {frame[2:]}")
            return {}
        answer: dict[str, Any] = frame[2]
        return answer

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for text in socket:
                frame = json.loads(text)
                if frame[0] == CALL:
                    await socket.send(json.dumps(self._obeyed(frame)))
                elif (future := self._waiting.get(frame[1])) is not None and not future.done():
                    future.set_result(frame)
        except GONE:
            pass
        finally:
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(ConnectionError("the socket is gone"))

    def _obeyed(self, frame: list[Any]) -> list[Any]:
        answer = self.obey(frame[2], frame[3])
        if answer is None:
            return [ERROR, frame[1], "NotImplemented", "a virtual station", {}]
        return [RESULT, frame[1], answer]
