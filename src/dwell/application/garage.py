"""A user's vehicles with all that is known of them now: policy, place, session, boost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dwell.application.boost import BoostView, boost_seen
from dwell.application.ports import Ports, Reader
from dwell.application.queries import NO_SESSION, NO_VEHICLE
from dwell.application.records import SessionFilter
from dwell.domain.errors import Conflict, NotFound
from dwell.domain.ids import OrganizationId, UserId, VehicleId
from dwell.domain.registry import Location, Policy, User, Vehicle
from dwell.domain.session.record import ACTIVE, Session
from dwell.domain.session.track import Seen

VEHICLES_AT_MOST = 200
"""Of one user; further ones are reached by their ids."""
NO_PLACE = "The vehicle has no charge policy, and its user not exactly one building to make one for."


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """A vehicle with its owner, where it charges, by which policy, what was last seen, and what runs."""

    vehicle: Vehicle
    owner: User
    seen: Seen
    boost: BoostView
    location: Location | None
    policy: Policy | None
    active: Session | None


@dataclass(frozen=True, slots=True)
class SessionsOfDays:
    """How many there are in all, and a page of them, newest first."""

    total: int
    items: list[Session]


async def vehicles_of_user(ports: Ports, organization_id: OrganizationId, user_id: UserId) -> list[Parked]:
    """The user's vehicles that are in use, by id. Raises NotFound for an unknown user."""
    now = ports.clock.now()

    async def look(reader: Reader) -> list[Parked]:
        if await reader.user(organization_id, user_id) is None:
            raise NotFound("There is no such user.")
        found = await reader.vehicles(organization_id, user_id=user_id, limit=VEHICLES_AT_MOST)
        return [await _parked(reader, vehicle, now) for vehicle in found]

    return await ports.store.read(look)


async def vehicle_of_user(
    ports: Ports, organization_id: OrganizationId, user_id: UserId, vehicle_id: VehicleId
) -> Parked:
    """One vehicle of the user, a deleted one too. Raises NotFound."""
    now = ports.clock.now()

    async def look(reader: Reader) -> Parked:
        return await _parked(reader, await _owned(reader, organization_id, user_id, vehicle_id), now)

    return await ports.store.read(look)


async def in_use(
    ports: Ports, organization_id: OrganizationId, user_id: UserId, vehicle_id: VehicleId
) -> Vehicle:
    """A vehicle of the user that may be changed. Raises NotFound, also for a deleted one."""

    async def look(reader: Reader) -> Vehicle:
        vehicle = await _owned(reader, organization_id, user_id, vehicle_id)
        if vehicle.deleted_at is not None:
            raise NotFound(NO_VEHICLE)
        return vehicle

    return await ports.store.read(look)


async def sessions_of_days(
    ports: Ports,
    owner: tuple[OrganizationId, UserId],
    vehicle_id: VehicleId,
    window: tuple[datetime, datetime],
    *,
    include_hidden: bool,
    page: tuple[int, int],
) -> SessionsOfDays:
    """Settled sessions of the user's vehicle that were plugged in within the half-open window; `page`: limit, offset.

    Raises NotFound.
    """
    organization_id, user_id = owner
    limit, offset = page

    async def look(reader: Reader) -> SessionsOfDays:
        await _owned(reader, organization_id, user_id, vehicle_id)
        wanted = SessionFilter(
            plugged_in_from=window[0], vehicle_id=vehicle_id, include_hidden=include_hidden
        )
        total, found = await reader.settled_before(
            organization_id, wanted, plugged_in_before=window[1], limit=limit, offset=offset
        )
        return SessionsOfDays(total, found)

    return await ports.store.read(look)


async def place_to_agree(
    ports: Ports, organization_id: OrganizationId, user_id: UserId, vehicle_id: VehicleId
) -> tuple[Policy | None, Location]:
    """The vehicle's policy with its location; without one the only location that a policy could be made for.

    Raises NotFound, Conflict where that is none or several.
    """
    parked = await vehicle_of_user(ports, organization_id, user_id, vehicle_id)
    if parked.vehicle.deleted_at is not None:
        raise NotFound(NO_VEHICLE)
    if parked.policy is not None and parked.location is not None:
        return parked.policy, parked.location
    return None, await only_place(ports, organization_id, user_id)


async def only_place(ports: Ports, organization_id: OrganizationId, user_id: UserId) -> Location:
    """The user's one location. Raises Conflict where that is none or several."""

    async def look(reader: Reader) -> list[Location]:
        return (await reader.locations_of_users(organization_id, [user_id])).get(user_id, [])

    places = await ports.store.read(look)
    if len(places) != 1:
        raise Conflict(NO_PLACE, code="no_place")
    return places[0]


async def _owned(
    reader: Reader, organization_id: OrganizationId, user_id: UserId, vehicle_id: VehicleId
) -> Vehicle:
    vehicle = await reader.vehicle(organization_id, vehicle_id)
    if vehicle is None or vehicle.user_id != user_id:
        raise NotFound(NO_VEHICLE)
    return vehicle


async def _parked(reader: Reader, vehicle: Vehicle, now: datetime) -> Parked:
    organization_id = vehicle.organization_id
    owner = await reader.user(organization_id, vehicle.user_id)
    if owner is None:
        raise NotFound(NO_SESSION)
    track = await reader.track(organization_id, vehicle.id)
    running = [
        session
        for session in await reader.sessions_of_vehicle(organization_id, vehicle.id, since=now)
        if session.state == ACTIVE
    ]
    active = running[-1] if running else None
    policies = (await reader.policies_of_vehicles(organization_id, [vehicle.id])).get(vehicle.id, [])
    # Where it runs now, else the one that was made first.
    policy = next((p for p in policies if active is not None and p.id == active.policy_id), None)
    policy = policy or (min(policies, key=lambda one: (one.created_at, one.id)) if policies else None)
    location = await reader.location(organization_id, policy.location_id) if policy is not None else None
    return Parked(
        vehicle=vehicle,
        owner=owner,
        seen=track.seen if track is not None else Seen(),
        boost=await boost_seen(reader, vehicle, now),
        location=location,
        policy=policy,
        active=active,
    )
