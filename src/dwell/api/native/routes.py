"""The operations of the native dialect. Ingest takes and gives bytes: its cost is the store's, not the wire's."""

from __future__ import annotations

import msgspec

from dwell.api.native.errors import answer_error
from dwell.api.native.load import load_operations
from dwell.api.native.money import money_operations
from dwell.api.native.pending_stations import pending_station_operations
from dwell.api.native.sessions import SessionDetail, detail_of
from dwell.api.native.stations import station_operations
from dwell.api.shared.answers import Answer
from dwell.api.shared.limits import BODY_BYTES
from dwell.api.shared.operations import Access, Call, Operation
from dwell.api.shared.problems import Problem
from dwell.application.queries import session_view
from dwell.application.suspects import accept_session
from dwell.application.telemetry import ingest
from dwell.domain.ids import SessionId
from dwell.domain.session.incoming import Receipt, Rejection
from dwell.protocols.observations import Observation, read_batch

LINE_TYPES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl"})
BODY_TYPES = ("application/json", *sorted(LINE_TYPES))

_encode = msgspec.json.Encoder().encode


async def post_observations(call: Call) -> Answer:
    """Take a batch of observations; the answer comes after their durable commit."""
    lines = call.media_type() in LINE_TYPES
    body = await call.body(at_most=BODY_BYTES)
    ports = call.backend.ports
    received_at = ports.clock.now()
    batch = read_batch(body, lines=lines, received_at=received_at)
    receipt = Receipt(0, 0, ())
    if batch.items:
        receipt = await ingest(ports, call.organization_id, batch.items, received_at=received_at)
        if receipt.accepted:
            call.backend.changed()
    receipt = with_rejections(receipt, batch.rejected)
    call.backend.metrics.count_receipt(receipt)
    return Answer(202, _encode(receipt))


async def get_session(call: Call) -> Answer:
    """One session with its outcome in words, its plan and the order in force."""
    view = await session_view(call.backend.ports, call.organization_id, SessionId(call.path["sessionId"]))
    return Answer(200, _encode(detail_of(view)))


async def post_session_accept(call: Call) -> Answer:
    """Have a suspect session counted, and answer with it."""
    await accept_session(call.backend.ports, call.organization_id, SessionId(call.path["sessionId"]))
    return await get_session(call)


def with_rejections(receipt: Receipt, rejected: list[Rejection]) -> Receipt:
    """The receipt with further rejections, all in the order of the batch."""
    if not rejected:
        return receipt
    every = sorted((*receipt.rejected, *rejected), key=lambda rejection: rejection.index)
    return msgspec.structs.replace(receipt, rejected=tuple(every))


def operations() -> tuple[Operation, ...]:
    """All operations of the dialect."""
    return (
        Operation(
            method="POST",
            path="/v1/observations",
            name="postObservations",
            summary="Take observations of vehicles",
            description=(
                "A JSON list, or one JSON object a line; at most 10,000 items or 8 MiB, gzip and deflate taken. "
                "The answer comes after a durable commit. Good items are taken when others are bad. An item with a "
                "time that cannot be (no zone, more than 10 minutes ahead, before 2010) is accepted, kept as it came "
                "and never applied, and so is one for a visit settled too long ago; `flagged` names them with "
                "their reasons. Of a member named twice the last one counts, if all are right."
            ),
            serve=post_observations,
            access=Access.NATIVE,
            is_audited=False,
            tag="Observations",
            body=list[Observation],
            body_types=BODY_TYPES,
            answers={202: Receipt, **dict.fromkeys((400, 401, 408, 413, 415, 503), Problem)},
            on_error=answer_error,
        ),
        Operation(
            method="GET",
            path="/v1/sessions/{sessionId}",
            name="getSession",
            summary="One session: outcome and reason, energy source, plan in force, order",
            description="In whatever state, unmanaged and hidden ones included.",
            serve=get_session,
            access=Access.NATIVE,
            tag="Sessions",
            path_schemas={"sessionId": {"type": "string", "format": "uuid"}},
            answers={200: SessionDetail, **dict.fromkeys((400, 401, 404, 503), Problem)},
            on_error=answer_error,
        ),
        Operation(
            method="POST",
            path="/v1/sessions/{sessionId}/accept",
            name="acceptSession",
            summary="Count a suspect session",
            description=(
                "A suspect session is left out of sums (`/v1/vehicles/{vehicleId}/savings` and its totals) until it "
                "is accepted; one accepted before stays so. 409 where nothing is suspect about it. A later settlement "
                "that finds further reasons makes it wait for another acceptance."
            ),
            serve=post_session_accept,
            access=Access.NATIVE,
            tag="Sessions",
            path_schemas={"sessionId": {"type": "string", "format": "uuid"}},
            answers={200: SessionDetail, **dict.fromkeys((400, 401, 404, 409, 503), Problem)},
            on_error=answer_error,
        ),
        *money_operations(),
        *station_operations(),
        *pending_station_operations(),
        *load_operations(),
    )
