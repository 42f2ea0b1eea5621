"""The EVSEs of the dashboard's first page: what each says of itself, and who charged there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from dwell.application.ports import Ports, Reader
from dwell.domain.ids import LocationId, OrganizationId, StationId
from dwell.domain.station.registry import Standing, StationRecord
from dwell.domain.station.transaction import Transaction

STATIONS_AT_MOST = 200
TRANSACTIONS_AT_MOST = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EvseRow:
    """An EVSE, its station and whether that is connected, and its transactions that meet the window."""

    station: StationRecord
    number: int
    evse: str
    connected: bool
    standing: Standing | None
    transactions: tuple[Transaction, ...]


async def evse_rows(
    ports: Ports,
    reader: Reader,
    organization_id: OrganizationId,
    *,
    since: datetime,
    location_id: LocationId | None,
) -> tuple[EvseRow, ...]:
    """The EVSEs of the first STATIONS_AT_MOST stations, of one location or of all."""
    found = await reader.stations(organization_id, after="", limit=STATIONS_AT_MOST)
    stations = [
        one for one in found if one.removed_at is None and location_id in {None, one.station.location_id}
    ]
    if not stations:
        return ()
    newest = await reader.newest_transactions(
        organization_id, created_after=since, limit=TRANSACTIONS_AT_MOST
    )
    known = {one.id: one for one in newest}
    for station in stations:
        for one in await reader.transactions_of_station((organization_id, station.id)):
            known[one.id] = one
    at = _by_evse(known.values())
    return tuple(
        EvseRow(
            station=station,
            number=evse.number,
            evse=evse.evse,
            connected=ports.stations.is_connected(station.id),
            standing=station.standings.get(evse.number),
            transactions=tuple(at.get((station.id, evse.number), ())),
        )
        for station in stations
        for evse in station.station.evses
    )


def _by_evse(transactions: Iterable[Transaction]) -> dict[tuple[StationId, int], list[Transaction]]:
    at: dict[tuple[StationId, int], list[Transaction]] = {}
    for one in sorted(transactions, key=lambda one: (one.created_at, one.id)):
        at.setdefault((one.station_id, one.evse_number), []).append(one)
    return at
