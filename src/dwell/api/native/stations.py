"""Stations, what drivers pay and who may charge, in the native dialect: what the command line does, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from dwell.api.native.errors import answer_error
from dwell.api.shared.answers import Answer, answer_json
from dwell.api.shared.documents import Document, read_document
from dwell.api.shared.operations import Access, Call, Operation
from dwell.api.shared.problems import Problem
from dwell.application.fleet import fleet_station
from dwell.application.stations.registry import (
    StationSpecification,
    add_station,
    add_token,
    driver_tariffs_of,
    renew_station_key,
    set_driver_tariff,
    stations_of,
    tokens_of,
)
from dwell.domain.ids import LocationId, StationId, VehicleId
from dwell.domain.instants import write_instant
from dwell.domain.station.equipment import Connector, Evse
from dwell.domain.station.profile import Purpose
from dwell.domain.station.read_back import Difference, Holding
from dwell.domain.station.registry import EVSES_AT_MOST, NAME_LENGTH, Site, StationRecord, TokenRecord
from dwell.domain.tariff.driver import DriverTariff, TimeBand

CONNECTORS_AT_MOST, BANDS_AT_MOST = 16, 100
TEXT_AT_MOST = 200
native = partial(Operation, access=Access.NATIVE, tag="Stations", on_error=answer_error)


class NativeReadBack(msgspec.Struct, frozen=True, kw_only=True):
    """What a station keeps of a profile that it took: HOLDS, DIFFERS or UNKNOWN (`why`), in seconds that were compared.

    `ignored`: it allows more than was sent. `worst` is where the two are furthest apart, A per phase or W.
    """

    at: datetime
    evse_number: int
    purpose: Purpose
    holding: Holding
    why: str
    ignored: bool
    compared_s: int
    differs_s: int
    worst: Difference | None


class NativeSteering(msgspec.Struct, frozen=True, kw_only=True):
    """How a station is steered: the way in use (null: none works), those that are ruled out, and what it keeps.

    `read_back` is what its composite schedule showed of the profile that it took last; null: never asked.
    """

    way: str | None
    ruled_out: tuple[str, ...]
    read_back: NativeReadBack | None


class NativeStation(msgspec.Struct, frozen=True, kw_only=True):
    """A station as it is registered: power in W, and whether it is connected. `key` only when it is made.

    `steering` is null until a vehicle was steered there.
    """

    id: str
    name: str
    location_id: str | None
    site: Site
    evses: tuple[Evse, ...]
    connected: bool
    steering: NativeSteering | None
    created_at: datetime
    key: str | None = None


class NativeStations(msgspec.Struct, frozen=True):
    """Stations by id."""

    stations: tuple[NativeStation, ...]


class StationKey(msgspec.Struct, frozen=True):
    """A new key, shown once."""

    key: str


class NativeDriverTariff(msgspec.Struct, frozen=True, kw_only=True):
    """What drivers pay at the EVSE (without `*` and case), or (null) where an EVSE has no tariff of its own."""

    evse: str | None
    tariff: DriverTariff


class NativeDriverTariffs(msgspec.Struct, frozen=True):
    """All tariffs in force."""

    driver_tariffs: tuple[NativeDriverTariff, ...]


class NativeToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token that may charge."""

    token: str
    user_id: str | None
    vehicle_id: str | None
    expires_at: str | None


class NativeTokens(msgspec.Struct, frozen=True):
    """Tokens that may charge, the first thousand."""

    id_tokens: tuple[NativeToken, ...]


async def get_stations(call: Call) -> Answer:
    """All stations."""
    records = await stations_of(call.backend.ports, call.organization_id)
    return answer_json(200, NativeStations(tuple(shown_station(call, one) for one in records)))


async def post_station(call: Call) -> Answer:
    """Register a station."""
    body = read_document(await call.body())
    name = body.text("name", at_most=NAME_LENGTH, required=True)
    location = body.text("location_id", at_most=TEXT_AT_MOST)
    site = read_site(body.child("site"))
    evses = [read_evse(one) for one in body.children("evses", at_most=EVSES_AT_MOST)]
    body.end()
    wanted = StationSpecification(
        name=name or "", evses=evses, site=site, location_id=LocationId(location) if location else None
    )
    backend = call.backend
    record, key = await add_station(backend.ports, backend.keyring, call.organization_id, wanted)
    return answer_json(201, msgspec.structs.replace(shown_station(call, record), key=key))


async def post_station_key(call: Call) -> Answer:
    """A new key for a station."""
    backend, owner = call.backend, call.organization_id
    found = await fleet_station(backend.ports, owner, StationId(call.path["stationId"]))
    key = await renew_station_key(backend.ports, backend.keyring, owner, found.record.station.name)
    return answer_json(200, StationKey(key))


async def get_driver_tariffs(call: Call) -> Answer:
    """All driver tariffs."""
    found = await driver_tariffs_of(call.backend.ports, call.organization_id)
    told = tuple(NativeDriverTariff(evse=one.scope or None, tariff=one.tariff) for one in found)
    return answer_json(200, NativeDriverTariffs(told))


async def put_driver_tariff(call: Call) -> Answer:
    """Set what drivers pay from now on."""
    body = read_document(await call.body())
    evse = body.text("evse", at_most=64)
    inner = body.child("tariff", required=True)
    tariff = _tariff(inner) if inner is not None else None
    body.end()
    if tariff is not None:
        await set_driver_tariff(call.backend.ports, call.organization_id, tariff, evse=evse)
    return Answer(204)


async def get_tokens(call: Call) -> Answer:
    """Who may charge."""
    found = await tokens_of(call.backend.ports, call.organization_id)
    return answer_json(200, NativeTokens(tuple(_token(one) for one in found)))


async def put_token(call: Call) -> Answer:
    """Let a token charge."""
    body = read_document(await call.body())
    text = body.text("token", at_most=255, required=True)
    user = body.text("user_reference", at_most=TEXT_AT_MOST)
    vehicle = body.text("vehicle_id", at_most=TEXT_AT_MOST)
    expires_at = body.instant("expires_at")
    body.end()
    made = await add_token(
        call.backend.ports,
        call.organization_id,
        text or "",
        user_reference=user,
        vehicle_id=VehicleId(vehicle) if vehicle else None,
        expires_at=expires_at,
    )
    return answer_json(200, _token(made))


def shown_station(call: Call, record: StationRecord) -> NativeStation:
    """The station as it is shown, without its key."""
    return NativeStation(
        id=record.id,
        name=record.station.name,
        location_id=record.station.location_id,
        site=record.site,
        evses=record.station.evses,
        connected=call.backend.ports.stations.is_connected(record.id),
        steering=_steering(record),
        created_at=record.created_at,
    )


def _steering(record: StationRecord) -> NativeSteering | None:
    ladder, shown = record.ladder, record.read_back
    if ladder is None:
        return None
    return NativeSteering(
        way=ladder.rung.name if ladder.rung is not None else None,
        ruled_out=tuple(rung.name for rung in ladder.ruled_out),
        read_back=NativeReadBack(**msgspec.structs.asdict(shown)) if shown is not None else None,
    )


def _token(record: TokenRecord) -> NativeToken:
    return NativeToken(
        token=record.token.text,
        user_id=record.user_id,
        vehicle_id=record.vehicle_id,
        expires_at=write_instant(record.expires_at) if record.expires_at is not None else None,
    )


def read_site(body: Document | None) -> Site:
    """Where a station stands; faults are noted in the document."""
    if body is None:
        return Site()
    texts = {
        name: body.text(name, at_most=TEXT_AT_MOST, at_least=0) or ""
        for name in ("operator", "zip", "city", "street", "hotline")
    }
    country = body.text("country_code", at_most=3, at_least=3) or ""
    always_open = body.flag("always_open")
    return Site(
        latitude=body.number("latitude", -90, 90),
        longitude=body.number("longitude", -180, 180),
        country_code=country,
        always_open=always_open is not False,
        **texts,
    )


def read_evse(body: Document) -> Evse:
    """An EVSE; faults are noted in the document."""
    vehicle = body.text("vehicle_id", at_most=TEXT_AT_MOST)
    return Evse(
        number=body.integer("number", 1, 999, required=True) or 1,
        evse=body.text("evse", at_most=64, required=True) or "",
        vehicle_id=VehicleId(vehicle) if vehicle else None,
        connectors=tuple(_connector(one) for one in body.children("connectors", at_most=CONNECTORS_AT_MOST)),
    )


def _connector(body: Document) -> Connector:
    return Connector(
        number=body.integer("number", 1, 99, required=True) or 1,
        plug_type=body.text("plug_type", at_most=40, required=True) or "",
        power_max_w=body.integer("power_max_w", 1, 5_000_000, required=True) or 1,
        voltage_v=body.integer("voltage_v", 1, 2_000) or 230,
        current_max_a=body.integer("current_max_a", 1, 5_000) or 16,
        phases=body.integer("phases", 1, 3) or 3,
        cable_attached=body.flag("cable_attached") is True,
    )


def _tariff(body: Document) -> DriverTariff | None:
    bands = [_band(one) for one in body.children("time_bands", at_most=BANDS_AT_MOST)]
    starts = [band.starting_at_minute for band in bands]
    if starts != sorted(set(starts)):
        body.fault("time_bands", "each begins after the one before")
        return None
    return DriverTariff(
        kwh_price=_price(body, "kwh_price"),
        session_price=_price(body, "session_price"),
        vat=_price(body, "vat"),
        time_bands=tuple(bands),
        currency=body.text("currency", at_most=3, at_least=3) or "EUR",
        max_charging_minutes=body.integer("max_charging_minutes", 1, 1_000_000),
    )


def _band(body: Document) -> TimeBand:
    minute = body.integer("starting_at_minute", 0, 1_000_000, required=True)
    return TimeBand(minute or 0, _price(body, "minute_price"))


def _price(body: Document, name: str) -> Decimal:
    """A price that is not negative; 0 where none is given."""
    if not body.has(name):
        return Decimal(0)
    price = body.amount(name)
    if price is not None and price < 0:
        body.fault(name, "must not be below 0")
        return Decimal(0)
    return price or Decimal(0)


REFUSALS: Mapping[int, Any] = dict.fromkeys((400, 401, 503), Problem)
BODY_REFUSALS: Mapping[int, Any] = {**REFUSALS, **dict.fromkeys((404, 408, 409, 413, 415), Problem)}


def station_operations() -> tuple[Operation, ...]:
    """Stations, driver tariffs and tokens."""
    return (*_station_rows(), *_driver_rows())


def _station_rows() -> tuple[Operation, ...]:
    """Stations and their keys."""
    return (
        native(
            method="GET",
            path="/v1/stations",
            name="listStations",
            summary="All stations",
            serve=get_stations,
            answers={200: NativeStations, **REFUSALS},
        ),
        native(
            method="POST",
            path="/v1/stations",
            name="createStation",
            summary="Register a station; its key is in the answer and is not shown again",
            serve=post_station,
            body=dict[str, Any],
            answers={201: NativeStation, **BODY_REFUSALS},
        ),
        native(
            method="POST",
            path="/v1/stations/{stationId}/key",
            name="renewStationKey",
            summary="A new key for a station; the old one ends at once",
            serve=post_station_key,
            answers={200: StationKey, **REFUSALS, 404: Problem},
        ),
    )


def _driver_rows() -> tuple[Operation, ...]:
    """What drivers pay, and who may charge."""
    return (
        native(
            method="GET",
            path="/v1/driver-tariffs",
            name="listDriverTariffs",
            summary="What drivers pay",
            serve=get_driver_tariffs,
            answers={200: NativeDriverTariffs, **REFUSALS},
        ),
        native(
            method="PUT",
            path="/v1/driver-tariffs",
            name="setDriverTariff",
            summary="Set what drivers pay from now on at an EVSE, or (no `evse`) everywhere else",
            serve=put_driver_tariff,
            body=dict[str, Any],
            answers={204: None, **BODY_REFUSALS},
        ),
        native(
            method="GET",
            path="/v1/id-tokens",
            name="listIdTokens",
            summary="Which tokens may charge",
            serve=get_tokens,
            answers={200: NativeTokens, **REFUSALS},
        ),
        native(
            method="PUT",
            path="/v1/id-tokens",
            name="putIdToken",
            summary="Let a token charge, for a user and always a certain vehicle; one that is known is changed",
            serve=put_token,
            body=dict[str, Any],
            answers={200: NativeToken, **BODY_REFUSALS},
        ),
    )
