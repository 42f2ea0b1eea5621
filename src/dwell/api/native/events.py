"""The live stream: what changes, as server-sent events, for user interfaces.

A client that comes back says the last id that it saw (`Last-Event-ID`) and goes on from there, without a gap: ids are
the organization's own numbers, in the order of commits. What a slow client does not take stays in the store, not in
memory. A stream ends after a while, and when the server stops; browsers then come back by themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec

from dwell.api.shared.answers import Answer
from dwell.api.shared.operations import Call
from dwell.api.shared.problems import HttpRefusal
from dwell.application.ports import Ports, Reader
from dwell.application.records import Event
from dwell.domain.ids import OrganizationId
from dwell.domain.instants import write_instant

STREAMS_AT_MOST = 200
BATCH = 100
LOOK_EVERY_S = 0.25
HEARTBEAT_EVERY_S = 15.0
LIFETIME_S = 900.0
RETRY_MS = 2_000
MEDIA_TYPE = "text/event-stream"


class StreamedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A change of a session. `withdrawn`: the session is gone."""

    id: str
    created_at: str
    session_id: str
    vehicle_id: str
    policy_id: str | None
    location_id: str | None
    state: str
    mode: str | None
    revision: int
    withdrawn: bool


class Streams:
    """How many streams are open in this process."""

    def __init__(self) -> None:
        self._open = 0

    async def serve(self, call: Call) -> Answer:
        """The stream from after the last id that the client saw, or from now."""
        ports, organization_id = call.backend.ports, call.organization_id
        seen = call.headers.get("last-event-id", call.query.get("after"))
        if seen is None:
            number = await _newest(ports, organization_id)
        elif seen.isascii() and seen.isdigit() and len(seen) < 19:
            number = int(seen)
        else:
            raise HttpRefusal(400, "The last event id is not one of ours.")
        if self._open >= STREAMS_AT_MOST:
            raise HttpRefusal(503, "Too many streams are open.", headers={"retry-after": "5"})
        return Answer(200, media_type=MEDIA_TYPE, stream=self._pieces(call, number))

    async def _pieces(self, call: Call, number: int) -> AsyncIterator[bytes]:
        self._open += 1
        try:
            async for piece in _stream(call, number):
                yield piece
        finally:
            self._open -= 1


async def _stream(call: Call, number: int) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    until_s, beat_s = loop.time() + LIFETIME_S, loop.time() + HEARTBEAT_EVERY_S
    yield b"retry: %d\n\n" % RETRY_MS
    while loop.time() < until_s and not call.backend.stopping():
        found = await _after(call.backend.ports, call.organization_id, number)
        for seen, event in found:
            yield _written(seen, event)
            number = seen
        if found:
            continue
        if loop.time() >= beat_s:
            beat_s = loop.time() + HEARTBEAT_EVERY_S
            yield b": still here\n\n"
        await asyncio.sleep(LOOK_EVERY_S)


def _written(number: int, event: Event) -> bytes:
    session = event.session
    said = StreamedEvent(
        id=event.id,
        created_at=write_instant(event.created_at),
        session_id=session.id,
        vehicle_id=session.vehicle_id,
        policy_id=session.policy_id,
        location_id=session.location_id,
        state=session.state,
        mode=session.mode,
        revision=session.revision,
        withdrawn=event.withdrawn,
    )
    return b"id: %d\nevent: session\ndata: %b\n\n" % (number, msgspec.json.encode(said))


async def _newest(ports: Ports, organization_id: OrganizationId) -> int:
    async def work(reader: Reader) -> int:
        return await reader.newest_number(organization_id)

    return await ports.store.read(work)


async def _after(ports: Ports, organization_id: OrganizationId, number: int) -> list[tuple[int, Event]]:
    async def work(reader: Reader) -> list[tuple[int, Event]]:
        return await reader.events_after(organization_id, number, limit=BATCH)

    return await ports.store.read(work)
