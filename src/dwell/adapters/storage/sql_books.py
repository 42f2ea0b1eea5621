"""Where prices came from and who changed what, in the SQL stores."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from dwell.adapters.storage import bodies, statements
from dwell.adapters.storage.dialect import Row, Rows, Taken
from dwell.adapters.storage.races import VersionRace
from dwell.domain.audit import Entry
from dwell.domain.ids import OrganizationId
from dwell.domain.instants import micros_of
from dwell.domain.tariff.origin import PriceOrigin

_decode_origin = msgspec.msgpack.Decoder(PriceOrigin).decode
_decode_entry = msgspec.msgpack.Decoder(Entry).decode


class SqlBooksReader:
    """What a reader says of the books."""

    _rows: Rows

    async def price_origins(self, zone: str, start_at: datetime, end_at: datetime) -> list[PriceOrigin]:
        found = await self._rows.all(
            statements.PRICE_ORIGINS, zone=zone, start_at=micros_of(start_at), end_at=micros_of(end_at)
        )
        return [_decode_origin(body) for (body,) in found]

    async def audit_entries(
        self, organization_id: OrganizationId, *, after: int = 0, limit: int = 50
    ) -> list[Entry]:
        found = await self._rows.all(
            statements.AUDIT_ENTRIES, organization_id=organization_id, after=after, limit=limit
        )
        return [_entry(row) for row in found]

    async def audit_entries_before(
        self, organization_id: OrganizationId, before: int | None, *, limit: int = 50
    ) -> list[Entry]:
        found = await self._rows.all(
            statements.AUDIT_ENTRIES_BEFORE,
            organization_id=organization_id,
            before=before if before is not None else 1 << 62,
            limit=limit,
        )
        return [_entry(row) for row in found]


class SqlBooksWriter(SqlBooksReader):
    """What a transaction does with the books."""

    async def add_price_origins(self, origins: Sequence[PriceOrigin]) -> None:
        rows: list[Row] = [
            (o.zone, micros_of(o.start_at), micros_of(o.end_at), bodies.encode(o)) for o in origins
        ]
        await self._rows.put(statements.ADD_PRICE_ORIGIN, rows)

    async def add_audit_entry(self, entry: Entry) -> None:
        row = (entry.organization_id, entry.number, entry.hash, bodies.encode(entry))
        try:
            await self._rows.put(statements.ADD_AUDIT_ENTRY, [row])
        except Taken:
            raise VersionRace from None


def _entry(row: Row) -> Entry:
    """The entry, with the hash as its column has it: one that was changed in either place shows."""
    digest, body = row
    return msgspec.structs.replace(_decode_entry(body), hash=digest)
