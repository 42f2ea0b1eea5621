"""Bodies of the Fleet dialect, in the contract's words. Instants are Unix seconds, energy kWh, power kW, prices net."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

AuthTypeWord = Literal["LOCAL", "REMOTE"]
StatusWord = Literal["PREPARING", "STARTING", "ACTIVE", "REMOTE_STOPPED", "CLOSED", "FAILED", "INVALID"]
PointWord = Literal["AVAILABLE", "OCCUPIED", "OUT_OF_SERVICE", "UNKNOWN"]


class FleetMessage(msgspec.Struct, frozen=True):
    """A refusal, in a sentence."""

    message: str


class FleetTimeTariff(msgspec.Struct, frozen=True):
    """A price per minute, from a minute of the session until the next band."""

    starting_at_minute: int
    minute_price: Decimal


class FleetTariff(msgspec.Struct, frozen=True, kw_only=True):
    """What a driver pays, net; `vat` a fraction, `max_charging_time` minutes (null: no limit)."""

    kwh_price: Decimal
    session_price: Decimal
    time_tariffs: tuple[FleetTimeTariff, ...]
    vat: Decimal
    currency: str
    max_charging_time: int | None


class FleetConnector(msgspec.Struct, frozen=True, kw_only=True):
    """A plug: kW, V from phase to neutral, A for each phase."""

    charge_plug_type: str
    max_power: float
    cable_attached: bool
    voltage: int
    amperage: int
    phases: int


class FleetChargePoint(msgspec.Struct, frozen=True, kw_only=True):
    """An EVSE as it stands now; `last_updated_at` null where it was never heard of, `tariff` where none is set."""

    evse: str
    status: PointWord
    minutes_since_last_status_change: int
    last_updated_at: int | None
    tariff: FleetTariff | None
    connectors: tuple[FleetConnector, ...]


class FleetAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a station stands; the country in three letters."""

    zip: str
    city: str
    street: str
    country_code: str


class _FleetStation(msgspec.Struct, frozen=True, kw_only=True):
    station_id: str
    station_operator: str
    realtime_data_available: bool
    max_power: float | None
    latitude: float | None
    longitude: float | None
    plug_types: tuple[str, ...]
    always_open: bool
    charge_points_available: int
    charge_points_out_of_service: int
    charge_points_occupied: int
    charge_points_unknown: int


class FleetStationSummary(_FleetStation, frozen=True, kw_only=True):
    """A station in a list; `charge_points` is how many EVSEs it has."""

    charge_points: int


class FleetStationDetail(_FleetStation, frozen=True, kw_only=True):
    """A station with its EVSEs."""

    charge_points: tuple[FleetChargePoint, ...]
    address: FleetAddress
    support_hotline: str


class FleetStrictSession(msgspec.Struct, frozen=True, kw_only=True):
    """A charging session as the published list shows it."""

    id: str
    auth_type: AuthTypeWord
    status: StatusWord
    created_at: int
    started_at: int
    completed_at: int | None
    last_updated_at: int
    evse: str | None
    charging_station: FleetStationDetail
    user_reference: str | None


class FleetSession(FleetStrictSession, frozen=True, kw_only=True):
    """A charging session with its meter and its money; duration and amount are null until it is closed."""

    energy_in_kwh: float
    duration_in_minutes: float | None
    final_amount: Decimal | None
    tariff: FleetTariff | None


class FleetSessionList(msgspec.Struct, frozen=True):
    """Sessions, newest first. With `strict=true` the last four members of each are left out."""

    sessions: tuple[FleetSession, ...]


class FleetSessionAnswer(msgspec.Struct, frozen=True):
    """One session."""

    session: FleetSession


class FleetStations(msgspec.Struct, frozen=True):
    """The stations in an area."""

    stations: tuple[FleetStationSummary, ...]


class FleetStationAnswer(msgspec.Struct, frozen=True):
    """One station."""

    station: FleetStationDetail


class FleetStart(msgspec.Struct, frozen=True):
    """A session to be started: where, and for whom."""

    evse: str
    user_reference: str
