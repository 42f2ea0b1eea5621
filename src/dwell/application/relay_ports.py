"""How several processes share the stations: which of them speaks for a station, and the way to those of the others.

Who lets a station in claims it and is given an epoch, higher than any before it. An order leaves through a socket only
while the socket's epoch is the station's newest and the process holds a lease.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Protocol

from dwell.application.station_ports import OFFLINE
from dwell.domain.errors import PeerFault
from dwell.domain.ids import StationId
from dwell.domain.station.orders import OrderAnswer, StationOrder


class StationsHere(Protocol):
    """The sockets of this process, as a relay sees them."""

    async def give_here(
        self, station_id: StationId, order: StationOrder, *, epoch: int, timeout_s: float
    ) -> OrderAnswer:
        """Through the socket of that epoch. Raises PeerFault, Refused like `StationOrders.give`."""
        ...

    async def lives_here(self, station_id: StationId) -> bool:
        """Whether the station answers here; a socket on which it does not is ended and speaks for it no longer."""
        ...

    def epoch_here(self, station_id: StationId) -> int | None:
        """The epoch of the station's socket here; None where there is none."""
        ...

    async def end_before(self, station_id: StationId, epoch: int) -> None:
        """Another process speaks for the station since `epoch`: a socket here that is older is ended."""
        ...


class StationRelay(Protocol):
    """The other processes' stations. Epochs count up from claim to claim of a station."""

    def serving(self, here: StationsHere) -> AbstractAsyncContextManager[None]:
        """While the block runs other processes reach the stations here. Raises Unavailable."""
        ...

    async def claim(self, station_id: StationId) -> int | None:
        """From now on this process speaks for the station, with that epoch; None while a socket elsewhere lives.

        Raises Unavailable where that cannot be learned now.
        """
        ...

    async def release(self, station_id: StationId, epoch: int) -> None:
        """The socket of that epoch is gone. Nothing happens where the station was claimed again since."""
        ...

    async def may_send(self, station_id: StationId, epoch: int) -> bool:
        """Whether that epoch still speaks for the station. Raises PeerFault (OFFLINE) where it cannot be learned."""
        ...

    def is_elsewhere(self, station_id: StationId) -> bool:
        """Whether another process with a lease holds the station, as far as was heard."""
        ...

    async def give(self, station_id: StationId, order: StationOrder, *, timeout_s: float) -> OrderAnswer:
        """`StationOrders.give` through whichever process holds the station."""
        ...


class Alone:
    """Where one process is all there is: what is not connected here is not connected."""

    def serving(self, here: StationsHere) -> AbstractAsyncContextManager[None]:
        del here
        return nullcontext()

    async def claim(self, station_id: StationId) -> int | None:
        del station_id
        return 0

    async def release(self, station_id: StationId, epoch: int) -> None:
        del station_id, epoch

    async def may_send(self, station_id: StationId, epoch: int) -> bool:
        del station_id, epoch
        return True

    def is_elsewhere(self, station_id: StationId) -> bool:
        del station_id
        return False

    async def give(self, station_id: StationId, order: StationOrder, *, timeout_s: float) -> OrderAnswer:
        del station_id, order, timeout_s
        raise not_connected()


ALONE = Alone()


def not_connected(why: str = "The station is not connected.") -> PeerFault:
    """What an order to a station that nobody holds meets; it was not sent."""
    return PeerFault(why, code=OFFLINE)
