"""What the in-memory store holds: plain dicts and the orders kept beside them.

Every `put_…` brings the indexes along and returns what it replaced, so that putting that back undoes it. Values are
stored as they are given; nothing here copies or checks.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Hashable
from datetime import datetime
from heapq import heapify, heappop, heappush
from operator import attrgetter

from dwell.adapters.storage.curves import whole_days
from dwell.adapters.storage.ordering import fact_order, runs_of
from dwell.adapters.storage.station_shelves import StationShelves
from dwell.adapters.storage.webhook_shelves import WebhookShelves
from dwell.application.records import Event, KeptAnswer, Quarantined, StoredFact
from dwell.domain.audit import Entry
from dwell.domain.instants import micros_of
from dwell.domain.policy.load import ConnectionLoad
from dwell.domain.registry import Credential, Location, Organization, Policy, User, Vehicle
from dwell.domain.session.record import SETTLED, Session
from dwell.domain.session.steering import Order
from dwell.domain.session.track import Track
from dwell.domain.tariff.contracts import Tariff, TariffFormula
from dwell.domain.tariff.curve import PriceCurve, PriceSlot
from dwell.domain.tariff.origin import PriceOrigin

Key = tuple[str, str]
"""Organization id first, then the id of the thing."""
Place = tuple[int, str]
"""Where a settled session stands in a list: minus the microseconds of its plug-in, then its id."""

KEPT_WINDOWS = 512
_STALE_WAKES = 1024
_slot_start = attrgetter("start_at")
_slot_end = attrgetter("end_at")
_instant = attrgetter("fact.at")


def place_of(session: Session) -> Place:
    """Newest plug-in first, then ascending id."""
    at = session.plugged_in_at
    return (-micros_of(at) if at is not None else 0, session.id)


class FactShelf:
    """The facts of one vehicle: `rows` by digest, and `packed` ones in order."""

    __slots__ = ("packed", "rows")

    def __init__(self) -> None:
        self.rows: dict[bytes, StoredFact] = {}
        self.packed: list[StoredFact] = []

    def between(self, since: datetime, until: datetime | None) -> list[StoredFact]:
        """Facts from `since` to `until`, both included, in order; of one digest the packed one, else the row."""
        first = bisect_left(self.packed, since, key=_instant)
        last = bisect_right(self.packed, until, key=_instant) if until is not None else None
        found = {stored.digest: stored for stored in self.packed[first:last]}
        for digest, stored in self.rows.items():
            if stored.fact.at >= since and (until is None or stored.fact.at <= until):
                found.setdefault(digest, stored)
        return sorted(found.values(), key=fact_order)

    def packed_with(self, until: datetime) -> tuple[dict[bytes, StoredFact], list[StoredFact]] | None:
        """The rows that stay and the packed list after packing up to `until`; None if nothing moves."""
        moved = [stored for stored in self.rows.values() if stored.fact.at <= until]
        if not moved:
            return None
        rows = (
            {d: s for d, s in self.rows.items() if s.fact.at > until} if len(moved) < len(self.rows) else {}
        )
        moved.sort(key=fact_order)
        if self.packed and self.packed[-1].fact.at >= moved[0].fact.at:
            known = {stored.digest for stored in self.packed}
            fresh = [stored for stored in moved if stored.digest not in known]
            return rows, sorted([*self.packed, *fresh], key=fact_order)
        return rows, [*self.packed, *moved]


class ZoneShelf:
    """The prices of one zone, whole, and the windows of it that were asked for."""

    __slots__ = ("curve", "windows")

    def __init__(self, curve: PriceCurve) -> None:
        self.curve = curve
        self.windows: dict[tuple[datetime, datetime], PriceCurve] = {}

    def window(self, start_at: datetime, end_at: datetime) -> PriceCurve:
        """The slots that meet the whole UTC days around `[start_at, end_at)`."""
        first, last = whole_days(start_at, end_at)
        found = self.windows.get((first, last))
        if found is None:
            if len(self.windows) >= KEPT_WINDOWS:
                self.windows.clear()
            found = self.windows[first, last] = self._cut(first, last)
        return found

    def _cut(self, first: datetime, last: datetime) -> PriceCurve:
        slots = self.curve.slots
        low = bisect_right(slots, first, key=_slot_end)
        return PriceCurve.of(self.curve.currency, slots[low : bisect_left(slots, last, key=_slot_start)])

    def replaced(self, currency: str, coming: list[PriceSlot]) -> ZoneShelf:
        """The zone with `coming`, in order, in place of every slot they overlap."""
        slots = list(self.curve.slots)
        for run in runs_of(coming):
            low = bisect_right(slots, run[0].start_at, key=_slot_end)
            high = bisect_left(slots, run[-1].end_at, key=_slot_start)
            slots[low : max(low, high)] = run
        return ZoneShelf(PriceCurve.of(currency, slots))

    def without(self, start_at: datetime, end_at: datetime) -> ZoneShelf:
        """The zone with nothing in `[start_at, end_at)`."""
        kept: list[PriceSlot] = []
        for slot in self.curve.slots:
            before, after = min(slot.end_at, start_at), max(slot.start_at, end_at)
            if slot.start_at < before:
                kept.append(PriceSlot(slot.start_at, before, slot.price_per_kwh))
            if after < slot.end_at:
                kept.append(PriceSlot(after, slot.end_at, slot.price_per_kwh))
        return ZoneShelf(PriceCurve.of(self.curve.currency, kept))


class Shelves:
    """All of it. Dicts by (organization id, id) unless said otherwise."""

    def __init__(self) -> None:
        self.organizations: dict[str, Organization] = {}
        self.credentials: dict[tuple[str, str], Credential] = {}
        self.users: dict[Key, User] = {}
        self.users_by_reference: dict[Key, User] = {}
        self.locations: dict[Key, Location] = {}
        self.locations_by_user: dict[Key, dict[str, None]] = {}
        self.vehicles: dict[Key, Vehicle] = {}
        self.policies: dict[Key, Policy] = {}
        self.policies_by_vehicle: dict[Key, dict[str, None]] = {}
        self.tracks: dict[Key, Track] = {}
        self.sessions: dict[Key, Session] = {}
        self.unsettled_by_vehicle: dict[Key, dict[str, Session]] = {}
        self.unsettled_by_policy: dict[Key, str] = {}
        self.settled: dict[str, list[Place]] = {}
        self.settled_by_vehicle: dict[Key, list[Place]] = {}
        self.facts: dict[Key, FactShelf] = {}
        self.zones: dict[str, ZoneShelf] = {}
        self.price_origins: dict[str, list[PriceOrigin]] = {}
        self.audit_log: dict[str, list[Entry]] = {}
        self.tariffs: dict[Key, Tariff] = {}
        self.formulas: dict[tuple[str, str, str], TariffFormula] = {}
        self.connection_loads: dict[Key, ConnectionLoad] = {}
        self.kept_answers: dict[Key, KeptAnswer] = {}
        self.hooks = WebhookShelves()
        self.events: list[Event] = []
        self.newest_event: dict[Key, int] = {}
        self.orders: dict[Key, Order] = {}
        self.quarantined: dict[Hashable, Quarantined] = {}
        self.stations = StationShelves()
        self._wakes: list[tuple[datetime, str, str]] = []

    def put_track(self, key: Key, track: Track | None) -> Track | None:
        before = self.tracks.get(key)
        if track is None:
            self.tracks.pop(key, None)
            return before
        self.tracks[key] = track
        if track.wake_at is not None and (before is None or before.wake_at != track.wake_at):
            if len(self._wakes) > 2 * len(self.tracks) + _STALE_WAKES:
                self._wakes = [(t.wake_at, *k) for k, t in self.tracks.items() if t.wake_at is not None]
                heapify(self._wakes)
            heappush(self._wakes, (track.wake_at, *key))
        return before

    def due(self, now: datetime, limit: int) -> list[Track]:
        """Up to `limit` tracks with `wake_at` ≤ now, soonest first. Entries of tracks that moved on are dropped."""
        found: dict[Key, Track] = {}
        wakes = self._wakes
        while wakes and wakes[0][0] <= now and len(found) < limit:
            wake_at, organization_id, vehicle_id = heappop(wakes)
            track = self.tracks.get((organization_id, vehicle_id))
            if track is not None and track.wake_at == wake_at:
                found[organization_id, vehicle_id] = track
        for key, track in found.items():
            if track.wake_at is not None:
                heappush(wakes, (track.wake_at, *key))
        return list(found.values())

    def next_wake_at(self) -> datetime | None:
        wakes = self._wakes
        while wakes:
            track = self.tracks.get(wakes[0][1:])
            if track is not None and track.wake_at == wakes[0][0]:
                return track.wake_at
            heappop(wakes)
        return None

    def put_session(self, key: Key, session: Session | None) -> Session | None:
        before = self.sessions.get(key)
        if before is not None:
            self._unlist(key, before)
        if session is None:
            self.sessions.pop(key, None)
        else:
            self.sessions[key] = session
            self._list(key, session)
        return before

    def _list(self, key: Key, session: Session) -> None:
        organization_id = key[0]
        vehicle = (organization_id, session.vehicle_id)
        if session.state == SETTLED:
            place = place_of(session)
            insort(self.settled.setdefault(organization_id, []), place)
            insort(self.settled_by_vehicle.setdefault(vehicle, []), place)
            return
        self.unsettled_by_vehicle.setdefault(vehicle, {})[session.id] = session
        if session.policy_id is not None:
            self.unsettled_by_policy[organization_id, session.policy_id] = session.id

    def _unlist(self, key: Key, session: Session) -> None:
        organization_id = key[0]
        vehicle = (organization_id, session.vehicle_id)
        if session.state == SETTLED:
            place = place_of(session)
            for places in (self.settled[organization_id], self.settled_by_vehicle[vehicle]):
                del places[bisect_left(places, place)]
            return
        del self.unsettled_by_vehicle[vehicle][session.id]
        if session.policy_id is not None:
            policy = (organization_id, session.policy_id)
            if self.unsettled_by_policy.get(policy) == session.id:
                del self.unsettled_by_policy[policy]

    def put_location(self, key: Key, location: Location | None) -> Location | None:
        before = self.locations.get(key)
        if location is None:
            self.locations.pop(key, None)
            if before is not None:
                self.locations_by_user[key[0], before.user_id].pop(key[1], None)
        else:
            self.locations[key] = location
            self.locations_by_user.setdefault((key[0], location.user_id), {})[key[1]] = None
        return before

    def put_policy(self, key: Key, policy: Policy | None) -> Policy | None:
        before = self.policies.get(key)
        if policy is None:
            self.policies.pop(key, None)
            if before is not None:
                self.policies_by_vehicle[key[0], before.vehicle_id].pop(key[1], None)
        else:
            self.policies[key] = policy
            self.policies_by_vehicle.setdefault((key[0], policy.vehicle_id), {})[key[1]] = None
        return before
