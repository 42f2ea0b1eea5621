"""The server: uvicorn with limits on what a connection may send before there is a request to answer.

uvicorn's own protocol bounds neither the length of the address nor the headers, nor the time they take; here both
are bounded, and the refusal is a problem like any other.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Generator
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from dwell.api.crowd import RETRY_AFTER_S, Crowd
from dwell.api.shared.limits import HEADER_BYTES, HEADER_COUNT, URL_BYTES
from dwell.api.shared.problems import write_problem

HEAD_TIMEOUT_S = 15.0
"""From the first byte of a request, or the opening of the connection, to the end of its headers."""
BACKLOG = 2048
KEEP_ALIVE_S = 65
"""Longer than the minute that proxies before us commonly keep a connection."""


class _HeadRefused(Exception):
    """The head of the request breaks a limit."""


class GuardedProtocol(HttpToolsProtocol):
    """One connection, its request heads held to URL_BYTES, HEADER_COUNT, HEADER_BYTES and HEAD_TIMEOUT_S."""

    head_timeout_s = HEAD_TIMEOUT_S
    crowd: Crowd

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own form
        super().connection_made(transport)
        self._refusal = (400, "The request is not HTTP.")
        self._timer: asyncio.TimerHandle | None = None
        self._in_head = False
        self._address = self.client[0] if self.client else ""
        full = self.crowd.enter(self._address)
        if full is None:
            self._begin_head()
        else:
            self._refusal = (full.status, full.detail)
            self.send_400_response("")

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_head()
        self.crowd.leave(self._address)
        super().connection_lost(exc)
        super()._unset_keepalive_if_required()

    def _unset_keepalive_if_required(self) -> None:
        """Called by uvicorn for every byte, so that one that begins no request would keep the connection for ever.

        Here only the beginning of a request ends the time that an idle connection is kept.
        """

    def data_received(self, data: bytes) -> None:
        # A name or value is told only when it is whole, so what is still coming is counted here.
        if self._in_head:
            self._unread_bytes += len(data)
        super().data_received(data)
        if (
            self._in_head
            and self._unread_bytes > URL_BYTES + HEADER_BYTES
            and not self.transport.is_closing()
        ):
            self._refusal = (431, "The headers are too large.")
            self.send_400_response("")

    def on_message_begin(self) -> None:
        super()._unset_keepalive_if_required()
        super().on_message_begin()
        self._begin_head()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > URL_BYTES:
            self._refuse(414, f"The address is longer than {URL_BYTES} bytes.")

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._header_bytes += len(name) + len(value)
        if len(self.headers) > HEADER_COUNT or self._header_bytes > HEADER_BYTES:
            self._refuse(431, f"There are more than {HEADER_COUNT} headers, or {HEADER_BYTES} bytes of them.")

    def on_headers_complete(self) -> None:
        self._end_head()
        super()._unset_keepalive_if_required()  # an answer may have been completed while this head came in
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse the connection's request and close; called for whatever the parser does not take."""
        del msg
        self._end_head()
        status, detail = self._refusal
        answer = write_problem(status, detail)
        retry = b"retry-after: %d\r\n" % RETRY_AFTER_S if status in (429, 503) else b""
        head = [
            f"HTTP/1.1 {answer.status} \r\n".encode(),
            b"content-type: " + answer.media_type.encode() + b"\r\n" + retry,
            b"content-length: %d\r\nconnection: close\r\n\r\n" % len(answer.body),
        ]
        self.transport.write(b"".join(head) + answer.body)
        self.transport.close()

    def _begin_head(self) -> None:
        self._in_head, self._unread_bytes, self._header_bytes = True, 0, 0
        if self._timer is None:
            self._timer = self.loop.call_later(self.head_timeout_s, self._on_head_late)

    def _end_head(self) -> None:
        self._in_head = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_head_late(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self._refusal = (408, "The request did not come in time.")
            self.send_400_response("")

    def _refuse(self, status: int, detail: str) -> None:
        self._refusal = (status, detail)
        raise _HeadRefused


class Server(uvicorn.Server):
    """uvicorn's server, leaving signals to whoever started it, so that the store is closed after the last answer."""

    def __init__(self, config: uvicorn.Config, *, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 takes a free one. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    # With the protocol named, asyncio turns Nagle's algorithm off; without, each answer waits 40 ms for the client.
    one = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(found[0][4])
        one.listen(BACKLOG)
        one.setblocking(False)
    except OSError as error:
        one.close()
        raise OSError(error.errno, f"cannot listen on {host} port {port}: {error.strerror}") from error
    return one


def make_server(
    app: Any,
    *,
    crowd: Crowd,
    graceful_stop_s: float,
    trusted_proxies: str,
    on_started: Callable[[], None],
) -> Server:
    """A server of `app`: `await server.serve([listen(host, port)])`; it ends when `should_exit` is set."""
    config = uvicorn.Config(
        app,
        http=type("_Protocol", (GuardedProtocol,), {"crowd": crowd}),
        ws="websockets-sansio",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=trusted_proxies or None,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, round(graceful_stop_s)),
    )
    return Server(config, on_started=on_started)
