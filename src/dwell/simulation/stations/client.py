"""Virtual stations on real sockets: each lives its visits in real time, is away for spells, and comes again.

What could not be sent waits in the station, in its order, and is sent again after a lost connection: a central system
sees replays and repeats, as from real ones.
"""

from __future__ import annotations

import asyncio
import base64
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from dwell.simulation.stations.charge import drawn_charge
from dwell.simulation.stations.quirks import QUIRKS, with_quirk
from dwell.simulation.stations.station import play
from dwell.simulation.stations.telling import TELLINGS, Message, stamp

CALL, RESULT, ERROR = 2, 3, 4
ANSWER_TIMEOUT_S = 30.0
FIRST_BACKOFF_S, LAST_BACKOFF_S = 0.5, 30.0
GONE = (OSError, WebSocketException, TimeoutError)
"""What a connection fails with; the station comes again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StationPlan:
    """A station and its life. `address` is that of all stations; `offline_share` of its calls begin a spell away."""

    address: str
    name: str
    key: str
    protocol: str = "ocpp1.6"
    quirk: str = "plain"
    visits: int = 1
    samples: int = 6
    every: timedelta = timedelta(seconds=10)
    offline_share: float = 0.0
    offline: timedelta = timedelta(seconds=30)
    seed: int = 1


@dataclass(slots=True)
class Tally:
    """What a number of stations did together."""

    calls: int = 0
    errors: int = 0
    connects: int = 0
    energy_wh: int = 0
    latencies_s: list[float] = field(default_factory=list)


class SocketLine:
    """A station's connection. `call` returns when the call was answered, however often it takes."""

    def __init__(self, plan: StationPlan, tally: Tally, *, now: Callable[[], datetime]) -> None:
        self._plan = plan
        self._tally = tally
        self._now = now
        self._lots = Random(f"{plan.name} {plan.seed}")
        self._socket: ClientConnection | None = None

    async def call(self, message: Message) -> dict[str, Any]:
        await asyncio.sleep(max(0.0, (message.sent_at - self._now()).total_seconds()))
        if self._lots.random() < self._plan.offline_share:
            await self.close()
            await asyncio.sleep(self._plan.offline.total_seconds())
        backoff_s = FIRST_BACKOFF_S
        while True:
            try:
                socket = self._socket or await self._open()
                return await self._ask(socket, message.action, message.payload)
            except GONE:
                await self.close()
                await asyncio.sleep(backoff_s * self._lots.uniform(0.5, 1.5))
                backoff_s = min(2 * backoff_s, LAST_BACKOFF_S)

    async def close(self) -> None:
        """Hang up; the next call connects again."""
        socket, self._socket = self._socket, None
        if socket is not None:
            with suppress(*GONE):
                await socket.close()

    async def _open(self) -> ClientConnection:
        plan = self._plan
        shown = base64.b64encode(f"{plan.name}:{plan.key}".encode()).decode()
        self._socket = await connect(
            f"{plan.address.rstrip('/')}/{plan.name}",
            subprotocols=[Subprotocol(plan.protocol)],
            additional_headers={"Authorization": f"Basic {shown}"},
            compression=None,
        )
        self._tally.connects += 1
        await self._ask(self._socket, "BootNotification", BOOTS[plan.protocol])
        return self._socket

    async def _ask(self, socket: ClientConnection, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        call_id = str(uuid.UUID(int=self._lots.getrandbits(128)))
        started_s = asyncio.get_running_loop().time()
        await socket.send(json.dumps([CALL, call_id, action, payload]))
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            while True:
                frame = json.loads(await socket.recv())
                if frame[0] == CALL:
                    await socket.send(
                        json.dumps([ERROR, frame[1], "NotImplemented", "a virtual station", {}])
                    )
                elif frame[1] == call_id:
                    break
        self._tally.calls += 1
        self._tally.latencies_s.append(asyncio.get_running_loop().time() - started_s)
        if frame[0] == ERROR:
            self._tally.errors += 1
            return {}
        answer: dict[str, Any] = frame[2]
        return answer


BOOTS: dict[str, dict[str, Any]] = {
    "ocpp1.6": {"chargePointVendor": "Dwell", "chargePointModel": "Virtual"},
    "ocpp2.0.1": {"chargingStation": {"vendorName": "Dwell", "model": "Virtual"}, "reason": "PowerUp"},
}
"""What a station says of itself, by subprotocol."""


async def live(plan: StationPlan, tally: Tally, *, now: Callable[[], datetime]) -> None:
    """All visits of one station, from now on."""
    line = SocketLine(plan, tally, now=now)
    try:
        for messages, energy_wh in _visits(plan, now):
            await play(messages, line)
            tally.energy_wh += energy_wh
    finally:
        await line.close()


def _visits(plan: StationPlan, now: Callable[[], datetime]) -> Iterator[tuple[list[Message], int]]:
    lots = Random(f"{plan.seed} {plan.name}")
    for number in range(plan.visits):
        at = now() + plan.every * lots.random()
        charge = drawn_charge(lots, at, every=plan.every, samples=plan.samples)
        told = TELLINGS[plan.protocol](charge, f"{plan.name}-{number}-{stamp(at)}"[:36])
        yield with_quirk(QUIRKS[plan.protocol][plan.quirk], told, lots), charge.energy_wh


async def live_together(plans: list[StationPlan], *, now: Callable[[], datetime]) -> Tally:
    """All stations at once, until the last has lived its visits."""
    tally = Tally()
    async with asyncio.TaskGroup() as group:
        for plan in plans:
            group.create_task(live(plan, tally, now=now))
    return tally


def utc_now() -> datetime:
    """The clock of a station that is right."""
    return datetime.now(UTC)
