"""The journal taken once more, station by station, into an empty store: does it give what is stored?

Every message goes the way it went the first time (`take_report`), with what it was taken with then: its instant, ids
and numbers of ours, the token and the tariff as they were. What is not in the journal is told as such.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import msgspec

from dwell.application.poison import INDIGESTIBLE
from dwell.application.ports import Ports, Reader, Store
from dwell.application.ports import Transaction as Tx
from dwell.application.retention import FRAMES_KEPT
from dwell.application.station_ports import NO_STATIONS
from dwell.application.stations.acts import act_again
from dwell.application.stations.rebuilt import Difference, Outcome, Rebuilt, RowClock, Unread, shown
from dwell.application.stations.replay_vehicles import LATEST, compare_vehicles
from dwell.application.stations.reports import Heard, take_report
from dwell.domain.errors import DwellError
from dwell.domain.ids import OrganizationId, StationId, TransactionId, VehicleId
from dwell.domain.session.incoming import EARLIEST
from dwell.domain.station.equipment import Evse
from dwell.domain.station.registry import OURS, FrameRow, StationRecord
from dwell.domain.station.reports import StationReport
from dwell.domain.station.transaction import Transaction

PAGE = 500
WARM_UP = timedelta(days=1)
"""Where the journal does not begin with the station, what began this soon after its beginning is not judged."""
NOT_COMPARED = frozenset({"stop_wanted_at"})
"""What we still want of a station; no part of the record."""

Read = Callable[[FrameRow], StationReport]
"""What a message says. Raises ValueError for one that cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be judged: by station, and by when transactions were created; None for all."""

    station: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def has(self, transaction: Transaction) -> bool:
        """Whether the transaction was created in the window."""
        after = self.since is None or transaction.created_at >= self.since
        return after and (self.until is None or transaction.created_at < self.until)


@dataclass(slots=True)
class _Seen:
    """What was rebuilt, and of each station: the last row read, since when it is judged, and its name."""

    ids: set[TransactionId] = field(default_factory=set)
    stations: dict[StationId, tuple[int, datetime | None, str]] = field(default_factory=dict)


async def rebuild_and_compare(
    ports: Ports, organization_id: OrganizationId, wanted: Wanted, *, read: Read, fresh: Callable[[], Store]
) -> Outcome:
    """Rebuild the stations of an organization from their journal and compare. Nothing is written to `ports`.

    A page of the journal and one station's past are in memory at a time, of all stations only the transactions' ids.
    """
    outcome, seen = Outcome(), _Seen()
    async for record in _stations(ports, organization_id, wanted.station):
        rebuilt = await _begun(ports, record, fresh())
        await _take_and_compare(ports, rebuilt, outcome, wanted=wanted, read=read)
        await compare_vehicles(ports, rebuilt, outcome)
        seen.ids |= rebuilt.ids
        seen.stations[record.id] = rebuilt.position, rebuilt.begins_at, record.station.name
        outcome.stations += 1
    await _tell_missing(ports, organization_id, outcome, wanted=wanted, seen=seen)
    return outcome


async def _stations(
    ports: Ports, organization_id: OrganizationId, name: str | None
) -> AsyncIterator[StationRecord]:
    after = ""
    while page := await _page_of_stations(ports.store, organization_id, after):
        for record in page:
            if name in {None, record.station.name}:
                yield record
        after = page[-1].id


async def _page_of_stations(store: Store, organization_id: OrganizationId, after: str) -> list[StationRecord]:
    return await store.read(lambda reader: reader.stations(organization_id, after=after))


async def _begun(ports: Ports, record: StationRecord, store: Store) -> Rebuilt:
    """The station as it was registered: EVSEs that were only heard of later are not there yet, nothing was said."""
    clock = RowClock(record.created_at)
    name = record.station.name
    evses = tuple(
        one for one in record.station.evses if one != Evse(number=one.number, evse=f"{name}*{one.number}")
    )
    fresh = StationRecord(
        station=msgspec.structs.replace(record.station, evses=evses),
        created_at=record.created_at,
        updated_at=record.created_at,
        site=record.site,
    )
    rebuilt = Rebuilt(
        record=record, ports=replace(ports, store=store, clock=clock, stations=NO_STATIONS), clock=clock
    )
    location_id = record.station.location_id
    place = None
    if location_id is not None:
        place = await ports.store.read(lambda reader: reader.location(record.organization_id, location_id))

    async def work(tx: Tx) -> None:
        await tx.save_station(fresh)
        if place is not None:
            await tx.save_location(place)

    await store.write(work)
    for one in evses:
        await _know_vehicle(ports, rebuilt, one.vehicle_id)
    return rebuilt


async def _know_vehicle(ports: Ports, rebuilt: Rebuilt, vehicle_id: VehicleId | None) -> None:
    """Have the vehicle in the new store too, without its policies: they steer, and decide nothing of a transaction."""
    if vehicle_id is None or vehicle_id in rebuilt.vehicles:
        return
    rebuilt.vehicles.add(vehicle_id)
    owner = rebuilt.record.organization_id
    found = await ports.store.read(lambda reader: reader.vehicle(owner, vehicle_id))
    if found is None:
        return
    kept = msgspec.structs.replace(found, deleted_at=None)

    async def work(tx: Tx) -> None:
        await tx.save_vehicle(kept)

    await rebuilt.ports.store.write(work)


# --- taking ---


async def _take_and_compare(
    ports: Ports, rebuilt: Rebuilt, outcome: Outcome, *, wanted: Wanted, read: Read
) -> None:
    """Take the journal to its end; what is stored is looked at on one view with that end, also while it grows."""

    async def look(reader: Reader) -> Outcome | None:
        if await reader.frames(rebuilt.name, after=rebuilt.position, limit=1):
            return None
        return await _compared(reader, rebuilt, wanted)

    while True:
        while page := await _page_of_frames(ports.store, rebuilt):
            for position, row in page:
                await _take(ports, rebuilt, outcome, at=(position, row), read=read)
                rebuilt.position = position
            await rebuilt.ports.store.write(_forget_frames)
        found = await ports.store.read(look)
        if found is not None:
            outcome.add(found)
            return


async def _page_of_frames(store: Store, rebuilt: Rebuilt) -> list[tuple[int, FrameRow]]:
    return await store.read(lambda reader: reader.frames(rebuilt.name, after=rebuilt.position, limit=PAGE))


async def _forget_frames(tx: Tx) -> None:
    """The new store's own journal is of no use."""
    while await tx.forget_frames_before(LATEST, limit=PAGE):
        pass


async def _take(
    ports: Ports, rebuilt: Rebuilt, outcome: Outcome, *, at: tuple[int, FrameRow], read: Read
) -> None:
    position, row = at
    outcome.frames += 1
    if rebuilt.begins_at is None:
        cut = rebuilt.record.created_at < ports.clock.now() - FRAMES_KEPT
        rebuilt.begins_at = row.received_at + WARM_UP if cut else EARLIEST
    why = await _taken(ports, rebuilt, row, read)
    if why is not None:
        unread = Unread(
            station=rebuilt.record.station.name, position=position, received_at=row.received_at, why=why
        )
        outcome.tell_unread(unread)


async def _taken(ports: Ports, rebuilt: Rebuilt, row: FrameRow, read: Read) -> str | None:
    """Why the row could not be taken; None where it was."""
    if row.damaged:
        return "what it was taken with cannot be read"
    if row.taken is None:
        rebuilt.begins_at = row.received_at + WARM_UP
        return "from before the journal told what a message was taken with"
    rebuilt.clock.at = row.received_at
    if row.taken.token is not None:
        await _know_vehicle(ports, rebuilt, row.taken.token.vehicle_id)
    try:
        if row.protocol == OURS:
            await act_again(rebuilt.ports, row)
        else:
            heard = Heard(
                report=read(row),
                at=row.taken.at,
                moved=row.taken.moved,
                received_at=row.received_at,
                protocol=row.protocol,
                frame=row.text,
                again=row.taken,
            )
            await take_report(rebuilt.ports, row.organization_id, row.station_id, heard)
    except DwellError as error:
        return error.message
    except INDIGESTIBLE as error:  # one row that cannot be taken is told of, and must not hide the rest
        return f"{type(error).__name__}: {error}"
    return None


# --- comparing ---


async def _compared(reader: Reader, rebuilt: Rebuilt, wanted: Wanted) -> Outcome:
    """The rebuilt transactions against those stored, in the order of their creation from the newest."""
    outcome, owner = Outcome(), rebuilt.record.organization_id
    rebuilt.ids.clear()
    async for one in _rebuilt_transactions(rebuilt):
        rebuilt.ids.add(one.id)
        if not wanted.has(one):
            continue
        if not rebuilt.is_judged(one.created_at):
            outcome.not_judged += 1
            continue
        stored = await reader.transaction(owner, one.id)
        station = rebuilt.record.station.name
        found = list(differences(station, stored, one)) if stored is not None else []
        if stored is not None:
            found += await _other_readings(reader, rebuilt, one)
        if stored is None:
            outcome.extra += 1
            outcome.tell(
                Difference(station=station, thing=_called(one), field="", stored="", rebuilt="there")
            )
        elif found:
            outcome.different += 1
            outcome.tell(*found)
        else:
            outcome.same += 1
    return outcome


async def _rebuilt_transactions(rebuilt: Rebuilt) -> AsyncIterator[Transaction]:
    last: Transaction | None = None
    while page := await _page_of_transactions(rebuilt.ports.store, rebuilt.record.organization_id, last):
        for one in page:
            yield one
        last = page[-1]


async def _page_of_transactions(
    store: Store, owner: OrganizationId, after: Transaction | None
) -> list[Transaction]:
    return await store.read(lambda reader: reader.newest_transactions(owner, after=after, limit=PAGE))


def differences(station: str, stored: Transaction, rebuilt: Transaction) -> Iterator[Difference]:
    """Every field of the two that differs, and their energy, which follows from several."""
    names = ["energy_wh", *(one for one in stored.__struct_fields__ if one not in NOT_COMPARED)]
    for name in names:
        was, now = getattr(stored, name), getattr(rebuilt, name)
        if was != now:
            yield Difference(
                station=station, thing=_called(stored), field=name, stored=shown(was), rebuilt=shown(now)
            )


async def _other_readings(reader: Reader, rebuilt: Rebuilt, transaction: Transaction) -> list[Difference]:
    """Whether every message's readings are kept as they are rebuilt: what is counted anew is counted from them."""
    owner = rebuilt.record.organization_id
    stored = {one.digest for one in await reader.samples(owner, transaction.id)}
    now = {
        one.digest
        for one in await rebuilt.ports.store.read(lambda rebuilt: rebuilt.samples(owner, transaction.id))
    }
    if stored == now:
        return []
    return [
        Difference(
            station=rebuilt.record.station.name,
            thing=_called(transaction),
            field="readings",
            stored=f"{len(stored - now)} messages only there",
            rebuilt=f"{len(now - stored)} messages only there",
        )
    ]


def _called(transaction: Transaction) -> str:
    return f"transaction {transaction.id}"


async def _tell_missing(
    ports: Ports, organization_id: OrganizationId, outcome: Outcome, *, wanted: Wanted, seen: _Seen
) -> None:
    """The stored transactions of these stations that the journal did not give."""
    last: Transaction | None = None
    while page := await _page_of_transactions(ports.store, organization_id, last):
        for one in page:
            if one.station_id not in seen.stations or one.id in seen.ids or not wanted.has(one):
                continue
            position, begins_at, station = seen.stations[one.station_id]
            names, after = (organization_id, one.station_id), position
            if await _grew(ports.store, names, after):
                continue  # it came while we looked: what came with it was not read
            if begins_at is not None and one.created_at < begins_at:
                outcome.not_judged += 1
                continue
            outcome.missing += 1
            outcome.tell(
                Difference(station=station, thing=_called(one), field="", stored="there", rebuilt="")
            )
        last = page[-1]


async def _grew(store: Store, station: tuple[OrganizationId, StationId], after: int) -> bool:
    return bool(await store.read(lambda reader: reader.frames(station, after=after, limit=1)))
