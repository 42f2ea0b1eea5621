"""Stations that wait for an operator's word, in the native dialect: seen, approved or refused."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from dwell.api.native.stations import (
    BODY_REFUSALS,
    REFUSALS,
    TEXT_AT_MOST,
    NativeStation,
    native,
    read_evse,
    read_site,
    shown_station,
)
from dwell.api.shared.answers import Answer, answer_json
from dwell.api.shared.documents import read_document
from dwell.api.shared.operations import Call, Operation
from dwell.api.shared.problems import Problem
from dwell.application.stations.pending import approve_station, pending_of, refuse_station
from dwell.application.stations.registry import StationSpecification
from dwell.domain.ids import LocationId
from dwell.domain.station.pending import PendingStation
from dwell.domain.station.registry import EVSES_AT_MOST


class NativePendingStation(msgspec.Struct, frozen=True, kw_only=True):
    """What a station said of itself, unproven. `key`: `kept` if approval keeps the one it shows, else `new`."""

    name: str
    address: str
    protocol: str
    vendor: str
    model: str
    serial_number: str | None
    firmware_version: str | None
    first_at: datetime
    heard_at: datetime
    refused_at: datetime | None
    key: str


class NativePendingStations(msgspec.Struct, frozen=True):
    """Stations by name."""

    pending_stations: tuple[NativePendingStation, ...]


async def get_pending_stations(call: Call) -> Answer:
    """Those that wait and those that were refused."""
    found = await pending_of(call.backend.ports, call.organization_id)
    return answer_json(200, NativePendingStations(tuple(_shown(one) for one in found)))


async def post_approval(call: Call) -> Answer:
    """Register a station that waits."""
    body = read_document(await call.body())
    location = body.text("location_id", at_most=TEXT_AT_MOST)
    site = read_site(body.child("site"))
    evses = [read_evse(one) for one in body.children("evses", at_most=EVSES_AT_MOST)]
    renew_key = body.flag("renew_key") is True
    body.end()
    wanted = StationSpecification(
        name=call.path["name"],
        evses=evses,
        site=site,
        location_id=LocationId(location) if location else None,
    )
    backend = call.backend
    record, key = await approve_station(
        backend.ports, backend.keyring, call.organization_id, wanted, renew_key=renew_key
    )
    return answer_json(200, msgspec.structs.replace(shown_station(call, record), key=key))


async def post_refusal(call: Call) -> Answer:
    """Refuse a station that waits."""
    await refuse_station(call.backend.ports, call.organization_id, call.path["name"])
    return Answer(204)


def _shown(pending: PendingStation) -> NativePendingStation:
    return NativePendingStation(
        name=pending.name,
        address=pending.address,
        protocol=pending.protocol,
        vendor=pending.vendor,
        model=pending.model,
        serial_number=pending.serial_number,
        firmware_version=pending.firmware_version,
        first_at=pending.first_at,
        heard_at=pending.heard_at,
        refused_at=pending.refused_at,
        key="kept" if pending.keeps_key else "new",
    )


def pending_station_operations() -> tuple[Operation, ...]:
    """Stations that wait."""
    return (
        native(
            method="GET",
            path="/v1/pending-stations",
            name="listPendingStations",
            summary="Stations that nobody registered and that wait, or were refused",
            serve=get_pending_stations,
            answers={200: NativePendingStations, **REFUSALS},
        ),
        native(
            method="POST",
            path="/v1/pending-stations/{name}/approve",
            name="approveStation",
            summary="Register a station that waits; a `key` in the answer is new and has to be entered there",
            serve=post_approval,
            body=dict[str, Any],
            answers={200: NativeStation, **BODY_REFUSALS},
        ),
        native(
            method="POST",
            path="/v1/pending-stations/{name}/refuse",
            name="refuseStation",
            summary="Refuse a station that waits",
            serve=post_refusal,
            answers={204: None, **REFUSALS, 404: Problem},
        ),
    )
