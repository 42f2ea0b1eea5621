"""Orders leave beside the engine's loop: a receiver that hangs holds up nobody else, and nothing is lost by it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest

from application.sessions.evenings import EVENING, HOUR, MINUTE, plugged, unplugged
from dwell.adapters.storage.memory import MemoryStore
from dwell.adapters.vehicles.http import HttpOrders
from dwell.api.shared.metrics import Metrics
from dwell.application.engine import Engine, look_after_due
from dwell.application.ports import Ports, Transaction
from dwell.domain.ids import OrderId, VehicleId
from dwell.domain.planning import warm_up
from dwell.domain.session.facts import Fact
from dwell.domain.session.steering import DROPPED, SENT, START, STOP, Order
from dwell.workers import orders as handing
from dwell.workers.engine import run_engine
from dwell.workers.orders import Dispatch
from house import House, a_house
from receiver import Answer, Receiver

pytestmark = pytest.mark.anyio

SECRET = "whsec_YSBrZXkgb2YgdHdlbnR5LWZvdXIgYnl0ZQ=="
DEADLINE_S = 20.0


@pytest.fixture(scope="module", autouse=True)
def compiled_planner() -> None:
    """As the server does before its engine begins: compiling would hold the loop."""
    warm_up()


def nearly_empty() -> Fact:
    """The vehicle comes home below its reserve: it is charged at once."""
    return plugged(0, charging=False, power_w=0, soc_percent=8)


@asynccontextmanager
async def told_by_http(receiver: Receiver, *, timeout_s: float = 30.0) -> AsyncIterator[House]:
    """A house whose orders go to the receiver."""
    house = await a_house(MemoryStore())
    async with HttpOrders(receiver.url, SECRET, house.clock, timeout_s=timeout_s) as orders:
        house.engine = Engine(house.ports, orders)
        yield house


async def an_order(house: House) -> Order:
    """The vehicle has come home nearly empty, and its START is committed."""
    await house.tell(nearly_empty())
    [order] = (await look_after_due(house.engine)).orders
    return order


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Let others run until the condition holds."""
    async with asyncio.timeout(DEADLINE_S):
        while not await holds():  # noqa: ASYNC110  # the condition lies in a store, which has no event
            await asyncio.sleep(0)


async def has_settled(house: House) -> bool:
    return bool(await house.settled())


class Roads:
    """A way to many vehicles that takes its time: each call ends when the test says so."""

    def __init__(self) -> None:
        self.begun: list[Order] = []
        self.open: dict[str, asyncio.Event] = {}

    async def give(self, order: Order) -> str:
        self.begun.append(order)
        await self.open.setdefault(order.vehicle_id, asyncio.Event()).wait()
        return "taken"

    async def have_begun(self, count: int) -> bool:
        return len(self.begun) == count


async def test_the_loop_goes_on_while_a_receiver_hangs(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handing, "STOP_WAIT_S", 0.2)
    receiver.answer_always(Answer(delay_s=30))
    async with told_by_http(receiver) as house:
        news = asyncio.Event()
        await house.tell(nearly_empty())
        engine = asyncio.create_task(run_engine(house.engine, news, Metrics()))
        await receiver.arrived(1)
        began_s = time.monotonic()
        await house.tell(unplugged(1))
        house.clock.move_to(EVENING + 2 * HOUR)
        news.set()
        await until(lambda: has_settled(house))
        assert time.monotonic() - began_s < 5, "the engine waited for the receiver"
        engine.cancel()
        with pytest.raises(asyncio.CancelledError):
            await engine


async def test_a_stop_waits_boundedly_and_the_order_comes_again(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handing, "STOP_WAIT_S", 0.2)
    receiver.answer_always(Answer(delay_s=30))
    async with told_by_http(receiver) as house:
        await house.tell(nearly_empty())
        engine = asyncio.create_task(run_engine(house.engine, asyncio.Event(), Metrics()))
        await receiver.arrived(1)
        began_s = time.monotonic()
        engine.cancel()
        with pytest.raises(asyncio.CancelledError):
            await engine
        assert 0.2 <= time.monotonic() - began_s < 5
        order = (await house.track()).order
        assert order is not None and order.state == SENT
        receiver.answer_always(Answer())
        house.clock.move_to(EVENING + 5 * MINUTE)
        [again] = (await look_after_due(house.engine)).orders
        assert (again.id, again.attempts) == (order.id, 2)


async def test_a_stop_lets_a_call_under_way_end_and_notes_its_answer(receiver: Receiver) -> None:
    receiver.answer_always(Answer(status=202, delay_s=0.3))
    async with told_by_http(receiver) as house:
        await house.tell(nearly_empty())
        engine = asyncio.create_task(run_engine(house.engine, asyncio.Event(), Metrics()))
        await receiver.arrived(1)
        engine.cancel()
        with pytest.raises(asyncio.CancelledError):
            await engine
        order = (await house.track()).order
        assert order is not None and order.answer == "202"


async def test_a_vehicle_hears_its_orders_in_turn_and_only_the_newest_that_waits() -> None:
    house = await a_house(MemoryStore())
    first = await an_order(house)
    wanted = Wanted(house.ports, first)
    async with asyncio.TaskGroup() as tasks:
        dispatch = Dispatch(wanted.engine, tasks)
        dispatch.take([first])
        await until(lambda: wanted.roads.have_begun(1))
        stop = msgspec.structs.replace(first, id=OrderId("2"), kind=STOP, power_w=0)
        third = msgspec.structs.replace(first, id=OrderId("3"), kind=START)
        for order in (stop, third):
            await wanted.want(order)
            dispatch.take([order])
        await until(lambda: wanted.roads.have_begun(1))
        wanted.roads.open[first.vehicle_id].set()
        await until(lambda: wanted.roads.have_begun(2))
        await dispatch.end()
    assert [order.id for order in wanted.roads.begun] == [first.id, "3"]


async def test_an_order_that_was_dropped_while_it_waited_is_not_given() -> None:
    house = await a_house(MemoryStore())
    order = await an_order(house)
    await house.tell(unplugged(1 / 60))
    await house.live_until(EVENING + 5 * MINUTE)
    roads = Roads()
    async with asyncio.TaskGroup() as tasks:
        dispatch = Dispatch(Engine(house.ports, roads), tasks)
        dispatch.take([order])
        await dispatch.end()
    assert roads.begun == []
    store = house.ports.store
    assert isinstance(store, MemoryStore)
    assert [kept.state for kept in store.orders] == [DROPPED]


async def test_no_more_calls_than_allowed_and_those_without_room_are_turned_away() -> None:
    house = await a_house(MemoryStore())
    wanted = Wanted(house.ports, await an_order(house))
    orders = [msgspec.structs.replace(wanted.first, vehicle_id=VehicleId(f"car-{n}")) for n in range(6)]
    for order in orders:
        await wanted.want(order)
    async with asyncio.TaskGroup() as tasks:
        dispatch = Dispatch(wanted.engine, tasks, at_once=2, waiting_at_most=3)
        dispatch.take(orders)
        await until(lambda: wanted.roads.have_begun(2))
        for name in ("car-0", "car-1", "car-2", "car-3", "car-4"):
            wanted.roads.open.setdefault(name, asyncio.Event()).set()
        await until(lambda: wanted.roads.have_begun(5))
        await dispatch.end()
    assert [order.vehicle_id for order in wanted.roads.begun] == [f"car-{n}" for n in range(5)]


class Wanted:
    """An engine over the house's ports whose store holds the orders that a test wants given."""

    def __init__(self, ports: Ports, first: Order) -> None:
        self.ports, self.first = ports, first
        self.roads = Roads()
        self.engine = Engine(ports, self.roads)

    async def want(self, order: Order) -> None:
        async def work(tx: Transaction) -> None:
            pair = [order.vehicle_id, self.first.vehicle_id]
            tracks = await tx.tracks(order.organization_id, pair)
            new = msgspec.structs.replace(tracks[pair[1]], vehicle_id=order.vehicle_id, version=0)
            known = tracks.get(order.vehicle_id, new)
            await tx.save_tracks([msgspec.structs.replace(known, order=order)])

        await self.ports.store.write(work)
