"""What a fleet is shown: its transactions, newest first, and its stations as they stand now."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dwell.application.ports import Ports, Reader
from dwell.domain.errors import NotFound
from dwell.domain.ids import OrganizationId, StationId, TransactionId, UserId
from dwell.domain.station.area import Area
from dwell.domain.station.equipment import Evse
from dwell.domain.station.registry import EVERYWHERE, StationRecord, scope_of
from dwell.domain.station.transaction import RUNNING, AuthType, Status, Transaction
from dwell.domain.tariff.driver import DriverTariff

PAGE = 200
"""So many transactions or stations are read at a time."""
NO_STATION, NO_SESSION = "There is no such station.", "There is no such session."
_TAKEN = RUNNING | {Status.STARTING}


@dataclass(frozen=True, slots=True, kw_only=True)
class StationView:
    """A station, where it is (degrees), whether it is connected, what drivers pay, and the EVSEs that are taken."""

    record: StationRecord
    position: tuple[float, float] | None
    connected: bool
    tariffs: Mapping[str, DriverTariff]
    taken: frozenset[int]

    def tariff_of(self, evse: Evse) -> DriverTariff | None:
        """What a driver who starts there now pays."""
        return self.tariffs.get(scope_of(evse.evse)) or self.tariffs.get(EVERYWHERE)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionView:
    """A transaction, its station, and its user's reference: None for a card that nobody is known by."""

    transaction: Transaction
    station: StationView
    user_reference: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionFilter:
    """Which transactions, and how many at most: all that is said must hold."""

    auth_type: AuthType | None = None
    status: Status | None = None
    user_reference: str | None = None
    created_after: datetime | None = None
    limit: int | None = None

    def takes(self, view: TransactionView) -> bool:
        """Whether the transaction is wanted."""
        one = view.transaction
        return (
            self.auth_type in {None, one.auth_type}
            and self.status in {None, one.status}
            and self.user_reference in {None, view.user_reference}
        )


async def fleet_sessions(
    ports: Ports, organization_id: OrganizationId, wanted: TransactionFilter
) -> AsyncIterator[list[TransactionView]]:
    """The transactions newest first, piece by piece; those that begin meanwhile are not among them."""
    left, after = wanted.limit, None
    while left is None or left > 0:
        found, after = await _page(ports, organization_id, wanted, after)
        found = found if left is None else found[:left]
        left = None if left is None else left - len(found)
        yield found
        if after is None:
            return


async def fleet_session(
    ports: Ports, organization_id: OrganizationId, transaction_id: TransactionId
) -> TransactionView:
    """One transaction. Raises NotFound."""

    async def work(reader: Reader) -> TransactionView:
        found = await reader.transaction(organization_id, transaction_id)
        view = await _Look(ports, reader, organization_id).view(found) if found is not None else None
        if view is None:
            raise NotFound(NO_SESSION)
        return view

    return await ports.store.read(work)


async def fleet_stations(ports: Ports, organization_id: OrganizationId, area: Area) -> list[StationView]:
    """The stations in the area, by id. One whose position is not known is nowhere."""

    async def work(reader: Reader) -> list[StationView]:
        look, found = _Look(ports, reader, organization_id), list[StationView]()
        after = ""
        while page := await reader.stations(organization_id, after=after, limit=PAGE):
            after = page[-1].id
            for record in page:
                position = await look.position_of(record)
                if record.removed_at is None and position is not None and area.holds(*position):
                    found.append(await look.seen(record))
        return found

    return await ports.store.read(work)


async def fleet_station(ports: Ports, organization_id: OrganizationId, station_id: StationId) -> StationView:
    """One station. Raises NotFound."""

    async def work(reader: Reader) -> StationView:
        record = await reader.station(organization_id, station_id)
        if record is None or record.removed_at is not None:
            raise NotFound(NO_STATION)
        return await _Look(ports, reader, organization_id).seen(record)

    return await ports.store.read(work)


async def _page(
    ports: Ports, organization_id: OrganizationId, wanted: TransactionFilter, after: Transaction | None
) -> tuple[list[TransactionView], Transaction | None]:
    """What is wanted of the next page, and that page's last transaction: None where nothing comes after it."""

    async def work(reader: Reader) -> tuple[list[TransactionView], Transaction | None]:
        look = _Look(ports, reader, organization_id)
        page = await reader.newest_transactions(
            organization_id, after=after, created_after=wanted.created_after, limit=PAGE
        )
        views = [await look.view(one) for one in page]
        found = [view for view in views if view is not None and wanted.takes(view)]
        return found, (page[-1] if len(page) == PAGE else None)

    return await ports.store.read(work)


@dataclass(slots=True)
class _Look:
    """One reading of the store: stations and users are looked up once each."""

    ports: Ports
    reader: Reader
    organization_id: OrganizationId
    stations: dict[StationId, StationView | None] = field(default_factory=dict)
    references: dict[UserId, str | None] = field(default_factory=dict)
    tariffs: Mapping[str, DriverTariff] | None = None

    async def view(self, transaction: Transaction) -> TransactionView | None:
        station_id = transaction.station_id
        if station_id not in self.stations:
            record = await self.reader.station(self.organization_id, station_id)
            self.stations[station_id] = await self.seen(record) if record is not None else None
        station = self.stations[station_id]
        if station is None:
            return None
        reference = await self._reference(transaction.user_id)
        return TransactionView(transaction=transaction, station=station, user_reference=reference)

    async def seen(self, record: StationRecord) -> StationView:
        if self.tariffs is None:
            every = await self.reader.driver_tariffs(self.organization_id)
            self.tariffs = {one.scope: one.tariff for one in every}
        open_ones = await self.reader.transactions_of_station((self.organization_id, record.id))
        return StationView(
            record=record,
            position=await self.position_of(record),
            connected=self.ports.stations.is_connected(record.id),
            tariffs=self.tariffs,
            taken=frozenset(one.evse_number for one in open_ones if one.status in _TAKEN),
        )

    async def position_of(self, record: StationRecord) -> tuple[float, float] | None:
        """The station's own position, or else its location's."""
        site = record.site
        if site.latitude is not None and site.longitude is not None:
            return site.latitude, site.longitude
        if record.station.location_id is None:
            return None
        location = await self.reader.location(self.organization_id, record.station.location_id)
        return (location.latitude, location.longitude) if location is not None else None

    async def _reference(self, user_id: UserId | None) -> str | None:
        if user_id is None:
            return None
        if user_id not in self.references:
            user = await self.reader.user(self.organization_id, user_id)
            self.references[user_id] = user.reference if user is not None else None
        return self.references[user_id]
