"""Writing to the SQL stores: things become rows here, and one of them finds out about lost races."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from dwell.adapters.storage import bodies, fact_rows, outbox_rows, statements
from dwell.adapters.storage.dialect import Insert, Row, Taken
from dwell.adapters.storage.ordering import holds_policy, runs_of
from dwell.adapters.storage.races import TakenConflict, VersionRace
from dwell.adapters.storage.sql_books import SqlBooksWriter
from dwell.adapters.storage.sql_reader import SqlReader
from dwell.adapters.storage.sql_stations import SqlStationWriter
from dwell.adapters.storage.sql_tariffs import SqlTariffWriter
from dwell.adapters.storage.sql_webhooks import SqlWebhookWriter
from dwell.application.records import Event, Quarantined, StoredFact
from dwell.domain.ids import LocationId, OrganizationId, SessionId, VehicleId
from dwell.domain.instants import instant_of, micros_of
from dwell.domain.policy.load import ConnectionLoad
from dwell.domain.registry import Credential, Location, Organization, Policy, User, Vehicle
from dwell.domain.session.record import Session
from dwell.domain.session.steering import Order
from dwell.domain.session.track import Track
from dwell.domain.tariff.curve import PriceCurve, PriceSlot


class SqlTransaction(SqlTariffWriter, SqlStationWriter, SqlWebhookWriter, SqlBooksWriter, SqlReader):
    """A Transaction of an SQL store."""

    async def add_organization(self, organization: Organization) -> None:
        row = (organization.id, bodies.encode(organization))
        await self._put_unique(statements.ADD_ORGANIZATION, row, "organization_exists", "it exists already")

    async def save_credential(self, credential: Credential) -> None:
        name_digest = bodies.digest_of_name(credential.name)
        row = (credential.kind, name_digest, credential.organization_id, bodies.encode(credential))
        await self._rows.put(statements.SAVE_CREDENTIAL, [row])

    async def remove_credentials(self, credentials: Sequence[Credential]) -> None:
        for one in credentials:
            digest = bodies.digest_of_name(one.name)
            await self._rows.run(statements.REMOVE_CREDENTIAL, kind=one.kind, name_digest=digest)

    async def add_user(self, user: User) -> None:
        await self._put_user(statements.ADD_USER, user)

    async def save_user(self, user: User) -> None:
        await self._put_user(statements.SAVE_USER, user)

    async def _put_user(self, insert: Insert, user: User) -> None:
        row = (user.organization_id, user.id, bodies.digest_of_name(user.reference), bodies.encode(user))
        await self._put_unique(insert, row, "user_exists", "a user of this reference exists")

    async def hold_location(
        self, organization_id: OrganizationId, location_id: LocationId
    ) -> Location | None:
        # A lock would not do: who has waited for it still sees what was there when it began. A new version of the
        # row sends the later one back to its beginning.
        found = await self._rows.all(
            statements.HOLD_LOCATION, organization_id=organization_id, id=location_id
        )
        return bodies.decode_location(found[0][0]) if found else None

    async def save_location(self, location: Location) -> None:
        row = (
            location.organization_id,
            location.id,
            location.user_id,
            micros_of(location.created_at),
            int(location.deleted_at is not None),
            bodies.encode(location),
        )
        await self._rows.put(statements.SAVE_LOCATION, [row])

    async def save_connection_load(self, load: ConnectionLoad) -> None:
        row = (load.organization_id, load.location_id, bodies.encode(load))
        await self._rows.put(statements.SAVE_CONNECTION_LOAD, [row])

    async def save_vehicle(self, vehicle: Vehicle) -> None:
        deleted = int(vehicle.deleted_at is not None)
        row = (vehicle.organization_id, vehicle.id, vehicle.user_id, deleted, bodies.encode(vehicle))
        await self._rows.put(statements.SAVE_VEHICLE, [row])

    async def save_policy(self, policy: Policy) -> None:
        row = (
            policy.organization_id,
            policy.id,
            policy.vehicle_id,
            policy.location_id,
            policy.user_id,
            micros_of(policy.created_at),
            int(policy.deleted_at is not None),
            bodies.encode(policy),
        )
        await self._put_unique(
            statements.SAVE_POLICY, row, "policy_exists", "a policy joins this vehicle and location already"
        )

    async def tracks(
        self, organization_id: OrganizationId, ids: Iterable[VehicleId]
    ) -> dict[VehicleId, Track]:
        found = await self._rows.all(statements.TRACKS, organization_id=organization_id, ids=list(ids))
        tracks = [bodies.decode_track(body) for (body,) in found]
        return {track.vehicle_id: track for track in tracks}

    async def due_tracks(self, now: datetime, *, limit: int) -> list[Track]:
        found = await self._rows.all(statements.DUE_TRACKS, now=micros_of(now), limit=limit)
        return [bodies.decode_track(body) for (body,) in found]

    async def save_tracks(self, tracks: Sequence[Track]) -> None:
        if tracks and not all(await self._rows.put(statements.SAVE_TRACK, [_track_row(t) for t in tracks])):
            raise VersionRace

    async def unsettled_sessions(
        self, organization_id: OrganizationId, ids: Iterable[VehicleId]
    ) -> dict[VehicleId, list[Session]]:
        grouped: dict[VehicleId, list[Session]] = {}
        for (body,) in await self._rows.all(
            statements.UNSETTLED_OF_VEHICLES, organization_id=organization_id, ids=list(ids)
        ):
            session = bodies.decode_session(body)
            grouped.setdefault(session.vehicle_id, []).append(session)
        return grouped

    async def save_sessions(self, sessions: Sequence[Session]) -> None:
        letting_go = [_session_row(session) for session in sessions if not holds_policy(session)]
        holding = [_session_row(session) for session in sessions if holds_policy(session)]
        try:
            for rows in (letting_go, holding):
                if rows:
                    await self._rows.put(statements.SAVE_SESSION, rows)
        except Taken:
            raise TakenConflict(
                "the policy has a session that is not settled", code="policy_session_exists"
            ) from None

    async def withdraw_sessions(self, organization_id: OrganizationId, ids: Sequence[SessionId]) -> None:
        await self._rows.run(statements.WITHDRAW_SESSIONS, organization_id=organization_id, ids=list(ids))

    async def add_facts(
        self, organization_id: OrganizationId, facts: Sequence[StoredFact], *, received_at: datetime
    ) -> list[bool]:
        return await fact_rows.add(self._rows, organization_id, facts, received_at)

    async def remove_facts(
        self, organization_id: OrganizationId, vehicle_id: VehicleId, digests: Sequence[bytes]
    ) -> None:
        names = {"organization_id": organization_id, "vehicle_id": vehicle_id}
        for digest in digests:
            await self._rows.run(statements.REMOVE_FACT, digest=digest, **names)

    async def pack_facts(
        self, organization_id: OrganizationId, vehicle_id: VehicleId, *, until: datetime
    ) -> None:
        await fact_rows.pack(self._rows, organization_id, vehicle_id, until)

    async def add_quarantined(self, items: Sequence[Quarantined]) -> list[bool]:
        rows: list[Row] = [
            (
                item.organization_id,
                bodies.digest_of_quarantined(item),
                micros_of(item.received_at),
                item.vehicle_id,
                item.reason,
                item.raw,
            )
            for item in items
        ]
        return await self._rows.put(statements.ADD_QUARANTINED, rows)

    async def add_events(self, events: Sequence[Event]) -> None:
        await outbox_rows.add(self._rows, events)

    async def forget_before(self, instant: datetime, *, limit: int) -> int:
        values = {"before": micros_of(instant), "limit": limit}
        events = await self._rows.all(statements.FORGET_EVENTS, **values)
        quarantined = await self._rows.all(statements.FORGET_QUARANTINED, **values)
        dead = await self._rows.all(statements.FORGET_DEAD_LETTERS, before=micros_of(instant))
        attempts = await self._rows.all(statements.FORGET_ATTEMPTS, before=micros_of(instant))
        return len(events) + len(quarantined) + len(dead) + len(attempts)

    async def save_orders(self, orders: Sequence[Order]) -> None:
        rows: list[Row] = [
            (o.organization_id, o.id, o.vehicle_id, o.state, micros_of(o.created_at), bodies.encode(o))
            for o in orders
        ]
        await self._rows.put(statements.SAVE_ORDER, rows)

    async def replace_prices(self, zone: str, currency: str, slots: Sequence[PriceSlot]) -> None:
        stamp = int.from_bytes(os.urandom(8)) >> 1  # of chance: one that was rolled back is never given again
        await self._rows.put(statements.SAVE_ZONE, [(zone, currency, stamp)])
        coming = list(PriceCurve.of(currency, slots).slots)
        for run in runs_of(coming):
            start_at, end_at = micros_of(run[0].start_at), micros_of(run[-1].end_at)
            await self._rows.run(statements.REMOVE_SLOTS, zone=zone, start_at=start_at, end_at=end_at)
        rows: list[Row] = [
            (zone, micros_of(s.end_at), micros_of(s.start_at), str(s.price_per_kwh)) for s in coming
        ]
        await self._rows.put(statements.ADD_SLOT, rows)

    async def remove_prices(self, zone: str, start_at: datetime, end_at: datetime) -> None:
        curve = await self.curve(zone, start_at, end_at)
        if curve is None:
            return
        met = list(curve.between(start_at, end_at))
        if not met:
            return
        kept = [
            *(PriceSlot(s.start_at, start_at, s.price_per_kwh) for s in met if s.start_at < start_at),
            *(PriceSlot(end_at, s.end_at, s.price_per_kwh) for s in met if s.end_at > end_at),
        ]
        await self._rows.run(
            statements.REMOVE_SLOTS, zone=zone, start_at=micros_of(start_at), end_at=micros_of(end_at)
        )
        await self.replace_prices(zone, curve.currency, kept)

    async def live_vehicles_in_zone(self, zone: str) -> list[tuple[OrganizationId, VehicleId]]:
        found = await self._rows.all(statements.LIVE_VEHICLES_IN_ZONE, zone=zone)
        return [(OrganizationId(organization_id), VehicleId(vid)) for organization_id, vid in found]

    async def running_at(self, organization_id: OrganizationId, location_id: LocationId) -> list[VehicleId]:
        found = await self._rows.all(
            statements.RUNNING_AT, organization_id=organization_id, location_id=location_id
        )
        return [VehicleId(vehicle_id) for (vehicle_id,) in found]

    async def settled_in_zone(
        self, zone: str, start_at: datetime, end_at: datetime
    ) -> list[tuple[OrganizationId, VehicleId, datetime]]:
        found = await self._rows.all(
            statements.SETTLED_IN_ZONE,
            zone=zone,
            start_at=micros_of(start_at),
            end_recency=-micros_of(end_at),
        )
        return [(OrganizationId(oid), VehicleId(vid), instant_of(first)) for oid, vid, first in found]

    async def _put_unique(self, insert: Insert, row: Row, code: str, message: str) -> None:
        try:
            await self._rows.put(insert, [row])
        except Taken:
            raise TakenConflict(message, code=code) from None


def _track_row(track: Track) -> Row:
    saved = msgspec.structs.replace(track, version=track.version + 1)
    wake_at = micros_of(saved.wake_at) if saved.wake_at is not None else None
    return (saved.organization_id, saved.vehicle_id, saved.version, wake_at, bodies.encode(saved))


def _session_row(session: Session) -> Row:
    plugged_in_at, ended_at = session.plugged_in_at, session.ended_at
    return (
        session.organization_id,
        session.id,
        session.vehicle_id,
        session.policy_id,
        session.location_id,
        session.state,
        -micros_of(plugged_in_at) if plugged_in_at is not None else None,
        micros_of(ended_at) if ended_at is not None else None,
        int(session.short),
        session.terms.zone,
        bodies.encode_session(session),
    )
