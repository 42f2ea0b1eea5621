"""From the rows of the domain to the words of the Fleet dialect. Wh and W become kWh and kW here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from dwell.api.fleet import schemas
from dwell.api.fleet.schemas import PointWord
from dwell.application.fleet import StationView, TransactionView
from dwell.domain.station.equipment import Connector, Evse
from dwell.domain.station.reports import ConnectorState
from dwell.domain.station.transaction import Status, Transaction
from dwell.domain.tariff.driver import DriverTariff, amount_of, rounded
from dwell.domain.units import W_PER_KW, WH_PER_KWH

_MINUTE = timedelta(minutes=1)
POINTS: Mapping[ConnectorState, PointWord] = {
    ConnectorState.AVAILABLE: "AVAILABLE",
    ConnectorState.OCCUPIED: "OCCUPIED",
    ConnectorState.RESERVED: "OCCUPIED",
    ConnectorState.UNAVAILABLE: "OUT_OF_SERVICE",
    ConnectorState.FAULTED: "OUT_OF_SERVICE",
}


def strict_session(view: TransactionView, now: datetime) -> schemas.FleetStrictSession:
    """The session as the published list shows it."""
    return schemas.FleetStrictSession(**_published(view, now))


def session(view: TransactionView, now: datetime) -> schemas.FleetSession:
    """The session with its meter and its money."""
    one = view.transaction
    duration = one.duration if one.status is Status.CLOSED else None
    return schemas.FleetSession(
        **_published(view, now),
        energy_in_kwh=one.energy_wh / WH_PER_KWH,
        duration_in_minutes=None if duration is None else duration / _MINUTE,
        final_amount=_amount(one),
        tariff=_tariff(one.tariff),
    )


def _amount(one: Transaction) -> Any:
    """Net, as an invoice shows it; None until the end is known, and where no tariff was in force at the start."""
    if one.status is not Status.CLOSED or one.tariff is None:
        return None
    if one.started_at is None or one.completed_at is None:
        return None
    return rounded(amount_of(one.tariff, one.energy_wh, one.started_at, one.completed_at))


def _published(view: TransactionView, now: datetime) -> dict[str, Any]:
    one = view.transaction
    evse = view.station.record.station.evse(one.evse_number)
    return {
        "id": one.id,
        "auth_type": one.auth_type.value,
        "status": one.status.value,
        "created_at": seconds(one.created_at),
        "started_at": seconds(one.started_at or one.created_at),
        "completed_at": None if one.completed_at is None else seconds(one.completed_at),
        "last_updated_at": seconds(one.updated_at),
        "evse": evse.evse if evse is not None else None,
        "charging_station": station_detail(view.station, now),
        "user_reference": view.user_reference,
    }


def station_summary(view: StationView) -> schemas.FleetStationSummary:
    """The station as a list shows it."""
    return schemas.FleetStationSummary(**_common(view), charge_points=len(view.record.station.evses))


def station_detail(view: StationView, now: datetime) -> schemas.FleetStationDetail:
    """The station with its EVSEs."""
    site = view.record.site
    return schemas.FleetStationDetail(
        **_common(view),
        charge_points=tuple(_point(view, evse, now) for evse in view.record.station.evses),
        address=schemas.FleetAddress(
            zip=site.zip, city=site.city, street=site.street, country_code=site.country_code
        ),
        support_hotline=site.hotline,
    )


def _common(view: StationView) -> dict[str, Any]:
    evses = view.record.station.evses
    powers = [evse.power_max_w for evse in evses if evse.power_max_w is not None]
    plugs = [connector.plug_type for evse in evses for connector in evse.connectors]
    counted = Counter(_status(view, evse) for evse in evses)
    latitude, longitude = view.position or (None, None)
    return {
        "station_id": view.record.id,
        "station_operator": view.record.site.operator,
        "realtime_data_available": view.connected,
        "max_power": max(powers) / W_PER_KW if powers else None,
        "latitude": latitude,
        "longitude": longitude,
        "plug_types": tuple(dict.fromkeys(plugs)),
        "always_open": view.record.site.always_open,
        "charge_points_available": counted["AVAILABLE"],
        "charge_points_out_of_service": counted["OUT_OF_SERVICE"],
        "charge_points_occupied": counted["OCCUPIED"],
        "charge_points_unknown": counted["UNKNOWN"],
    }


def _status(view: StationView, evse: Evse) -> PointWord:
    """What a driver finds there. Of a station that is away nothing is known; one that we start is taken already."""
    standing = view.record.standings.get(evse.number)
    if not view.connected or standing is None:
        return "UNKNOWN"
    word = POINTS[standing.state]
    return "OCCUPIED" if word == "AVAILABLE" and evse.number in view.taken else word


def _point(view: StationView, evse: Evse, now: datetime) -> schemas.FleetChargePoint:
    standing = view.record.standings.get(evse.number)
    since_at = standing.since_at if standing is not None else view.record.created_at
    return schemas.FleetChargePoint(
        evse=evse.evse,
        status=_status(view, evse),
        minutes_since_last_status_change=max((now - since_at) // _MINUTE, 0),
        last_updated_at=seconds(standing.heard_at) if standing is not None else None,
        tariff=_tariff(view.tariff_of(evse)),
        connectors=tuple(_connector(one) for one in evse.connectors),
    )


def _connector(one: Connector) -> schemas.FleetConnector:
    return schemas.FleetConnector(
        charge_plug_type=one.plug_type,
        max_power=one.power_max_w / W_PER_KW,
        cable_attached=one.cable_attached,
        voltage=one.voltage_v,
        amperage=one.current_max_a,
        phases=one.phases,
    )


def _tariff(tariff: DriverTariff | None) -> schemas.FleetTariff | None:
    if tariff is None:
        return None
    return schemas.FleetTariff(
        kwh_price=tariff.kwh_price,
        session_price=tariff.session_price,
        time_tariffs=tuple(
            schemas.FleetTimeTariff(band.starting_at_minute, band.minute_price) for band in tariff.time_bands
        ),
        vat=tariff.vat,
        currency=tariff.currency,
        max_charging_time=tariff.max_charging_minutes,
    )


def seconds(at: datetime) -> int:
    """Whole Unix seconds; the second that has begun."""
    return int(at.timestamp() // 1)
