"""A stop that nobody answered is ordered again by one process, however many see that it is due."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from application.stations.test_together import a_yard
from dwell.application.ports import Ports
from dwell.application.station_ports import NO_ANSWER
from dwell.application.stations.orders import look_after_transactions, order_stop
from dwell.domain.errors import PeerFault
from dwell.domain.ids import StationId
from dwell.domain.station.orders import OrderAnswer, StationOrder, StopCharging, Verdict
from dwell.domain.station.transaction import Status
from dwell.simulation.clock import VirtualClock
from stores import AnyStore

pytestmark = pytest.mark.anyio


@dataclass(slots=True)
class Way:
    """The way to one station that is silent, or accepts everything."""

    told: list[StationOrder] = field(default_factory=list)
    is_silent: bool = True

    def is_connected(self, station_id: StationId) -> bool:
        del station_id
        return True

    async def give(self, station_id: StationId, order: StationOrder, *, timeout_s: float) -> OrderAnswer:
        del station_id, timeout_s
        self.told.append(order)
        if self.is_silent:
            raise PeerFault("The station did not answer.", code=NO_ANSWER)
        return OrderAnswer(verdict=Verdict.ACCEPTED)

    def soon(self, work: Coroutine[Any, Any, None]) -> None:
        work.close()


async def test_of_two_processes_that_see_it_due_one_orders_it(store: AnyStore) -> None:
    yard, _ = await a_yard(store, 1)
    way, clock = Way(), yard.ports.clock
    assert isinstance(clock, VirtualClock)
    ports = Ports(store, clock, yard.ports.ids, stations=way)
    running = await yard.transaction(yard.stations[0])
    with pytest.raises(PeerFault):
        await order_stop(ports, yard.owner, running.id)
    for is_silent in (True, False):
        way.told.clear()
        way.is_silent = is_silent
        clock.move_to(clock.now() + timedelta(seconds=31))
        await asyncio.gather(*(look_after_transactions(ports) for _ in range(3)))
        assert way.told == [StopCharging(reference=running.reference or "")]
    stopped = await yard.ports.store.read(lambda reader: reader.transaction(yard.owner, running.id))
    assert stopped is not None and stopped.status is Status.REMOTE_STOPPED
