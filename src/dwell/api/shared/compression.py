"""Answers compressed for callers who take gzip, whether they come whole or piece by piece."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from dataclasses import replace

from dwell.api.shared.answers import Answer
from dwell.api.shared.operations import Call, Serve

_GZIP = 31
"""zlib's window code of the gzip format."""
_LEVEL = 5


def compressed(serve: Serve) -> Serve:
    """The same operation, its answers in gzip for whoever accepts that (RFC 9110, 12.5.3)."""

    async def serve_compressed(call: Call) -> Answer:
        answer = await serve(call)
        headers = {**answer.headers, "vary": "accept-encoding"}
        if not takes_gzip(call.headers.get("accept-encoding", "")):
            return replace(answer, headers=headers)
        headers["content-encoding"] = "gzip"
        if answer.stream is not None:
            return replace(answer, stream=_pieces(answer.stream), headers=headers)
        body = zlib.compress(answer.body, _LEVEL, wbits=_GZIP)
        return replace(answer, body=body, headers=headers)

    return serve_compressed


def takes_gzip(accepted: str) -> bool:
    """Whether the header names gzip, or anything, with a weight above zero; gzip's own word goes first."""
    weights: dict[str, float] = {}
    for entry in accepted.lower().split(","):
        name, _, rest = entry.partition(";")
        _, _, weight = rest.partition("q=")
        try:
            weights[name.strip()] = float(weight.strip() or 1)
        except ValueError:
            weights[name.strip()] = 0
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", 0))) > 0


async def _pieces(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    packer = zlib.compressobj(_LEVEL, wbits=_GZIP)
    async for piece in stream:
        yield packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()
