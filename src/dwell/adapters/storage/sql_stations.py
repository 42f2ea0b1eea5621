"""Stations, tokens, transactions and frames in the SQL stores: the part of reader and transaction about them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from dwell.adapters.storage import bodies, statements
from dwell.adapters.storage.dialect import Row, Rows, Taken
from dwell.adapters.storage.races import TakenConflict
from dwell.domain.ids import OrganizationId, StationId, TransactionId
from dwell.domain.instants import instant_of, micros_of
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

_END_OF_TIME = (1 << 62) - 1


class SqlStationReader:
    """What a reader says of stations."""

    _rows: Rows

    async def station(self, organization_id: OrganizationId, station_id: StationId) -> StationRecord | None:
        found = await self._rows.all(statements.STATION, organization_id=organization_id, id=station_id)
        return bodies.decode_station(found[0][0]) if found else None

    async def station_named(self, name: str) -> StationRecord | None:
        found = await self._rows.all(statements.STATION_NAMED, name=name)
        return bodies.decode_station(found[0][0]) if found else None

    async def stations(
        self, organization_id: OrganizationId, *, after: str = "", limit: int = 1000
    ) -> list[StationRecord]:
        found = await self._rows.all(
            statements.STATIONS, organization_id=organization_id, after=after, limit=limit
        )
        return [bodies.decode_station(body) for (body,) in found]

    async def pending_station(self, organization_id: OrganizationId, name: str) -> PendingStation | None:
        found = await self._rows.all(statements.PENDING_STATION, organization_id=organization_id, name=name)
        return bodies.decode_pending_station(found[0][0]) if found else None

    async def pending_stations(
        self, organization_id: OrganizationId, *, limit: int = 1000
    ) -> list[PendingStation]:
        found = await self._rows.all(
            statements.PENDING_STATIONS, organization_id=organization_id, limit=limit
        )
        return [bodies.decode_pending_station(body) for (body,) in found]

    async def evse_place(self, organization_id: OrganizationId, key: str) -> EvsePlace | None:
        found = await self._rows.all(statements.EVSE, organization_id=organization_id, evse_key=key)
        return bodies.decode_evse_place(found[0][0]) if found else None

    async def id_token(self, organization_id: OrganizationId, text: str) -> TokenRecord | None:
        digest = bodies.digest_of_name(token_key(text))
        found = await self._rows.all(statements.ID_TOKEN, organization_id=organization_id, key_digest=digest)
        return bodies.decode_id_token(found[0][0]) if found else None

    async def id_tokens(self, organization_id: OrganizationId, *, limit: int = 1000) -> list[TokenRecord]:
        found = await self._rows.all(statements.ID_TOKENS, organization_id=organization_id, limit=limit)
        return [bodies.decode_id_token(body) for (body,) in found]

    async def driver_tariff(self, organization_id: OrganizationId, scope: str) -> TariffInForce | None:
        found = await self._rows.all(statements.DRIVER_TARIFF, organization_id=organization_id, scope=scope)
        return bodies.decode_driver_tariff(found[0][0]) if found else None

    async def driver_tariffs(self, organization_id: OrganizationId) -> list[TariffInForce]:
        found = await self._rows.all(statements.DRIVER_TARIFFS, organization_id=organization_id)
        return [bodies.decode_driver_tariff(body) for (body,) in found]

    async def transaction(
        self, organization_id: OrganizationId, transaction_id: TransactionId
    ) -> Transaction | None:
        found = await self._rows.all(
            statements.TRANSACTION, organization_id=organization_id, id=transaction_id
        )
        return bodies.decode_transaction(found[0][0]) if found else None

    async def transactions_of_station(
        self,
        station: tuple[OrganizationId, StationId],
        *,
        reference: str | None = None,
        stamped_at: datetime | None = None,
    ) -> list[Transaction]:
        names = {"organization_id": station[0], "station_id": station[1]}
        found = await self._rows.all(statements.OPEN_TRANSACTIONS, **names)
        if reference is not None:
            digest = bodies.digest_of_name(reference)
            found += await self._rows.all(statements.TRANSACTIONS_REFERRED, reference_digest=digest, **names)
        if stamped_at is not None:
            at = micros_of(stamped_at)
            found += await self._rows.all(statements.TRANSACTIONS_STAMPED, stamped_at=at, **names)
        every = [bodies.decode_transaction(body) for (body,) in found]
        return list({one.id: one for one in every}.values())

    async def stations_by_id(
        self, organization_id: OrganizationId, ids: Collection[StationId]
    ) -> dict[StationId, StationRecord]:
        found = await self._rows.all(
            statements.STATIONS_BY_ID, organization_id=organization_id, ids=list[str](ids)
        )
        return {one.id: one for one in (bodies.decode_station(body) for (body,) in found)}

    async def open_transactions(
        self, organization_id: OrganizationId, ids: Collection[StationId]
    ) -> dict[StationId, list[Transaction]]:
        rows = await self._rows.all(
            statements.OPEN_TRANSACTIONS_OF, organization_id=organization_id, ids=list[str](ids)
        )
        found: dict[StationId, list[Transaction]] = {}
        for (body,) in rows:
            one = bodies.decode_transaction(body)
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
        found = await self._rows.all(
            statements.TRANSACTIONS_NEWEST,
            organization_id=organization_id,
            after=-_END_OF_TIME if after is None else -micros_of(after.created_at),
            after_id="" if after is None else after.id,
            until=_END_OF_TIME if created_after is None else -micros_of(created_after),
            limit=limit,
        )
        return [bodies.decode_transaction(body) for (body,) in found]

    async def samples(
        self, organization_id: OrganizationId, transaction_id: TransactionId
    ) -> list[SampleRow]:
        found = await self._rows.all(
            statements.SAMPLES, organization_id=organization_id, transaction_id=transaction_id
        )
        return [_sample(transaction_id, row) for row in found]

    async def newest_samples(
        self, organization_id: OrganizationId, transaction_id: TransactionId, *, limit: int
    ) -> list[SampleRow]:
        names = {"organization_id": organization_id, "transaction_id": transaction_id}
        found = await self._rows.all(statements.SAMPLES_NEWEST, limit=limit, **names)
        return [_sample(transaction_id, row) for row in found]

    async def frames(
        self, station: tuple[OrganizationId, StationId], *, after: int = 0, limit: int = 1000
    ) -> list[tuple[int, FrameRow]]:
        names = {"organization_id": station[0], "station_id": station[1]}
        found = await self._rows.all(statements.FRAMES, after=after, limit=limit, **names)
        return [_frame(station, row) for row in found]

    async def newest_frames(
        self, station: tuple[OrganizationId, StationId], *, limit: int
    ) -> list[tuple[int, FrameRow]]:
        names = {"organization_id": station[0], "station_id": station[1]}
        found = await self._rows.all(statements.FRAMES_NEWEST, limit=limit, **names)
        return [_frame(station, row) for row in found]


class SqlStationWriter(SqlStationReader):
    """What a transaction does with stations."""

    async def hold_station(
        self, organization_id: OrganizationId, station_id: StationId
    ) -> StationRecord | None:
        # A new version of the row, as with locations: the later of two works is sent back to its beginning.
        found = await self._rows.all(statements.HOLD_STATION, organization_id=organization_id, id=station_id)
        return bodies.decode_station(found[0][0]) if found else None

    async def save_station(self, record: StationRecord) -> None:
        station = record.station
        row = (record.organization_id, record.id, station.name, bodies.encode(record))
        try:
            await self._rows.put(statements.SAVE_STATION, [row])
        except Taken:
            raise TakenConflict("a station of this name exists", code="station_exists") from None
        rows: list[Row] = [
            (
                record.organization_id,
                evse_key(one.evse),
                record.id,
                bodies.encode(EvsePlace(record.id, one.number)),
            )
            for one in station.evses
        ]
        if rows:
            await self._rows.put(statements.SAVE_EVSE, rows)

    async def save_pending_station(self, pending: PendingStation) -> None:
        row = (pending.organization_id, pending.name, bodies.encode(pending))
        await self._rows.put(statements.SAVE_PENDING_STATION, [row])

    async def remove_pending_station(self, organization_id: OrganizationId, name: str) -> None:
        await self._rows.run(statements.REMOVE_PENDING_STATION, organization_id=organization_id, name=name)

    async def save_id_token(self, token: TokenRecord) -> None:
        digest = bodies.digest_of_name(token_key(token.token.text))
        await self._rows.put(
            statements.SAVE_ID_TOKEN, [(token.organization_id, digest, bodies.encode(token))]
        )

    async def save_driver_tariff(self, tariff: TariffInForce) -> None:
        row = (tariff.organization_id, tariff.scope, bodies.encode(tariff))
        await self._rows.put(statements.SAVE_DRIVER_TARIFF, [row])

    async def save_transactions(
        self, transactions: Sequence[Transaction], *, wake: Sequence[datetime | None]
    ) -> None:
        rows = [_row_of(one, wake_at) for one, wake_at in zip(transactions, wake, strict=True)]
        if rows:
            await self._rows.put(statements.SAVE_TRANSACTION, rows)

    async def due_transactions(
        self, now: datetime, *, limit: int
    ) -> list[tuple[OrganizationId, TransactionId]]:
        found = await self._rows.all(statements.DUE_TRANSACTIONS, now=micros_of(now), limit=limit)
        return [(OrganizationId(owner), TransactionId(name)) for owner, name in found]

    async def add_samples(self, organization_id: OrganizationId, rows: Sequence[SampleRow]) -> None:
        values: list[Row] = [
            (organization_id, row.transaction_id, micros_of(row.at), row.digest, row.packed) for row in rows
        ]
        if values:
            await self._rows.put(statements.ADD_SAMPLES, values)

    async def add_frames(self, frames: Sequence[FrameRow]) -> None:
        values: list[Row] = [
            (
                one.organization_id,
                one.station_id,
                micros_of(one.received_at),
                one.protocol,
                one.text,
                bodies.encode(one.taken) if one.taken is not None else None,
            )
            for one in frames
        ]
        if values:
            await self._rows.put(statements.ADD_FRAME, values)

    async def forget_frames_before(self, instant: datetime, *, limit: int) -> int:
        gone = await self._rows.all(statements.FORGET_FRAMES, before=micros_of(instant), limit=limit)
        return len(gone)


def _sample(transaction_id: TransactionId, row: Row) -> SampleRow:
    at, digest, packed = row
    return SampleRow(transaction_id, instant_of(at), digest, packed)


def _frame(station: tuple[OrganizationId, StationId], row: Row) -> tuple[int, FrameRow]:
    position, received_at, protocol, text, taken = row
    return position, FrameRow(
        organization_id=station[0],
        station_id=station[1],
        received_at=instant_of(received_at),
        protocol=protocol,
        text=text,
        taken=bodies.decode_taken(taken) if taken is not None else None,
    )


def _row_of(transaction: Transaction, wake_at: datetime | None) -> Row:
    reference, stamped_at = transaction.reference, transaction.start_stamped_at
    return (
        transaction.organization_id,
        transaction.id,
        transaction.station_id,
        bodies.digest_of_name(reference) if reference is not None else None,
        micros_of(stamped_at) if stamped_at is not None else None,
        transaction.status,
        transaction.auth_type,
        transaction.user_id,
        int(transaction.status in OPEN),
        -micros_of(transaction.created_at),
        micros_of(wake_at) if wake_at is not None else None,
        bodies.encode(transaction),
    )
