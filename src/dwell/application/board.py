"""What the dashboard reads: every vehicle with its visits of the last and next hours, and the prices beside them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from dwell.application.ports import Ports, Reader
from dwell.application.queries import NO_SESSION
from dwell.application.records import StoredFact
from dwell.domain.errors import NotFound
from dwell.domain.ids import OrganizationId, SessionId
from dwell.domain.registry import Location, Policy, Vehicle
from dwell.domain.session.record import Session
from dwell.domain.tariff.curve import PriceCurve

VEHICLES_AT_MOST = 500
FACTS_AT_MOST = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleRow:
    """A vehicle, its policies, and its sessions that meet the window, in order of plug-in; waiting ones last."""

    vehicle: Vehicle
    policies: tuple[Policy, ...]
    sessions: tuple[Session, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """The first VEHICLES_AT_MOST vehicles by id, their locations, and the price curve of each zone among these."""

    rows: tuple[VehicleRow, ...]
    locations: tuple[Location, ...]
    curves: dict[str, PriceCurve]


async def board(
    ports: Ports, organization_id: OrganizationId, *, before: timedelta, ahead: timedelta
) -> Board:
    """All of it in one consistent view, from `before` the present to `ahead` of it."""
    now = ports.clock.now()

    async def look(reader: Reader) -> Board:
        vehicles = await reader.vehicles(organization_id, limit=VEHICLES_AT_MOST)
        policies = await reader.policies_of_vehicles(organization_id, [one.id for one in vehicles])
        rows = [
            await _row(reader, vehicle, policies.get(vehicle.id, []), now - before) for vehicle in vehicles
        ]
        owned = await reader.locations_of_users(organization_id, dict.fromkeys(v.user_id for v in vehicles))
        locations = tuple(place for places in owned.values() for place in places)
        curves = dict[str, PriceCurve]()
        for zone in sorted({place.price_zone for place in locations if place.price_zone is not None}):
            curve = await reader.curve(zone, now - before, now + ahead)
            if curve is not None:
                curves[zone] = curve
        return Board(rows=tuple(rows), locations=locations, curves=curves)

    return await ports.store.read(look)


async def _row(reader: Reader, vehicle: Vehicle, policies: list[Policy], since: datetime) -> VehicleRow:
    owner = vehicle.organization_id
    sessions = await reader.sessions_of_vehicle(owner, vehicle.id, since=since)
    known = {session.id for session in sessions}
    for policy in policies:
        waiting = await reader.unsettled_session_of_policy(owner, policy.id)
        if waiting is not None and waiting.id not in known:
            sessions.append(waiting)
    return VehicleRow(vehicle=vehicle, policies=tuple(policies), sessions=tuple(sessions))


def name_of(vehicle: Vehicle) -> str:
    """How people call the vehicle."""
    known = vehicle.information
    return known.display_name or f"{known.brand} {known.model}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visited:
    """A session, its vehicle, the first facts within its time, and the prices of `window`, which reaches around it."""

    session: Session
    vehicle: Vehicle | None
    facts: list[StoredFact]
    curve: PriceCurve | None
    window: tuple[datetime, datetime]


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
        return Visited(
            session=session,
            vehicle=await reader.vehicle(organization_id, session.vehicle_id),
            facts=await reader.facts(organization_id, session.vehicle_id, since=since, until=until),
            curve=await reader.curve(zone, *window) if zone is not None else None,
            window=window,
        )

    return await ports.store.read(look)
