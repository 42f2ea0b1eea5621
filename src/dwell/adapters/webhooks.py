"""Deliveries over HTTP: a POST that is bounded in time and size, and that goes only where it may.

Names are resolved anew for each connection, and the address that is really connected to is asked about: a name that
meant something else when it was registered gains nothing. Redirects are not followed, answers are not inflated.
"""

from __future__ import annotations

import asyncio
import socket
import time
from datetime import timedelta
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from dwell.domain.webhooks.schedule import TIMEOUT, Answered, read_retry_after
from dwell.domain.webhooks.targets import TargetRules, port_of

AT_ONCE = 1_024
"""Requests under way; a receiver that hangs holds one of them for the length of the timeout."""
ANSWER_READ_BYTES = 20_000
ANSWER_SHOWN = 2_048
RESOLVE_WITHIN_S = 3.0
KEEP_ALIVE_S = 30.0


class _Forbidden(OSError):
    """The address may not be connected to."""


class HttpDeliver:
    """Posts to receivers. As an async context manager it holds connections open; else each post has its own."""

    def __init__(self, rules: TargetRules, *, timeout: timedelta = TIMEOUT) -> None:
        self._rules = rules
        self._timeout = aiohttp.ClientTimeout(total=timeout.total_seconds())
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> HttpDeliver:
        self._session = self._opened()
        return self

    def _opened(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=AT_ONCE,
            use_dns_cache=False,
            keepalive_timeout=KEEP_ALIVE_S,
            socket_factory=self._socket_to,
        )
        return aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("accept-encoding",),
        )

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> Answered:
        """The answer to a POST of JSON, or why there was none; never raises for what the receiver does."""
        if self._session is None:
            async with self._opened() as session:
                return await _post(session, url, body, headers)
        return await _post(self._session, url, body, headers)

    async def fault_of(self, url: str) -> str | None:
        """Why the URL may not be a target; a name that cannot be resolved now is let pass, delivery asks again."""
        fault = self._rules.fault_of_url(url)
        if fault is not None:
            return fault
        parts = urlsplit(url)
        host, port = parts.hostname or "", port_of(parts)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(RESOLVE_WITHIN_S):
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, TimeoutError, UnicodeError):
            return None
        faults = [self._rules.fault_of_address(str(entry[4][0]), port) for entry in found]
        return next((one for one in faults if one is not None), None)

    def _socket_to(self, entry: Any) -> socket.socket:
        """A socket for an address that may be connected to. Raises _Forbidden for another."""
        family, kind, protocol, _, target = entry
        fault = self._rules.fault_of_address(str(target[0]), int(target[1]))
        if fault is not None:
            raise _Forbidden("the target is not allowed")
        return socket.socket(family, kind, protocol)


async def _post(session: aiohttp.ClientSession, url: str, body: bytes, headers: dict[str, str]) -> Answered:
    began_s = time.monotonic()
    status: int | None = None
    retry_after: str | None = None
    fault: str | None = None
    said = b""
    try:
        async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
            status, retry_after = response.status, response.headers.get("retry-after")
            said = await _beginning(response)
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
        fault = _fault_of(error)
    return Answered(
        status=status,
        fault=fault,
        body=said[:ANSWER_SHOWN].decode("utf-8", "replace"),
        retry_after=read_retry_after(retry_after),
        duration=timedelta(seconds=time.monotonic() - began_s),
    )


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    """What the body begins with. An answer that says more is cut off: its connection is not used again."""
    read = bytearray()
    while len(read) <= ANSWER_READ_BYTES:
        chunk = await response.content.read(ANSWER_READ_BYTES + 1 - len(read))
        if not chunk:
            return bytes(read)
        read += chunk
    response.close()
    return bytes(read[:ANSWER_READ_BYTES])


def _fault_of(error: Exception) -> str:
    """What went wrong, in words that tell nothing of the inside of the operator's network."""
    known: list[tuple[type[BaseException], str]] = [
        (TimeoutError, "no answer in time"),
        (_Forbidden, "the target is not allowed"),
        (aiohttp.ClientConnectorCertificateError, "the certificate is not valid for this host"),
        (aiohttp.ClientSSLError, "TLS could not be agreed on"),
        (aiohttp.ClientConnectorDNSError, "the host could not be resolved"),
        (aiohttp.ClientConnectorError, "no connection could be made"),
        (aiohttp.ClientResponseError, "the answer was not HTTP"),
        (aiohttp.ClientPayloadError, "the answer broke off"),
        (aiohttp.ServerDisconnectedError, "the connection was closed without an answer"),
    ]
    if isinstance(getattr(error, "os_error", None), _Forbidden):
        return "the target is not allowed"
    return next((words for kind, words in known if isinstance(error, kind)), "no connection could be made")
