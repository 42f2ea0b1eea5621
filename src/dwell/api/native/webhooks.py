"""Deliveries in the native dialect, beyond Flex: each try, dead letters, sending them again, the live stream."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import msgspec

from dwell.api.native.errors import answer_error
from dwell.api.native.events import MEDIA_TYPE, StreamedEvent, Streams
from dwell.api.shared.answers import Answer, answer_json
from dwell.api.shared.documents import read_document
from dwell.api.shared.operations import Access, Call, Operation, Parameter
from dwell.api.shared.problems import HttpRefusal, Issue, Problem
from dwell.application.deliveries import attempts_of, dead_letters_of
from dwell.application.webhooks import NO_WEBHOOK, replay
from dwell.domain.errors import NotFound
from dwell.domain.instants import read_instant, write_instant

PAGE_AT_MOST = 200
TAG = "Webhooks"
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)


class TriedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event within a delivery."""

    id: str
    session_id: str
    sequence: int


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """One try: `status` is null where no answer came, `fault` says why; `answer` is its beginning."""

    id: str
    at: str
    number: int
    status: int | None
    fault: str | None
    duration_ms: int
    answer: str
    events: list[TriedEvent]


class Attempts(msgspec.Struct, frozen=True, kw_only=True):
    """Tries, the newest first; `next` goes on where this page ends."""

    attempts: list[Tried]
    next: str | None


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """An event that could not be delivered, as it would be sent again."""

    position: int
    created_at: str
    event: msgspec.Raw


class DeadLetters(msgspec.Struct, frozen=True, kw_only=True):
    """Dead letters in order; `next` goes on where this page ends."""

    dead_letters: list[DeadLetter]
    next: int | None


class ReplayWindow(msgspec.Struct, frozen=True, kw_only=True):
    """Which events: created at or after `from`, before `to`; without them all."""

    from_: str | None = msgspec.field(name="from", default=None)
    to: str | None = None


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """How many events wait again."""

    replayed: int


async def list_attempts(call: Call) -> Answer:
    """A page of tries."""
    limit, before = _limit(call), call.query.get("before")
    found = await attempts_of(
        call.backend.ports, call.organization_id, _id(call), before_id=before, limit=limit
    )
    tried = [
        Tried(
            id=one.id,
            at=write_instant(one.at),
            number=one.number,
            status=one.status,
            fault=one.fault,
            duration_ms=one.duration_ms,
            answer=one.answer,
            events=[TriedEvent(id=e, session_id=s, sequence=n) for e, s, n in one.events],
        )
        for one in found
    ]
    return answer_json(200, Attempts(attempts=tried, next=tried[-1].id if len(tried) == limit else None))


async def list_dead_letters(call: Call) -> Answer:
    """A page of dead letters."""
    limit = _limit(call)
    after = call.query.get("after", "0")
    if not (after.isascii() and after.isdigit() and len(after) < 19):
        raise HttpRefusal(400, "The query has faults.", issues=[Issue("after", "must be a position")])
    found = await dead_letters_of(
        call.backend.ports, call.organization_id, _id(call), after=int(after), limit=limit
    )
    letters = [
        DeadLetter(
            position=one.position, created_at=write_instant(one.created_at), event=msgspec.Raw(one.body)
        )
        for one in found
    ]
    page = DeadLetters(dead_letters=letters, next=letters[-1].position if len(letters) == limit else None)
    return answer_json(200, page)


async def post_replay(call: Call) -> Answer:
    """Have dead letters wait again."""
    webhook_id = _id(call)
    body = read_document(await call.body())
    window: list[datetime] = []
    for name, default in (("from", "1970-01-01T00:00:00Z"), ("to", "9999-01-01T00:00:00Z")):
        text = body.text(name, at_most=64) or default
        try:
            window.append(read_instant(text))
        except ValueError:
            body.fault(name, "must be an ISO 8601 instant with Z or an offset")
    body.end()
    count = await replay(call.backend.ports, call.organization_id, webhook_id, (window[0], window[1]))
    call.backend.changed()
    return answer_json(200, Replayed(replayed=count))


def _id(call: Call) -> str:
    text = call.path["webhookId"]
    if not _UUID.fullmatch(text):
        raise NotFound(NO_WEBHOOK)
    return text.lower()


def _limit(call: Call) -> int:
    text = call.query.get("limit", "50")
    limit = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    if not 1 <= limit <= PAGE_AT_MOST:
        issue = Issue("limit", f"must be a whole number from 1 to {PAGE_AT_MOST}")
        raise HttpRefusal(400, "The query has faults.", issues=[issue])
    return limit


_LIMIT = Parameter(
    name="limit",
    description="How many at most.",
    schema={"type": "integer", "minimum": 1, "maximum": PAGE_AT_MOST, "default": 50},
)
_PATH = {"webhookId": {"type": "string", "format": "uuid"}}


def _operation(method: str, path: str, name: str, serve: Any, **more: Any) -> Operation:
    answers = {**more.pop("answers"), 400: Problem, 401: Problem, 404: Problem, 503: Problem}
    if more.get("body") is not None:
        answers |= {408: Problem, 413: Problem, 415: Problem}
    return Operation(
        method=method,
        path=path,
        name=name,
        serve=serve,
        access=Access.NATIVE,
        path_schemas=_PATH,
        answers=answers,
        on_error=answer_error,
        **more,
    )


def operations() -> tuple[Operation, ...]:
    """All operations about deliveries."""
    return (
        _operation(
            "GET",
            "/v1/webhooks/{webhookId}/attempts",
            "listDeliveryAttempts",
            list_attempts,
            tag=TAG,
            summary="Each delivery that was tried, the newest first; kept 30 days",
            query=(
                _LIMIT,
                Parameter(name="before", description="The id of the last try of the page before."),
            ),
            answers={200: Attempts},
        ),
        _operation(
            "GET",
            "/v1/webhooks/{webhookId}/dead-letters",
            "listDeadLetters",
            list_dead_letters,
            tag=TAG,
            summary="Events that could not be delivered; kept 30 days",
            query=(
                _LIMIT,
                Parameter(name="after", description="The position of the last of the page before."),
            ),
            answers={200: DeadLetters},
        ),
        _operation(
            "POST",
            "/v1/webhooks/{webhookId}/replay",
            "replayDeadLetters",
            post_replay,
            tag=TAG,
            summary="Send dead letters again, with the ids and numbers that they had",
            body=ReplayWindow,
            answers={200: Replayed},
        ),
        Operation(
            method="GET",
            path="/v1/events",
            name="streamEvents",
            summary="What changes, live, as server-sent events",
            description="Goes on after the id in the header `Last-Event-ID`, or in `after`; else from now.",
            serve=Streams().serve,
            access=Access.NATIVE,
            tag="Events",
            query=(Parameter(name="after", description="The last event id that was seen."),),
            answers={200: StreamedEvent, 400: Problem, 401: Problem, 503: Problem},
            answer_types={200: MEDIA_TYPE},
            on_error=answer_error,
        ),
    )
