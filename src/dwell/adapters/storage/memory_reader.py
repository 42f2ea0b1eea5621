"""What can be read from the in-memory store. Writing is in `memory`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from dwell.adapters.storage.memory_books import MemoryBooksReader
from dwell.adapters.storage.memory_stations import MemoryStationReader
from dwell.adapters.storage.memory_tariffs import MemoryTariffReader
from dwell.adapters.storage.memory_webhooks import MemoryWebhookReader
from dwell.adapters.storage.ordering import first_id_of
from dwell.adapters.storage.pages import page_by_id, page_of_places
from dwell.adapters.storage.shelves import Shelves
from dwell.application.records import PageKey, SessionFilter, StoredFact, Tally
from dwell.domain.ids import LocationId, OrganizationId, PolicyId, SessionId, UserId, VehicleId
from dwell.domain.policy.load import ConnectionLoad
from dwell.domain.registry import Credential, Location, Organization, Policy, User, Vehicle
from dwell.domain.session.record import ACTIVE, SETTLED, Session
from dwell.domain.session.steering import Order
from dwell.domain.session.track import Track
from dwell.domain.tariff.curve import PriceCurve


class MemoryReader(MemoryTariffReader, MemoryStationReader, MemoryWebhookReader, MemoryBooksReader):
    """A Reader of the shelves as they are now."""

    def __init__(self, shelves: Shelves) -> None:
        self._shelves = shelves
        self._hooks = shelves.hooks

    async def organization(self, organization_id: OrganizationId) -> Organization | None:
        return self._shelves.organizations.get(organization_id)

    async def organizations(self, *, limit: int) -> list[OrganizationId]:
        return sorted(OrganizationId(name) for name in self._shelves.organizations)[:limit]

    async def credential(self, kind: str, name: str) -> Credential | None:
        return self._shelves.credentials.get((kind, name))

    async def credentials(
        self, kind: str, *, after: Credential | None = None, limit: int = 1000
    ) -> list[Credential]:
        found = sorted((one for one in self._shelves.credentials.values() if one.kind == kind), key=_name)
        return [one for one in found if after is None or one.name > after.name][:limit]

    async def user(self, organization_id: OrganizationId, user_id: UserId) -> User | None:
        return self._shelves.users.get((organization_id, user_id))

    async def user_by_reference(self, organization_id: OrganizationId, reference: str) -> User | None:
        return self._shelves.users_by_reference.get((organization_id, reference))

    async def users(
        self, organization_id: OrganizationId, *, after_id: str = "", limit: int = 50
    ) -> list[User]:
        mine = [uid for owner, uid in self._shelves.users if owner == organization_id and uid > after_id]
        return [self._shelves.users[organization_id, uid] for uid in sorted(mine)[:limit]]

    async def location(self, organization_id: OrganizationId, location_id: LocationId) -> Location | None:
        return self._shelves.locations.get((organization_id, location_id))

    async def connection_load(
        self, organization_id: OrganizationId, location_id: LocationId
    ) -> ConnectionLoad | None:
        return self._shelves.connection_loads.get((organization_id, location_id))

    async def locations(
        self,
        organization_id: OrganizationId,
        *,
        user_id: UserId | None = None,
        after_id: str | None = None,
        before_id: str | None = None,
        limit: int = 50,
    ) -> list[Location]:
        found = (
            location
            for location in self._shelves.locations.values()
            if location.organization_id == organization_id
            and location.deleted_at is None
            and user_id in (None, location.user_id)
        )
        return page_by_id(found, after_id=after_id, before_id=before_id, limit=limit)

    async def vehicle(self, organization_id: OrganizationId, vehicle_id: VehicleId) -> Vehicle | None:
        return self._shelves.vehicles.get((organization_id, vehicle_id))

    async def vehicles(
        self,
        organization_id: OrganizationId,
        *,
        user_id: UserId | None = None,
        after_id: str | None = None,
        before_id: str | None = None,
        limit: int = 50,
    ) -> list[Vehicle]:
        found = (
            vehicle
            for vehicle in self._shelves.vehicles.values()
            if vehicle.organization_id == organization_id
            and vehicle.deleted_at is None
            and user_id in (None, vehicle.user_id)
        )
        return page_by_id(found, after_id=after_id, before_id=before_id, limit=limit)

    async def vehicles_by_id(
        self, organization_id: OrganizationId, ids: Iterable[VehicleId]
    ) -> dict[VehicleId, Vehicle]:
        found = self._shelves.vehicles
        return {vid: found[organization_id, vid] for vid in ids if (organization_id, vid) in found}

    async def policy(self, organization_id: OrganizationId, policy_id: PolicyId) -> Policy | None:
        return self._shelves.policies.get((organization_id, policy_id))

    async def policies(
        self,
        organization_id: OrganizationId,
        *,
        vehicle_id: VehicleId | None = None,
        location_id: LocationId | None = None,
        user_id: UserId | None = None,
        after_id: str | None = None,
        before_id: str | None = None,
        limit: int = 50,
    ) -> list[Policy]:
        found = (
            policy
            for policy in self._shelves.policies.values()
            if policy.organization_id == organization_id
            and policy.deleted_at is None
            and vehicle_id in (None, policy.vehicle_id)
            and location_id in (None, policy.location_id)
            and user_id in (None, policy.user_id)
        )
        return page_by_id(found, after_id=after_id, before_id=before_id, limit=limit)

    async def policies_of_vehicles(
        self, organization_id: OrganizationId, ids: Iterable[VehicleId]
    ) -> dict[VehicleId, list[Policy]]:
        shelves, found = self._shelves, dict[VehicleId, list[Policy]]()
        for vid in ids:
            names = shelves.policies_by_vehicle.get((organization_id, vid))
            if names:
                policies = [shelves.policies[organization_id, name] for name in names]
                live = [p for p in policies if p.deleted_at is None and p.vehicle_id == vid]
                if live:
                    found[vid] = sorted(live, key=lambda policy: (policy.created_at, policy.id))
        return found

    async def locations_of_users(
        self, organization_id: OrganizationId, ids: Iterable[UserId]
    ) -> dict[UserId, list[Location]]:
        shelves, found = self._shelves, dict[UserId, list[Location]]()
        for uid in ids:
            names = shelves.locations_by_user.get((organization_id, uid))
            if names:
                locations = [shelves.locations[organization_id, name] for name in names]
                live = [place for place in locations if place.deleted_at is None and place.user_id == uid]
                if live:
                    found[uid] = sorted(live, key=lambda place: (place.created_at, place.id))
        return found

    async def track(self, organization_id: OrganizationId, vehicle_id: VehicleId) -> Track | None:
        return self._shelves.tracks.get((organization_id, vehicle_id))

    async def session(self, organization_id: OrganizationId, session_id: SessionId) -> Session | None:
        return self._shelves.sessions.get((organization_id, session_id))

    async def unsettled_session_of_policy(
        self, organization_id: OrganizationId, policy_id: PolicyId
    ) -> Session | None:
        session_id = self._shelves.unsettled_by_policy.get((organization_id, policy_id))
        return None if session_id is None else self._shelves.sessions[organization_id, session_id]

    async def settled_page(
        self,
        organization_id: OrganizationId,
        wanted: SessionFilter,
        *,
        after: PageKey | None = None,
        before: PageKey | None = None,
        limit: int = 50,
    ) -> list[Session]:
        shelves = self._shelves
        if wanted.vehicle_id is not None:
            places = shelves.settled_by_vehicle.get((organization_id, wanted.vehicle_id), [])
        else:
            places = shelves.settled.get(organization_id, [])
        return page_of_places(
            places,
            lambda place: shelves.sessions[organization_id, place[1]],
            wanted,
            bounds=(after, before),
            limit=limit,
        )

    async def settled_before(
        self,
        organization_id: OrganizationId,
        wanted: SessionFilter,
        *,
        plugged_in_before: datetime,
        limit: int,
        offset: int,
    ) -> tuple[int, list[Session]]:
        key = PageKey(plugged_in_before - timedelta(microseconds=1), "")
        whole = len(self._shelves.settled.get(organization_id, []))
        found = await self.settled_page(organization_id, wanted, after=key, limit=whole)
        return len(found), found[offset : offset + limit]

    async def sessions_of_vehicle(
        self, organization_id: OrganizationId, vehicle_id: VehicleId, *, since: datetime
    ) -> list[Session]:
        shelves, key = self._shelves, (organization_id, vehicle_id)
        running = shelves.unsettled_by_vehicle.get(key, {}).values()
        settled = (
            shelves.sessions[organization_id, sid] for _, sid in shelves.settled_by_vehicle.get(key, ())
        )
        found = [session for session in running if session.state == ACTIVE]
        found += [s for s in settled if s.state == SETTLED and s.ended_at is not None and s.ended_at >= since]
        return sorted(found, key=lambda session: (session.plugged_in_at or session.created_at, session.id))

    async def facts(
        self,
        organization_id: OrganizationId,
        vehicle_id: VehicleId,
        *,
        since: datetime,
        until: datetime | None = None,
    ) -> list[StoredFact]:
        shelf = self._shelves.facts.get((organization_id, vehicle_id))
        return [] if shelf is None else shelf.between(since, until)

    async def curve(self, zone: str, start_at: datetime, end_at: datetime) -> PriceCurve | None:
        shelf = self._shelves.zones.get(zone)
        return None if shelf is None else shelf.window(start_at, end_at)

    async def zones(self, *, under: str = "") -> list[tuple[str, str, datetime, datetime]]:
        return [
            (zone, shelf.curve.currency, shelf.curve.slots[0].start_at, shelf.curve.slots[-1].end_at)
            for zone, shelf in sorted(self._shelves.zones.items())
            if shelf.curve.slots and zone.startswith(under) and ":" not in zone.removeprefix(under)
        ]

    async def orders_of_vehicle(
        self,
        organization_id: OrganizationId,
        vehicle_id: VehicleId,
        *,
        since: datetime,
        until: datetime,
        limit: int,
    ) -> list[Order]:
        found = (
            order
            for (owner, _), order in self._shelves.orders.items()
            if owner == organization_id
            and order.vehicle_id == vehicle_id
            and since <= order.created_at <= until
        )
        return sorted(found, key=lambda order: (order.created_at, order.id))[:limit]

    async def tally(self, *, orders_since: datetime) -> Tally:
        unsettled = (s for sessions in self._shelves.unsettled_by_vehicle.values() for s in sessions.values())
        first_id = first_id_of(orders_since)
        return Tally(
            sessions=dict(Counter(s.state for s in unsettled if s.policy_id is not None)),
            orders=dict(Counter(o.state for o in self._shelves.orders.values() if o.id >= first_id)),
            events=len(self._shelves.events),
        )

    async def next_wake_at(self) -> datetime | None:
        return self._shelves.next_wake_at()


def _name(credential: Credential) -> str:
    return credential.name
