"""When a session is planned, by what, and when it is planned again."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from application.sessions.evenings import (
    EVENING,
    HOUR,
    MINUTE,
    a_garage,
    plugged,
    running,
)
from dwell.adapters.storage.memory import MemoryStore
from dwell.application.policies import change_policy
from dwell.application.prices import import_prices
from dwell.domain.policy.schedule import Deadline, Restriction
from dwell.domain.session.record import Block, Promise
from dwell.domain.tariff.curve import PriceSlot
from house import ORGANIZATION, ZONE, House, a_house

pytestmark = pytest.mark.anyio

EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)


async def promise_of(house: House) -> Promise:
    """The plan in force."""
    promise = (await running(house)).promise
    assert promise is not None
    return promise


async def hear(house: House, at_h: float, **said: object) -> Promise:
    """The plan after a fact and a look."""
    await house.live_until(EVENING + at_h * HOUR)
    await house.tell(plugged(at_h, **{"charging": False, **said}))
    await house.look()
    return await promise_of(house)


def windows(promise: Promise) -> list[tuple[str, float, float]]:
    """Type, start and end of each block, in hours after the evening began."""
    return [(b.type, (b.start_at - EVENING) / HOUR, (b.end_at - EVENING) / HOUR) for b in promise.blocks]


def first(promise: Promise) -> Block:
    return promise.blocks[0]


async def test_a_plan_is_made_at_plug_in_and_takes_the_cheapest_hours() -> None:
    house = await a_house(MemoryStore())
    promise = await hear(house, 0, soc_percent=50)
    assert promise.made_at == EVENING
    assert promise.reachable
    assert [w[1] for w in windows(promise)] == [3, 6, 10]
    assert sum(block.energy_wh for block in promise.blocks) == pytest.approx(0.3 * 77_000 / 0.9, abs=3)
    assert (promise.price_coverage, promise.target_number) == (1.0, 1)


async def test_a_vehicle_that_comes_after_the_cheap_hours_is_planned_in_what_is_left() -> None:
    house = await a_house(MemoryStore())
    promise = await hear(house, 8.5, soc_percent=60)
    assert promise.made_at == EVENING + 8.5 * HOUR
    assert min(start for _, start, _ in windows(promise)) >= 8.5


async def test_a_target_within_a_reserve_that_is_not_in_by_the_deadline_is_not_reachable() -> None:
    """An hour before the deadline at 11 kW brings 13 of the 60 points that reserve and target lack."""
    house = await a_house(MemoryStore())
    assert house.policy is not None
    ready = (Deadline("20:00", 80),) * 7
    await change_policy(
        house.ports, ORGANIZATION, house.policy.id, schedule=ready, battery_reserve_percent=80
    )
    promise = await hear(house, 0, soc_percent=20)
    assert not promise.reachable
    assert promise.soc_at_ready_by_percent is not None and promise.soc_at_ready_by_percent < 40
    assert promise.reachable_soc_percent == promise.soc_at_ready_by_percent


async def test_the_reserve_is_charged_at_once_whatever_the_price() -> None:
    house = await a_house(MemoryStore())
    promise = await hear(house, 2, soc_percent=10)  # 20h, the dearest but one
    block = first(promise)
    assert (block.type, block.start_at) == ("BATTERY_RESERVE", EVENING + 2 * HOUR)
    assert block.energy_wh == pytest.approx(0.1 * 77_000 / 0.9, abs=1)
    assert (await running(house)).mode == "BATTERY_RESERVE"


async def test_the_reserve_is_charged_in_a_restricted_window_and_nothing_else_is() -> None:
    house = await a_house(MemoryStore())
    assert house.policy is not None
    restrictions = (Restriction(EVERY_DAY, "18:00", "23:00"), Restriction(EVERY_DAY, "22:00", "00:30"))
    await change_policy(house.ports, ORGANIZATION, house.policy.id, restrictions=restrictions)
    promise = await hear(house, 0, soc_percent=10)
    reserve, *others = windows(promise)
    assert reserve[:2] == ("BATTERY_RESERVE", 0)
    assert others and all(start >= 5.5 for _, start, _ in others)  # 00:30 in Berlin


async def test_an_unknown_charge_is_not_an_empty_one() -> None:
    house = await a_house(MemoryStore())
    promise = await hear(house, 2)
    assert (await running(house)).mode == "REGULAR"
    assert {block.type for block in promise.blocks} == {"REGULAR"}
    assert first(promise).start_at > EVENING + 2 * HOUR
    assert house.vehicle.given == []


async def test_what_an_unknown_charge_has_gained_is_not_planned_again() -> None:
    house = await a_house(MemoryStore())
    asked_wh = sum(block.energy_wh for block in (await hear(house, 2)).blocks)
    register_wh = 0
    for at_h in (3, 4, 5, 6, 7, 8, 9, 10, 11):
        register_wh += asked_wh // 9
        await hear(house, at_h, energy_register_wh=register_wh, charging=True)
    assert sum(block.energy_wh for block in (await promise_of(house)).blocks) < asked_wh / 4


@pytest.mark.parametrize("said", [{"soc_percent": 0}, {"soc_percent": 0, "charging": None}])
async def test_a_report_of_nothing_is_believed_neither_at_plug_in_nor_later(said: dict[str, object]) -> None:
    house = await a_house(MemoryStore())
    await hear(house, 0, **said)
    assert (await running(house)).mode == "REGULAR"
    before = await hear(house, 0.2, soc_percent=60)
    assert await hear(house, 1, **said) == before
    assert (await running(house)).soc_to_percent == 60
    assert (await house.track()).seen.soc_percent == 60


async def test_a_report_of_nothing_after_a_long_silence_is_no_departure() -> None:
    house = await a_house(MemoryStore())
    await house.tell(plugged(0, soc_percent=80))
    await house.tell(plugged(30, soc_percent=0), plugged(31, soc_percent=80), at=EVENING + 31 * HOUR)
    assert await house.settled() == []


async def test_samples_that_agree_with_the_plan_leave_it_alone() -> None:
    garage = await a_garage(MemoryStore(), 40)
    await garage.live_until(EVENING + 10.9 * HOUR)
    promise = (await running(garage.house)).promise
    assert promise is not None
    assert promise.made_at == EVENING


async def test_a_sample_that_says_nothing_new_is_no_event() -> None:
    store = MemoryStore()
    house = await a_house(store)
    await hear(house, 0.1, soc_percent=60)
    count = len(store.events)
    await hear(house, 0.12)
    assert len(store.events) == count


@pytest.mark.parametrize(("soc_percent", "again"), [(57.1, False), (62.9, False), (56.9, True), (63.1, True)])
async def test_a_charge_that_goes_astray_by_three_points_is_planned_again(
    soc_percent: float, again: bool
) -> None:
    house = await a_house(MemoryStore())
    before = await hear(house, 0, soc_percent=60)
    after = await hear(house, 1, soc_percent=soc_percent)
    assert (after != before) is again


async def test_two_plans_that_only_behaviour_asks_for_are_five_minutes_apart() -> None:
    house = await a_house(MemoryStore())
    before = await hear(house, 0, soc_percent=60)
    assert await hear(house, 4 / 60, soc_percent=50) == before
    assert (await hear(house, 5 / 60, soc_percent=50)).made_at == EVENING + 5 * MINUTE


async def test_a_late_sample_alone_is_no_reason_for_a_plan() -> None:
    house = await a_house(MemoryStore())
    before = await hear(house, 0, soc_percent=60)
    await hear(house, 1, soc_percent=60)
    await house.tell(plugged(0.5, soc_percent=60, charging=False), at=EVENING + 1.1 * HOUR)
    await house.look()
    assert await promise_of(house) == before


async def test_a_late_sample_that_shows_another_charge_is_one() -> None:
    house = await a_house(MemoryStore())
    before = await hear(house, 0, soc_percent=60)
    await hear(house, 1)
    await house.tell(plugged(0.5, soc_percent=50, charging=False), at=EVENING + 1.1 * HOUR)
    await house.look()
    after = await promise_of(house)
    assert (before.made_at, after.made_at) == (EVENING, EVENING + 1.1 * HOUR)


async def test_new_prices_are_planned_by() -> None:
    house = await a_house(MemoryStore())
    await hear(house, 0, soc_percent=70)
    at = EVENING + 4 * HOUR
    await import_prices(house.ports, ZONE, "EUR", [PriceSlot(at, at + HOUR, Decimal("-0.9"))])
    await house.look()
    assert (4.0, 5.0) in [(start, end) for _, start, end in windows(await promise_of(house))]


async def test_the_same_prices_again_change_no_plan() -> None:
    house = await a_house(MemoryStore())
    before = await hear(house, 0, soc_percent=70)
    house.clock.move_to(EVENING + 10 * MINUTE)
    at = EVENING + 4 * HOUR
    assert await import_prices(house.ports, ZONE, "EUR", [PriceSlot(at, at + HOUR, Decimal("0.14"))]) == ()
    await house.look()
    assert await promise_of(house) == before


async def test_another_target_is_planned_for_at_once() -> None:
    house = await a_house(MemoryStore())
    await hear(house, 0, soc_percent=50)
    house.clock.move_to(EVENING + MINUTE)
    assert house.policy is not None
    await change_policy(house.ports, ORGANIZATION, house.policy.id, schedule=(Deadline("23:00", 60),) * 7)
    await house.look()
    promise = await promise_of(house)
    assert (promise.target_number, promise.made_at) == (2, EVENING + MINUTE)
    assert promise.blocks[-1].end_at <= EVENING + 4 * HOUR


async def test_a_new_restriction_is_planned_around_though_the_target_is_the_same() -> None:
    house = await a_house(MemoryStore())
    assert (3.0, 4.0) in [(s, e) for _, s, e in windows(await hear(house, 0, soc_percent=50))]
    house.clock.move_to(EVENING + MINUTE)
    assert house.policy is not None
    restrictions = (Restriction(EVERY_DAY, "22:00", "23:00"),)
    await change_policy(house.ports, ORGANIZATION, house.policy.id, restrictions=restrictions)
    await house.look()
    assert all(end <= 3 or start >= 4 for _, start, end in windows(await promise_of(house)))


async def test_a_charge_limit_that_caps_the_target_is_planned_for() -> None:
    house = await a_house(MemoryStore())
    before = await hear(house, 0, soc_percent=50)
    after = await hear(house, 0.1, soc_percent=50, charge_limit_percent=60)
    assert after.target_number == 2
    assert sum(b.energy_wh for b in after.blocks) < sum(b.energy_wh for b in before.blocks) / 2


async def test_what_cannot_be_reached_is_said_and_charged_from_now_on() -> None:
    house = await a_house(MemoryStore())
    promise = await hear(house, 11, soc_percent=50)
    assert not promise.reachable
    assert promise.reachable_soc_percent == pytest.approx(50 + 11_000 * 0.9 / 77_000 * 100, abs=0.1)
    assert first(promise).start_at == EVENING + 11 * HOUR
    outcome = (await running(house)).outcome
    assert outcome is not None and outcome.state == "AT_RISK"


async def test_without_prices_the_vehicle_is_charged_at_once_and_says_why() -> None:
    house = await a_house(MemoryStore(), with_prices=False)
    promise = await hear(house, 2, soc_percent=50)
    assert (first(promise).start_at, promise.price_coverage) == (EVENING + 2 * HOUR, 0)
    assert promise.expected_savings is None
    assert (await running(house)).reason == "insufficient_price_coverage"


async def test_with_prices_for_less_than_half_of_the_window_they_are_not_waited_for() -> None:
    house = await a_house(MemoryStore(), with_prices=False)
    known = [
        PriceSlot(EVENING + n * HOUR, EVENING + (n + 1) * HOUR, Decimal("0.01") if n < 11 else Decimal("0.9"))
        for n in range(8, 12)
    ]
    await import_prices(house.ports, ZONE, "EUR", known)
    promise = await hear(house, 2, soc_percent=50)
    assert (first(promise).start_at, promise.price_coverage) == (EVENING + 2 * HOUR, 0.4)
    assert len(promise.blocks) == 1


async def test_prices_that_come_later_end_the_charge_at_any_price() -> None:
    house = await a_house(MemoryStore(), with_prices=False)
    await hear(house, 2, soc_percent=50)
    slots = [PriceSlot(at, at + HOUR, Decimal(n % 5)) for n in range(-48, 48) for at in [EVENING + n * HOUR]]
    await import_prices(house.ports, ZONE, "EUR", slots)
    await house.look()
    assert (await promise_of(house)).price_coverage == 1
    assert (await running(house)).reason == "in_progress"
    assert first(await promise_of(house)).start_at > EVENING + 2 * HOUR


async def test_past_blocks_are_what_happened_whatever_is_planned_later() -> None:
    garage = await a_garage(MemoryStore(), 10)
    await garage.live_until(EVENING + 5 * HOUR)
    before = (await running(garage.house)).blocks
    assert before
    assert garage.house.policy is not None
    await change_policy(
        garage.house.ports, ORGANIZATION, garage.house.policy.id, schedule=(Deadline("08:00", 90),) * 7
    )
    await garage.live_until(EVENING + 5.9 * HOUR)
    session = await running(garage.house)
    assert session.blocks[: len(before)] == before
    assert session.first_promise is not None and session.first_promise.made_at == EVENING


async def test_a_deadline_in_the_night_the_clocks_go_forward_is_met_by_the_real_clock() -> None:
    house = await a_house(MemoryStore())
    assert house.policy is not None
    await change_policy(house.ports, ORGANIZATION, house.policy.id, schedule=(Deadline("02:30", 80),) * 7)
    saturday = timedelta(days=3)
    await house.live_until(EVENING + saturday)
    await house.tell(plugged(72, soc_percent=60, charging=False))
    await house.look()
    session = await running(house)
    assert session.target is not None and session.promise is not None
    assert session.target.ready_by == EVENING.replace(day=29, hour=1)
    assert session.promise.blocks[-1].end_at <= session.target.ready_by
