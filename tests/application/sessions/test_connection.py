"""A location's connection: what its base load leaves is all that is planned, told, and counted as full power."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from application.sessions.evenings import EVENING, HOUR, a_garage, hours_of, plugged, running
from dwell.adapters.storage.memory import MemoryStore
from dwell.application.locations import Premises, change_location
from dwell.application.ports import Transaction
from dwell.domain.policy.connection import BaseLoad
from dwell.domain.session.record import Promise
from dwell.domain.session.steering import START
from house import AT_HOME, HOME, ORGANIZATION, ZONE, House, a_house, home

pytestmark = pytest.mark.anyio

NEEDS_22_KWH = 80 - 22 * 0.9 / 77 * 100
"""The charge level from which 80 % takes 22 kWh at the meter: two hours at 11 kW."""
MORNING = BaseLoad("02:00", 0)


async def behind(house: House, limit_w: int, *base_load: BaseLoad) -> House:
    """The house with that connection."""

    async def exchange(tx: Transaction) -> None:
        await tx.save_location(msgspec.structs.replace(home(), grid_limit_w=limit_w, base_load=base_load))

    await house.ports.store.write(exchange)
    return house


async def promised(house: House, soc_percent: float) -> Promise:
    """The plan of a vehicle that comes home with that charge as the evening begins (19:00 local time)."""
    await house.live_until(EVENING)
    await house.tell(plugged(0, charging=False, soc_percent=soc_percent))
    await house.look()
    promise = (await running(house)).promise
    assert promise is not None
    return promise


def hours(promise: Promise) -> list[tuple[float, float, int]]:
    """Start and end of each block in hours after the evening began, and its power."""
    return [
        ((block.start_at - EVENING) / HOUR, (block.end_at - EVENING) / HOUR, power_w)
        for block, power_w in zip(promise.blocks, promise.powers_w, strict=True)
    ]


async def test_without_a_base_load_the_two_cheapest_hours_are_taken() -> None:
    house = await behind(await a_house(MemoryStore()), 11_000)
    promise = await promised(house, NEEDS_22_KWH)
    assert [(start, end) for start, end, _ in hours(promise)] == [(3, 4), (6, 7)]  # 0.00 and −0.06


async def test_a_plan_moves_out_of_the_hours_of_high_base_load() -> None:
    """22:00 to 02:00 local leave nothing: of the others 4h at 0.02 and 18h at 0.06 are the cheapest, 11 kWh each."""
    house = await behind(await a_house(MemoryStore()), 11_000, BaseLoad("22:00", 11_000), MORNING)
    promise = await promised(house, NEEDS_22_KWH)
    assert hours(promise) == [(0, 1, 11_000), (10, 11, 11_000)]
    assert sum(block.energy_wh for block in promise.blocks) == 22_000


async def test_what_the_base_load_leaves_is_the_power_of_the_plan() -> None:
    """7.3 of 11 kW are gone all day: 22 kWh at 3.7 kW take 5.95 h, and every order says 3.7 kW."""
    garage = await a_garage(MemoryStore(), NEEDS_22_KWH)
    await behind(garage.house, 11_000, BaseLoad("00:00", 7_300))
    await garage.live_until(EVENING + 12 * HOUR)
    assert garage.given
    assert {order.power_w for order in garage.given if order.kind == START} == {3_700}
    promise = (await running(garage.house)).first_promise
    assert promise is not None
    assert sum(end - start for start, end, _ in hours(promise)) == pytest.approx(22 / 3.7, abs=0.01)


async def test_room_below_the_least_power_of_the_vehicle_is_none() -> None:
    house = await behind(await a_house(MemoryStore()), 11_000, BaseLoad("20:00", 9_700), MORNING)
    promise = await promised(house, NEEDS_22_KWH)
    assert all(end <= 1 or start >= 7 for start, end, _ in hours(promise))


async def test_a_limit_below_the_least_power_of_the_vehicle_is_never_planned_above() -> None:
    house = await behind(await a_house(MemoryStore()), 1_000)
    promise = await promised(house, 8)
    assert (promise.blocks, promise.reachable) == ((), False)
    assert promise.sentence == "The connection leaves no power for charging."
    outcome = (await running(house)).outcome
    assert outcome is not None and outcome.state == "AT_RISK"


async def test_a_vehicle_that_charges_is_told_when_the_room_changes() -> None:
    """Below its reserve it charges at once, and from 19:30 on only 3.7 kW are left."""
    garage = await a_garage(MemoryStore(), 8)
    await behind(garage.house, 11_000, BaseLoad("19:30", 7_300), MORNING)
    await garage.live_until(EVENING + HOUR)
    assert [(order.kind, hours_of(order), order.power_w) for order in garage.given] == [
        (START, 0, 11_000),
        (START, 0.5, 3_700),
    ]


async def test_a_vehicle_that_charges_of_itself_is_told_of_a_lesser_power() -> None:
    garage = await a_garage(MemoryStore(), 8)
    await behind(garage.house, 7_400)
    garage.car.charging_w = 11_000
    await garage.report()
    assert [(order.kind, order.power_w) for order in garage.given] == [(START, 7_400)]


async def test_a_fuse_that_is_changed_holds_for_the_visit_that_runs() -> None:
    garage = await a_garage(MemoryStore(), 8)
    await garage.live_until(EVENING + timedelta(minutes=8))
    await change_location(garage.house.ports, ORGANIZATION, HOME, premises(limit_w=5_000))
    await garage.report()
    assert [order.power_w for order in garage.given] == [11_000, 5_000]


async def test_the_baseline_charges_with_what_the_base_load_leaves() -> None:
    """10.27 kWh from 19:00 on: half an hour at 11 kW for 0.06, then at 3.7 kW: 1.85 for 0.06, the rest for 0.20."""
    garage = await a_garage(MemoryStore(), 68)
    await behind(garage.house, 11_000, BaseLoad("19:30", 7_300), MORNING)
    settled = await garage.leave(EVENING + 11.5 * HOUR)
    energy_kwh = settled.energy_wh / 1000
    assert energy_kwh == pytest.approx(0.12 * 77 / 0.9, abs=0.1)
    assert settled.valuation is not None and settled.valuation.baseline_cost is not None
    wanted = (5.5 + 1.85) * 0.06 + (energy_kwh - 5.5 - 1.85) * 0.20
    assert float(settled.valuation.baseline_cost) == pytest.approx(wanted, abs=0.001)


def premises(*, limit_w: int) -> Premises:
    """The home with another limit."""
    return Premises(
        name="home",
        latitude=AT_HOME[0],
        longitude=AT_HOME[1],
        timezone="Europe/Berlin",
        zone=ZONE,
        grid_limit_w=limit_w,
    )
