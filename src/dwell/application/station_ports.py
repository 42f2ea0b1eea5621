"""What the use cases of stations need of the store, and of whoever holds the stations' sockets."""

from __future__ import annotations

from collections.abc import Collection, Coroutine, Sequence
from datetime import datetime
from typing import Any, Protocol

from dwell.domain.errors import PeerFault
from dwell.domain.ids import OrganizationId, StationId, TransactionId
from dwell.domain.station.orders import OrderAnswer, StationOrder
from dwell.domain.station.pending import PendingStation
from dwell.domain.station.registry import (
    EvsePlace,
    FrameRow,
    SampleRow,
    StationRecord,
    TariffInForce,
    TokenRecord,
)
from dwell.domain.station.transaction import Transaction

OFFLINE = "station_offline"
NO_ANSWER = "station_no_answer"
"""Codes of the PeerFault that `StationOrders.give` raises."""


class StationOrders(Protocol):
    """The way to the stations, wherever their sockets are."""

    def is_connected(self, station_id: StationId) -> bool: ...

    async def give(self, station_id: StationId, order: StationOrder, *, timeout_s: float) -> OrderAnswer:
        """What the station made of the order. Raises PeerFault (OFFLINE, NO_ANSWER), Refused if it cannot be said."""
        ...

    def soon(self, work: Coroutine[Any, Any, None]) -> None:
        """Have the work done beside everything else; what it raises is logged."""
        ...


class NoStations:
    """The way to stations where no gateway runs: none is connected."""

    def is_connected(self, station_id: StationId) -> bool:
        del station_id
        return False

    async def give(self, station_id: StationId, order: StationOrder, *, timeout_s: float) -> OrderAnswer:
        del station_id, order, timeout_s
        raise PeerFault("The station is not connected.", code=OFFLINE)

    def soon(self, work: Coroutine[Any, Any, None]) -> None:
        work.close()


NO_STATIONS = NoStations()


class StationReader(Protocol):
    """What can be read of stations. Lists are as long as their `limit`; of another organization nothing is there."""

    async def station(
        self, organization_id: OrganizationId, station_id: StationId
    ) -> StationRecord | None: ...

    async def station_named(self, name: str) -> StationRecord | None:
        """By the last part of the address it connects to, whoever's it is."""
        ...

    async def stations(
        self, organization_id: OrganizationId, *, after: str = "", limit: int = 1000
    ) -> list[StationRecord]:
        """Ascending by id."""
        ...

    async def pending_station(self, organization_id: OrganizationId, name: str) -> PendingStation | None:
        """A station that waits for an operator's word, or was refused."""
        ...

    async def pending_stations(
        self, organization_id: OrganizationId, *, limit: int = 1000
    ) -> list[PendingStation]:
        """Ascending by name."""
        ...

    async def evse_place(self, organization_id: OrganizationId, key: str) -> EvsePlace | None:
        """By the form in which EVSE ids are compared."""
        ...

    async def id_token(self, organization_id: OrganizationId, text: str) -> TokenRecord | None: ...

    async def id_tokens(self, organization_id: OrganizationId, *, limit: int = 1000) -> list[TokenRecord]: ...

    async def driver_tariff(self, organization_id: OrganizationId, scope: str) -> TariffInForce | None: ...

    async def driver_tariffs(self, organization_id: OrganizationId) -> list[TariffInForce]: ...

    async def transaction(
        self, organization_id: OrganizationId, transaction_id: TransactionId
    ) -> Transaction | None: ...

    async def transactions_of_station(
        self,
        station: tuple[OrganizationId, StationId],
        *,
        reference: str | None = None,
        stamped_at: datetime | None = None,
    ) -> list[Transaction]:
        """Those that are open, with that reference, or whose start was stamped so; each once."""
        ...

    async def stations_by_id(
        self, organization_id: OrganizationId, ids: Collection[StationId]
    ) -> dict[StationId, StationRecord]: ...

    async def open_transactions(
        self, organization_id: OrganizationId, ids: Collection[StationId]
    ) -> dict[StationId, list[Transaction]]:
        """Of these stations; one that has none is left out."""
        ...

    async def newest_transactions(
        self,
        organization_id: OrganizationId,
        *,
        after: Transaction | None = None,
        created_after: datetime | None = None,
        limit: int = 200,
    ) -> list[Transaction]:
        """Newest first, then ascending id; `after` is the last one known."""
        ...

    async def samples(
        self, organization_id: OrganizationId, transaction_id: TransactionId
    ) -> list[SampleRow]:
        """Ascending by instant."""
        ...

    async def newest_samples(
        self, organization_id: OrganizationId, transaction_id: TransactionId, *, limit: int
    ) -> list[SampleRow]:
        """Descending by instant."""
        ...

    async def frames(
        self, station: tuple[OrganizationId, StationId], *, after: int = 0, limit: int = 1000
    ) -> list[tuple[int, FrameRow]]:
        """In order of arrival, each with its position."""
        ...

    async def newest_frames(
        self, station: tuple[OrganizationId, StationId], *, limit: int
    ) -> list[tuple[int, FrameRow]]:
        """The last ones that came, the last one first."""
        ...


class StationWriter(Protocol):
    """What can be written of stations."""

    async def hold_station(
        self, organization_id: OrganizationId, station_id: StationId
    ) -> StationRecord | None:
        """The station, so that of two works that hold or save it the later one has seen the other."""
        ...

    async def save_station(self, record: StationRecord) -> None:
        """With its EVSEs. Raises Conflict (station_exists) where another has its name."""
        ...

    async def save_pending_station(self, pending: PendingStation) -> None: ...

    async def remove_pending_station(self, organization_id: OrganizationId, name: str) -> None: ...

    async def save_id_token(self, token: TokenRecord) -> None: ...

    async def save_driver_tariff(self, tariff: TariffInForce) -> None: ...

    async def save_transactions(
        self, transactions: Sequence[Transaction], *, wake: Sequence[datetime | None]
    ) -> None:
        """`wake`: for each, when time has something to do with it."""
        ...

    async def due_transactions(
        self, now: datetime, *, limit: int
    ) -> list[tuple[OrganizationId, TransactionId]]:
        """Of any organization, soonest first."""
        ...

    async def add_samples(self, organization_id: OrganizationId, rows: Sequence[SampleRow]) -> None:
        """Those that are known already change nothing."""
        ...

    async def add_frames(self, frames: Sequence[FrameRow]) -> None: ...

    async def forget_frames_before(self, instant: datetime, *, limit: int) -> int:
        """Remove those received before `instant`, at most the `limit` oldest. Returns how many went."""
        ...
