"""The verdict on a visit, in both vocabularies, as the engine reaches it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

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
    with_vehicle,
)
from dwell.adapters.storage.memory import MemoryStore
from dwell.application.policies import change_policy
from dwell.application.prices import import_prices
from dwell.domain.policy.schedule import Deadline
from dwell.domain.session.outcome import GATE_RULES, RULES
from dwell.domain.session.record import OutcomeState, Session
from dwell.domain.tariff.curve import PriceSlot
from house import ELSEWHERE, ORGANIZATION, ZONE, House, a_house

pytestmark = pytest.mark.anyio

AWAY: dict[str, object] = {"latitude": ELSEWHERE[0], "longitude": ELSEWHERE[1]}
GATED: list[tuple[str, dict[str, object], dict[str, object]]] = [
    ("not_authenticated", {"link_valid": False}, {}),
    ("not_at_home", {}, AWAY),
    ("smart_optimization_disabled", {"smart_charging": False}, {}),
    ("hems_only_mode", {"charging_mode": "solar_only"}, {}),
    ("oem_not_capable", {"control": "none"}, {}),
    ("no_battery_capacity", {"battery_capacity_wh": None}, {}),
    ("already_at_target", {}, {"soc_percent": 80}),
]


async def a_visit(house: House, **said: object) -> tuple[str, Session]:
    """A visit in which 3.3 kWh are charged: its reason while it runs, and its settled session."""
    what = {"soc_percent": 40, "charging": False, **said}
    await house.tell(plugged(0, energy_register_wh=0, **what))
    await house.look()
    live = (await running(house)).reason
    await house.tell(unplugged(3, energy_register_wh=3_300))
    await house.live_until(EVENING + 3.1 * HOUR)
    return live, (await house.settled())[-1]


async def outcome_of(house: House) -> OutcomeState:
    """The Flex verdict on the visit that runs."""
    outcome = (await running(house)).outcome
    assert outcome is not None
    return outcome


@pytest.mark.parametrize(("reason", "vehicle", "said"), GATED)
async def test_a_gate_is_told_from_plug_in_to_settlement(
    reason: str, vehicle: dict[str, object], said: dict[str, object]
) -> None:
    house = await with_vehicle(await a_house(MemoryStore()), **vehicle)
    live, settled = await a_visit(house, **said)
    assert (live, settled.reason) == (reason, reason)
    assert house.vehicle.given == [] or reason == "already_at_target"


@pytest.mark.parametrize("first", range(len(GATED) - 1))
async def test_of_two_gates_the_first_in_the_table_is_told(first: int) -> None:
    (reason, vehicle, said), (_, other, other_said) = GATED[first], GATED[first + 1]
    house = await with_vehicle(await a_house(MemoryStore()), **{**other, **vehicle})
    _, settled = await a_visit(house, **{**other_said, **said})
    assert settled.reason == reason


async def test_a_visit_without_a_policy_is_not_optimised() -> None:
    live, settled = await a_visit(await a_house(MemoryStore(), with_policy=False))
    assert (live, settled.reason) == ("smart_optimization_disabled", "smart_optimization_disabled")


async def test_too_few_prices_are_a_gate_live_and_settled() -> None:
    live, settled = await a_visit(await a_house(MemoryStore(), with_prices=False))
    assert (live, settled.reason) == ("insufficient_price_coverage", "insufficient_price_coverage")


@pytest.mark.parametrize(("hours", "live"), [(5, "insufficient_price_coverage"), (6, "in_progress")])
async def test_half_of_the_window_is_enough_of_prices(hours: int, live: str) -> None:
    house = await a_house(MemoryStore(), with_prices=False)
    slots = [PriceSlot(EVENING + n * HOUR, EVENING + (n + 1) * HOUR, Decimal(n)) for n in range(hours)]
    await import_prices(house.ports, ZONE, "EUR", slots)
    found, settled = await a_visit(house)
    assert found == live
    # All of the visit itself was priced: what was not known of the night after it decides nothing any more.
    assert settled.reason == "user_unplugged_early"


async def test_a_visit_that_is_optimised_now_is_in_progress() -> None:
    live, settled = await a_visit(await a_house(MemoryStore()))
    assert (live, settled.reason) == ("in_progress", "user_unplugged_early")


async def test_carried_out_to_the_target_is_optimized() -> None:
    garage = await a_garage(MemoryStore(), 40)
    settled = await garage.leave(DEADLINE + 10 * MINUTE)
    assert settled.reason == "optimized"
    assert settled.outcome is not None
    assert (settled.outcome.state, settled.outcome.target_number) == ("REACHED", 1)
    assert settled.outcome.reached_at is not None and settled.outcome.reached_at <= DEADLINE
    assert settled.outcome.soc_at_ready_by_percent == pytest.approx(80, abs=0.5)


async def test_reached_and_left_before_the_deadline_is_optimized() -> None:
    garage = await a_garage(MemoryStore(), 75)
    settled = await garage.leave(EVENING + 8 * HOUR)
    assert settled.reason == "optimized"


async def test_no_flexibility_is_an_immediate_start() -> None:
    garage = await a_garage(MemoryStore(), 40)
    assert garage.house.policy is not None
    await change_policy(
        garage.house.ports, ORGANIZATION, garage.house.policy.id, schedule=(Deadline("22:15", 80),) * 7
    )
    settled = await garage.leave(EVENING + 3.5 * HOUR)
    assert settled.reason == "immediate_start"


async def test_a_start_unconfirmed_to_the_end_is_commands_failed() -> None:
    house = await a_house(MemoryStore())
    await deaf_until(house, 10, soc_percent=70)
    settled = await left(house, 10.1)
    assert settled.reason == "commands_failed"
    assert settled.error is not None and settled.error.type == "START_FAILED"


async def test_a_charge_that_broke_off_for_good_is_commands_failed() -> None:
    house = await a_house(MemoryStore())
    await house.tell(plugged(0, soc_percent=10, charging=False, energy_register_wh=0))
    await house.look()
    await house.tell(plugged(0.05, soc_percent=10, charging=True, energy_register_wh=500))
    await deaf_until(house, 1, since_h=0.1, soc_percent=10)
    settled = await left(house, 1.1)
    assert settled.error is not None and settled.error.type == "CHARGE_INTERRUPTED"
    assert settled.reason == "commands_failed"


async def test_said_full_below_the_target_is_oem_reported_full() -> None:
    house = await a_house(MemoryStore())
    await house.tell(plugged(0, soc_percent=40, charging=False))
    await house.look()
    await house.tell(plugged(4, soc_percent=60, charging=False, fully_charged=True))
    assert (await left(house, 11)).reason == "oem_reported_full"


async def test_said_full_at_the_target_is_optimized() -> None:
    garage = await a_garage(MemoryStore(), 70)
    garage.car.limit_percent = 80
    settled = await garage.leave(EVENING + 8 * HOUR)
    assert (settled.reason, settled.soc_to_percent) == ("optimized", 80)


async def test_left_before_the_deadline_without_the_target_is_unplugged_early() -> None:
    garage = await a_garage(MemoryStore(), 40)
    settled = await garage.leave(EVENING + 4.5 * HOUR)
    assert settled.reason == "user_unplugged_early"
    assert settled.outcome is not None and settled.outcome.state == "MISSED"


async def test_the_deadline_missed_by_a_vehicle_that_obeyed_is_other() -> None:
    house = await a_house(MemoryStore())
    for n in range(13 * 6):
        await house.live_until(EVENING + n * 10 * MINUTE)
        wanted = house.vehicle.given[-1].power_w > 0 if house.vehicle.given else False
        await house.tell(plugged(n / 6, soc_percent=60, charging=wanted))
        await house.look()
    settled = await left(house, 13)
    assert settled.reason == "other"
    assert settled.outcome is not None and settled.outcome.state == "MISSED"


async def test_a_visit_of_which_nothing_is_known_is_unknown() -> None:
    house = await a_house(MemoryStore())
    await house.tell(plugged(2))
    assert (await left(house, 5)).reason == "unknown"


def test_reasons_that_nothing_gives_yet_are_known() -> None:
    told = {reason for reason, _ in RULES}
    assert told == {
        *(reason for reason, _ in GATE_RULES),
        "in_progress",
        "boosted",
        "immediate_start",
        "commands_failed",
        "oem_reported_full",
        "user_unplugged_early",
        "optimized",
        "unknown",
    }


@pytest.mark.parametrize(
    ("slack", "state"),
    [(timedelta(minutes=14, seconds=59), "AT_RISK"), (timedelta(minutes=15), "ON_TRACK")],
)
async def test_less_than_a_quarter_of_an_hour_of_slack_is_a_risk(slack: timedelta, state: str) -> None:
    house = await a_house(MemoryStore())
    needs_h = 0.6 * 77 / 0.9 / 11
    at_h = (DEADLINE - slack - EVENING) / HOUR - needs_h
    await house.tell(plugged(at_h, soc_percent=20, charging=False))
    assert (await outcome_of(house)).state == state


async def test_the_verdict_follows_the_charge() -> None:
    house = await a_house(MemoryStore())
    await house.tell(plugged(0, soc_percent=40, charging=False))
    await house.look()
    outcome = await outcome_of(house)
    assert (outcome.state, outcome.target_number, outcome.reached_at) == ("ON_TRACK", 1, None)
    assert outcome.soc_at_ready_by_percent == pytest.approx(80, abs=0.1)  # the plan's promise
    await house.tell(plugged(11.5, soc_percent=60, charging=True))
    assert (await outcome_of(house)).state == "AT_RISK"
    await house.tell(plugged(11.6, soc_percent=80, charging=True))
    outcome = await outcome_of(house)
    assert (outcome.state, outcome.reached_at) == ("REACHED", EVENING + 11.6 * HOUR)
    await house.tell(plugged(11.7, soc_percent=79, charging=False))
    assert (await outcome_of(house)).state == "REACHED"


async def test_the_last_deadline_that_passed_is_the_judge() -> None:
    house = await a_house(MemoryStore())
    await house.tell(plugged(0, soc_percent=40), plugged(11, soc_percent=80), at=EVENING + 11 * HOUR)
    await house.tell(plugged(14, soc_percent=80), at=EVENING + 14 * HOUR)
    assert (await outcome_of(house)).target_number == 2
    settled = await left(house, 15)
    assert settled.outcome is not None and settled.target is not None
    assert (settled.outcome.state, settled.outcome.target_number) == ("REACHED", 1)
    assert settled.target.ready_by == DEADLINE


async def test_a_charge_that_comes_after_its_deadline_has_missed_it() -> None:
    house = await a_house(MemoryStore())
    await house.tell(plugged(0, soc_percent=40), plugged(13, soc_percent=85), at=EVENING + 13 * HOUR)
    settled = await left(house, 14)
    assert settled.outcome is not None
    assert (settled.outcome.state, settled.outcome.reached_at) == ("MISSED", None)


async def deaf_until(house: House, until_h: float, *, since_h: float = 0, **said: object) -> None:
    """A vehicle that reports every 4 minutes and does not charge, whatever it is told."""
    at_h = since_h
    while at_h < until_h:
        await house.live_until(EVENING + at_h * HOUR)
        await house.tell(plugged(at_h, charging=False, **said))
        await house.look()
        at_h += 1 / 15


async def left(house: House, at_h: float) -> Session:
    """The session after the plug-out."""
    await house.live_until(EVENING + at_h * HOUR)
    await house.tell(unplugged(at_h))
    await house.live_until(EVENING + at_h * HOUR + 2 * MINUTE)
    return (await house.settled())[-1]
