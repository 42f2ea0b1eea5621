"""The shipped in-memory store: for backtests, demonstrations and tests. Nothing outlives the process.

Values go in and out as they are, without copies: whoever changes a track's cutter or visit copies it first. A unit of
work runs to its end on the spot, so works are serial; what a failed one did is undone step by step. Not for use by
several threads.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import TypeVar

import msgspec

from dwell.adapters.storage.driven import run_now
from dwell.adapters.storage.memory_books import MemoryBooksWriter
from dwell.adapters.storage.memory_reader import MemoryReader
from dwell.adapters.storage.memory_stations import MemoryStationWriter
from dwell.adapters.storage.memory_tariffs import MemoryTariffWriter
from dwell.adapters.storage.memory_webhooks import MemoryWebhookWriter
from dwell.adapters.storage.ordering import holds_policy
from dwell.adapters.storage.races import ATTEMPTS, VersionRace, too_many_races
from dwell.adapters.storage.shelves import FactShelf, Shelves, ZoneShelf
from dwell.application.ports import Reader, Transaction
from dwell.application.records import Event, Quarantined, StoredFact
from dwell.domain.errors import Conflict
from dwell.domain.ids import LocationId, OrganizationId, SessionId, VehicleId
from dwell.domain.policy.load import ConnectionLoad
from dwell.domain.registry import Credential, Location, Organization, Policy, User, Vehicle
from dwell.domain.session.record import ACTIVE, SETTLED, Session
from dwell.domain.session.steering import Order
from dwell.domain.session.track import Track
from dwell.domain.tariff.curve import PriceCurve, PriceSlot

T = TypeVar("T")


class MemoryStore:
    """A Store. With `keep_events` or `keep_packed_facts` off, those are let go at once, to save memory."""

    def __init__(self, *, keep_events: bool = True, keep_packed_facts: bool = True) -> None:
        self.shelves = Shelves()
        self.trouble: str | None = None
        self._keep_events = keep_events
        self._keep_packed_facts = keep_packed_facts

    @property
    def events(self) -> list[Event]:
        """The outbox, in the order of its rows."""
        return list(self.shelves.events)

    @property
    def orders(self) -> list[Order]:
        """Every order as it was last saved."""
        return list(self.shelves.orders.values())

    @property
    def quarantined(self) -> list[Quarantined]:
        """What was kept but never applied, in order of receipt."""
        return list(self.shelves.quarantined.values())

    async def write(
        self, work: Callable[[Transaction], Awaitable[T]], *, about: Iterable[VehicleId] = ()
    ) -> T:
        del about  # works are serial here
        for _ in range(ATTEMPTS):
            transaction = MemoryTransaction(
                self.shelves, keep_events=self._keep_events, keep_packed_facts=self._keep_packed_facts
            )
            try:
                return run_now(work(transaction))
            except VersionRace:
                transaction.undo()
            except BaseException:  # whatever it is, also a cancellation, nothing of the work may remain
                transaction.undo()
                raise
        raise too_many_races()

    async def read(self, work: Callable[[Reader], Awaitable[T]]) -> T:
        return run_now(work(MemoryReader(self.shelves)))

    async def close(self) -> None:
        """Nothing to let go of."""


class MemoryTransaction(
    MemoryTariffWriter, MemoryStationWriter, MemoryWebhookWriter, MemoryBooksWriter, MemoryReader
):
    """A Transaction that writes at once and notes how to undo it."""

    def __init__(self, shelves: Shelves, *, keep_events: bool, keep_packed_facts: bool) -> None:
        super().__init__(shelves)
        self._keep_events = keep_events
        self._keep_packed_facts = keep_packed_facts
        self._undo: list[Callable[[], object]] = []
        self._events = lambda: shelves.events

    def undo(self) -> None:
        """Put back everything as it was before this transaction."""
        while self._undo:
            self._undo.pop()()

    async def add_organization(self, organization: Organization) -> None:
        self._put(self._shelves.organizations, organization.id, organization)

    async def save_credential(self, credential: Credential) -> None:
        self._put(self._shelves.credentials, (credential.kind, credential.name), credential)

    async def remove_credentials(self, credentials: Sequence[Credential]) -> None:
        for one in credentials:
            gone = self._shelves.credentials.pop((one.kind, one.name), None)
            if gone is not None:
                self._undo.append(partial(self._shelves.credentials.__setitem__, (one.kind, one.name), gone))

    async def add_user(self, user: User) -> None:
        key = (user.organization_id, user.id)
        by_reference = (user.organization_id, user.reference)
        if by_reference in self._shelves.users_by_reference or key in self._shelves.users:
            raise Conflict("a user of this reference exists", code="user_exists")
        self._put(self._shelves.users, key, user)
        self._put(self._shelves.users_by_reference, by_reference, user)

    async def save_user(self, user: User) -> None:
        key, names = (user.organization_id, user.id), self._shelves.users_by_reference
        before, named = self._shelves.users[key], names.get((user.organization_id, user.reference))
        if named is not None and named.id != user.id:
            raise Conflict("a user of this reference exists", code="user_exists")
        if before.reference != user.reference:
            gone = (user.organization_id, before.reference)
            del names[gone]
            self._undo.append(partial(names.__setitem__, gone, before))
        self._put(self._shelves.users, key, user)
        self._put(names, (user.organization_id, user.reference), user)

    async def hold_location(
        self, organization_id: OrganizationId, location_id: LocationId
    ) -> Location | None:
        return await self.location(organization_id, location_id)

    async def save_location(self, location: Location) -> None:
        key = (location.organization_id, location.id)
        before = self._shelves.put_location(key, location)
        self._undo.append(partial(self._shelves.put_location, key, before))

    async def save_connection_load(self, load: ConnectionLoad) -> None:
        self._put(self._shelves.connection_loads, (load.organization_id, load.location_id), load)

    async def save_vehicle(self, vehicle: Vehicle) -> None:
        self._put(self._shelves.vehicles, (vehicle.organization_id, vehicle.id), vehicle)

    async def save_policy(self, policy: Policy) -> None:
        shelves, organization_id = self._shelves, policy.organization_id
        if policy.deleted_at is None:
            others = shelves.policies_by_vehicle.get((organization_id, policy.vehicle_id), ())
            for other in (shelves.policies[organization_id, other_id] for other_id in others):
                same = other.location_id == policy.location_id and other.deleted_at is None
                if same and other.id != policy.id:
                    raise Conflict("a policy joins this vehicle and location already", code="policy_exists")
        key = (organization_id, policy.id)
        before = shelves.put_policy(key, policy)
        self._undo.append(partial(shelves.put_policy, key, before))

    async def tracks(
        self, organization_id: OrganizationId, ids: Iterable[VehicleId]
    ) -> dict[VehicleId, Track]:
        found = self._shelves.tracks
        return {vid: found[organization_id, vid] for vid in ids if (organization_id, vid) in found}

    async def due_tracks(self, now: datetime, *, limit: int) -> list[Track]:
        return self._shelves.due(now, limit)

    async def save_tracks(self, tracks: Sequence[Track]) -> None:
        shelves = self._shelves
        for track in tracks:
            key = (track.organization_id, track.vehicle_id)
            before = shelves.tracks.get(key)
            if track.version != (before.version if before is not None else 0):
                raise VersionRace
            shelves.put_track(key, msgspec.structs.replace(track, version=track.version + 1))
            self._undo.append(partial(shelves.put_track, key, before))

    async def unsettled_sessions(
        self, organization_id: OrganizationId, ids: Iterable[VehicleId]
    ) -> dict[VehicleId, list[Session]]:
        by_vehicle = self._shelves.unsettled_by_vehicle
        found = {vid: by_vehicle.get((organization_id, vid)) for vid in ids}
        return {vid: list(sessions.values()) for vid, sessions in found.items() if sessions}

    async def save_sessions(self, sessions: Sequence[Session]) -> None:
        shelves = self._shelves
        for session in sorted(sessions, key=holds_policy):
            key = (session.organization_id, session.id)
            if holds_policy(session):
                policy = (session.organization_id, session.policy_id or "")
                if shelves.unsettled_by_policy.get(policy, session.id) != session.id:
                    raise Conflict(
                        "the policy has a session that is not settled", code="policy_session_exists"
                    )
            before = shelves.put_session(key, session)
            self._undo.append(partial(shelves.put_session, key, before))

    async def withdraw_sessions(self, organization_id: OrganizationId, ids: Sequence[SessionId]) -> None:
        for session_id in ids:
            key = (organization_id, session_id)
            before = self._shelves.put_session(key, None)
            self._undo.append(partial(self._shelves.put_session, key, before))

    async def add_facts(
        self, organization_id: OrganizationId, facts: Sequence[StoredFact], *, received_at: datetime
    ) -> list[bool]:
        new = []
        for stored in facts:
            shelf = self._shelf(organization_id, stored.vehicle_id)
            is_new = stored.digest not in shelf.rows
            if is_new:
                self._put(shelf.rows, stored.digest, stored)
            new.append(is_new)
        return new

    async def remove_facts(
        self, organization_id: OrganizationId, vehicle_id: VehicleId, digests: Sequence[bytes]
    ) -> None:
        rows = self._shelf(organization_id, vehicle_id).rows
        for digest in digests:
            before = rows.pop(digest, None)
            if before is not None:
                self._undo.append(partial(rows.__setitem__, digest, before))

    async def pack_facts(
        self, organization_id: OrganizationId, vehicle_id: VehicleId, *, until: datetime
    ) -> None:
        shelf = self._shelf(organization_id, vehicle_id)
        after = shelf.packed_with(until)
        if after is not None:
            self._undo.append(partial(_set_facts, shelf, (shelf.rows, shelf.packed)))
            _set_facts(shelf, after if self._keep_packed_facts else (after[0], []))

    async def add_quarantined(self, items: Sequence[Quarantined]) -> list[bool]:
        kept = self._shelves.quarantined
        new = []
        for item in items:
            key = (item.organization_id, item.vehicle_id, item.reason, item.raw)
            new.append(key not in kept)
            if new[-1]:
                self._put(kept, key, item)
        return new

    async def add_events(self, events: Sequence[Event]) -> None:
        if not self._keep_events:
            return
        kept, newest = self._shelves.events, self._shelves.newest_event
        for event in events:
            key = (event.organization_id, event.session.id)
            index = newest.get(key)
            if index is None or event.significant or not self._may_merge(kept[index]):
                self._undo.append(partial(_cut_to, kept, len(kept)))
                self._put(newest, key, len(kept))
                kept.append(event)
            else:
                self._undo.append(partial(kept.__setitem__, index, kept[index]))
                kept[index] = event

    def _may_merge(self, event: Event) -> bool:
        return not event.significant and event.id not in self._hooks.numbered_ids

    async def forget_before(self, instant: datetime, *, limit: int) -> int:
        shelves = self._shelves
        events, quarantined, newest = shelves.events, shelves.quarantined, shelves.newest_event
        self._undo.append(partial(_put_back, shelves, (events, quarantined, newest)))
        old = {id(event) for event in events[:limit] if event.created_at < instant}
        odd = {key for key, item in islice(quarantined.items(), limit) if item.received_at < instant}
        shelves.events = [event for event in events if id(event) not in old]
        shelves.quarantined = {key: item for key, item in quarantined.items() if key not in odd}
        shelves.newest_event = {
            (event.organization_id, event.session.id): index for index, event in enumerate(shelves.events)
        }
        return len(old) + len(odd)

    async def save_orders(self, orders: Sequence[Order]) -> None:
        for order in orders:
            self._put(self._shelves.orders, (order.organization_id, order.id), order)

    async def replace_prices(self, zone: str, currency: str, slots: Sequence[PriceSlot]) -> None:
        shelf = self._shelves.zones.get(zone) or ZoneShelf(PriceCurve.of(currency, ()))
        coming = list(PriceCurve.of(currency, slots).slots)
        self._put(self._shelves.zones, zone, shelf.replaced(currency, coming))

    async def remove_prices(self, zone: str, start_at: datetime, end_at: datetime) -> None:
        shelf = self._shelves.zones.get(zone)
        if shelf is not None:
            self._put(self._shelves.zones, zone, shelf.without(start_at, end_at))

    async def live_vehicles_in_zone(self, zone: str) -> list[tuple[OrganizationId, VehicleId]]:
        found = {
            (session.organization_id, session.vehicle_id)
            for sessions in self._shelves.unsettled_by_vehicle.values()
            for session in sessions.values()
            if session.state == ACTIVE and session.terms.zone == zone
        }
        return sorted(found)

    async def running_at(self, organization_id: OrganizationId, location_id: LocationId) -> list[VehicleId]:
        return sorted(
            session.vehicle_id
            for sessions in self._shelves.unsettled_by_vehicle.values()
            for session in sessions.values()
            if session.state == ACTIVE
            and (session.organization_id, session.location_id) == (organization_id, location_id)
        )

    async def settled_in_zone(
        self, zone: str, start_at: datetime, end_at: datetime
    ) -> list[tuple[OrganizationId, VehicleId, datetime]]:
        first: dict[tuple[OrganizationId, VehicleId], datetime] = {}
        for session in self._shelves.sessions.values():
            plugged_in_at, ended_at = session.plugged_in_at, session.ended_at
            if session.state != SETTLED or session.terms.zone != zone or plugged_in_at is None:
                continue
            if plugged_in_at < end_at and ended_at is not None and ended_at > start_at:
                key = (session.organization_id, session.vehicle_id)
                first[key] = min(first.get(key, plugged_in_at), plugged_in_at)
        return [(*key, at) for key, at in sorted(first.items())]

    def _shelf(self, organization_id: str, vehicle_id: str) -> FactShelf:
        key = (organization_id, vehicle_id)
        shelf = self._shelves.facts.get(key)
        if shelf is None:
            shelf = self._shelves.facts[key] = FactShelf()
        return shelf


V = TypeVar("V")


def _set_facts(shelf: FactShelf, facts: tuple[dict[bytes, StoredFact], list[StoredFact]]) -> None:
    shelf.rows, shelf.packed = facts


def _cut_to(items: list[V], length: int) -> None:
    del items[length:]


def _put_back(
    shelves: Shelves,
    records: tuple[list[Event], dict[Hashable, Quarantined], dict[tuple[str, str], int]],
) -> None:
    shelves.events, shelves.quarantined, shelves.newest_event = records
