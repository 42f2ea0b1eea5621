"""A virtual station: it sends its messages one after the other, and remembers the numbers it is given."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from dwell.simulation.stations.telling import NUMBER, Message


class Line(Protocol):
    """The way from a station to its central system."""

    async def call(self, message: Message) -> dict[str, Any]:
        """Send when its time has come; the answer's payload."""
        ...


async def play(messages: Iterable[Message], line: Line) -> None:
    """Send one charge's messages. Where no number was given yet, the transaction's is −1."""
    number: object = -1
    for message in messages:
        payload = message.payload
        if payload.get("transactionId") == NUMBER:
            payload = {**payload, "transactionId": number}
        answer = await line.call(Message(message.sent_at, message.action, payload))
        if message.action == "StartTransaction":
            number = answer.get("transactionId", number)
