"""What the meter of a location's connection says, and what the balancer makes of it, in the native dialect."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Any

import msgspec

from dwell.api.native.errors import answer_error
from dwell.api.shared.answers import Answer, answer_json
from dwell.api.shared.documents import Document, read_document
from dwell.api.shared.operations import Access, Call, Operation
from dwell.api.shared.problems import HttpRefusal, Problem
from dwell.application.load import LoadView, PassedOver, load_view, take_load
from dwell.domain.ids import LocationId, VehicleId
from dwell.domain.policy.load import LoadReading, Steered
from dwell.domain.units import W_PER_KW, w_from_kw

READINGS_AT_MOST = 1_000
POWER_KW = 100_000
_native = partial(Operation, access=Access.NATIVE, tag="Load", on_error=answer_error)


class MeterReading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The net import of the whole connection, chargers included, in kW; below 0 it feeds in."""

    at: Annotated[str, msgspec.Meta(max_length=64, description="ISO 8601 with Z or an offset")]
    power_kw: Annotated[float, msgspec.Meta(ge=-POWER_KW, le=POWER_KW)]


class LoadReceipt(msgspec.Struct, frozen=True):
    """How many readings counted, and which changed nothing: in_future, too_old, or not_newer than one known."""

    accepted: int
    passed_over: tuple[PassedOver, ...]


class SteeredVehicle(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle that the balancer steers, in kW.

    `wanted_kw` is the plan's, `told_at_most_kw` what it may be told. `why`: as_planned, nothing_planned, held_back
    (running with less), paused, or does_not_obey.
    """

    vehicle_id: str
    wanted_kw: float
    set_point_kw: float
    told_at_most_kw: float
    drawn_kw: float
    why: str


class LastReading(msgspec.Struct, frozen=True):
    """The newest reading that counted."""

    at: datetime
    power_kw: float


class ConnectionState(msgspec.Struct, frozen=True, kw_only=True):
    """A connection in kW: `envelope_kw` is what else draws, held high for a while; `room_kw` what that leaves.

    A meter that says nothing for two minutes is `silent`: vehicles then keep to a safe share. `reading` and envelope
    are null before its first word.
    """

    limit_kw: float
    silent: bool
    reading: LastReading | None
    envelope_kw: float | None
    room_kw: float | None
    vehicles: tuple[SteeredVehicle, ...]


async def post_load(call: Call) -> Answer:
    """Take readings of the meter; the answer comes after their durable commit."""
    readings = _readings(await call.body())
    place = LocationId(call.path["locationId"])
    taken = await take_load(call.backend.ports, call.organization_id, place, readings)
    if taken.told:
        call.backend.changed()
    return answer_json(202, LoadReceipt(taken.accepted, taken.passed_over))


async def get_load(call: Call) -> Answer:
    """What is known of the connection's load."""
    place = LocationId(call.path["locationId"])
    return answer_json(200, _state(await load_view(call.backend.ports, call.organization_id, place)))


def _readings(body: bytes) -> list[LoadReading]:
    """One reading, or a list of them. Raises HttpRefusal with every fault."""
    if body.lstrip()[:1] != b"[":
        document = read_document(body)
        found = [_reading(document)]
        document.end()
    else:  # as a member, so that faults are named by their place in the list
        document = read_document(b'{"readings": ' + body + b"}")
        found = [_reading(one) for one in document.children("readings", at_most=READINGS_AT_MOST)]
        document.end()
    if not found:
        raise HttpRefusal(400, "There is no reading in the body.")
    return [one for one in found if one is not None]


def _reading(body: Document) -> LoadReading | None:
    at = body.instant("at", required=True)
    power_kw = body.number("power_kw", -POWER_KW, POWER_KW, required=True)
    return LoadReading(at, w_from_kw(power_kw)) if at is not None and power_kw is not None else None


def _state(view: LoadView) -> ConnectionState:
    load, limit_kw = view.load, view.limit_w / W_PER_KW
    if load is None:
        return ConnectionState(
            limit_kw=limit_kw, silent=True, reading=None, envelope_kw=None, room_kw=None, vehicles=()
        )
    return ConnectionState(
        limit_kw=limit_kw,
        silent=load.is_silent(view.now),
        reading=LastReading(load.at, load.power_w / W_PER_KW),
        envelope_kw=round(load.envelope_kw, 3),
        room_kw=round(max(0.0, limit_kw - load.envelope_kw), 3),
        vehicles=tuple(_vehicle(*entry) for entry in sorted(load.vehicles.items())),
    )


def _vehicle(vehicle_id: VehicleId, steered: Steered) -> SteeredVehicle:
    return SteeredVehicle(
        vehicle_id=vehicle_id,
        wanted_kw=steered.wanted_w / W_PER_KW,
        set_point_kw=round(steered.set_point_kw, 3),
        told_at_most_kw=steered.told_w / W_PER_KW,
        drawn_kw=steered.drawn_w / W_PER_KW,
        why=_why(steered),
    )


def _why(steered: Steered) -> str:
    if steered.deaf:
        return "does_not_obey"
    if steered.wanted_w == 0:
        return "nothing_planned"
    if steered.told_w == 0:
        return "paused"
    return "held_back" if steered.told_w < steered.wanted_w else "as_planned"


_PATHS: Mapping[str, Any] = {"locationId": {"type": "string", "format": "uuid"}}


def load_operations() -> tuple[Operation, ...]:
    """The meter's word, and the state of the connection."""
    return (
        _native(
            method="POST",
            path="/v1/locations/{locationId}/load",
            name="postLoad",
            summary="Take what the meter of a location's connection says",
            description=(
                "One reading or a list of at most 1,000: the net import of the whole connection, chargers included. "
                "Vehicles that charge there give way within the interval when the grid limit would be passed. "
                "A reading that is no news changes nothing and is named in `passed_over`: older than the newest "
                "known, two minutes old, or more than a minute ahead. 409 where the location has no grid limit. "
                "With any fault in the body nothing is taken, and every fault is named."
            ),
            serve=post_load,
            is_audited=False,
            path_schemas=_PATHS,
            body=MeterReading | list[MeterReading],
            answers={202: LoadReceipt, **dict.fromkeys((400, 401, 404, 408, 409, 413, 415, 503), Problem)},
        ),
        _native(
            method="GET",
            path="/v1/locations/{locationId}/load",
            name="getLoad",
            summary="A location's connection: last reading, envelope, and what vehicles may draw and why",
            serve=get_load,
            path_schemas=_PATHS,
            answers={200: ConnectionState, **dict.fromkeys((400, 401, 404, 409, 503), Problem)},
        ),
    )
