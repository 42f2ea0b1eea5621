"""Stations as the operator registers them: with a key each, their EVSEs, the tokens and what drivers pay."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from dwell.application.case import Moment
from dwell.application.credentials import Keyring
from dwell.application.ports import Ports, Reader, Transaction
from dwell.application.users import user_named, write_naming_user
from dwell.domain.errors import Conflict, Fault, NotFound, Refused
from dwell.domain.ids import LocationId, OrganizationId, StationId, VehicleId
from dwell.domain.station.equipment import ChargingStation, Evse, IdToken, evse_key
from dwell.domain.station.registry import (
    EVSES_AT_MOST,
    NAME_LENGTH,
    NOWHERE,
    Site,
    StationRecord,
    TariffInForce,
    TokenRecord,
    scope_of,
)
from dwell.domain.tariff.driver import DriverTariff

KEY_BYTES = (16, 40)
"""OCPP's AuthorizationKey: 16 to 40 characters."""
_NAME_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.*+@|=")
_KEY = "station_key"
_NOBODY = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class StationSpecification:
    """What an operator says of a station. `key` None: one is made."""

    name: str
    evses: Sequence[Evse] = ()
    site: Site = NOWHERE
    location_id: LocationId | None = None
    key: str | None = None


async def add_station(
    ports: Ports, keyring: Keyring, organization_id: OrganizationId, wanted: StationSpecification
) -> tuple[StationRecord, str]:
    """Register a station; returns it with its key, which is not shown again.

    Raises Refused with every fault, NotFound for the location or organization, Conflict for a name or EVSE in use.
    """
    check_specification(wanted)
    key = wanted.key or new_key(ports)
    digest = digest_of_key(keyring, wanted.name, key)
    record = record_of(ports, organization_id, wanted, key_hash=digest)
    await ports.store.write(lambda tx: register(tx, record))
    return record, key


def record_of(
    ports: Ports, organization_id: OrganizationId, wanted: StationSpecification, *, key_hash: bytes | None
) -> StationRecord:
    """The station as the operator wants it, not yet registered."""
    now = ports.clock.now()
    return StationRecord(
        station=ChargingStation(
            id=StationId(ports.ids.new_id()),
            organization_id=organization_id,
            name=wanted.name,
            location_id=wanted.location_id,
            evses=tuple(sorted(wanted.evses, key=lambda one: one.number)),
        ),
        key_hash=key_hash,
        site=wanted.site,
        created_at=now,
        updated_at=now,
    )


async def register(tx: Transaction, record: StationRecord) -> None:
    """Save a new station, which waits for nobody's word then. Raises NotFound, Conflict as `add_station`."""
    organization_id, station = record.organization_id, record.station
    if await tx.organization(organization_id) is None:
        raise NotFound("There is no such organization.")
    if station.location_id is not None:
        location = await tx.location(organization_id, station.location_id)
        if location is None or location.deleted_at is not None:
            raise NotFound("There is no such location.")
    for one in station.evses:
        place = await tx.evse_place(organization_id, evse_key(one.evse))
        if place is not None:
            raise Conflict(f"the EVSE {one.evse} is part of another station", code="evse_exists")
        if one.vehicle_id is not None:
            await _vehicle_there(tx, organization_id, one.vehicle_id)
    await tx.save_station(record)
    await tx.remove_pending_station(organization_id, station.name)


async def renew_station_key(
    ports: Ports, keyring: Keyring, organization_id: OrganizationId, name: str
) -> str:
    """A new key in place of the old one, which ends at once. Raises NotFound."""
    key, now = new_key(ports), ports.clock.now()

    async def work(tx: Transaction) -> None:
        found = await tx.station_named(name)
        if found is None or found.organization_id != organization_id:
            raise NotFound("There is no such station.")
        held = await tx.hold_station(organization_id, found.id)
        if held is None:
            raise NotFound("There is no such station.")
        digest = digest_of_key(keyring, name, key)
        await tx.save_station(msgspec.structs.replace(held, key_hash=digest, updated_at=now))

    await ports.store.write(work)
    return key


async def stations_of(ports: Ports, organization_id: OrganizationId) -> list[StationRecord]:
    """Every station of the organization, by id."""

    async def work(reader: Reader) -> list[StationRecord]:
        found: list[StationRecord] = []
        while page := await reader.stations(organization_id, after=found[-1].id if found else ""):
            found += page
        return found

    return await ports.store.read(work)


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """What came of a station's knock. `record` None: not known; `trusted`: its key was right, or none is asked."""

    record: StationRecord | None
    trusted: bool


async def welcome_station(
    ports: Ports, keyring: Keyring, name: str, key: str | None, *, without_key: bool
) -> Welcome:
    """Who connects as `name` with this key. The work is the same for names that are known and those that are not."""

    async def look(reader: Reader) -> StationRecord | None:
        return await reader.station_named(name)

    found = await ports.store.read(look)
    shown = digest_of_key(keyring, name, key or "")
    known = found.key_hash if found is not None and found.key_hash is not None else _NOBODY
    is_right = hmac.compare_digest(known, shown) and key is not None
    if found is None or found.removed_at is not None:
        return Welcome(record=None, trusted=False)
    return Welcome(record=found, trusted=is_right or (without_key and key is None))


async def add_token(
    ports: Ports,
    organization_id: OrganizationId,
    text: str,
    *,
    user_reference: str | None = None,
    vehicle_id: VehicleId | None = None,
    expires_at: datetime | None = None,
) -> TokenRecord:
    """Let a token charge: for a user, who is made if this is the first word of him, and always a certain vehicle.

    A token that is known is changed. Raises Refused, NotFound for the vehicle.
    """
    if not text.strip() or len(text) > 255 or not text.isprintable():
        raise Refused.because(Fault(field="token", message="must be 1 to 255 printable characters"))
    now = ports.clock.now()

    async def work(tx: Transaction) -> TokenRecord:
        if await tx.organization(organization_id) is None:
            raise NotFound("There is no such organization.")
        if vehicle_id is not None:
            await _vehicle_there(tx, organization_id, vehicle_id)
        user = None
        if user_reference is not None:
            user = await user_named(Moment.of(ports, tx, now), organization_id, user_reference)
        record = TokenRecord(
            organization_id=organization_id,
            token=IdToken(text.strip()),
            created_at=now,
            user_id=user.id if user is not None else None,
            vehicle_id=vehicle_id,
            expires_at=expires_at,
        )
        await tx.save_id_token(record)
        return record

    return await write_naming_user(ports, work)


async def set_driver_tariff(
    ports: Ports, organization_id: OrganizationId, tariff: DriverTariff, *, evse: str | None = None
) -> None:
    """What drivers pay from now on at an EVSE, or (None) where an EVSE has no tariff of its own. Raises NotFound."""

    async def work(tx: Transaction) -> None:
        if await tx.organization(organization_id) is None:
            raise NotFound("There is no such organization.")
        if evse is not None and await tx.evse_place(organization_id, evse_key(evse)) is None:
            raise NotFound("There is no such EVSE.")
        wanted = TariffInForce(organization_id=organization_id, scope=scope_of(evse), tariff=tariff)
        await tx.save_driver_tariff(wanted)

    await ports.store.write(work)


async def driver_tariffs_of(ports: Ports, organization_id: OrganizationId) -> list[TariffInForce]:
    """What drivers pay, by scope."""
    return await ports.store.read(lambda reader: reader.driver_tariffs(organization_id))


async def tokens_of(ports: Ports, organization_id: OrganizationId) -> list[TokenRecord]:
    """The first thousand tokens."""
    return await ports.store.read(lambda reader: reader.id_tokens(organization_id))


async def _vehicle_there(tx: Transaction, organization_id: OrganizationId, vehicle_id: VehicleId) -> None:
    vehicle = await tx.vehicle(organization_id, vehicle_id)
    if vehicle is None or vehicle.deleted_at is not None:
        raise NotFound("There is no such vehicle.")


def is_name(text: str) -> bool:
    """Whether a station can be called so."""
    return 0 < len(text) <= NAME_LENGTH and set(text) <= _NAME_LETTERS


def check_specification(wanted: StationSpecification) -> None:
    """Raises Refused with every fault."""
    faults = list[Fault]()
    if not is_name(wanted.name):
        message = f"must be 1 to {NAME_LENGTH} letters, digits or -_.*+@|="
        faults.append(Fault(field="name", message=message))
    if wanted.key is not None and not (
        KEY_BYTES[0] <= len(wanted.key) <= KEY_BYTES[1] and wanted.key.isascii() and wanted.key.isprintable()
    ):
        message = f"must be {KEY_BYTES[0]} to {KEY_BYTES[1]} printable ASCII characters"
        faults.append(Fault(field="key", message=message))
    numbers = [one.number for one in wanted.evses]
    if len(numbers) > EVSES_AT_MOST or any(number < 1 for number in numbers):
        faults.append(Fault(field="evses", message=f"at most {EVSES_AT_MOST}, numbered from 1"))
    if len(set(numbers)) < len(numbers):
        faults.append(Fault(field="evses", message="two have the same number"))
    if len({evse_key(one.evse) for one in wanted.evses}) < len(numbers):
        faults.append(Fault(field="evses", message="two have the same id"))
    faults += [
        Fault(field="evses", message="an id has 1 to 64 printable characters")
        for one in wanted.evses
        if not evse_key(one.evse) or len(one.evse) > 64 or not one.evse.isprintable()
    ][:1]
    if faults:
        raise Refused.because(*faults)


def new_key(ports: Ports) -> str:
    """A random key for a station."""
    return ports.ids.new_secret()[: KEY_BYTES[1]]


def digest_of_key(keyring: Keyring, name: str, key: str) -> bytes:
    """Fast on purpose: the key is random, and a storm of reconnects has to be let in (OC14)."""
    return keyring.digest(_KEY, f"{name}\x00{key}")
