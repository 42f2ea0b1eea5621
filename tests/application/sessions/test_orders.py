"""Orders: given when the plan says so, believed when obeyed, repeated when not, and never to a vehicle that is gone."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from application.sessions.evenings import (
    DEADLINE,
    EVENING,
    HOUR,
    MINUTE,
    a_garage,
    hours_of,
    plugged,
    running,
    unplugged,
)
from dwell.adapters.storage.memory import MemoryStore
from dwell.application.policies import change_policy, delete_policy
from dwell.application.ports import Transaction
from dwell.application.prices import import_prices
from dwell.domain.session.steering import DROPPED, START, STOP
from dwell.domain.tariff.curve import PriceSlot
from house import ELSEWHERE, ORGANIZATION, ZONE, House, a_house, home

pytestmark = pytest.mark.anyio


async def idle_until(house: House, until_h: float, *, since_h: float = 0, **said: object) -> None:
    """A vehicle that says every 5 minutes that it does not charge, whatever it is told."""
    at_h = since_h
    while at_h <= until_h:
        await house.live_until(EVENING + at_h * HOUR)
        await house.tell(plugged(at_h, **{"charging": False, "soc_percent": 70, **said}))
        await house.look()
        at_h += 1 / 12


async def test_a_start_at_every_planned_block_and_a_stop_at_its_end() -> None:
    garage = await a_garage(MemoryStore(), 40)
    settled = await garage.leave(DEADLINE)
    told = [(order.kind, hours_of(order)) for order in garage.given]
    assert [kind for kind, _ in told] == [START, STOP] * (len(told) // 2)
    starts = [at_h for kind, at_h in told if kind == START]
    assert 3.0 in starts and 6.0 in starts  # 21h and 0h, the cheapest
    assert [(block.start_at - EVENING) / HOUR for block in settled.blocks] == pytest.approx(starts, abs=0.08)
    assert settled.error is None
    assert settled.soc_to_percent == pytest.approx(80, abs=0.5)


async def test_a_vehicle_above_its_target_that_charges_on_is_told_to_stop() -> None:
    house = await a_house(MemoryStore())
    await house.live_until(EVENING + 2 * HOUR)
    await house.tell(plugged(2, charging=True, power_w=11_000, soc_percent=90))
    await house.look()
    assert (await running(house)).reason == "already_at_target"
    assert [order.kind for order in house.vehicle.given] == [STOP]


async def test_an_order_is_sent_again_every_five_minutes_three_times_and_then_failed() -> None:
    house = await a_house(MemoryStore())
    await idle_until(house, 6 + 1 / 3 - 1 / 60)
    assert [order.attempts for order in house.vehicle.given] == [1, 2, 3, 4]
    sent = [order.sent_at for order in house.vehicle.given]
    assert sent == [EVENING + 6 * HOUR + n * 5 * MINUTE for n in range(4)]
    assert (await running(house)).error is None
    await idle_until(house, 6.4, since_h=6 + 1 / 3)
    error = (await running(house)).error
    assert error is not None
    assert (error.type, error.created_at) == ("START_FAILED", EVENING + 6 * HOUR + 20 * MINUTE)
    await idle_until(house, 6.9, since_h=6.42)
    assert len(house.vehicle.given) == 4
    assert (await running(house)).error == error


async def test_a_failed_start_heals_when_the_vehicle_charges_and_is_ordered_anew_when_it_stops_again() -> (
    None
):
    house = await a_house(MemoryStore())
    await idle_until(house, 6.4)
    assert (await running(house)).error is not None
    await house.tell(plugged(6.42, charging=True, power_w=11_000, soc_percent=70))
    assert (await running(house)).error is None
    await house.tell(plugged(6.5, charging=False, power_w=0, soc_percent=71))
    await house.look()
    assert [order.attempts for order in house.vehicle.given] == [1, 2, 3, 4, 1]


async def test_a_failed_start_does_not_heal_by_the_end_of_its_block() -> None:
    house = await a_house(MemoryStore())
    await idle_until(house, 9)
    error = (await running(house)).error
    assert error is not None
    assert error.type == "START_FAILED"


async def test_a_block_after_a_failed_one_is_ordered_again() -> None:
    house = await a_house(MemoryStore())
    await idle_until(house, 11)
    starts = [hours_of(order) for order in house.vehicle.given if order.attempts == 1]
    assert starts[0] == 6
    assert len(starts) > 1
    assert starts[1] >= 7


async def test_a_vehicle_that_does_not_stop_is_told_again_and_then_failed() -> None:
    house = await a_house(MemoryStore())
    for n in range(8):
        await house.live_until(EVENING + n * 5 * MINUTE)
        await house.tell(plugged(n / 12, charging=True, power_w=2_000, soc_percent=85))
        await house.look()
    assert [(order.kind, order.attempts) for order in house.vehicle.given] == [
        (STOP, n) for n in (1, 2, 3, 4)
    ]
    error = (await running(house)).error
    assert error is not None
    assert error.type == "STOP_FAILED"
    await house.tell(plugged(0.7, charging=False, soc_percent=85))
    assert (await running(house)).error is None


async def test_a_charge_that_breaks_off_is_ordered_on_and_named_an_interruption() -> None:
    house = await a_house(MemoryStore())
    await house.tell(plugged(0, soc_percent=10, charging=False, energy_register_wh=0))
    await house.look()
    await house.tell(plugged(0.05, soc_percent=11, charging=True, energy_register_wh=500))
    for n in range(2, 9):
        await house.live_until(EVENING + n * 5 * MINUTE)
        await house.tell(plugged(n / 12, charging=False, power_w=0, soc_percent=11, energy_register_wh=800))
        await house.look()
    assert [order.attempts for order in house.vehicle.given] == [1, 1, 2, 3, 4]
    error = (await running(house)).error
    assert error is not None
    assert error.type == "CHARGE_INTERRUPTED"


async def test_a_vehicle_that_charges_outside_its_plan_is_stopped() -> None:
    house = await a_house(MemoryStore())
    await house.tell(plugged(0, soc_percent=70, charging=True, power_w=11_000))
    await house.look()
    assert [(order.kind, hours_of(order)) for order in house.vehicle.given] == [(STOP, 0)]


async def test_a_vehicle_that_tells_only_its_charge_is_started_and_believed_by_its_rise() -> None:
    house = await a_house(MemoryStore())
    for n in range(6 * 15 + 12):
        await house.live_until(EVENING + n * 4 * MINUTE)
        await house.tell(plugged(n / 15, soc_percent=70 + max(0, n - 90)))
        await house.look()
    [order] = house.vehicle.given
    assert (order.kind, hours_of(order)) == (START, 6)
    assert (await running(house)).error is None


async def test_no_order_follows_the_unplug() -> None:
    garage = await a_garage(MemoryStore(), 10)
    await garage.live_until(EVENING + HOUR / 2)
    assert garage.car.charging_w > 0
    count = len(garage.given)
    await garage.house.tell(unplugged(0.51, charging=False, soc_percent=15))
    await garage.house.live_until(EVENING + 3 * HOUR)
    assert len(garage.given) == count


async def test_no_order_to_a_vehicle_that_is_only_observed() -> None:
    house = await a_house(MemoryStore())
    away = {"latitude": ELSEWHERE[0], "longitude": ELSEWHERE[1]}
    await house.tell(plugged(0, soc_percent=10, charging=False, **away))
    await house.live_until(EVENING + 12 * HOUR)
    assert house.vehicle.given == []
    assert (await running(house)).promise is None


async def test_no_order_once_the_policy_is_deleted() -> None:
    garage = await a_garage(MemoryStore(), 40)
    await garage.live_until(EVENING + 2.5 * HOUR)
    count = len(garage.given)
    assert garage.house.policy is not None
    await delete_policy(garage.house.ports, ORGANIZATION, garage.house.policy.id)
    await garage.live_until(EVENING + 7 * HOUR)
    assert len(garage.given) == count


async def test_an_order_not_yet_handed_out_is_dropped_with_its_policy() -> None:
    house = await a_house(MemoryStore())
    await house.tell(plugged(0, soc_percent=70, charging=False))
    await house.look()
    await house.tell(plugged(0.05, soc_percent=70, charging=True, power_w=11_000))
    assert house.policy is not None
    await delete_policy(house.ports, ORGANIZATION, house.policy.id)
    await house.look()
    assert house.vehicle.given == []


async def test_a_visit_that_a_word_revives_after_its_policy_is_gone_gets_no_orders() -> None:
    house = await a_house(MemoryStore())
    await house.tell(plugged(0, soc_percent=10, charging=False))
    await house.live_until(EVENING + 25 * HOUR)
    count = len(house.vehicle.given)
    [settled] = await house.settled()
    assert house.policy is not None
    await delete_policy(house.ports, ORGANIZATION, house.policy.id)
    await house.tell(plugged(26, soc_percent=10, charging=False))
    await house.look()
    revived = await running(house)
    assert (revived.id, revived.managed, revived.target) == (settled.id, False, None)
    assert len(house.vehicle.given) == count


async def test_old_facts_give_history_and_no_orders() -> None:
    house = await a_house(MemoryStore())
    await house.tell(plugged(0, soc_percent=10, charging=False), at=EVENING + 31 * MINUTE)
    await house.live_until(EVENING + 2 * HOUR)
    assert house.vehicle.given == []
    assert (await running(house)).promise is None
    await house.tell(plugged(2.1, soc_percent=10, charging=False))
    await house.look()
    assert [order.kind for order in house.vehicle.given] == [START]


async def test_a_fact_of_half_an_hour_ago_is_young_enough() -> None:
    house = await a_house(MemoryStore())
    await house.tell(plugged(0, soc_percent=10, charging=False), at=EVENING + 30 * MINUTE)
    await house.look()
    assert [order.kind for order in house.vehicle.given] == [START]


async def test_no_plan_is_made_by_old_facts_whatever_asks_for_one() -> None:
    house = await a_house(MemoryStore())
    await house.tell(plugged(0, soc_percent=70, charging=False))
    await house.look()
    before = (await running(house)).promise
    house.clock.move_to(EVENING + HOUR)
    assert house.policy is not None
    await change_policy(house.ports, ORGANIZATION, house.policy.id, battery_reserve_percent=30)
    await house.look()
    at = EVENING + 4 * HOUR
    await import_prices(house.ports, ZONE, "EUR", [PriceSlot(at, at + HOUR, Decimal("-0.9"))])
    await house.look()
    assert (await running(house)).promise == before
    await house.tell(plugged(1.1, soc_percent=70, charging=False))
    await house.look()
    promise = (await running(house)).promise
    assert promise is not None and promise.made_at == EVENING + timedelta(hours=1.1)


async def test_a_full_vehicle_is_not_told_to_go_on() -> None:
    house = await a_house(MemoryStore())
    await house.tell(plugged(0, soc_percent=10, charging=False))
    await house.look()
    await house.tell(plugged(0.1, soc_percent=11, charging=True, power_w=11_000))
    await house.tell(plugged(0.5, soc_percent=15, charging=False, power_w=0, fully_charged=True))
    await house.live_until(EVENING + HOUR)
    assert [order.kind for order in house.vehicle.given] == [START]


async def test_an_order_asks_for_no_more_than_the_connection_gives() -> None:
    house = await a_house(MemoryStore())

    async def limit(tx: Transaction) -> None:
        await tx.save_location(msgspec.structs.replace(home(), grid_limit_w=3_700))

    await house.ports.store.write(limit)
    await house.tell(plugged(0, soc_percent=10, charging=False))
    await house.look()
    assert [order.power_w for order in house.vehicle.given] == [3_700]


async def test_the_store_knows_what_became_of_an_order_at_plug_out() -> None:
    store = MemoryStore()
    house = await a_house(store)
    await house.tell(plugged(0, soc_percent=10, charging=False))
    await house.look()
    await house.tell(unplugged(0.02, soc_percent=10))
    await house.live_until(EVENING + HOUR)
    assert len(await house.settled()) == 1
    assert {order.state for order in store.orders} == {DROPPED}
