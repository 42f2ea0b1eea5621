"""Locations: places with a grid connection, registered for a user."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from dwell.application.case import Case, Moment, close_cases, load_cases
from dwell.application.places import terms_of
from dwell.application.ports import Ports, Transaction
from dwell.application.upkeep import look_again, next_look
from dwell.application.users import user_named, write_naming_user
from dwell.domain.errors import Conflict, NotFound
from dwell.domain.ids import LocationId, OrganizationId
from dwell.domain.policy.connection import BaseLoad
from dwell.domain.registry import Location

POLICIES_AT_ONCE = 200
"""More policies at one location than this are brought up to date when their next fact comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """What a caller says of a location: degrees, metres, W."""

    name: str
    latitude: float
    longitude: float
    timezone: str
    zone: str | None = None
    area: str | None = None
    radius_m: int = 150
    grid_limit_w: int | None = None
    base_load: tuple[BaseLoad, ...] = ()


async def add_location(
    ports: Ports, organization_id: OrganizationId, user_reference: str, premises: Premises
) -> Location:
    """Register a location of the user, who is made if this is the first word of him."""
    now = ports.clock.now()

    async def work(tx: Transaction) -> Location:
        user = await user_named(Moment.of(ports, tx, now), organization_id, user_reference)
        location = Location(
            id=LocationId(ports.ids.new_id()),
            organization_id=organization_id,
            user_id=user.id,
            name=premises.name,
            latitude=premises.latitude,
            longitude=premises.longitude,
            timezone=premises.timezone,
            zone=premises.zone,
            area=premises.area,
            radius_m=premises.radius_m,
            grid_limit_w=premises.grid_limit_w,
            base_load=premises.base_load,
            created_at=now,
            updated_at=now,
        )
        await tx.save_location(location)
        return location

    return await write_naming_user(ports, work)


async def change_location(
    ports: Ports, organization_id: OrganizationId, location_id: LocationId, premises: Premises
) -> Location:
    """Replace what is known of the location; visits that wait there take it over. Running ones keep their
    terms, save what the connection leaves for charging: they are planned anew.

    Raises NotFound.
    """
    now = ports.clock.now()

    async def work(tx: Transaction) -> Location:
        known = await _location(tx, organization_id, location_id)
        changed = msgspec.structs.replace(known, updated_at=now, **_fields(premises))
        await tx.save_location(changed)
        await tell_waiting_sessions(Moment.of(ports, tx, now), changed)
        return changed

    return await ports.store.write(work)


async def delete_location(ports: Ports, organization_id: OrganizationId, location_id: LocationId) -> None:
    """Take the location out of use. Raises NotFound, and Conflict while a policy holds on to it."""
    now = ports.clock.now()

    async def work(tx: Transaction) -> None:
        known = await _location(tx, organization_id, location_id)
        if await tx.policies(organization_id, location_id=location_id, limit=1):
            raise Conflict("The location has policies: delete them first.", code="location_in_use")
        await tx.save_location(_deleted(known, now))

    await ports.store.write(work)


async def _location(tx: Transaction, organization_id: OrganizationId, location_id: LocationId) -> Location:
    known = await tx.location(organization_id, location_id)
    if known is None or known.deleted_at is not None:
        raise NotFound("There is no such location.")
    return known


async def tell_waiting_sessions(moment: Moment, location: Location) -> None:
    """Have the sessions that wait at the location take it over as it is now."""
    policies = await moment.tx.policies(
        location.organization_id, location_id=location.id, limit=POLICIES_AT_ONCE
    )
    cases = await load_cases(moment, location.organization_id, [p.vehicle_id for p in policies])
    for case in cases.values():
        _retell(case, location)
        await look_again(moment, case)
    if cases:
        wakes = {vehicle_id: next_look(moment, case) for vehicle_id, case in cases.items()}
        await close_cases(moment, list(cases.values()), wakes)


def _retell(case: Case, location: Location) -> None:
    _replug(case, location)
    policy = case.policy_at(location)
    if policy is None or policy.id not in case.upcoming:
        return
    waiting = case.upcoming[policy.id]
    terms = terms_of(case.vehicle, location, policy, anticipated_at=waiting.terms.anticipated_at)
    case.upcoming[policy.id] = msgspec.structs.replace(waiting, terms=terms)
    case.save(case.upcoming[policy.id])


def _replug(case: Case, location: Location) -> None:
    """A fuse is kept from the moment it is known, also by the visit that runs behind it."""
    running = case.active
    if running is None or running.location_id != location.id:
        return
    terms = msgspec.structs.replace(
        running.terms, grid_limit_w=location.grid_limit_w, base_load=location.base_load
    )
    if terms != running.terms:
        case.current = msgspec.structs.replace(running, terms=terms)
        case.plan_wanted = running.managed


def _deleted(location: Location, now: datetime) -> Location:
    return msgspec.structs.replace(location, deleted_at=now, updated_at=now)


def _fields(premises: Premises) -> dict[str, object]:
    return {name: getattr(premises, name) for name in Premises.__slots__}
