"""Reading a request's body: in time, within its limit while it comes, and inflated within the same limit."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from dwell.api.shared.limits import DRAIN_BYTES, DRAIN_S
from dwell.api.shared.problems import HttpRefusal

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_INFLATERS: Mapping[str, int] = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""The zlib window code of each content encoding; `deflate` falls back to the raw form that some senders mean."""
_RAW_DEFLATE = -15
_MEMBERS_AT_MOST = 64
"""Streams joined end to end are one body, but each costs a copy of what follows it."""


class ClientGone(Exception):
    """The caller hung up before its request was complete."""


async def read_body(headers: Mapping[str, str], receive: Receive, *, at_most: int, timeout_s: float) -> bytes:
    """The whole body, inflated. Raises HttpRefusal with 400, 408, 413 or 415, and ClientGone."""
    encoding = headers.get("content-encoding", "identity").strip().lower() or "identity"
    if encoding != "identity" and encoding not in _INFLATERS:
        raise HttpRefusal(
            415, "This content encoding is not read here.", headers={"accept-encoding": "gzip, deflate"}
        )
    try:
        async with asyncio.timeout(timeout_s):
            body, more = await _receive_all(receive, at_most)
    except TimeoutError as error:
        raise HttpRefusal(408, "The body did not come in time.", headers={"connection": "close"}) from error
    if body is None:
        if more:
            await _drain(receive)
        raise _too_large(at_most)
    return body if encoding == "identity" else _inflate(body, encoding, at_most)


async def _receive_all(receive: Receive, at_most: int) -> tuple[bytes | None, bool]:
    """The body, None as soon as it is too large, and whether more of it is to come."""
    parts, size = list[bytes](), 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part: bytes = message.get("body", b"")
        more = bool(message.get("more_body", False))
        size += len(part)
        if size > at_most:
            return None, more
        parts.append(part)
        if not more:
            return (parts[0] if len(parts) == 1 else b"".join(parts)), False


async def _drain(receive: Receive) -> None:
    """Read on for a while: a sender whose connection closes under it never sees why."""
    size = 0
    try:
        async with asyncio.timeout(DRAIN_S):
            while size < DRAIN_BYTES:
                message = await receive()
                size += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
    except TimeoutError:
        return


def _inflate(body: bytes, encoding: str, at_most: int) -> bytes:
    try:
        return _inflate_with(_INFLATERS[encoding], body, at_most)
    except zlib.error as error:
        if encoding != "deflate":
            raise _not_compressed() from error
    try:
        return _inflate_with(_RAW_DEFLATE, body, at_most)
    except zlib.error as error:
        raise _not_compressed() from error


def _inflate_with(window: int, body: bytes, at_most: int) -> bytes:
    """Inflate all members of the stream, never more than one byte above the limit."""
    whole, rest = bytearray(), body
    for _ in range(_MEMBERS_AT_MOST):
        inflater = zlib.decompressobj(window)
        whole += inflater.decompress(rest, at_most + 1 - len(whole))
        if len(whole) > at_most:
            raise _too_large(at_most)
        if not inflater.eof:
            raise zlib.error("the stream is cut off")
        rest = inflater.unused_data
        if not rest:
            return bytes(whole)
    raise zlib.error("there are too many streams in one")


def _too_large(at_most: int) -> HttpRefusal:
    # What may still come of the body is not read, so the connection cannot be used again.
    return HttpRefusal(413, f"The body is larger than {at_most} bytes.", headers={"connection": "close"})


def _not_compressed() -> HttpRefusal:
    return HttpRefusal(400, "The body is not what its content encoding says.")
