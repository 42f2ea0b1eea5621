"""Boost, pause, smart charging, charging mode, data link, a changed vehicle and a deleted one: each at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from application.sessions.evenings import (
    DEADLINE,
    EVENING,
    HOUR,
    MINUTE,
    a_garage,
    plugged,
    running,
    unplugged,
)
from application.sessions.test_overrides import kind_of, waiting
from application.storage.builders import AnyStore, events_in
from dwell.adapters.storage.memory import MemoryStore
from dwell.application.boost import BoostView, boost, boost_of, disarm_boost
from dwell.application.policies import create_policy
from dwell.application.ports import Transaction
from dwell.application.queries import Window, vehicle_view, vehicle_views
from dwell.application.targets import override_target
from dwell.application.vehicles import VehicleChange, change_vehicle, delete_vehicle
from dwell.domain.errors import NotFound, Refused
from dwell.domain.ids import LocationId
from dwell.domain.policy.override import Immediate
from dwell.domain.session.boost import BoostRefused
from dwell.domain.session.record import SETTLED, Session
from dwell.domain.session.steering import START, STOP
from house import CAR, ELSEWHERE, ORGANIZATION, House, a_house, home

pytestmark = pytest.mark.anyio

OFFICE = LocationId("00000000-0000-7000-8000-0000000000fe")


def boosting(house: House) -> Awaitable[None]:
    return boost(house.ports, ORGANIZATION, CAR)


async def view_of(house: House) -> tuple[str, bool]:
    view: BoostView = await boost_of(house.ports, ORGANIZATION, CAR)
    return view.state, view.for_next_session


async def change(house: House, **what: Any) -> None:
    await change_vehicle(house.ports, ORGANIZATION, CAR, VehicleChange(**what))


async def refusal(house: House) -> tuple[str, str]:
    with pytest.raises(BoostRefused) as refused:
        await boosting(house)
    return refused.value.state, refused.value.reason


async def idle_house(store: AnyStore, soc_percent: float = 40, at_h: float = 1.5) -> House:
    """A vehicle that has been plugged in since EVENING and waits for cheaper hours."""
    house = await a_house(store)
    await house.tell(plugged(at_h, soc_percent=soc_percent, charging=False))
    await house.look()
    assert house.vehicle.given == []
    house.clock.move_to(EVENING + at_h * HOUR + MINUTE)
    return house


def first_block(session: Session) -> tuple[str, float]:
    assert session.promise is not None
    block = session.promise.blocks[0]
    return block.type, (block.start_at - EVENING) / HOUR


# --- boost ---


async def test_a_boost_of_an_idle_vehicle_starts_it_and_shows_until_it_is_done(store: AnyStore) -> None:
    house = await idle_house(store)
    assert await view_of(house) == ("available", False)
    await boosting(house)
    session = await running(house)
    assert (kind_of(session), session.mode) == ((2, "IMMEDIATE_START", "OVERRIDE", 100), "IMMEDIATE_START")
    assert first_block(session)[0] == "IMMEDIATE_START"
    assert (await events_in(store))[-1].session == session
    assert await view_of(house) == ("requested", False)
    await house.look()
    assert [order.kind for order in house.vehicle.given] == [START]
    await boosting(house)  # once more is the same
    assert await running(house) == session
    await house.tell(plugged(1.6, soc_percent=41, charging=True, power_w=11_000))
    assert await view_of(house) == ("ongoing", False)
    assert await refusal(house) == ("ongoing", "already_charging")
    await disarm_boost(house.ports, ORGANIZATION, CAR)
    assert await view_of(house) == ("ongoing", False)
    await house.tell(plugged(7, soc_percent=100, charging=False, fully_charged=True))
    assert await refusal(house) == ("unavailable", "fully_charged")
    await house.tell(unplugged(8))
    await house.live_until(EVENING + 8.1 * HOUR)
    assert (await house.settled())[-1].reason == "boosted"


async def test_a_boost_goes_as_far_as_the_charge_limit_lets_it() -> None:
    house = await idle_house(MemoryStore())
    await house.tell(plugged(1.6, charge_limit_percent=80))
    await boosting(house)
    assert kind_of(await running(house))[3] == 80
    await house.tell(plugged(3, soc_percent=80, charging=False))
    assert await refusal(house) == ("unavailable", "fully_charged")


async def test_a_boost_for_the_next_session_is_armed_and_disarmed_as_often_as_one_likes(
    store: AnyStore,
) -> None:
    house = await a_house(store)
    assert await view_of(house) == ("available", False)
    for _ in range(2):
        await boosting(house)
        assert await view_of(house) == ("requested", True)
    assert kind_of(await waiting(house)) == (2, "IMMEDIATE_START", "OVERRIDE", 100)
    for _ in range(2):
        await disarm_boost(house.ports, ORGANIZATION, CAR)
        assert await view_of(house) == ("available", False)
    assert kind_of(await waiting(house)) == (3, "REGULAR", "POLICY", 80)


async def test_a_boost_that_was_armed_is_one_immediate_start() -> None:
    house = await a_house(MemoryStore())
    await boosting(house)
    await house.tell(plugged(1.5, soc_percent=40, charging=False))
    await house.look()
    assert [order.kind for order in house.vehicle.given] == [START]
    await house.tell(unplugged(2))
    await house.live_until(EVENING + 3 * HOUR)
    assert (await house.settled())[-1].reason == "boosted"
    assert await view_of(house) == ("available", False)
    await house.tell(plugged(4.2, soc_percent=40, charging=False))
    assert kind_of(await running(house))[1] == "REGULAR"


async def test_of_two_places_the_first_plug_in_spends_the_boost() -> None:
    house = await a_house(MemoryStore())

    async def build(tx: Transaction) -> None:
        await tx.save_location(home(OFFICE, ELSEWHERE))

    await house.ports.store.write(build)
    await create_policy(house.ports, ORGANIZATION, CAR, OFFICE)
    await boosting(house)
    assert [s.target.type for s in await house.unsettled() if s.target] == ["IMMEDIATE_START"] * 2
    away = {"latitude": ELSEWHERE[0], "longitude": ELSEWHERE[1]}
    await house.tell(plugged(1.5, soc_percent=40, charging=False, **away))
    await house.look()
    assert kind_of(await running(house))[1] == "IMMEDIATE_START"
    assert kind_of(await waiting(house))[1] == "REGULAR"


async def test_what_is_plugged_in_elsewhere_or_has_no_policy_cannot_be_boosted() -> None:
    house = await a_house(MemoryStore(), with_policy=False)
    assert await refusal(house) == ("unavailable", "no_active_session")
    house = await a_house(MemoryStore())
    await house.tell(plugged(0, soc_percent=40, latitude=ELSEWHERE[0], longitude=ELSEWHERE[1]))
    assert await refusal(house) == ("unavailable", "no_active_session")
    assert await view_of(house) == ("unavailable", False)


@pytest.mark.parametrize(
    "what",
    [
        {"smart_charging": False},
        {"charging_mode": "solar_only"},
        {"link_valid": False},
        {"control": "none"},
        {"battery_capacity_wh": None},
    ],
)
async def test_what_is_not_steered_cannot_be_boosted(what: dict[str, Any]) -> None:
    house = await idle_house(MemoryStore())
    await change(house, **what)
    assert await refusal(house) == ("unavailable", "internal_error")


async def test_a_boost_ends_a_pause() -> None:
    house = await idle_house(MemoryStore())
    await change(house, paused_until=EVENING + 10 * HOUR)
    await boosting(house)
    assert first_block(await running(house))[1] < 2
    assert (await vehicle_view(house.ports, ORGANIZATION, CAR)).vehicle.paused_until is None


# --- pause ---


async def test_a_pause_stops_the_charge_at_once_and_plans_for_what_comes_after(store: AnyStore) -> None:
    garage = await a_garage(store, 40)
    house = garage.house
    await garage.live_until(EVENING + 3.2 * HOUR)
    assert (await running(house)).charging
    garage.given.clear()
    await change(house, paused_until=EVENING + 5 * HOUR)
    session = await running(house)
    assert first_block(session)[1] >= 5
    assert (await events_in(store))[-1].session == session
    await house.look()
    assert [order.kind for order in garage.given] == [STOP]
    settled = await garage.leave(DEADLINE)
    assert settled.outcome is not None and settled.outcome.state == "REACHED"
    assert all(not EVENING + 3.3 * HOUR < b.start_at < EVENING + 5 * HOUR for b in settled.blocks)


async def test_a_pause_does_not_bind_the_reserve_and_binds_an_immediate_start() -> None:
    house = await a_house(MemoryStore())
    await house.tell(plugged(0, soc_percent=10, charging=False))
    await change(house, paused_until=EVENING + 5 * HOUR)
    session = await running(house)
    assert first_block(session) == ("BATTERY_RESERVE", 0)
    assert session.promise is not None and session.promise.blocks[1].start_at >= EVENING + 5 * HOUR
    house.clock.move_to(EVENING + MINUTE)
    asked = await override_target(house.ports, ORGANIZATION, session.id, Immediate(minimum_charge_percent=60))
    assert asked.session.promise is not None
    assert [(b.type, b.start_at) for b in asked.session.promise.blocks] == [
        ("BATTERY_RESERVE", EVENING + MINUTE),
        ("IMMEDIATE_START", EVENING + 5 * HOUR),
    ]


async def test_the_end_of_a_pause_gives_the_hours_back() -> None:
    house = await idle_house(MemoryStore())
    before = await running(house)
    await change(house, paused_until=EVENING + 9 * HOUR)
    assert first_block(await running(house))[1] >= 9
    await change(house, paused_until=None)
    assert first_block(await running(house)) == first_block(before)


# --- smart charging, charging mode, data link ---


async def test_smart_charging_off_lets_the_vehicle_charge_and_orders_nothing_more(store: AnyStore) -> None:
    garage = await a_garage(store, 40)
    house = garage.house
    await garage.live_until(EVENING + 1.5 * HOUR)
    garage.given.clear()
    await change(house, smart_charging=False)
    session = await running(house)
    assert (session.reason, session.promise) == ("smart_optimization_disabled", None)
    assert (await events_in(store))[-1].session == session
    await house.look()
    assert [order.kind for order in garage.given] == [START]
    await garage.live_until(EVENING + 2 * HOUR)
    assert (await running(house)).charging
    garage.car.obey(msgspec.structs.replace(garage.given[0], kind=STOP, power_w=0), house.clock.now())
    settled = await garage.leave(DEADLINE)
    assert [order.kind for order in garage.given] == [START]
    assert settled.reason == "smart_optimization_disabled"
    assert settled.valuation is not None
    assert settled.valuation.cost is not None and settled.valuation.savings is None


async def test_smart_charging_on_again_plans_anew_and_counts_as_it_stands_at_the_end() -> None:
    house = await idle_house(MemoryStore())
    await change(house, smart_charging=False)
    await house.look()
    house.clock.move_to(EVENING + 1.6 * HOUR)
    await change(house, smart_charging=True)
    session = await running(house)
    assert (session.reason, session.promise is not None) == ("in_progress", True)
    await house.look()
    assert house.vehicle.given[-1].kind == START  # not obeyed yet, and not repeated
    assert len(house.vehicle.given) == 1
    await house.tell(unplugged(2))
    await house.live_until(EVENING + 2.1 * HOUR)
    house.clock.move_to(EVENING + 3 * HOUR)
    await change(house, smart_charging=False)
    await house.tell(unplugged(1.9), at=EVENING + 4 * HOUR)  # late: settled anew, as things stood then
    [settled] = await house.settled()
    assert (settled.revision, settled.reason) == (2, "user_unplugged_early")


@pytest.mark.parametrize(
    ("what", "reason"),
    [({"charging_mode": "solar_only"}, "hems_only_mode"), ({"link_valid": False}, "not_authenticated")],
)
async def test_what_is_not_ours_to_steer_gets_no_orders_and_the_open_one_is_dropped(
    what: dict[str, Any], reason: str
) -> None:
    house = await idle_house(MemoryStore())
    await house.live_until(EVENING + 3 * HOUR)
    await house.tell(plugged(3, soc_percent=40, charging=False))
    await house.look()
    assert [order.kind for order in house.vehicle.given] == [START]
    await change(house, **what)
    session = await running(house)
    assert (session.reason, session.promise) == (reason, None)
    assert (await house.track()).order is None
    for at_h in (3.2, 3.4, 6.1):
        await house.tell(plugged(at_h, soc_percent=40, charging=False))
        await house.live_until(EVENING + at_h * HOUR)
    assert len(house.vehicle.given) == 1
    assert reason == (await running(house)).reason


async def test_a_vehicle_that_is_held_back_elsewhere_or_full_is_not_started_by_letting_go() -> None:
    house = await idle_house(MemoryStore())
    await house.tell(plugged(1.6, fully_charged=True, charging=False))
    await change(house, smart_charging=False)
    await house.look()
    assert house.vehicle.given == []


# --- the vehicle itself ---


async def test_a_changed_battery_and_power_reach_the_running_session(store: AnyStore) -> None:
    house = await idle_house(store)
    before = await running(house)
    assert before.promise is not None
    await change(house, battery_capacity_wh=40_000, power_max_w=7_000, efficiency=1.0)
    session = await running(house)
    assert (session.id, session.terms.available_power_w) == (before.id, 7_000)
    assert session.promise is not None
    assert sum(b.energy_wh for b in session.promise.blocks) == pytest.approx(0.4 * 40_000, abs=5)
    assert set(session.promise.powers_w) == {7_000}
    assert (await events_in(store))[-1].session == session


@pytest.mark.parametrize(
    ("what", "fields"),
    [
        ({"paused_until": EVENING}, ["paused_until"]),
        ({"paused_until": EVENING + timedelta(days=400)}, ["paused_until"]),
        (
            {
                "battery_capacity_wh": 0,
                "power_max_w": -1,
                "efficiency": 2,
                "control": "x",
                "charging_mode": "y",
            },
            ["battery_capacity_wh", "charging_mode", "control", "efficiency", "power_max_w", "power_min_w"],
        ),
    ],
)
async def test_a_change_that_cannot_be_is_refused_with_every_fault(
    what: dict[str, Any], fields: list[str]
) -> None:
    house = await idle_house(MemoryStore())
    before = await running(house)
    with pytest.raises(Refused) as refused:
        await change(house, smart_charging=False, **what)
    assert sorted(fault.field for fault in refused.value.faults) == fields
    assert await running(house) == before


async def test_a_deleted_vehicle_takes_its_policies_along_and_its_visit_is_settled_as_known(
    store: AnyStore,
) -> None:
    garage = await a_garage(store, 40)
    house = garage.house
    await garage.live_until(EVENING + 0.5 * HOUR)
    session = await running(house)
    await delete_vehicle(house.ports, ORGANIZATION, CAR)
    assert await house.unsettled() == []
    [settled] = await house.settled()
    assert (settled.id, settled.state, settled.reason) == (session.id, SETTLED, "ev_not_found")
    assert (settled.policy_id, settled.energy_wh) == (session.policy_id, session.energy_wh)
    assert (settled.plugged_out_at, settled.inferred_end_at) == (None, EVENING + 0.5 * HOUR)
    assert (await events_in(store))[-1].session == settled
    view = await vehicle_view(house.ports, ORGANIZATION, CAR, also_deleted=True)
    assert view.vehicle.deleted_at == house.clock.now()
    assert await vehicle_views(house.ports, ORGANIZATION, user_reference=None, window=Window()) == []
    for act in (
        vehicle_view(house.ports, ORGANIZATION, CAR),
        delete_vehicle(house.ports, ORGANIZATION, CAR),
        boosting(house),
    ):
        with pytest.raises(NotFound):
            await act
    assert (await boost_of(house.ports, ORGANIZATION, CAR)).state == "unavailable"
    receipt = await house.tell(plugged(2))
    assert (receipt.accepted, len(receipt.rejected)) == (0, 1)
    given = len(garage.given)
    await house.live_until(EVENING + 48 * HOUR)
    assert len(garage.given) == given


async def test_a_vehicle_that_only_waits_leaves_nothing_behind() -> None:
    house = await a_house(MemoryStore())
    await delete_vehicle(house.ports, ORGANIZATION, CAR)
    assert await house.unsettled() == [] and await house.settled() == []


async def test_words_that_come_at_once_are_all_heard(database: AnyStore) -> None:
    house = await idle_house(database)
    session = await running(house)
    asked = Immediate(minimum_charge_percent=90)
    await asyncio.gather(
        change(house, paused_until=EVENING + 5 * HOUR),
        change(house, power_max_w=7_000),
        override_target(house.ports, ORGANIZATION, session.id, asked),
        change(house, efficiency=0.95),
        override_target(house.ports, ORGANIZATION, session.id, asked),
    )
    session = await running(house)
    assert kind_of(session) == (2, "IMMEDIATE_START", "OVERRIDE", 90)
    assert (session.terms.power_max_w, session.terms.efficiency) == (7_000, 0.95)
    assert session.promise is not None
    assert first_block(session) == ("IMMEDIATE_START", 5)
    assert session.promise.powers_w == (7_000,)
