"""Stations, tokens, transactions and frames in the in-memory store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from dwell.domain.errors import Conflict
from dwell.domain.ids import OrganizationId, StationId, TransactionId
from dwell.domain.instants import micros_of
from dwell.domain.station.equipment import evse_key
from dwell.domain.station.pending import PendingStation
from dwell.domain.station.registry import (
    EvsePlace,
    FrameRow,
    SampleRow,
    StationRecord,
    TariffInForce,
    TokenRecord,
    token_key,
)
from dwell.domain.station.transaction import OPEN, Transaction

if TYPE_CHECKING:
    from dwell.adapters.storage.shelves import Shelves


class MemoryStationReader:
    """What a reader says of stations."""

    _shelves: Shelves

    async def station(self, organization_id: OrganizationId, station_id: StationId) -> StationRecord | None:
        return self._shelves.stations.stations.get((organization_id, station_id))

    async def station_named(self, name: str) -> StationRecord | None:
        held = self._shelves.stations
        key = held.names.get(name)
        return held.stations[key] if key is not None else None

    async def stations(
        self, organization_id: OrganizationId, *, after: str = "", limit: int = 1000
    ) -> list[StationRecord]:
        held = self._shelves.stations.stations
        keys = sorted(key for key in held if key[0] == organization_id and key[1] > after)
        return [held[key] for key in keys[:limit]]

    async def pending_station(self, organization_id: OrganizationId, name: str) -> PendingStation | None:
        return self._shelves.stations.pending.get((organization_id, name))

    async def pending_stations(
        self, organization_id: OrganizationId, *, limit: int = 1000
    ) -> list[PendingStation]:
        held = self._shelves.stations.pending
        return [held[key] for key in sorted(held) if key[0] == organization_id][:limit]

    async def evse_place(self, organization_id: OrganizationId, key: str) -> EvsePlace | None:
        return self._shelves.stations.evses.get((organization_id, key))

    async def id_token(self, organization_id: OrganizationId, text: str) -> TokenRecord | None:
        return self._shelves.stations.tokens.get((organization_id, token_key(text)))

    async def id_tokens(self, organization_id: OrganizationId, *, limit: int = 1000) -> list[TokenRecord]:
        held = self._shelves.stations.tokens
        return [held[key] for key in sorted(held) if key[0] == organization_id][:limit]

    async def driver_tariff(self, organization_id: OrganizationId, scope: str) -> TariffInForce | None:
        return self._shelves.stations.tariffs.get((organization_id, scope))

    async def driver_tariffs(self, organization_id: OrganizationId) -> list[TariffInForce]:
        held = self._shelves.stations.tariffs
        return [held[key] for key in sorted(held) if key[0] == organization_id]

    async def transaction(
        self, organization_id: OrganizationId, transaction_id: TransactionId
    ) -> Transaction | None:
        return self._shelves.stations.transactions.get((organization_id, transaction_id))

    async def transactions_of_station(
        self,
        station: tuple[OrganizationId, StationId],
        *,
        reference: str | None = None,
        stamped_at: datetime | None = None,
    ) -> list[Transaction]:
        return [
            one
            for one in self._shelves.stations.transactions.values()
            if (one.organization_id, one.station_id) == station
            and (
                one.status in OPEN
                or (reference is not None and one.reference == reference)
                or (stamped_at is not None and one.start_stamped_at == stamped_at)
            )
        ]

    async def stations_by_id(
        self, organization_id: OrganizationId, ids: Collection[StationId]
    ) -> dict[StationId, StationRecord]:
        held = self._shelves.stations.stations
        return {one: held[organization_id, one] for one in ids if (organization_id, one) in held}

    async def open_transactions(
        self, organization_id: OrganizationId, ids: Collection[StationId]
    ) -> dict[StationId, list[Transaction]]:
        found: dict[StationId, list[Transaction]] = {}
        for one in self._shelves.stations.transactions.values():
            if one.organization_id == organization_id and one.station_id in ids and one.status in OPEN:
                found.setdefault(one.station_id, []).append(one)
        return found

    async def newest_transactions(
        self,
        organization_id: OrganizationId,
        *,
        after: Transaction | None = None,
        created_after: datetime | None = None,
        limit: int = 200,
    ) -> list[Transaction]:
        first = _place_of(after) if after is not None else None
        found = [
            one
            for one in self._shelves.stations.transactions.values()
            if one.organization_id == organization_id
            and (created_after is None or one.created_at > created_after)
            and (first is None or _place_of(one) > first)
        ]
        return sorted(found, key=_place_of)[:limit]

    async def samples(
        self, organization_id: OrganizationId, transaction_id: TransactionId
    ) -> list[SampleRow]:
        held = self._shelves.stations.samples.get((organization_id, transaction_id), {})
        return [held[key] for key in sorted(held)]

    async def newest_samples(
        self, organization_id: OrganizationId, transaction_id: TransactionId, *, limit: int
    ) -> list[SampleRow]:
        return (await self.samples(organization_id, transaction_id))[::-1][:limit]

    async def frames(
        self, station: tuple[OrganizationId, StationId], *, after: int = 0, limit: int = 1000
    ) -> list[tuple[int, FrameRow]]:
        held = self._shelves.stations.frames
        found = [
            (position, one)
            for position, one in held.items()
            if (one.organization_id, one.station_id) == station and position > after
        ]
        return found[:limit]

    async def newest_frames(
        self, station: tuple[OrganizationId, StationId], *, limit: int
    ) -> list[tuple[int, FrameRow]]:
        held = reversed(self._shelves.stations.frames.items())
        mine = ((at, one) for at, one in held if (one.organization_id, one.station_id) == station)
        return list(islice(mine, limit))


class MemoryStationWriter(MemoryStationReader):
    """What a transaction does with stations."""

    _undo: list[Callable[[], object]]
    _put: Callable[..., None]
    _take: Callable[..., None]

    async def hold_station(
        self, organization_id: OrganizationId, station_id: StationId
    ) -> StationRecord | None:
        return await self.station(organization_id, station_id)

    async def save_station(self, record: StationRecord) -> None:
        held, key = self._shelves.stations, (record.organization_id, record.id)
        if held.names.get(record.station.name, key) != key:
            raise Conflict("a station of this name exists", code="station_exists")
        self._put(held.stations, key, record)
        self._put(held.names, record.station.name, key)
        for one in record.station.evses:
            place = EvsePlace(record.id, one.number)
            self._put(held.evses, (record.organization_id, evse_key(one.evse)), place)

    async def save_pending_station(self, pending: PendingStation) -> None:
        self._put(self._shelves.stations.pending, (pending.organization_id, pending.name), pending)

    async def remove_pending_station(self, organization_id: OrganizationId, name: str) -> None:
        self._take(self._shelves.stations.pending, (organization_id, name))

    async def save_id_token(self, token: TokenRecord) -> None:
        key = (token.organization_id, token_key(token.token.text))
        self._put(self._shelves.stations.tokens, key, token)

    async def save_driver_tariff(self, tariff: TariffInForce) -> None:
        self._put(self._shelves.stations.tariffs, (tariff.organization_id, tariff.scope), tariff)

    async def save_transactions(
        self, transactions: Sequence[Transaction], *, wake: Sequence[datetime | None]
    ) -> None:
        held = self._shelves.stations
        for one, wake_at in zip(transactions, wake, strict=True):
            key = (one.organization_id, one.id)
            self._put(held.transactions, key, one)
            if wake_at is None:
                self._take(held.wakes, key)
            else:
                self._put(held.wakes, key, wake_at)

    async def due_transactions(
        self, now: datetime, *, limit: int
    ) -> list[tuple[OrganizationId, TransactionId]]:
        wakes = self._shelves.stations.wakes
        due = sorted((wake_at, key) for key, wake_at in wakes.items() if wake_at <= now)
        return [(OrganizationId(key[0]), TransactionId(key[1])) for _, key in due[:limit]]

    async def add_samples(self, organization_id: OrganizationId, rows: Sequence[SampleRow]) -> None:
        for row in rows:
            held = self._shelves.stations.samples.setdefault((organization_id, row.transaction_id), {})
            self._put(held, (row.at, row.digest), row)

    async def add_frames(self, frames: Sequence[FrameRow]) -> None:
        held = self._shelves.stations
        for one in frames:
            self._put(held.frames, held.next_frame, one)
            held.next_frame += 1

    async def forget_frames_before(self, instant: datetime, *, limit: int) -> int:
        held = self._shelves.stations.frames
        old = [position for position, one in list(held.items())[:limit] if one.received_at < instant]
        for position in old:
            self._take(held, position)
        return len(old)


def _place_of(transaction: Transaction) -> tuple[int, str]:
    return (-micros_of(transaction.created_at), transaction.id)
