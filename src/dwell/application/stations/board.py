"""What people at the dashboard see of stations: how each stands, what charges there, and what it said last."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from dwell.application.board import name_of
from dwell.application.fleet import NO_STATION
from dwell.application.ports import Ports, Reader
from dwell.application.stations.desk import readings_of, verdict_on
from dwell.application.stations.orders import order_start
from dwell.domain.errors import Fault, NotFound, Refused
from dwell.domain.ids import OrganizationId, StationId, TransactionId, UserId, VehicleId
from dwell.domain.registry import Location, User
from dwell.domain.station.equipment import Evse
from dwell.domain.station.readings import MeterReading
from dwell.domain.station.registry import EVERYWHERE, OURS, FrameRow, StationRecord, TokenRecord, scope_of
from dwell.domain.station.replies import TokenStatus
from dwell.domain.station.transaction import Transaction
from dwell.domain.tariff.driver import DriverTariff

STATIONS_AT_MOST = 100
FRAMES_AT_MOST = 30
SAMPLES_AT_MOST = 4
"""Messages in which the present power is looked for: some stations tell register and power apart."""
STARTERS_AT_MOST = 200
ACTS_AT_MOST = 8
"""Rows of the journal in which a message of the station is looked for, past what we did there ourselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StationLine:
    """A station, where it is, and since when nothing was heard of it. Heartbeats are not kept and do not count."""

    record: StationRecord
    place: Location | None
    connected: bool
    heard_at: datetime | None
    open: tuple[Transaction, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """A transaction, the last reading of its power, and by what name its user and vehicle are known."""

    transaction: Transaction
    power: MeterReading | None
    user_reference: str | None
    vehicle: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StationPage:
    """One station: what charges there, the transaction that was asked for, tariffs by EVSE number, last messages."""

    line: StationLine
    charges: tuple[Charge, ...]
    watched: Charge | None
    tariffs: dict[int, DriverTariff]
    vehicles: dict[int, str]
    frames: tuple[FrameRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Starters:
    """For whom a charge can be started: the first users by id, and tokens that belong to somebody."""

    users: tuple[User, ...]
    tokens: tuple[TokenRecord, ...]


async def station_lines(
    ports: Ports, organization_id: OrganizationId, *, after: str
) -> tuple[list[StationLine], str | None]:
    """The next STATIONS_AT_MOST stations by id, and after which id it goes on."""

    async def look(reader: Reader) -> tuple[list[StationLine], str | None]:
        page = await reader.stations(organization_id, after=after, limit=STATIONS_AT_MOST)
        seen = _Look(ports, reader, organization_id)
        lines = [await seen.line(record) for record in page if record.removed_at is None]
        return lines, page[-1].id if len(page) == STATIONS_AT_MOST else None

    return await ports.store.read(look)


async def station_page(
    ports: Ports, organization_id: OrganizationId, station_id: StationId, *, watch: TransactionId | None
) -> StationPage:
    """One station, and the transaction `watch` of it, however that went. Raises NotFound."""

    async def look(reader: Reader) -> StationPage:
        seen = _Look(ports, reader, organization_id)
        line = await seen.line(await _station(reader, organization_id, station_id))
        watched = await reader.transaction(organization_id, watch) if watch is not None else None
        mine = watched is not None and watched.station_id == station_id
        frames = await reader.newest_frames((organization_id, station_id), limit=FRAMES_AT_MOST)
        evses = line.record.station.evses
        return StationPage(
            line=line,
            charges=tuple([await seen.charge(one) for one in line.open]),
            watched=await seen.charge(watched) if watched is not None and mine else None,
            tariffs=await seen.tariffs(evses),
            vehicles={one.number: name for one in evses if (name := await seen.vehicle(one.vehicle_id))},
            frames=tuple(frame for _, frame in frames),
        )

    return await ports.store.read(look)


async def starters(ports: Ports, organization_id: OrganizationId) -> Starters:
    """Whom the page offers; `start_for` takes others as well."""

    async def look(reader: Reader) -> Starters:
        tokens = await reader.id_tokens(organization_id, limit=STARTERS_AT_MOST)
        return Starters(
            users=tuple(await reader.users(organization_id, limit=STARTERS_AT_MOST)),
            tokens=tuple(one for one in tokens if one.user_id is not None),
        )

    return await ports.store.read(look)


async def start_for(
    ports: Ports, organization_id: OrganizationId, station_id: StationId, *, number: int, who: str
) -> Transaction:
    """Order a start at the EVSE of that number for a user, named by its reference or by a token of its own.

    Raises NotFound, Refused for an EVSE or somebody who is not known, and as `order_start` does.
    """
    now = ports.clock.now()

    async def look(reader: Reader) -> tuple[str, str]:
        record = await _station(reader, organization_id, station_id)
        faults = list[Fault]()
        evse = record.station.evse(number)
        if evse is None:
            faults.append(Fault(field="evse", message="is not one of this station"))
        user = await _somebody(reader, organization_id, (who, now), faults)
        if faults or evse is None or user is None:
            raise Refused.because(*faults)
        return evse.evse, user.reference

    evse, reference = await ports.store.read(look)
    return await order_start(ports, organization_id, evse=evse, user_reference=reference)


async def _somebody(
    reader: Reader, organization_id: OrganizationId, named: tuple[str, datetime], faults: list[Fault]
) -> User | None:
    """The user of that reference, or else of the token as it is now: nobody is made by a slip of the pen."""
    who, now = named
    user = await reader.user_by_reference(organization_id, who)
    if user is not None:
        return user
    token = await reader.id_token(organization_id, who)
    status = verdict_on(token, now).status
    if token is None:
        faults.append(Fault(field="who", message="no user and no token has this name"))
    elif status is not TokenStatus.ACCEPTED:
        faults.append(Fault(field="who", message=f"this token may not charge: {status.lower()}"))
    elif token.user_id is None:
        faults.append(Fault(field="who", message="this token belongs to no user"))
    else:
        return await reader.user(organization_id, token.user_id)
    return None


async def _station(reader: Reader, organization_id: OrganizationId, station_id: StationId) -> StationRecord:
    record = await reader.station(organization_id, station_id)
    if record is None or record.removed_at is not None:
        raise NotFound(NO_STATION)
    return record


@dataclass(slots=True)
class _Look:
    """One reading of the store: places are looked up once each."""

    ports: Ports
    reader: Reader
    organization_id: OrganizationId
    places: dict[str, Location | None] = field(default_factory=dict)

    async def line(self, record: StationRecord) -> StationLine:
        name = (self.organization_id, record.id)
        said = [one.heard_at for one in record.standings.values()]
        newest = await self.reader.newest_frames(name, limit=ACTS_AT_MOST)
        said += [frame.received_at for _, frame in newest if frame.protocol != OURS][:1]
        said += [record.boot.at] if record.boot is not None else []
        return StationLine(
            record=record,
            place=await self._place(record),
            connected=self.ports.stations.is_connected(record.id),
            heard_at=max(said, default=None),
            open=tuple(await self.reader.transactions_of_station(name)),
        )

    async def charge(self, transaction: Transaction) -> Charge:
        rows = await self.reader.newest_samples(self.organization_id, transaction.id, limit=SAMPLES_AT_MOST)
        every = (one for row in rows for one in reversed(readings_of(row)))
        user = await self._user(transaction.user_id)
        return Charge(
            transaction=transaction,
            power=next((one for one in every if one.power_w is not None), None),
            user_reference=user.reference if user is not None else None,
            vehicle=await self.vehicle(transaction.vehicle_id),
        )

    async def vehicle(self, vehicle_id: VehicleId | None) -> str | None:
        found = await self.reader.vehicle(self.organization_id, vehicle_id) if vehicle_id else None
        return name_of(found) if found is not None else None

    async def tariffs(self, evses: tuple[Evse, ...]) -> dict[int, DriverTariff]:
        every = {one.scope: one.tariff for one in await self.reader.driver_tariffs(self.organization_id)}
        found = {one.number: every.get(scope_of(one.evse)) or every.get(EVERYWHERE) for one in evses}
        return {number: tariff for number, tariff in found.items() if tariff is not None}

    async def _place(self, record: StationRecord) -> Location | None:
        location_id = record.station.location_id
        if location_id is None:
            return None
        if location_id not in self.places:
            self.places[location_id] = await self.reader.location(self.organization_id, location_id)
        return self.places[location_id]

    async def _user(self, user_id: UserId | None) -> User | None:
        return await self.reader.user(self.organization_id, user_id) if user_id is not None else None
