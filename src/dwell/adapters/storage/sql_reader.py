"""What can be read from the SQL stores: one statement a call. Writing is in `sql_transaction`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from dwell.adapters.storage import bodies, fact_rows, statements
from dwell.adapters.storage.curves import CurveCache, whole_days
from dwell.adapters.storage.dialect import Row, Rows, Value
from dwell.adapters.storage.ordering import first_id_of
from dwell.adapters.storage.sql_books import SqlBooksReader
from dwell.adapters.storage.sql_stations import SqlStationReader
from dwell.adapters.storage.sql_tariffs import SqlTariffReader
from dwell.adapters.storage.sql_webhooks import SqlWebhookReader
from dwell.application.records import PageKey, SessionFilter, StoredFact, Tally
from dwell.domain.ids import LocationId, OrganizationId, PolicyId, SessionId, UserId, VehicleId
from dwell.domain.instants import instant_of, micros_of
from dwell.domain.policy.load import ConnectionLoad
from dwell.domain.registry import Credential, Location, Organization, Policy, User, Vehicle
from dwell.domain.session.record import Session
from dwell.domain.session.steering import Order
from dwell.domain.session.track import Track
from dwell.domain.tariff.curve import PriceCurve, PriceSlot

T = TypeVar("T")


class SqlReader(SqlTariffReader, SqlStationReader, SqlWebhookReader, SqlBooksReader):
    """A Reader of one transaction."""

    def __init__(self, rows: Rows, curves: CurveCache) -> None:
        self._rows = rows
        self._curves = curves

    async def organization(self, organization_id: OrganizationId) -> Organization | None:
        found = await self._rows.all(statements.ORGANIZATION, organization_id=organization_id)
        return _one(found, bodies.decode_organization)

    async def organizations(self, *, limit: int) -> list[OrganizationId]:
        return [
            OrganizationId(name)
            for (name,) in await self._rows.all(statements.SOME_ORGANIZATIONS, limit=limit)
        ]

    async def credential(self, kind: str, name: str) -> Credential | None:
        found = await self._rows.all(
            statements.CREDENTIAL, kind=kind, name_digest=bodies.digest_of_name(name)
        )
        return _one(found, bodies.decode_credential)

    async def credentials(
        self, kind: str, *, after: Credential | None = None, limit: int = 1000
    ) -> list[Credential]:
        digest = bodies.digest_of_name(after.name) if after is not None else b""
        rows = await self._rows.all(statements.CREDENTIALS, kind=kind, after=digest, limit=limit)
        return [bodies.decode_credential(body) for (body,) in rows]

    async def user(self, organization_id: OrganizationId, user_id: UserId) -> User | None:
        found = await self._rows.all(statements.USER, organization_id=organization_id, id=user_id)
        return _one(found, bodies.decode_user)

    async def user_by_reference(self, organization_id: OrganizationId, reference: str) -> User | None:
        found = await self._rows.all(
            statements.USER_BY_REFERENCE,
            organization_id=organization_id,
            reference_digest=bodies.digest_of_name(reference),
        )
        return _one(found, bodies.decode_user)

    async def users(
        self, organization_id: OrganizationId, *, after_id: str = "", limit: int = 50
    ) -> list[User]:
        found = await self._rows.all(
            statements.USERS, organization_id=organization_id, after_id=after_id, limit=limit
        )
        return [bodies.decode_user(body) for (body,) in found]

    async def location(self, organization_id: OrganizationId, location_id: LocationId) -> Location | None:
        found = await self._rows.all(statements.LOCATION, organization_id=organization_id, id=location_id)
        return _one(found, bodies.decode_location)

    async def connection_load(
        self, organization_id: OrganizationId, location_id: LocationId
    ) -> ConnectionLoad | None:
        found = await self._rows.all(
            statements.CONNECTION_LOAD, organization_id=organization_id, location_id=location_id
        )
        return _one(found, bodies.decode_connection_load)

    async def locations(
        self,
        organization_id: OrganizationId,
        *,
        user_id: UserId | None = None,
        after_id: str | None = None,
        before_id: str | None = None,
        limit: int = 50,
    ) -> list[Location]:
        asked: dict[str, Value] = {"user_id": user_id, "after_id": after_id, "before_id": before_id}
        found = await self._list("locations", organization_id, asked, limit)
        return [bodies.decode_location(body) for (body,) in found]

    async def vehicle(self, organization_id: OrganizationId, vehicle_id: VehicleId) -> Vehicle | None:
        found = await self._rows.all(statements.VEHICLE, organization_id=organization_id, id=vehicle_id)
        return _one(found, bodies.decode_vehicle)

    async def vehicles(
        self,
        organization_id: OrganizationId,
        *,
        user_id: UserId | None = None,
        after_id: str | None = None,
        before_id: str | None = None,
        limit: int = 50,
    ) -> list[Vehicle]:
        asked: dict[str, Value] = {"user_id": user_id, "after_id": after_id, "before_id": before_id}
        found = await self._list("vehicles", organization_id, asked, limit)
        return [bodies.decode_vehicle(body) for (body,) in found]

    async def vehicles_by_id(
        self, organization_id: OrganizationId, ids: Iterable[VehicleId]
    ) -> dict[VehicleId, Vehicle]:
        found = await self._rows.all(
            statements.VEHICLES_BY_ID, organization_id=organization_id, ids=list(ids)
        )
        vehicles = [bodies.decode_vehicle(body) for (body,) in found]
        return {vehicle.id: vehicle for vehicle in vehicles}

    async def policy(self, organization_id: OrganizationId, policy_id: PolicyId) -> Policy | None:
        found = await self._rows.all(statements.POLICY, organization_id=organization_id, id=policy_id)
        return _one(found, bodies.decode_policy)

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
        asked: dict[str, Value] = {
            "user_id": user_id,
            "vehicle_id": vehicle_id,
            "location_id": location_id,
            "after_id": after_id,
            "before_id": before_id,
        }
        found = await self._list("policies", organization_id, asked, limit)
        return [bodies.decode_policy(body) for (body,) in found]

    async def policies_of_vehicles(
        self, organization_id: OrganizationId, ids: Iterable[VehicleId]
    ) -> dict[VehicleId, list[Policy]]:
        grouped: dict[VehicleId, list[Policy]] = {}
        for (body,) in await self._rows.all(
            statements.POLICIES_OF_VEHICLES, organization_id=organization_id, ids=list(ids)
        ):
            policy = bodies.decode_policy(body)
            grouped.setdefault(policy.vehicle_id, []).append(policy)
        return grouped

    async def locations_of_users(
        self, organization_id: OrganizationId, ids: Iterable[UserId]
    ) -> dict[UserId, list[Location]]:
        grouped: dict[UserId, list[Location]] = {}
        for (body,) in await self._rows.all(
            statements.LOCATIONS_OF_USERS, organization_id=organization_id, ids=list(ids)
        ):
            location = bodies.decode_location(body)
            grouped.setdefault(location.user_id, []).append(location)
        return grouped

    async def track(self, organization_id: OrganizationId, vehicle_id: VehicleId) -> Track | None:
        found = await self._rows.all(statements.TRACK, organization_id=organization_id, vehicle_id=vehicle_id)
        return _one(found, bodies.decode_track)

    async def session(self, organization_id: OrganizationId, session_id: SessionId) -> Session | None:
        found = await self._rows.all(statements.SESSION, organization_id=organization_id, id=session_id)
        return _one(found, bodies.decode_session)

    async def unsettled_session_of_policy(
        self, organization_id: OrganizationId, policy_id: PolicyId
    ) -> Session | None:
        found = await self._rows.all(
            statements.UNSETTLED_OF_POLICY, organization_id=organization_id, policy_id=policy_id
        )
        return _one(found, bodies.decode_session)

    async def settled_page(
        self,
        organization_id: OrganizationId,
        wanted: SessionFilter,
        *,
        after: PageKey | None = None,
        before: PageKey | None = None,
        limit: int = 50,
    ) -> list[Session]:
        if before is not None and after is not None:
            raise ValueError("a page begins after a key or ends before one, not both")
        values = _page_values(wanted, after, before)
        flags = {"shown"} if not wanted.include_hidden else set()
        flags |= {"backwards"} if before is not None else set()
        found = await self._rows.all(
            statements.settled_page(frozenset(values.keys() | flags)),
            organization_id=organization_id,
            limit=limit,
            **values,
        )
        page = [bodies.decode_session(body) for (body,) in found]
        return page[::-1] if before is not None else page

    async def settled_before(
        self,
        organization_id: OrganizationId,
        wanted: SessionFilter,
        *,
        plugged_in_before: datetime,
        limit: int,
        offset: int,
    ) -> tuple[int, list[Session]]:
        # Instants are kept in whole microseconds: the least recency is one behind the instant's.
        values = _page_values(wanted, None, None) | {"until_recency": 1 - micros_of(plugged_in_before)}
        filters = frozenset(values.keys() | ({"shown"} if not wanted.include_hidden else set()))
        ((total,),) = await self._rows.all(
            statements.settled_count(filters), organization_id=organization_id, **values
        )
        if offset >= total:
            return total, []
        found = await self._rows.all(
            statements.settled_page(filters | {"offset"}),
            organization_id=organization_id,
            limit=limit,
            offset=offset,
            **values,
        )
        return total, [bodies.decode_session(body) for (body,) in found]

    async def sessions_of_vehicle(
        self, organization_id: OrganizationId, vehicle_id: VehicleId, *, since: datetime
    ) -> list[Session]:
        found = await self._rows.all(
            statements.SESSIONS_OF_VEHICLE,
            organization_id=organization_id,
            vehicle_id=vehicle_id,
            since=micros_of(since),
        )
        return [bodies.decode_session(body) for (body,) in found]

    async def facts(
        self,
        organization_id: OrganizationId,
        vehicle_id: VehicleId,
        *,
        since: datetime,
        until: datetime | None = None,
    ) -> list[StoredFact]:
        return await fact_rows.read(self._rows, organization_id, vehicle_id, (since, until))

    async def orders_of_vehicle(
        self,
        organization_id: OrganizationId,
        vehicle_id: VehicleId,
        *,
        since: datetime,
        until: datetime,
        limit: int,
    ) -> list[Order]:
        found = await self._rows.all(
            statements.ORDERS_OF_VEHICLE,
            organization_id=organization_id,
            vehicle_id=vehicle_id,
            since=micros_of(since),
            until=micros_of(until),
            limit=limit,
        )
        return [bodies.decode_order(body) for (body,) in found]

    async def curve(self, zone: str, start_at: datetime, end_at: datetime) -> PriceCurve | None:
        known = await self._rows.all(statements.ZONE, zone=zone)
        if not known:
            return None
        currency, stamp = known[0]
        first, last = whole_days(start_at, end_at)
        window = (zone, stamp, first, last)
        found = self._curves.get(window)
        if found is None:
            slots = await self._rows.all(
                statements.SLOTS, zone=zone, start_at=micros_of(first), end_at=micros_of(last)
            )
            found = PriceCurve.of(currency, [_slot_of(row) for row in slots])
            self._curves.keep(window, found)
        return found

    async def next_wake_at(self) -> datetime | None:
        ((wake_at,),) = await self._rows.all(statements.NEXT_WAKE)
        return instant_of(wake_at) if wake_at is not None else None

    async def tally(self, *, orders_since: datetime) -> Tally:
        ((events,),) = await self._rows.all(statements.COUNT_EVENTS)
        first_id = first_id_of(orders_since)
        return Tally(
            sessions=dict(await self._rows.all(statements.COUNT_SESSIONS)),
            orders=dict(await self._rows.all(statements.COUNT_ORDERS, first_id=first_id)),
            events=events,
        )

    async def zones(self, *, under: str = "") -> list[tuple[str, str, datetime, datetime]]:
        return [
            (zone, currency, instant_of(start_at), instant_of(end_at))
            for zone, currency, start_at, end_at in await self._rows.all(statements.ZONES, under=under)
            if start_at is not None
        ]

    async def _list(
        self, table: str, organization_id: OrganizationId, asked: dict[str, Value], limit: int
    ) -> list[Row]:
        values = {name: value for name, value in asked.items() if value is not None}
        statement = statements.list_of(table, frozenset(values))
        return await self._rows.all(statement, organization_id=organization_id, limit=limit, **values)


def _page_values(wanted: SessionFilter, after: PageKey | None, before: PageKey | None) -> dict[str, Value]:
    """The filter's values, and of each side of the page the one bound that is the tighter.

    A visit ends after it begins, so the end's bound is one of the plug-in, too: that is what an index can seek. An
    engine given two bounds on one side seeks by one and reads through what lies between them.
    """
    values: dict[str, Value] = {
        "vehicle_id": wanted.vehicle_id,
        "policy_id": wanted.policy_id,
        "location_id": wanted.location_id,
    }
    since = -micros_of(wanted.plugged_in_from) if wanted.plugged_in_from is not None else None
    until = micros_of(wanted.plugged_out_to) if wanted.plugged_out_to is not None else None
    key = after or before
    key_recency = -micros_of(key.plugged_in_at) if key is not None else 0
    if after is not None and (until is None or key_recency >= -until):
        values |= {"after": key_recency, "after_id": after.id}
    elif until is not None:
        values["until_recency"] = -until
    if before is not None and (since is None or key_recency <= since):
        values |= {"before": key_recency, "before_id": before.id}
    elif since is not None:
        values["since"] = since
    return {name: value for name, value in (values | {"until": until}).items() if value is not None}


def _slot_of(row: Row) -> PriceSlot:
    start_at, end_at, price = row
    return PriceSlot(instant_of(start_at), instant_of(end_at), Decimal(price))


def _one(found: list[Row], decode: Callable[[bytes], T]) -> T | None:
    return decode(found[0][0]) if found else None
