"""Strangers' sockets, where the operator wants strangers to wait: a boot is answered with Pending, all else refused.

How many there are, and from one address, is bounded; one that does not boot soon, or falls silent, is let go of.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

import structlog
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from dwell.application.credentials import Keyring
from dwell.application.ports import Ports
from dwell.application.stations.pending import PER_ADDRESS, Stranger, hold_pending
from dwell.application.stations.registry import Welcome, welcome_station
from dwell.domain.errors import Unavailable
from dwell.domain.station.registry import StationRecord
from dwell.domain.station.replies import BootReply, Registration
from dwell.domain.station.reports import StationBooted
from dwell.gateway.attempts import FailedAttempts
from dwell.protocols.ocpp.payloads import Refusal
from dwell.protocols.ocpp.rpc.frames import Call, Wrong
from dwell.protocols.ocpp.rpc.link import Asked, Close, Happening, Link, Send
from dwell.protocols.ocpp.translation import Version, read_call

AGAIN_S = 60
"""What a station that waits is told to wait until it boots again."""
BOOT_WITHIN_S = 30.0
SILENT_S = 5.0 * AGAIN_S
"""After this long without a boot the socket is closed; the station comes again if it wants to."""
SAID_PER_MINUTE = 60
"""A stranger that says more is let go of: what it asks is looked up for it each time."""
KEPT_FOR_S = 30.0
"""A station that boots oftener than this is answered the same, and nothing is stored."""
POLICY_VIOLATION, TRY_AGAIN_LATER = 1008, 1013

log = structlog.get_logger("dwell.gateway")


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """A stranger that is none any more, and its boot, which nobody has answered yet."""

    record: StationRecord
    boot: str | bytes


@dataclass(slots=True)
class WaitingRoom:
    """The sockets of strangers. One for each process; all methods belong to the loop's own thread."""

    at_most: int
    _names: set[str] = field(default_factory=set)
    _by_address: Counter[str] = field(default_factory=Counter)

    def holds(self, name: str) -> bool:
        """Whether one of this name is there already."""
        return name in self._names

    def has_room(self, address: str) -> bool:
        """Whether one more may come in."""
        return len(self._names) < self.at_most and self._by_address[address] < PER_ADDRESS

    def enter(self, name: str, address: str) -> bool:
        """Take a place; False where there is none."""
        if self.holds(name) or not self.has_room(address):
            return False
        self._names.add(name)
        self._by_address[address] += 1
        return True

    def leave(self, name: str, address: str) -> None:
        """Give the place back."""
        self._names.discard(name)
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """What a stranger's socket works with."""

    ports: Ports
    keyring: Keyring
    without_key: bool


class PendingConnection:
    """A stranger on its socket. Nothing that it says is stored but what it is, once it boots."""

    def __init__(
        self, socket: ServerConnection, stranger: Stranger, version: Version, *, reception: Reception
    ) -> None:
        self._socket = socket
        self._stranger = stranger
        self._version = version
        self._reception = reception
        self._link = Link(version.dialect)
        self._stored_s: float | None = None
        self._said = FailedAttempts(SAID_PER_MINUTE)

    async def run(self) -> Approved | None:
        """Until the socket is closed, or an operator has approved the station and it boots again."""
        with suppress(ConnectionClosed):
            try:
                async with asyncio.timeout(BOOT_WITHIN_S) as patience:
                    async for text in self._socket:
                        if self._said.is_over("", now_s=_now_s()):
                            await self._socket.close(POLICY_VIOLATION, "too much said")
                            break
                        self._said.note("", now_s=_now_s())
                        approved = await self._take(text, patience)
                        if approved is not None:
                            return approved
            except TimeoutError:
                await self._socket.close(POLICY_VIOLATION, "no boot")
            except Unavailable:
                await self._socket.close(TRY_AGAIN_LATER, "the store is away")
        return None

    async def _take(self, text: str | bytes, patience: asyncio.Timeout) -> Approved | None:
        for one in self._link.receive(text, now_s=_now_s()):
            if not isinstance(one, Asked):
                await self._send([one])
                continue
            report = read_call(self._version, one.call)
            if isinstance(report, Refusal):
                await self._send(self._link.refuse(one.call.id, report.wrong, report.why))
            elif not isinstance(report, StationBooted):
                await self._send(self._link.refuse(one.call.id, Wrong.SECURITY, "not accepted yet"))
            else:
                patience.reschedule(_now_s() + SILENT_S)
                record = await self._boot(one.call, report)
                if record is not None:
                    return Approved(record=record, boot=text)
        return None

    async def _boot(self, call: Call, report: StationBooted) -> StationRecord | None:
        """Answer a boot; the record, and no answer, where the station was approved meanwhile."""
        welcome = await self._welcome()
        if welcome.record is not None and welcome.trusted:
            return welcome.record
        why = "not its key" if welcome.record is not None else await self._hold(report)
        if why is None:
            await self._answer(call, Registration.PENDING)
            return None
        log.warning(
            "station_refused", station=self._stranger.name, address=self._stranger.address, reason=why
        )
        await self._answer(call, Registration.REJECTED)
        await self._socket.close(POLICY_VIOLATION, "refused")
        return None

    async def _welcome(self) -> Welcome:
        reception, stranger = self._reception, self._stranger
        return await welcome_station(
            reception.ports,
            reception.keyring,
            stranger.name,
            stranger.key,
            without_key=reception.without_key,
        )

    async def _hold(self, report: StationBooted) -> str | None:
        reception, now_s = self._reception, _now_s()
        if self._stored_s is not None and now_s - self._stored_s < KEPT_FOR_S:
            return None
        self._stored_s = now_s
        return await hold_pending(
            reception.ports,
            reception.keyring,
            self._stranger,
            report,
            protocol=self._version.subprotocol,
        )

    async def _answer(self, call: Call, registration: Registration) -> None:
        now = self._reception.ports.clock.now()
        reply = BootReply(registration=registration, now=now, interval_s=AGAIN_S)
        await self._send(self._link.answer(call.id, self._version.write_reply(call.action, reply)))

    async def _send(self, happened: Iterable[Happening]) -> None:
        for one in happened:
            if isinstance(one, Send):
                await self._socket.send(one.text)
            elif isinstance(one, Close):
                await self._socket.close(one.code, one.why)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
