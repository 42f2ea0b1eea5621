"""What is read for views: rows as they are, scoped to one organization, never aggregates to be changed.

A missing thing, a deleted one and another organization's are one and the same NotFound, with one message.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from dwell.application.ports import Ports, Reader
from dwell.application.records import PageKey, SessionFilter, Tally
from dwell.domain.errors import NotFound
from dwell.domain.ids import LocationId, OrganizationId, PolicyId, SessionId, UserId, VehicleId
from dwell.domain.registry import Location, Policy, Vehicle
from dwell.domain.session.cut import distance_m
from dwell.domain.session.record import ACTIVE, SETTLED, UPCOMING, Session
from dwell.domain.session.steering import START, Order, wish_at
from dwell.domain.session.track import Seen

NO_POLICY = "There is no such policy."
NO_SESSION = "There is no such session."
NO_LOCATION = "There is no such location."
NO_VEHICLE = "There is no such vehicle."


ORDERS_COUNTED = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which part of a list by id is wanted: so many rows after, or before, an id."""

    after_id: str | None = None
    before_id: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentSession:
    """A policy's session that is not settled, and the vehicle's own charge limit as last seen."""

    session: Session
    charge_limit_percent: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """A session, and the order that its vehicle was last given in it.

    `held_back`: the plan wants more now than other loads behind the connection leave.
    """

    session: Session
    order: Order | None
    held_back: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyView:
    """A policy, the caller's name of its user, and the vehicle's charge limit as last seen."""

    policy: Policy
    user_reference: str
    charge_limit_percent: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationView:
    """A location and the caller's name of its user."""

    location: Location
    user_reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleView:
    """A vehicle, the caller's name of its user, what was last seen of it, and at which location that is."""

    vehicle: Vehicle
    user_reference: str
    seen: Seen
    at_location_id: LocationId | None


async def current_session(
    ports: Ports, organization_id: OrganizationId, policy_id: PolicyId
) -> CurrentSession:
    """The policy's one session that is not settled. Raises NotFound."""

    async def look(reader: Reader) -> CurrentSession:
        policy = await _live_policy(reader, organization_id, policy_id)
        session = await reader.unsettled_session_of_policy(organization_id, policy_id)
        if session is None:
            raise NotFound(NO_SESSION)
        seen = await _seen(reader, organization_id, policy.vehicle_id)
        return CurrentSession(session=session, charge_limit_percent=seen.charge_limit_percent)

    return await ports.store.read(look)


async def session_view(ports: Ports, organization_id: OrganizationId, session_id: SessionId) -> SessionView:
    """One session in whatever state, hidden or not. Raises NotFound."""
    now = ports.clock.now()

    async def look(reader: Reader) -> SessionView:
        session = await reader.session(organization_id, session_id)
        if session is None:
            raise NotFound(NO_SESSION)
        track = await reader.track(organization_id, session.vehicle_id)
        order = track.order if track is not None else None
        mine = order is not None and order.session_id == session_id
        held = await _is_held_back(reader, session, order if mine else None, now)
        return SessionView(session=session, order=order if mine else None, held_back=held)

    return await ports.store.read(look)


async def _is_held_back(reader: Reader, session: Session, order: Order | None, now: datetime) -> bool:
    """Whether the meter of the connection is why the vehicle gets less than its plan wants now."""
    if session.state != ACTIVE or session.promise is None or session.location_id is None:
        return False
    wanted_w = wish_at(session.promise, now).power_w
    load = await reader.connection_load(session.organization_id, session.location_id)
    if load is None or load.is_forgotten(now) or session.terms.grid_limit_w is None:
        return False
    if load.is_silent(now):
        told_w = order.power_w if order is not None and order.kind == START else 0
        return told_w < wanted_w
    steered = load.vehicles.get(session.vehicle_id)
    return steered is not None and steered.told_w < wanted_w


async def active_session_of_vehicle(
    ports: Ports, organization_id: OrganizationId, user_id: UserId, vehicle_id: VehicleId
) -> Session | None:
    """The session that the user's vehicle, a deleted one too, is in; None if it is in none. Raises NotFound."""
    now = ports.clock.now()

    async def look(reader: Reader) -> Session | None:
        await _vehicle_of_user(reader, organization_id, user_id, vehicle_id)
        sessions = await reader.sessions_of_vehicle(organization_id, vehicle_id, since=now)
        return next((session for session in reversed(sessions) if session.state == ACTIVE), None)

    return await ports.store.read(look)


async def session_of_vehicle(
    ports: Ports,
    organization_id: OrganizationId,
    user_id: UserId,
    vehicle_id: VehicleId,
    *,
    session_id: SessionId,
) -> Session:
    """A session of the user's vehicle, a deleted one too, that has begun. Raises NotFound."""

    async def look(reader: Reader) -> Session:
        await _vehicle_of_user(reader, organization_id, user_id, vehicle_id)
        session = await reader.session(organization_id, session_id)
        if session is None or session.vehicle_id != vehicle_id or session.state == UPCOMING:
            raise NotFound(NO_SESSION)
        return session

    return await ports.store.read(look)


async def settled_session(
    ports: Ports, organization_id: OrganizationId, policy_id: PolicyId, session_id: SessionId
) -> Session:
    """A settled session of the policy, or an unmanaged one of the policy's vehicle. Raises NotFound."""

    async def look(reader: Reader) -> Session:
        policy = await _live_policy(reader, organization_id, policy_id)
        session = await reader.session(organization_id, session_id)
        if session is None or session.state != SETTLED:
            raise NotFound(NO_SESSION)
        unmanaged_one_of_its_vehicle = session.policy_id is None and session.vehicle_id == policy.vehicle_id
        if session.policy_id != policy_id and not unmanaged_one_of_its_vehicle:
            raise NotFound(NO_SESSION)
        return session

    return await ports.store.read(look)


async def settled_sessions(
    ports: Ports,
    organization_id: OrganizationId,
    wanted: SessionFilter,
    *,
    after: PageKey | None,
    before: PageKey | None,
    limit: int,
) -> list[Session]:
    """A page of settled sessions, newest plug-in first, then id."""

    async def look(reader: Reader) -> list[Session]:
        return await reader.settled_page(organization_id, wanted, after=after, before=before, limit=limit)

    return await ports.store.read(look)


async def policy_view(ports: Ports, organization_id: OrganizationId, policy_id: PolicyId) -> PolicyView:
    """One policy. Raises NotFound."""

    async def look(reader: Reader) -> PolicyView:
        policy = await _live_policy(reader, organization_id, policy_id)
        return (await _policy_views(reader, organization_id, [policy]))[0]

    return await ports.store.read(look)


async def policy_views(
    ports: Ports,
    organization_id: OrganizationId,
    *,
    vehicle_id: VehicleId | None,
    location_id: LocationId | None,
    user_reference: str | None,
    window: Window,
) -> list[PolicyView]:
    """A page of policies by id; descending when the window says `before`."""

    async def look(reader: Reader) -> list[PolicyView]:
        user_id = await _user_id(reader, organization_id, user_reference)
        if user_reference is not None and user_id is None:
            return []
        policies = await reader.policies(
            organization_id,
            vehicle_id=vehicle_id,
            location_id=location_id,
            user_id=user_id,
            after_id=window.after_id,
            before_id=window.before_id,
            limit=window.limit,
        )
        return await _policy_views(reader, organization_id, policies)

    return await ports.store.read(look)


async def location_view(
    ports: Ports, organization_id: OrganizationId, location_id: LocationId
) -> LocationView:
    """One location. Raises NotFound."""

    async def look(reader: Reader) -> LocationView:
        location = await reader.location(organization_id, location_id)
        if location is None or location.deleted_at is not None:
            raise NotFound(NO_LOCATION)
        names = await _references(reader, organization_id, [location.user_id])
        return LocationView(location=location, user_reference=names[location.user_id])

    return await ports.store.read(look)


async def location_views(
    ports: Ports, organization_id: OrganizationId, *, user_reference: str | None, window: Window
) -> list[LocationView]:
    """A page of locations by id; descending when the window says `before`."""

    async def look(reader: Reader) -> list[LocationView]:
        user_id = await _user_id(reader, organization_id, user_reference)
        if user_reference is not None and user_id is None:
            return []
        locations = await reader.locations(
            organization_id,
            user_id=user_id,
            after_id=window.after_id,
            before_id=window.before_id,
            limit=window.limit,
        )
        names = await _references(reader, organization_id, [place.user_id for place in locations])
        return [LocationView(location=p, user_reference=names[p.user_id]) for p in locations]

    return await ports.store.read(look)


async def buildings_of(ports: Ports, organization_id: OrganizationId, user_id: UserId) -> list[Location]:
    """A user's locations, in order of creation. Raises NotFound for a user that there is not."""

    async def look(reader: Reader) -> list[Location]:
        if await reader.user(organization_id, user_id) is None:
            raise NotFound("There is no such user.")
        return (await reader.locations_of_users(organization_id, [user_id])).get(user_id, [])

    return await ports.store.read(look)


async def building_of(
    ports: Ports, organization_id: OrganizationId, user_id: UserId, location_id: LocationId
) -> Location:
    """One of a user's locations. Raises NotFound."""

    async def look(reader: Reader) -> Location:
        location = await reader.location(organization_id, location_id)
        if location is None or location.deleted_at is not None or location.user_id != user_id:
            raise NotFound(NO_LOCATION)
        return location

    return await ports.store.read(look)


async def vehicle_view(
    ports: Ports, organization_id: OrganizationId, vehicle_id: VehicleId, *, also_deleted: bool = False
) -> VehicleView:
    """One vehicle. Raises NotFound."""

    async def look(reader: Reader) -> VehicleView:
        vehicle = await reader.vehicle(organization_id, vehicle_id)
        if vehicle is None or (vehicle.deleted_at is not None and not also_deleted):
            raise NotFound(NO_VEHICLE)
        return (await _vehicle_views(reader, organization_id, [vehicle]))[0]

    return await ports.store.read(look)


async def vehicle_views(
    ports: Ports, organization_id: OrganizationId, *, user_reference: str | None, window: Window
) -> list[VehicleView]:
    """A page of vehicles by id; descending when the window says `before`."""

    async def look(reader: Reader) -> list[VehicleView]:
        user_id = await _user_id(reader, organization_id, user_reference)
        if user_reference is not None and user_id is None:
            return []
        vehicles = await reader.vehicles(
            organization_id,
            user_id=user_id,
            after_id=window.after_id,
            before_id=window.before_id,
            limit=window.limit,
        )
        return await _vehicle_views(reader, organization_id, vehicles)

    return await ports.store.read(look)


async def organization_exists(ports: Ports, organization_id: OrganizationId) -> bool:
    """Whether there is such a tenant."""

    async def look(reader: Reader) -> bool:
        return await reader.organization(organization_id) is not None

    return await ports.store.read(look)


async def store_answers(ports: Ports) -> None:
    """Ask the store something that costs nothing. Raises Unavailable, or what the store's driver raises."""

    async def look(reader: Reader) -> None:
        await reader.credential("", "")

    await ports.store.read(look)


async def tally(ports: Ports, now: datetime) -> Tally:
    """How much there is: unsettled sessions, orders of the last ORDERS_COUNTED, events."""

    async def look(reader: Reader) -> Tally:
        return await reader.tally(orders_since=now - ORDERS_COUNTED)

    return await ports.store.read(look)


def lag_s(wake_at: datetime | None, now: datetime) -> float:
    """By how many seconds the engine is late with what is due."""
    return max(0.0, (now - wake_at).total_seconds()) if wake_at is not None else 0.0


async def _live_policy(reader: Reader, organization_id: OrganizationId, policy_id: PolicyId) -> Policy:
    policy = await reader.policy(organization_id, policy_id)
    if policy is None or policy.deleted_at is not None:
        raise NotFound(NO_POLICY)
    return policy


async def _vehicle_of_user(
    reader: Reader, organization_id: OrganizationId, user_id: UserId, vehicle_id: VehicleId
) -> None:
    """Raises NotFound for a vehicle that there never was, or of another user."""
    vehicle = await reader.vehicle(organization_id, vehicle_id)
    if vehicle is None or vehicle.user_id != user_id:
        raise NotFound(NO_VEHICLE)


async def _user_id(reader: Reader, organization_id: OrganizationId, reference: str | None) -> UserId | None:
    user = await reader.user_by_reference(organization_id, reference) if reference is not None else None
    return user.id if user is not None else None


async def _references(
    reader: Reader, organization_id: OrganizationId, ids: Iterable[UserId]
) -> dict[UserId, str]:
    """What the caller calls each of these users."""
    names = {}
    for user_id in dict.fromkeys(ids):
        user = await reader.user(organization_id, user_id)
        names[user_id] = user.reference if user is not None else user_id
    return names


async def _seen(reader: Reader, organization_id: OrganizationId, vehicle_id: VehicleId) -> Seen:
    track = await reader.track(organization_id, vehicle_id)
    return track.seen if track is not None else Seen()


async def _policy_views(
    reader: Reader, organization_id: OrganizationId, policies: list[Policy]
) -> list[PolicyView]:
    names = await _references(reader, organization_id, [policy.user_id for policy in policies])
    views = []
    for policy in policies:
        seen = await _seen(reader, organization_id, policy.vehicle_id)
        views.append(
            PolicyView(
                policy=policy,
                user_reference=names[policy.user_id],
                charge_limit_percent=seen.charge_limit_percent,
            )
        )
    return views


async def _vehicle_views(
    reader: Reader, organization_id: OrganizationId, vehicles: list[Vehicle]
) -> list[VehicleView]:
    users = [vehicle.user_id for vehicle in vehicles]
    names = await _references(reader, organization_id, users)
    places = await reader.locations_of_users(organization_id, dict.fromkeys(users))
    views = []
    for vehicle in vehicles:
        seen = await _seen(reader, organization_id, vehicle.id)
        views.append(
            VehicleView(
                vehicle=vehicle,
                user_reference=names[vehicle.user_id],
                seen=seen,
                at_location_id=_location_of(seen, places.get(vehicle.user_id, [])),
            )
        )
    return views


def _location_of(seen: Seen, places: list[Location]) -> LocationId | None:
    """The nearest of the places within whose radius the vehicle was last seen."""
    if seen.latitude is None or seen.longitude is None:
        return None
    here = [
        (distance_m(place.latitude, place.longitude, seen.latitude, seen.longitude), place)
        for place in places
    ]
    within = [(metres, place.id) for metres, place in here if metres <= place.radius_m]
    return min(within)[1] if within else None
