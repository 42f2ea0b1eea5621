"""What the dashboard reads: every vehicle with its visits of the last and next hours, and the prices beside them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from dwell.application.board_evses import EvseRow, evse_rows
from dwell.application.ports import Ports, Reader
from dwell.application.queries import NO_SESSION
from dwell.application.records import StoredFact
from dwell.domain.errors import NotFound
from dwell.domain.ids import LocationId, OrganizationId, SessionId, VehicleId
from dwell.domain.registry import Location, Policy, Vehicle
from dwell.domain.session.record import ACTIVE, Session
from dwell.domain.session.steering import Order
from dwell.domain.tariff.curve import PriceCurve

VEHICLES_AT_MOST = 500
LOCATIONS_AT_MOST = 500
FACTS_AT_MOST = 2_000
ORDERS_AT_MOST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleRow:
    """A vehicle, its policies, and its sessions that meet the window, in order of plug-in; waiting ones last.

    `silent_since`: when a vehicle that should be there was heard of last, if that is too long ago to act on.
    """

    vehicle: Vehicle
    policies: tuple[Policy, ...]
    sessions: tuple[Session, ...]
    silent_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which part of a board: of one location or of all, and where the page before ended."""

    location_id: LocationId | None = None
    after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """At most VEHICLES_AT_MOST vehicles, and `next` where there are more; EVSEs are on the first page only.

    `locations` are the organization's first, and those of the vehicles shown; `curves` are of the latter's zones.
    """

    rows: tuple[VehicleRow, ...]
    evses: tuple[EvseRow, ...]
    locations: tuple[Location, ...]
    curves: dict[str, PriceCurve]
    next: str | None


async def board(
    ports: Ports,
    organization_id: OrganizationId,
    *,
    before: timedelta,
    ahead: timedelta,
    wanted: Wanted | None = None,
) -> Board:
    """All of it in one consistent view, from `before` the present to `ahead` of it."""
    now, asked = ports.clock.now(), wanted or Wanted()

    async def look(reader: Reader) -> Board:
        vehicles, following = await _vehicles(reader, organization_id, asked)
        policies = await reader.policies_of_vehicles(organization_id, [one.id for one in vehicles])
        rows = list[VehicleRow]()
        for vehicle in vehicles:
            sessions = await _sessions(reader, vehicle, policies.get(vehicle.id, []), now - before)
            silent = None
            if any(one.state == ACTIVE for one in sessions):
                silent = await _silent_since(reader, vehicle, now - ports.rules.fresh_within)
            agreed = tuple(policies.get(vehicle.id, ()))
            rows.append(VehicleRow(vehicle=vehicle, policies=agreed, sessions=sessions, silent_since=silent))
        owned = await reader.locations_of_users(organization_id, dict.fromkeys(v.user_id for v in vehicles))
        near = {place.id: place for places in owned.values() for place in places}
        every = await reader.locations(organization_id, limit=LOCATIONS_AT_MOST)
        locations = {**near, **{place.id: place for place in every}}
        shown = [locations[asked.location_id]] if asked.location_id in locations else list(near.values())
        return Board(
            rows=tuple(rows),
            evses=()
            if asked.after
            else await evse_rows(
                ports, reader, organization_id, since=now - before, location_id=asked.location_id
            ),
            locations=tuple(locations.values()),
            curves=await _curves(reader, shown or every, (now - before, now + ahead)),
            next=following,
        )

    return await ports.store.read(look)


async def _vehicles(
    reader: Reader, organization_id: OrganizationId, wanted: Wanted
) -> tuple[list[Vehicle], str | None]:
    """A page of vehicles, and where the next one begins: after a vehicle, or at a location after a policy."""
    limit, after = VEHICLES_AT_MOST, wanted.after or None
    if wanted.location_id is None:
        vehicles = await reader.vehicles(organization_id, after_id=after, limit=limit)
        return vehicles, vehicles[-1].id if len(vehicles) == limit else None
    policies = await reader.policies(
        organization_id, location_id=wanted.location_id, after_id=after, limit=limit
    )
    ids = list(dict.fromkeys(policy.vehicle_id for policy in policies))
    known = await reader.vehicles_by_id(organization_id, ids)
    live = [known[one] for one in ids if one in known and known[one].deleted_at is None]
    return live, policies[-1].id if len(policies) == limit else None


async def _curves(
    reader: Reader, places: list[Location], window: tuple[datetime, datetime]
) -> dict[str, PriceCurve]:
    curves = dict[str, PriceCurve]()
    for zone in sorted({place.price_zone for place in places if place.price_zone is not None}):
        curve = await reader.curve(zone, *window)
        if curve is not None:
            curves[zone] = curve
    return curves


async def _silent_since(reader: Reader, vehicle: Vehicle, fresh_from: datetime) -> datetime | None:
    track = await reader.track(vehicle.organization_id, vehicle.id)
    heard_at = track.visit.last_plugged_fact_at if track is not None and track.visit is not None else None
    return heard_at if heard_at is not None and heard_at < fresh_from else None


async def _sessions(
    reader: Reader, vehicle: Vehicle, policies: list[Policy], since: datetime
) -> tuple[Session, ...]:
    owner = vehicle.organization_id
    sessions = await reader.sessions_of_vehicle(owner, vehicle.id, since=since)
    known = {session.id for session in sessions}
    for policy in policies:
        waiting = await reader.unsettled_session_of_policy(owner, policy.id)
        if waiting is not None and waiting.id not in known:
            sessions.append(waiting)
    return tuple(sessions)


def name_of(vehicle: Vehicle) -> str:
    """How people call the vehicle."""
    known = vehicle.information
    return known.display_name or f"{known.brand} {known.model}"


async def names_of(ports: Ports, organization_id: OrganizationId, ids: set[VehicleId]) -> dict[str, str]:
    """How people call these vehicles, deleted ones too."""

    async def look(reader: Reader) -> dict[str, str]:
        found = await reader.vehicles_by_id(organization_id, ids)
        return {vehicle.id: name_of(vehicle) for vehicle in found.values()}

    return await ports.store.read(look)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visited:
    """A session, its vehicle, the first facts within its time, and the prices of `window`, which reaches around it.

    `orders` are the first ORDERS_AT_MOST that the vehicle was given within its time, as they stand now.
    `transactions` are the ids of those by which stations metered it; `silent_since` is as in VehicleRow.
    """

    session: Session
    vehicle: Vehicle | None
    facts: list[StoredFact]
    orders: list[Order]
    transactions: list[str]
    curve: PriceCurve | None
    window: tuple[datetime, datetime]
    silent_since: datetime | None


async def session_with_facts(
    ports: Ports, organization_id: OrganizationId, session_id: SessionId, *, margin: timedelta
) -> Visited:
    """One session in whatever state. Raises NotFound."""
    now = ports.clock.now()

    async def look(reader: Reader) -> Visited:
        session = await reader.session(organization_id, session_id)
        if session is None:
            raise NotFound(NO_SESSION)
        since, until = session.plugged_in_at or now, session.ended_at or now
        due = session.target.ready_by if session.target is not None else None
        planned = [block.end_at for block in session.promise.blocks] if session.promise is not None else []
        window = (since - margin, max([until, *([due] if due is not None else []), *planned]) + margin)
        zone = session.terms.zone
        facts = await reader.facts(organization_id, session.vehicle_id, since=since, until=until)
        vehicle = await reader.vehicle(organization_id, session.vehicle_id)
        silent = None
        if vehicle is not None and session.state == ACTIVE:
            silent = await _silent_since(reader, vehicle, now - ports.rules.fresh_within)
        return Visited(
            session=session,
            vehicle=vehicle,
            facts=facts,
            orders=await reader.orders_of_vehicle(
                organization_id, session.vehicle_id, since=since, until=until, limit=ORDERS_AT_MOST
            ),
            transactions=await _transactions(reader, session, (since - margin, until)),
            curve=await reader.curve(zone, *window) if zone is not None else None,
            window=window,
            silent_since=silent,
        )

    return await ports.store.read(look)


async def _transactions(reader: Reader, session: Session, span: tuple[datetime, datetime]) -> list[str]:
    """Of the newest ones since the visit began."""
    since, until = span
    newest = await reader.newest_transactions(session.organization_id, created_after=since)
    return [one.id for one in newest if one.vehicle_id == session.vehicle_id and one.created_at <= until]
