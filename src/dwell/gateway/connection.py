"""One station on one socket: what it says is stored before it is answered, what it is told waits for its turn.

Calls are taken one after the other, so a store that is slow slows this station's reading, and nobody else's. While
the store is away a message is tried again; if that takes too long the socket is closed with nothing answered, and the
station, which has the message still, comes again.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never

import structlog
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from dwell.application.ports import Ports
from dwell.application.station_ports import NO_ANSWER
from dwell.application.stations.reports import Heard
from dwell.domain.errors import NotFound, PeerFault, Unavailable
from dwell.domain.station.orders import OrderAnswer, StationOrder
from dwell.domain.station.registry import StationRecord
from dwell.domain.station.replies import StationReply, TimeReply
from dwell.domain.station.reports import (
    ConnectorStatusReported,
    MeterReported,
    SecurityEventReported,
    StationAlive,
    StationBooted,
    StationReport,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from dwell.gateway.together import Together
from dwell.protocols.ocpp.payloads import Refusal
from dwell.protocols.ocpp.quirks.clocks import ClockOffset, dated
from dwell.protocols.ocpp.redaction import redacted
from dwell.protocols.ocpp.rpc.frames import Call, Wrong
from dwell.protocols.ocpp.rpc.link import (
    Answered,
    Asked,
    Close,
    Errored,
    Expired,
    Happening,
    Link,
    Odd,
    QueueIsFull,
    Send,
)
from dwell.protocols.ocpp.translation import Version, read_call, read_error

STORE_WAIT_S = 60.0
"""How long a message waits for a store that is away."""
STORE_PAUSE_S = 0.5
TRY_AGAIN_LATER, POLICY_VIOLATION, GOING_AWAY = 1013, 1008, 1001
_ONCE = (TransactionStarted, TransactionUpdated, TransactionEnded, MeterReported)
"""What a station sends once: never answered with an error."""

log = structlog.get_logger("dwell.gateway")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What every connection works with. `interval_s(name)` is what a station that boots is told to wait.

    `ending`: the server stops, and nobody waits any longer for a store that is away.
    """

    ports: Ports
    together: Together
    ending: asyncio.Event
    interval_s: Callable[[str], int]
    changed: Callable[[], None]
    back: Callable[[StationRecord], Coroutine[Any, Any, None]] | None = None
    """What is done when a station is there again and has booted."""


class StationConnection:
    """A registered station. `run` reads until the socket ends; the other methods may be called meanwhile."""

    def __init__(
        self, socket: ServerConnection, record: StationRecord, version: Version, *, desk: Desk
    ) -> None:
        self._socket = socket
        self._record = record
        self._version = version
        self._desk = desk
        self._link = Link(version.dialect)
        self._clock = ClockOffset()
        self._booted = record.boot is not None
        self._waiting: dict[str, tuple[StationOrder, asyncio.Future[OrderAnswer]]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, first: str | bytes | None = None) -> None:
        """Until the socket is closed, by whichever side. `first`: a message that was read and not answered yet."""
        if self._booted:
            self._tell_again()
        try:
            if first is not None:
                await self._act(self._link.receive(first, now_s=_now_s()))
            async for text in self._socket:
                await self._act(self._link.receive(text, now_s=_now_s()))
        except ConnectionClosed:
            pass
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self._settle(self._link.lose())
            for _, future in self._waiting.values():
                _fail(future)

    async def give(self, order: StationOrder, *, timeout_s: float) -> OrderAnswer:
        """Raises PeerFault (NO_ANSWER), Refused for what this version cannot say."""
        call = self._version.write_order(order)
        call_id = str(uuid.uuid4())
        future: asyncio.Future[OrderAnswer] = asyncio.get_running_loop().create_future()
        try:
            happened = self._link.ask(
                call_id,
                call.action,
                call.payload,
                now_s=_now_s(),
                timeout_s=timeout_s,
                patience_s=timeout_s,
            )
        except QueueIsFull as error:
            raise PeerFault("Too many orders wait for the station.", code=NO_ANSWER) from error
        self._waiting[call_id] = (order, future)
        try:
            await self._act(happened)
            self._arm()
            return await future
        except ConnectionClosed as error:
            raise PeerFault("The station is gone.", code=NO_ANSWER) from error
        finally:
            self._waiting.pop(call_id, None)

    async def answers_ping(self, *, within_s: float) -> bool:
        """Whether anybody is there."""
        try:
            async with asyncio.timeout(within_s):
                await (await self._socket.ping())
        except (TimeoutError, ConnectionClosed):
            return False
        return True

    async def end(self, why: str) -> None:
        """Close the socket; does not wait for the other side."""
        self._socket.transport.abort() if why == "replaced" else await self._socket.close(GOING_AWAY, why)

    def _tell_again(self) -> None:
        """What runs here is told its plan, which the station may have lost."""
        if self._desk.back is not None:
            self._desk.ports.stations.soon(self._desk.back(self._record))

    # --- what happens ---

    async def _act(self, happened: Iterable[Happening]) -> None:
        for one in happened:
            match one:
                case Send(text=text):
                    await self._socket.send(text)
                case Asked(call=call):
                    await self._answer(call)
                case Close(code=code, why=why):
                    log.warning("station_abused_protocol", station=self._name, why=why)
                    await self._socket.close(code, why)
                case Answered() | Errored() | Expired() | Odd():
                    self._settle([one])
                case _:
                    assert_never(one)
        self._arm()

    def _settle(self, happened: Iterable[Happening]) -> None:
        """Bring answers to those who wait for them."""
        for one in happened:
            match one:
                case Answered(call_id=call_id, payload=payload):
                    order, future = self._waiting.get(call_id, (None, None))
                    if order is not None and future is not None and not future.done():
                        future.set_result(self._version.read_answer(order, payload))
                case Errored(call_id=call_id, code=code, description=description):
                    _, future = self._waiting.get(call_id, (None, None))
                    if future is not None and not future.done():
                        future.set_result(read_error(code, description))
                case Expired(call_id=call_id):
                    _, future = self._waiting.get(call_id, (None, None))
                    if future is not None:
                        _fail(future)
                case Odd(why=why):
                    log.debug("station_odd", station=self._name, why=why)
                case _:
                    pass  # sockets that are gone are told nothing

    async def _answer(self, call: Call) -> None:
        received_at = self._desk.ports.clock.now()
        report = read_call(self._version, call)
        if isinstance(report, Refusal):
            await self._act(self._link.refuse(call.id, report.wrong, report.why))
            return
        if not self._booted and not isinstance(report, (StationBooted, *_ONCE)):
            await self._act(self._link.refuse(call.id, Wrong.SECURITY, "boot first"))
            return
        if report.oddities:
            log.info("station_message_mended", station=self._name, oddities=report.oddities[:5])
        reply = await self._reply(call, report, received_at)
        if reply is None:
            return
        try:
            payload = self._version.write_reply(call.action, reply)
        except ValueError:  # a fault of ours in one message must not end the reading of the next (OC16)
            log.exception("station_reply_broke", station=self._name, action=call.action)
            await self._act(self._link.refuse(call.id, Wrong.INTERNAL, "a fault of ours"))
        else:
            await self._act(self._link.answer(call.id, payload))
            if isinstance(report, StationBooted):
                self._tell_again()

    async def _reply(self, call: Call, report: StationReport, received_at: datetime) -> StationReply | None:
        """The reply once all is stored; None where the socket had to be closed, or the call refused."""
        if isinstance(report, StationAlive):
            return TimeReply(now=received_at)
        heard = self._heard(call, report, received_at)
        record = self._record
        until_s = _now_s() + STORE_WAIT_S
        while True:
            try:
                reply = await self._desk.together.take(record.organization_id, record.id, heard)
            except Unavailable as error:
                if _now_s() > until_s or self._desk.ending.is_set():
                    log.error("station_closed_for_store", station=self._name, reason=error.message)
                    await self._socket.close(TRY_AGAIN_LATER, "the store is away")
                    return None
                await asyncio.sleep(STORE_PAUSE_S)
            except NotFound:
                await self._socket.close(POLICY_VIOLATION, "the station is not registered")
                return None
            except Exception:  # a fault of ours in one message must not end the reading of the next (OC16)
                log.exception("station_message_broke", station=self._name, action=call.action)
                await self._act(self._link.refuse(call.id, Wrong.INTERNAL, "a fault of ours"))
                return None
            else:
                self._booted = self._booted or isinstance(report, StationBooted)
                self._desk.changed()
                return reply

    def _heard(self, call: Call, report: StationReport, received_at: datetime) -> Heard:
        self._clock, at = dated(self._clock, _stamp_of(report), received_at)
        return Heard(
            report=report,
            at=at.at,
            moved=at.moved,
            received_at=received_at,
            protocol=self._version.subprotocol,
            frame=redacted(b'["%s",%s]' % (call.action.encode(), call.payload)),
            interval_s=self._desk.interval_s(self._name),
        )

    @property
    def _name(self) -> str:
        return self._record.station.name

    # --- time ---

    def _arm(self) -> None:
        """Have the link looked at when its next deadline passes."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        wake_at_s = self._link.wake_at_s
        if wake_at_s is not None:
            self._timer = asyncio.get_running_loop().call_at(wake_at_s, self._on_deadline)

    def _on_deadline(self) -> None:
        self._timer = None
        task = asyncio.get_running_loop().create_task(self._expire())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _expire(self) -> None:
        try:
            await self._act(self._link.expire(now_s=_now_s()))
        except ConnectionClosed:
            return  # the reader has ended, and everybody who waited was told


def _fail(future: asyncio.Future[OrderAnswer]) -> None:
    if not future.done():
        future.set_exception(PeerFault("The station did not answer.", code=NO_ANSWER))


def _stamp_of(report: StationReport) -> datetime | None:
    """The station's own instant of a message; None for those that happen as they come."""
    match report:
        case (
            TransactionStarted()
            | TransactionUpdated()
            | TransactionEnded()
            | ConnectorStatusReported()
            | SecurityEventReported()
        ):
            return report.at
        case MeterReported():
            return max((one.at for one in report.readings if one.at is not None), default=None)
        case _:
            return None


def _now_s() -> float:
    return asyncio.get_running_loop().time()
