"""Answers: a status, bytes and headers. What every operation gives back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import msgspec

JSON = "application/json"
encode_json = msgspec.json.Encoder(decimal_format="number").encode
"""Structs and plain data as JSON; decimals as numbers."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, ready to be sent."""

    status: int
    body: bytes = b""
    media_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    stream: AsyncIterator[bytes] | None = None
    """Where the body comes piece by piece; `body` is empty then."""


def answer_json(status: int, value: object) -> Answer:
    """`value`, a struct or plain data, as JSON; decimals as numbers."""
    return Answer(status, encode_json(value))


NO_CONTENT = Answer(204)
