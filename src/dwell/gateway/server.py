"""The listener at `ws://HOST:PORT/ocpp/{station}`: who may come in is decided before the socket is upgraded.

A station shows its name and its key (Basic). Nothing is compressed, so a message is never larger than what came.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from dwell.application.credentials import Keyring
from dwell.application.ports import Ports
from dwell.application.stations.pending import Stranger, why_not_wait
from dwell.application.stations.registry import welcome_station
from dwell.domain.errors import Unavailable
from dwell.domain.ids import OrganizationId
from dwell.domain.station.registry import StationRecord
from dwell.gateway.attempts import FailedAttempts
from dwell.gateway.connection import Desk, StationConnection
from dwell.gateway.hub import StationHub
from dwell.gateway.options import GatewayOptions
from dwell.gateway.tls import encryption_of, names_in
from dwell.gateway.together import Together
from dwell.gateway.waiting import Approved, PendingConnection, Reception, WaitingRoom
from dwell.protocols.ocpp.translation import Version
from dwell.protocols.ocpp.versions import VERSIONS

PATH = "/ocpp/"
MESSAGE_BYTES = 1_048_576
OPEN_TIMEOUT_S = 10.0
PING_EVERY_S = 30.0
PING_TIMEOUT_S = 20.0
STOP_WAIT_S = 5.0
PROTOCOL_ERROR, TRY_AGAIN_LATER = 1002, 1013

log = structlog.get_logger("dwell.gateway")


class Knock(ServerConnection):
    """A socket, with the station that it was opened for and its epoch, or the stranger that waits."""

    record: StationRecord | None = None
    epoch: int = 0
    stranger: Stranger | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """Everything the listener works with."""

    ports: Ports
    keyring: Keyring
    hub: StationHub
    options: GatewayOptions
    changed: Callable[[], None]
    back: Callable[[StationRecord], Coroutine[Any, Any, None]] | None
    together: Together
    failures: FailedAttempts
    by_address: Counter[str]
    waiting: WaitingRoom
    ending: asyncio.Event

    @property
    def _without_key(self) -> bool:
        """Whether no key is asked for: it was allowed, or a certificate says who comes."""
        return self.options.without_key or bool(self.options.client_ca)

    async def let_in(self, connection: Any, request: Request) -> Response | None:
        """None for a station that may come in. Never says whether a name is known to who has no key for it."""
        address, now_s = _address_of(connection), asyncio.get_running_loop().time()
        name, key = _name_in(request.path), _key_in(request.headers)
        if name is None:
            return _refusal(connection, HTTPStatus.NOT_FOUND)
        busy = self._why_busy(address, now_s)
        if busy is not None:
            return _refusal(connection, busy)
        if self.options.client_ca and name not in _names_shown(connection):
            return self._refused(connection, name, address, "its certificate is about another")
        without_key = self._without_key
        try:
            welcome = await welcome_station(self.ports, self.keyring, name, key, without_key=without_key)
        except Unavailable:
            return _refusal(connection, HTTPStatus.SERVICE_UNAVAILABLE)
        if welcome.record is None and self.options.pending_organization:
            return await self._let_wait(connection, name, key, without_key=without_key)
        if welcome.record is None or not welcome.trusted:
            return self._refused(connection, name, address, "not known, or not its key")
        return await self._admitted(connection, welcome.record, address)

    async def _admitted(self, connection: Any, record: StationRecord, address: str) -> Response | None:
        """None where no other socket speaks for the station, here or at another process."""
        try:
            epoch = await self.hub.admit(record.id)
        except Unavailable as error:
            log.warning("station_not_admitted", station=record.station.name, reason=error.message)
            return _refusal(connection, HTTPStatus.SERVICE_UNAVAILABLE)
        if epoch is None:
            log.warning("station_connected_twice", station=record.station.name, address=address)
            return _refusal(connection, HTTPStatus.CONFLICT)
        connection.record, connection.epoch = record, epoch
        return None

    def _why_busy(self, address: str, now_s: float) -> HTTPStatus | None:
        """What everybody at the address gets now, whatever it shows; None where there is room."""
        if self.failures.is_over(f"a:{address}", now_s=now_s):
            return HTTPStatus.TOO_MANY_REQUESTS
        if self.hub.connected >= self.options.connections_at_most:
            return HTTPStatus.SERVICE_UNAVAILABLE
        if self.by_address[address] >= self.options.connections_per_address:
            return HTTPStatus.TOO_MANY_REQUESTS
        return None

    async def _let_wait(
        self, connection: Knock, name: str, key: str | None, *, without_key: bool
    ) -> Response | None:
        """None for a stranger that may come in, to wait for an operator's word."""
        address, now_s = _address_of(connection), asyncio.get_running_loop().time()
        if self.failures.is_over(f"p:{address}", now_s=now_s):
            return _refusal(connection, HTTPStatus.TOO_MANY_REQUESTS)
        self.failures.note(f"p:{address}", now_s=now_s)
        if key is None and not without_key:
            return self._refused(connection, name, address, "not known, and shows no key")
        stranger = Stranger(
            organization_id=OrganizationId(self.options.pending_organization),
            name=name,
            key=key,
            address=address,
            at_most=self.options.pending_at_most,
        )
        if self.waiting.holds(name):
            return _refusal(connection, HTTPStatus.CONFLICT)
        why = None if self.waiting.has_room(address) else "too many wait"
        try:
            why = why or await why_not_wait(self.ports, self.keyring, stranger)
        except Unavailable:
            return _refusal(connection, HTTPStatus.SERVICE_UNAVAILABLE)
        if why is not None:
            return self._refused(connection, name, address, why)
        connection.stranger = stranger
        return None

    def _refused(self, connection: ServerConnection, name: str, address: str, reason: str) -> Response:
        """What a wrong key gets. Who has the right one is let in however often others have tried at its name."""
        now_s = asyncio.get_running_loop().time()
        often = self.failures.is_over(f"n:{name}", now_s=now_s)
        self.failures.note(f"a:{address}", f"n:{name}", now_s=now_s)
        log.warning("station_refused", station=name, address=address, reason=reason)
        return _refusal(connection, HTTPStatus.TOO_MANY_REQUESTS if often else HTTPStatus.UNAUTHORIZED)

    async def serve_station(self, connection: Any) -> None:
        """One connection from its upgrade to its end."""
        version = VERSIONS.get(connection.subprotocol or "")
        if version is None:
            await connection.close(PROTOCOL_ERROR, "no version of OCPP that is spoken here")
            return
        record, boot = connection.record, None
        if connection.stranger is not None:
            approved = await self._wait(connection, connection.stranger, version)
            if approved is None:
                return
            record, boot = approved.record, approved.boot
        await self._serve(connection, record, version, boot=boot)

    async def _wait(self, connection: Knock, stranger: Stranger, version: Version) -> Approved | None:
        """A stranger's time at the door."""
        if not self.waiting.enter(stranger.name, stranger.address):
            await connection.close(TRY_AGAIN_LATER, "too many wait")
            return None
        log.info("station_waits", station=stranger.name, address=stranger.address)
        reception = Reception(ports=self.ports, keyring=self.keyring, without_key=self._without_key)
        try:
            approved = await PendingConnection(connection, stranger, version, reception=reception).run()
        finally:
            self.waiting.leave(stranger.name, stranger.address)
        if approved is None:
            return None
        try:
            epoch = await self.hub.admit(approved.record.id)
        except Unavailable:
            epoch = None
        if epoch is None:
            await connection.close(TRY_AGAIN_LATER, "another socket speaks for it, or nobody can tell")
            return None
        connection.epoch = epoch
        return approved

    async def _serve(
        self, connection: Knock, record: StationRecord, version: Version, *, boot: str | bytes | None
    ) -> None:
        """A registered station's time on its socket. `boot`: what it has said already."""
        address, name = _address_of(connection), record.station.name
        desk = Desk(
            ports=self.ports,
            together=self.together,
            ending=self.ending,
            interval_s=self._interval_s,
            changed=self.changed,
            back=self.back,
        )
        station = StationConnection(connection, record, version, desk=desk)
        self.hub.enter(record.id, station, connection.epoch)
        self.by_address[address] += 1
        log.info("station_connected", station=name, protocol=version.subprotocol, address=address)
        try:
            await station.run(boot)
        finally:
            self.by_address[address] -= 1
            if not self.by_address[address]:
                del self.by_address[address]
            left = await self.hub.leave(record.id, station)
            log.info("station_disconnected", station=name, replaced=not left)

    def _interval_s(self, name: str) -> int:
        """The heartbeat's interval, a tenth up or down by the name: stations that restart together drift apart."""
        return round(self.options.heartbeat_s * (0.9 + 0.2 * (zlib.crc32(name.encode()) / 0xFFFFFFFF)))


@asynccontextmanager
async def open_gateway(
    ports: Ports,
    keyring: Keyring,
    hub: StationHub,
    *,
    options: GatewayOptions,
    changed: Callable[[], None] = lambda: None,
    back: Callable[[StationRecord], Coroutine[Any, Any, None]] | None = None,
) -> AsyncIterator[int]:
    """Listen while the block runs; gives the port. Raises OSError where the address cannot be listened to.

    Raises Refused for files of TLS that cannot be used.
    """
    encryption = encryption_of(options)
    gateway = Gateway(
        ports=ports,
        keyring=keyring,
        hub=hub,
        options=options,
        changed=changed,
        back=back,
        together=Together(ports),
        failures=FailedAttempts(options.failures_per_minute),
        by_address=Counter(),
        waiting=WaitingRoom(options.pending_at_most),
        ending=asyncio.Event(),
    )
    server: Server = await serve(
        gateway.serve_station,
        options.host,
        options.port,
        process_request=gateway.let_in,
        select_subprotocol=_choose,
        create_connection=Knock,
        compression=None,
        max_size=MESSAGE_BYTES,
        open_timeout=OPEN_TIMEOUT_S,
        ping_interval=PING_EVERY_S,
        ping_timeout=PING_TIMEOUT_S,
        close_timeout=STOP_WAIT_S,
        server_header=None,
        ssl=encryption,
    )
    try:
        yield next(iter(server.sockets)).getsockname()[1]
    finally:
        gateway.ending.set()
        server.close(close_connections=True, code=1012, reason="the server restarts")
        await server.wait_closed()
        await gateway.together.end()
        await hub.end()


def _choose(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """The best of what the station offers. With none the handshake is completed, and the socket closed (OCPP-J 3.2)."""
    return next((Subprotocol(name) for name in VERSIONS if name in offered), None)


def _refusal(connection: ServerConnection, status: HTTPStatus) -> Response:
    response = connection.respond(status, f"{status.phrase}\n")
    if status is HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Basic realm="dwell"'
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        response.headers["Retry-After"] = "30"
    return response


def _names_shown(connection: ServerConnection) -> frozenset[str]:
    """The names in the certificate that the station has shown."""
    return names_in(connection.transport.get_extra_info("peercert"))


def _address_of(connection: ServerConnection) -> str:
    remote = connection.remote_address
    return str(remote[0]) if remote else ""


def _name_in(path: str) -> str | None:
    """The station's name, the last part of the path; None for another path."""
    plain = path.partition("?")[0]
    if not plain.startswith(PATH):
        return None
    name = unquote(plain.removeprefix(PATH))
    return name if name and "/" not in name and name.isprintable() else None


def _key_in(headers: Headers) -> str | None:
    """The password of the Basic credentials; None where there are none that can be read.

    The user should be the station's name, but the name in the path is what counts: the key belongs to that.
    """
    stated = headers.get_all("Authorization")
    if len(stated) != 1:
        return None
    scheme, _, encoded = stated[0].partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    _, colon, key = decoded.partition(":")
    return key if colon else None
