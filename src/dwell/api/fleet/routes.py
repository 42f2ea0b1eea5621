"""The operations of the Fleet dialect."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

from dwell.api.fleet import mapping, schemas
from dwell.api.fleet.document import document_operation
from dwell.api.fleet.errors import answer_error, answer_refusal
from dwell.api.fleet.paths import BASE
from dwell.api.fleet.requests import (
    AREA_PARAMETERS,
    EVSE_LENGTH,
    REFERENCE_LENGTH,
    SESSION_PARAMETERS,
    STRICT,
    is_strict,
    read_area,
    read_filter,
)
from dwell.api.shared.answers import JSON, Answer, answer_json, encode_json
from dwell.api.shared.compression import compressed
from dwell.api.shared.documents import read_document
from dwell.api.shared.operations import Access, Call, Operation
from dwell.application.fleet import (
    TransactionView,
    fleet_session,
    fleet_sessions,
    fleet_station,
    fleet_stations,
)
from dwell.application.stations.orders import order_start, order_stop
from dwell.domain.ids import StationId, TransactionId

_REFUSALS = dict.fromkeys((400, 403, 503), schemas.FleetMessage)
_fleet = partial(
    Operation, access=Access.FLEET, tag="Fleet", on_error=answer_error, on_refusal=answer_refusal
)


async def get_sessions(call: Call) -> Answer:
    """All sessions of the fleet that are asked for, newest first, sent while they are read."""
    wanted, strict = read_filter(call.query), is_strict(call.query)
    pages = fleet_sessions(call.backend.ports, call.organization_id, wanted)
    first = await anext(pages)  # a store that is away is told before the answer has begun
    return Answer(200, media_type=JSON, stream=_written(call, first, pages, strict=strict))


async def _written(
    call: Call, page: list[TransactionView], rest: AsyncIterator[list[TransactionView]], *, strict: bool
) -> AsyncIterator[bytes]:
    """The list as JSON, a page at a time."""
    now = call.backend.ports.clock.now()
    told = mapping.strict_session if strict else mapping.session
    joint = b'{"sessions":['
    while True:
        if page:
            yield joint + b",".join(encode_json(told(view, now)) for view in page)
            joint = b","
        try:
            page = await anext(rest)
        except StopAsyncIteration:
            break
    yield b"]}" if joint == b"," else joint + b"]}"


async def get_session(call: Call) -> Answer:
    """One session."""
    strict = is_strict(call.query)
    return await _session(call, TransactionId(call.path["id"]), strict=strict)


async def post_start(call: Call) -> Answer:
    """Order a start; answers once the order is stored."""
    body = read_document(await call.body())
    evse = body.text("evse", at_most=EVSE_LENGTH, required=True)
    reference = body.text("user_reference", at_most=REFERENCE_LENGTH, required=True)
    body.end(unknown=True)
    begun = await order_start(
        call.backend.ports, call.organization_id, evse=evse or "", user_reference=reference or ""
    )
    call.backend.changed()
    return await _session(call, begun.id)


async def post_stop(call: Call) -> Answer:
    """Order a stop, and wait for the station's word."""
    stopped = await order_stop(call.backend.ports, call.organization_id, TransactionId(call.path["id"]))
    call.backend.changed()
    return await _session(call, stopped.id)


async def _session(call: Call, transaction_id: TransactionId, *, strict: bool = False) -> Answer:
    ports = call.backend.ports
    view = await fleet_session(ports, call.organization_id, transaction_id)
    told = mapping.strict_session if strict else mapping.session
    return answer_json(200, {"session": told(view, ports.clock.now())})


async def get_stations(call: Call) -> Answer:
    """The stations in a box or a circle."""
    found = await fleet_stations(call.backend.ports, call.organization_id, read_area(call.query))
    return answer_json(200, schemas.FleetStations(tuple(mapping.station_summary(one) for one in found)))


async def get_station(call: Call) -> Answer:
    """One station with its EVSEs and what they cost."""
    ports = call.backend.ports
    found = await fleet_station(ports, call.organization_id, StationId(call.path["station_id"]))
    return answer_json(200, schemas.FleetStationAnswer(mapping.station_detail(found, ports.clock.now())))


def operations() -> tuple[Operation, ...]:
    """All operations of the dialect, compressed for whoever takes that."""
    rows = tuple(replace(row, serve=compressed(row.serve)) for row in (*_session_rows(), *_station_rows()))
    return (document_operation(rows), *rows)


def _session_rows() -> tuple[Operation, ...]:
    return (
        _fleet(
            method="GET",
            path=f"{BASE}/sessions",
            name="listFleetSessions",
            summary="All sessions, newest first",
            description="Filters are combined with AND.",
            serve=get_sessions,
            query=SESSION_PARAMETERS,
            answers={200: schemas.FleetSessionList, **_REFUSALS},
        ),
        _fleet(
            method="GET",
            path=f"{BASE}/sessions/{{id}}",
            name="getFleetSession",
            summary="One session",
            serve=get_session,
            query=(STRICT,),
            answers={200: schemas.FleetSessionAnswer, **_REFUSALS, 404: schemas.FleetMessage},
        ),
        _fleet(
            method="POST",
            path=f"{BASE}/sessions/start",
            name="startFleetSession",
            summary="Start a session at an EVSE for a user",
            description=(
                "Answers once the order is stored. 404 for an EVSE that is not known; 409 where it is occupied or "
                "out of service, or its station offline. Again, while STARTING for the same user: the same session."
            ),
            serve=post_start,
            body=schemas.FleetStart,
            answers={
                200: schemas.FleetSessionAnswer,
                **_REFUSALS,
                **dict.fromkeys((404, 408, 409, 413, 415), schemas.FleetMessage),
            },
        ),
        _fleet(
            method="POST",
            path=f"{BASE}/sessions/{{id}}/stop",
            name="stopFleetSession",
            summary="Stop a session that is active",
            description=(
                "Waits up to 10 s for the station. 409 where it refuses or the session is not active; 504 where it "
                "does not answer: nothing is changed then, and the stop is ordered again. Again: the same answer."
            ),
            serve=post_stop,
            answers={
                200: schemas.FleetSessionAnswer,
                **_REFUSALS,
                **dict.fromkeys((404, 409, 504), schemas.FleetMessage),
            },
        ),
    )


def _station_rows() -> tuple[Operation, ...]:
    return (
        _fleet(
            method="GET",
            path=f"{BASE}/stations",
            name="listFleetStations",
            summary="The stations in an area",
            description="A box or a circle, one of them. A box whose longitudes are reversed crosses the date line.",
            serve=get_stations,
            query=AREA_PARAMETERS,
            answers={200: schemas.FleetStations, **_REFUSALS},
        ),
        _fleet(
            method="GET",
            path=f"{BASE}/stations/{{station_id}}",
            name="getFleetStation",
            summary="One station: its EVSEs, their state and what they cost, net",
            serve=get_station,
            answers={200: schemas.FleetStationAnswer, **_REFUSALS, 404: schemas.FleetMessage},
        ),
    )
