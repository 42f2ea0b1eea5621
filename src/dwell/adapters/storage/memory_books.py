"""Where prices came from and who changed what, in the in-memory store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from dwell.adapters.storage.races import VersionRace
from dwell.adapters.storage.shelves import Shelves
from dwell.domain.audit import Entry
from dwell.domain.ids import OrganizationId
from dwell.domain.tariff.origin import PriceOrigin


class MemoryBooksReader:
    """What a reader says of the books."""

    _shelves: Shelves

    async def price_origins(self, zone: str, start_at: datetime, end_at: datetime) -> list[PriceOrigin]:
        known = self._shelves.price_origins.get(zone, [])
        return [origin for origin in known if origin.end_at > start_at and origin.start_at < end_at]

    async def audit_entries(
        self, organization_id: OrganizationId, *, after: int = 0, limit: int = 50
    ) -> list[Entry]:
        return self._shelves.audit_log.get(organization_id, [])[after : after + limit]

    async def audit_entries_before(
        self, organization_id: OrganizationId, before: int | None, *, limit: int = 50
    ) -> list[Entry]:
        chain = self._shelves.audit_log.get(organization_id, [])
        return chain[: before - 1 if before is not None else None][::-1][:limit]


class MemoryBooksWriter(MemoryBooksReader):
    """What a transaction does with the books."""

    _undo: list[Callable[[], object]]

    async def add_price_origins(self, origins: Sequence[PriceOrigin]) -> None:
        for origin in origins:
            known = self._shelves.price_origins.setdefault(origin.zone, [])
            known.append(origin)
            self._undo.append(known.pop)

    async def add_audit_entry(self, entry: Entry) -> None:
        chain = self._shelves.audit_log.setdefault(entry.organization_id, [])
        if entry.number != len(chain) + 1:
            raise VersionRace
        chain.append(entry)
        self._undo.append(chain.pop)
