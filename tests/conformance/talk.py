"""A station's side of a conversation, message by message on a real socket, and the register of what cases are held."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection

from dwell.application.stations.orders import order_start
from dwell.application.stations.registry import add_token
from dwell.domain.station.orders import OrderAnswer, StationOrder
from dwell.domain.station.transaction import Transaction
from e2e.test_stations import EVSE, Site

Json = dict[str, Any]
ANSWER_WITHIN_S = 10.0
TOKEN = "CARD-1"

Case = Callable[["Talk"], Awaitable[None]]
CASES: dict[tuple[str, str], Case] = {}
"""By standard and the official id."""


def holds(standard: str, *ids: str) -> Callable[[Case], Case]:
    """The function plays the station in these cases, and asserts on every answer and order of ours."""

    def register(case: Case) -> Case:
        for name in ids:
            assert (standard, name) not in CASES, f"{name} is held twice"
            CASES[(standard, name)] = case
        return case

    return register


@dataclass
class Talk:
    """One station on one socket. `say` calls us; `told` has us call the station."""

    site: Site
    socket: ClientConnection
    station_id: Any
    tls: ssl.SSLContext | None = None
    count: int = 0
    kept: list[list[Any]] = field(default_factory=list)

    async def say(self, action: str, payload: Json) -> Json:
        """Our CALLRESULT. Anything else is a failure of the case."""
        answer = await self.ask(action, payload)
        assert answer[0] == 3, answer
        said: Json = answer[2]
        return said

    async def ask(self, action: str, payload: Json) -> list[Any]:
        """Our answer to a call, whichever it is."""
        self.count += 1
        name = f"m{self.count}"
        await self.socket.send(json.dumps([2, name, action, payload]))
        while True:
            frame = await self._next()
            if frame[0] in (3, 4) and frame[1] == name:
                return frame
            self.kept.append(frame)

    async def told(self, order: StationOrder, action: str, answer: Json, **expected: Any) -> OrderAnswer:
        """Give the order; our call has to be this, with these members. Returns what we made of the answer."""
        giving = asyncio.create_task(self.site.hub.give(self.station_id, order, timeout_s=ANSWER_WITHIN_S))
        frame = await self.called()
        assert frame[2] == action, frame
        _holds(frame[3], expected)
        await self.socket.send(json.dumps([3, frame[1], answer]))
        return await giving

    async def called(self) -> list[Any]:
        """The next call of ours."""
        while True:
            frame = self.kept.pop(0) if self.kept else await self._next()
            if frame[0] == 2:
                return frame

    async def answer(self, frame: list[Any], payload: Json) -> None:
        """Answer a call of ours."""
        await self.socket.send(json.dumps([3, frame[1], payload]))

    async def _next(self) -> list[Any]:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            frame: list[Any] = json.loads(await self.socket.recv())
            return frame

    # --- the world around ---

    def now(self, minutes: float = 0) -> str:
        """Let the minutes pass; returns the instant, as stations write it."""
        return self.site.clock.later(minutes)

    async def let_charge(self, text: str = TOKEN, **more: Any) -> str:
        """A token that may charge, unless said otherwise."""
        await add_token(self.site.ports, self.site.owner, text, user_reference="driver", **more)
        return text

    async def order_start(self) -> Transaction:
        """As the fleet's application does."""
        return await order_start(self.site.ports, self.site.owner, evse=EVSE, user_reference="driver")

    async def newest(self) -> Transaction:
        return await self.site.newest()


def _holds(said: Json, expected: Json) -> None:
    for name, value in expected.items():
        if isinstance(value, dict):
            _holds(said[name], value)
        else:
            assert said.get(name) == value, (name, said)


@asynccontextmanager
async def talking(site: Site, protocol: str) -> AsyncIterator[Talk]:
    """A station on its socket; nothing is said yet."""
    record = await site.ports.store.read(lambda reader: reader.station_named("CP-1"))
    assert record is not None
    async with site.socket(protocol) as socket:
        assert socket.subprotocol == protocol
        yield Talk(site, socket, record.id)
