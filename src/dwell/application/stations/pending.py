"""Stations that nobody registered: where the operator wants it they wait for a word, and nothing of them is taken."""

from __future__ import annotations

import hmac
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from dwell.application.audit import note
from dwell.application.credentials import Keyring
from dwell.application.ports import Ports, Reader, Transaction
from dwell.application.stations.registry import (
    KEY_BYTES,
    StationSpecification,
    check_specification,
    digest_of_key,
    is_name,
    new_key,
    record_of,
    register,
)
from dwell.domain.audit import Change
from dwell.domain.errors import NotFound
from dwell.domain.ids import OrganizationId
from dwell.domain.station.pending import PendingStation
from dwell.domain.station.registry import StationRecord
from dwell.domain.station.reports import StationBooted

PER_ADDRESS = 10
"""So many wait from one address: nobody else's place is taken by one who tries names."""
KEPT = timedelta(days=7)
"""How long one waits that is not heard of any more."""
REFUSED_KEPT = timedelta(days=90)
"""How long a name is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """Who knocks: the name and key it shows, its address, and of how many it would be one."""

    organization_id: OrganizationId
    name: str
    key: str | None
    address: str
    at_most: int


async def why_not_wait(ports: Ports, keyring: Keyring, stranger: Stranger) -> str | None:
    """Why the stranger may not wait for a word; None where it may. Nothing is stored."""
    now = ports.clock.now()

    async def look(reader: Reader) -> str | None:
        return await _why_not(reader, keyring, stranger, now)

    return await ports.store.read(look)


async def _why_not(reader: Reader, keyring: Keyring, stranger: Stranger, now: datetime) -> str | None:
    owner, name = stranger.organization_id, stranger.name
    if not is_name(name):
        return "no name that a station can have"
    if await reader.station_named(name) is not None:
        return "not its key"
    if await reader.organization(owner) is None:
        return "the organization of pending stations is not there"
    held = await reader.pending_station(owner, name)
    if held is not None and not _is_stale(held, now):
        if held.refused_at is not None:
            return "refused by an operator"
        return None if _is_same(keyring, held, stranger) else "waits already, with another key"
    every = await reader.pending_stations(owner)
    waiting = [one for one in every if one.refused_at is None and not _is_stale(one, now)]
    if len(waiting) >= stranger.at_most:
        return "too many wait"
    if Counter(one.address for one in waiting)[stranger.address] >= PER_ADDRESS:
        return "too many wait from its address"
    return None


def _is_same(keyring: Keyring, held: PendingStation, stranger: Stranger) -> bool:
    if held.key_hash is None or stranger.key is None:
        return held.key_hash is None and stranger.key is None
    return hmac.compare_digest(held.key_hash, digest_of_key(keyring, stranger.name, stranger.key))


def _is_stale(pending: PendingStation, now: datetime) -> bool:
    if pending.refused_at is not None:
        return now - pending.refused_at > REFUSED_KEPT
    return now - pending.heard_at > KEPT


async def hold_pending(
    ports: Ports, keyring: Keyring, stranger: Stranger, booted: StationBooted, *, protocol: str
) -> str | None:
    """Keep what the stranger says of itself for an operator to see; why not, where it may not wait."""
    now, key = ports.clock.now(), stranger.key

    async def work(tx: Transaction) -> str | None:
        why = await _why_not(tx, keyring, stranger, now)
        if why is not None:
            return why
        for one in await tx.pending_stations(stranger.organization_id):
            if _is_stale(one, now):
                await tx.remove_pending_station(one.organization_id, one.name)
        held = await tx.pending_station(stranger.organization_id, stranger.name)
        pending = PendingStation(
            organization_id=stranger.organization_id,
            name=stranger.name,
            address=stranger.address,
            protocol=protocol,
            vendor=booted.vendor,
            model=booted.model,
            serial_number=booted.serial_number,
            firmware_version=booted.firmware_version,
            first_at=held.first_at if held is not None else now,
            heard_at=now,
            key_hash=digest_of_key(keyring, stranger.name, key) if key is not None else None,
            key_is_long=key is not None and KEY_BYTES[0] <= len(key),
        )
        await tx.save_pending_station(pending)
        return None

    return await ports.store.write(work)


async def pending_of(ports: Ports, organization_id: OrganizationId) -> list[PendingStation]:
    """Those that wait and those that were refused, by name."""
    return await ports.store.read(lambda reader: reader.pending_stations(organization_id))


async def approve_station(
    ports: Ports,
    keyring: Keyring,
    organization_id: OrganizationId,
    wanted: StationSpecification,
    *,
    renew_key: bool = False,
) -> tuple[StationRecord, str | None]:
    """Register a station that waits, or was refused. Its key is the one that it has shown from the beginning (None).

    Where that is too short, or none, or `renew_key` is wanted, a new one is made and returned, once. Raises NotFound,
    Refused, Conflict.
    """
    check_specification(wanted)
    fresh = new_key(ports)
    record = record_of(ports, organization_id, wanted, key_hash=digest_of_key(keyring, wanted.name, fresh))

    async def work(tx: Transaction) -> tuple[StationRecord, str | None]:
        held = await tx.pending_station(organization_id, wanted.name)
        if held is None:
            raise NotFound("No station of this name waits.")
        keeps_key = held.keeps_key and not renew_key
        made = msgspec.structs.replace(record, key_hash=held.key_hash) if keeps_key else record
        await register(tx, made)
        return made, None if keeps_key else fresh

    return await ports.store.write(work)


async def refuse_station(ports: Ports, organization_id: OrganizationId, name: str) -> None:
    """Refuse the name for REFUSED_KEPT, until it is approved or registered. Raises NotFound."""
    now = ports.clock.now()

    async def work(tx: Transaction) -> None:
        held = await tx.pending_station(organization_id, name)
        if held is None:
            raise NotFound("No station of this name waits.")
        if held.refused_at is None:
            await tx.save_pending_station(msgspec.structs.replace(held, refused_at=now))
            note(tx, organization_id, Change(thing="station", thing_id=name, action="refused"))

    await ports.store.write(work)
