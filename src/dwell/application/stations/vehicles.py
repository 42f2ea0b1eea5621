"""What a station's transactions say of the vehicle that charges there: facts for the session engine.

A transaction is linked to a vehicle by its token, else by the EVSE that is assigned to one. The link is kept with the
transaction, and with the EVSE until it is free again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from dwell.application.stations.desk import Desk
from dwell.domain.ids import VehicleId
from dwell.domain.session.facts import Fact
from dwell.domain.station.facts import Started
from dwell.domain.station.readings import MeterReading
from dwell.domain.station.registry import TokenRecord
from dwell.domain.station.reports import ChargingState, ConnectorState
from dwell.domain.station.transaction import RUNNING, Transaction

SOURCE = "station"
_SAYS_CHARGING = {
    ChargingState.CHARGING: True,
    ChargingState.SUSPENDED_EV: False,
    ChargingState.SUSPENDED_EVSE: False,
    ChargingState.EV_CONNECTED: False,
}


async def tell_of_started(
    desk: Desk, transaction: Transaction, token: TokenRecord | None, started: Started | None
) -> Transaction:
    """Link the transaction where it can be, and tell that the vehicle is plugged in since the cable was."""
    if transaction.vehicle_id is None and transaction.status in RUNNING:
        vehicle_id = token.vehicle_id if token is not None else None
        evse = desk.evse(transaction.evse_number)
        vehicle_id = vehicle_id or (evse.vehicle_id if evse is not None else None)
        if vehicle_id is None:
            return transaction
        transaction = desk.put(msgspec.structs.replace(transaction, vehicle_id=vehicle_id))
        await _tell_plugged(desk, transaction, vehicle_id)
    vehicle_id = transaction.vehicle_id
    if vehicle_id is not None and started is not None and started.meter_start_wh is not None:
        fact = Fact(at=started.at, source=SOURCE, plugged_in=True, energy_register_wh=started.meter_start_wh)
        desk.facts.append((vehicle_id, fact))
    return transaction


async def _tell_plugged(desk: Desk, transaction: Transaction, vehicle_id: VehicleId) -> None:
    number = transaction.evse_number
    standing = desk.record.standings.get(number)
    at = transaction.started_at or transaction.created_at
    if standing is not None:
        if standing.state is ConnectorState.OCCUPIED and standing.since_at < at:
            at = standing.since_at
        desk.record = desk.record.with_standing(
            number, msgspec.structs.replace(standing, vehicle_id=vehicle_id)
        )
    await _tell_present(desk, vehicle_id, at)


async def _tell_present(desk: Desk, vehicle_id: VehicleId, at: datetime) -> None:
    """Plugged in, at the station's location where it has one: an EVSE of a location is at home there."""
    location_id = desk.record.station.location_id
    place = None
    if location_id is not None:
        place = await desk.moment.tx.location(desk.organization_id, location_id)
    fact = Fact(
        at=at,
        source=SOURCE,
        plugged_in=True,
        latitude=place.latitude if place is not None else desk.record.site.latitude,
        longitude=place.longitude if place is not None else desk.record.site.longitude,
    )
    desk.facts.append((vehicle_id, fact))


async def tell_of_status(desk: Desk, number: int, at: datetime, *, left: bool) -> None:
    """What an EVSE's word says of the vehicle that it is assigned to, or that charged there last."""
    evse, standing = desk.evse(number), desk.record.standings.get(number)
    if standing is None:
        return
    assigned = evse.vehicle_id if evse is not None else None
    vehicle_id = standing.vehicle_id or assigned
    if vehicle_id is None:
        return
    if left:
        desk.record = desk.record.with_standing(number, msgspec.structs.replace(standing, vehicle_id=None))
        desk.facts.append((vehicle_id, Fact(at=at, source=SOURCE, plugged_in=False, charging=False)))
    elif standing.state is ConnectorState.OCCUPIED and standing.charging_state in _SAYS_CHARGING:
        charging = _SAYS_CHARGING[standing.charging_state]
        fact = Fact(at=at, source=SOURCE, plugged_in=True, charging=charging)
        desk.facts.append((vehicle_id, fact))
    elif standing.state is ConnectorState.OCCUPIED and standing.since_at == at and assigned is not None:
        await _tell_present(desk, vehicle_id, at)


def tell_of_readings(
    desk: Desk,
    transaction: Transaction,
    readings: Iterable[MeterReading],
    *,
    ended_at: datetime | None = None,
) -> None:
    """The readings of a linked transaction, as the vehicle's power and register.

    From `ended_at` on they say nothing of the cable: the last reading often has the very instant at which it came out.
    """
    vehicle_id = transaction.vehicle_id
    if vehicle_id is None:
        return
    for one in readings:
        if one.at is None or (one.register_wh is None and one.power_w is None and one.soc_percent is None):
            continue
        there = ended_at is None or one.at < ended_at
        power_w = one.power_w if there else None
        fact = Fact(
            at=one.at,
            source=SOURCE,
            plugged_in=True if there else None,
            charging=None if power_w is None else power_w > 0,
            power_w=power_w,
            energy_register_wh=one.register_wh,
            soc_percent=one.soc_percent,
        )
        desk.facts.append((vehicle_id, fact))


def tell_of_charging(desk: Desk, transaction: Transaction, state: ChargingState | None, at: datetime) -> None:
    """Whether the vehicle of a linked transaction draws, as the station has it."""
    if transaction.vehicle_id is not None and state in _SAYS_CHARGING:
        fact = Fact(at=at, source=SOURCE, plugged_in=True, charging=_SAYS_CHARGING[state])
        desk.facts.append((transaction.vehicle_id, fact))


def tell_of_ended(desk: Desk, transaction: Transaction, *, left: bool) -> None:
    """The last of a linked transaction: no more power, the final register, and whether the cable is out."""
    vehicle_id, at = transaction.vehicle_id, transaction.completed_at
    if vehicle_id is None or at is None:
        return
    fact = Fact(
        at=at,
        source=SOURCE,
        plugged_in=None,  # it may have come out at the very instant, as the EVSE is going to say
        charging=False,
        power_w=0,
        energy_register_wh=transaction.meter_stop_wh,
    )
    desk.facts.append((vehicle_id, fact))
    if left:
        gone = Fact(
            at=at, source=SOURCE, plugged_in=False, charging=False, external_id=f"{transaction.id}-out"
        )
        desk.facts.append((vehicle_id, gone))
        # What the EVSE says next ("Finishing") is not of this vehicle any more.
        standing = desk.record.standings.get(transaction.evse_number)
        if standing is not None and standing.vehicle_id == vehicle_id:
            unlinked = msgspec.structs.replace(standing, vehicle_id=None)
            desk.record = desk.record.with_standing(transaction.evse_number, unlinked)
