"""A person's word on one session: the target is overridden, and plan, order and event follow in the same moment."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from application.sessions.evenings import (
    DEADLINE,
    EVENING,
    HOUR,
    MINUTE,
    Garage,
    a_garage,
    plugged,
    running,
    unplugged,
)
from application.storage.builders import AnyStore, events_in
from dwell.adapters.storage.memory import MemoryStore
from dwell.application.policies import change_policy, delete_policy
from dwell.application.targets import override_target, remove_override
from dwell.domain.errors import Conflict, NotFound, Refused
from dwell.domain.ids import OrganizationId, SessionId
from dwell.domain.policy.override import Immediate, Regular, Wanted
from dwell.domain.policy.schedule import Restriction
from dwell.domain.session.record import UPCOMING, Session
from dwell.domain.session.steering import START, STOP
from dwell.domain.session.visit import Target
from house import ELSEWHERE, ORGANIZATION, House, a_house

pytestmark = pytest.mark.anyio

NOW = Immediate(minimum_charge_percent=90)


def by(at: datetime, percent: float = 60, reserve: float | None = None) -> Regular:
    return Regular(minimum_charge_percent=percent, ready_by=at, battery_reserve_percent=reserve)


async def waiting(house: House) -> Session:
    [session] = [s for s in await house.unsettled() if s.state == UPCOMING]
    return session


async def ask(house: House, wanted: Wanted | None) -> Session:
    """Ask it of the one session that is not settled, running before waiting."""
    sessions = sorted(await house.unsettled(), key=lambda s: s.state)
    if wanted is None:
        return (await remove_override(house.ports, ORGANIZATION, sessions[0].id)).session
    return (await override_target(house.ports, ORGANIZATION, sessions[0].id, wanted)).session


def target_of(session: Session) -> Target:
    assert session.target is not None
    return session.target


def kind_of(session: Session) -> tuple[int, str, str, float]:
    target = target_of(session)
    return target.number, target.type, target.source, target.minimum_charge_percent


async def plugged_garage(store: AnyStore, soc_percent: float = 40) -> Garage:
    garage = await a_garage(store, soc_percent)
    await garage.live_until(EVENING + 1.5 * HOUR)
    return garage


async def test_an_immediate_start_changes_plan_order_and_event_at_once(store: AnyStore) -> None:
    garage = await plugged_garage(store)
    house = garage.house
    garage.given.clear()  # an hour at 0.06 is over, 0.20 and 0.34 are not taken
    before = len(await events_in(store))
    session = await ask(house, NOW)
    assert kind_of(session) == (2, "IMMEDIATE_START", "OVERRIDE", 90)
    assert (session.mode, session.outcome is not None) == ("IMMEDIATE_START", True)
    assert session.promise is not None
    [block] = session.promise.blocks
    assert (block.type, block.start_at) == ("IMMEDIATE_START", EVENING + 1.5 * HOUR)
    [event] = (await events_in(store))[before:]
    assert event.session == session == await running(house)
    await house.look()
    assert [(order.kind, order.created_at) for order in garage.given] == [(START, EVENING + 1.5 * HOUR)]
    settled = await garage.leave(DEADLINE)
    assert settled.reason == "boosted"
    assert [block.type for block in settled.blocks] == ["REGULAR", "IMMEDIATE_START"]
    assert settled.soc_to_percent == pytest.approx(90, abs=0.5)


async def test_an_earlier_deadline_is_planned_for_and_gives_way_to_the_policy_when_it_has_passed() -> None:
    garage = await plugged_garage(MemoryStore())
    session = await ask(garage.house, by(EVENING + 4.5 * HOUR, 58))
    assert kind_of(session) == (2, "REGULAR", "OVERRIDE", 58)
    assert session.promise is not None and session.promise.blocks[-1].end_at <= EVENING + 4.5 * HOUR
    await garage.live_until(EVENING + 4.5 * HOUR + MINUTE)
    session = await running(garage.house)
    assert kind_of(session) == (3, "REGULAR", "POLICY", 80)
    assert target_of(session).ready_by == DEADLINE
    settled = await garage.leave(EVENING + 5 * HOUR)
    assert settled.outcome is not None
    assert (settled.outcome.state, settled.outcome.target_number) == ("REACHED", 2)
    assert kind_of(settled) == (2, "REGULAR", "OVERRIDE", 58)


async def test_a_deadline_of_the_policy_passes_under_an_override_without_a_verdict() -> None:
    garage = await plugged_garage(MemoryStore())
    await ask(garage.house, by(DEADLINE + 4 * HOUR, 95))
    await garage.live_until(DEADLINE + HOUR)
    session = await running(garage.house)
    assert kind_of(session) == (2, "REGULAR", "OVERRIDE", 95)
    settled = await garage.leave(DEADLINE + 4 * HOUR + MINUTE)
    assert settled.outcome is not None
    assert (settled.outcome.state, settled.outcome.target_number) == ("REACHED", 2)


async def test_a_removal_returns_to_the_policy_and_stops_what_was_started() -> None:
    garage = await plugged_garage(MemoryStore(), 60)
    await ask(garage.house, NOW)
    await garage.house.look()
    await garage.live_until(EVENING + 1.7 * HOUR)
    session = await ask(garage.house, None)
    assert kind_of(session) == (3, "REGULAR", "POLICY", 80)
    assert session.mode == "REGULAR"
    await garage.house.look()
    assert [order.kind for order in garage.given] == [START, STOP]
    assert await ask(garage.house, None) == session  # there is nothing more to take back


async def test_the_same_override_again_changes_nothing(store: AnyStore) -> None:
    garage = await plugged_garage(store)
    session = await ask(garage.house, NOW)
    before = len(await events_in(store))
    assert await ask(garage.house, NOW) == session
    assert len(await events_in(store)) == before


async def test_an_override_of_a_waiting_session_is_there_at_plug_in_and_dies_with_it(store: AnyStore) -> None:
    house = await a_house(store)
    house.clock.move_to(EVENING - HOUR)
    first = await ask(house, NOW)
    assert (first.state, *kind_of(first)) == (UPCOMING, 2, "IMMEDIATE_START", "OVERRIDE", 90)
    assert await waiting(house) == first
    await house.tell(plugged(0, soc_percent=40, charging=False))
    session = await running(house)
    assert (session.id, session.mode) == (first.id, "IMMEDIATE_START")
    assert kind_of(session) == (2, "IMMEDIATE_START", "OVERRIDE", 90)
    await house.look()
    assert [order.kind for order in house.vehicle.given] == [START]
    await house.tell(unplugged(2))
    await house.live_until(EVENING + 3 * HOUR)
    assert kind_of(await waiting(house)) == (1, "REGULAR", "POLICY", 80)


async def test_an_override_of_a_running_visit_does_not_outlive_one_that_had_ended_unseen() -> None:
    house = await a_house(MemoryStore())
    await house.tell(plugged(0, soc_percent=40, charging=False))
    house.clock.move_to(EVENING + 2 * HOUR)
    await ask(house, NOW)
    await house.tell(unplugged(1), at=EVENING + 3 * HOUR)
    await house.live_until(EVENING + 3.1 * HOUR)
    [settled] = await house.settled()
    assert settled.reason == "user_unplugged_early"
    assert kind_of(settled)[:2] == (1, "REGULAR")
    await house.tell(plugged(4, soc_percent=40, charging=False))
    assert kind_of(await running(house))[1:] == ("REGULAR", "POLICY", 80)


async def test_an_override_waits_through_a_charge_elsewhere() -> None:
    house = await a_house(MemoryStore())
    house.clock.move_to(EVENING - HOUR)
    await ask(house, NOW)
    away = {"latitude": ELSEWHERE[0], "longitude": ELSEWHERE[1]}
    await house.tell(plugged(0, soc_percent=40, **away))
    await house.tell(unplugged(1, **away))
    assert kind_of(await waiting(house))[1] == "IMMEDIATE_START"


async def test_the_charge_limit_caps_what_a_person_asks() -> None:
    house = await a_house(MemoryStore())
    await house.tell(plugged(0, soc_percent=40, charging=False, charge_limit_percent=70))
    assert kind_of(await ask(house, NOW))[3] == 70
    await house.tell(plugged(1, soc_percent=50, charging=True, charge_limit_percent=80))
    assert kind_of(await running(house)) == (3, "IMMEDIATE_START", "OVERRIDE", 80)


async def test_a_reserve_of_its_own_holds_while_the_override_does() -> None:
    house = await a_house(MemoryStore())
    await house.tell(plugged(0, soc_percent=40, charging=False))
    session = await ask(house, by(DEADLINE, 80, reserve=50))
    assert (session.mode, target_of(session).battery_reserve_percent) == ("BATTERY_RESERVE", 50)
    assert session.promise is not None
    assert session.promise.blocks[0].type == "BATTERY_RESERVE"
    assert (await ask(house, None)).mode == "REGULAR"


async def test_an_immediate_start_is_not_bound_by_restrictions_and_a_deadline_is() -> None:
    house = await a_house(MemoryStore())
    assert house.policy is not None
    windows = (Restriction((0, 1, 2, 3, 4, 5, 6), "18:00", "23:00"),)
    await change_policy(house.ports, ORGANIZATION, house.policy.id, restrictions=windows)
    await house.tell(plugged(0, soc_percent=40, charging=False))
    session = await ask(house, by(EVENING + 5 * HOUR, 60))
    assert session.promise is not None
    assert session.promise.blocks[0].start_at == EVENING + 4 * HOUR  # 23:00 in Berlin
    house.clock.move_to(EVENING + MINUTE)
    session = await ask(house, NOW)
    assert session.promise is not None
    assert session.promise.blocks[0].start_at == EVENING + MINUTE


async def test_an_edit_of_the_policy_reaches_the_reserve_under_an_override() -> None:
    house = await a_house(MemoryStore())
    assert house.policy is not None
    await house.tell(plugged(0, soc_percent=40, charging=False))
    await ask(house, by(DEADLINE, 70))
    await change_policy(house.ports, ORGANIZATION, house.policy.id, battery_reserve_percent=45)
    session = await running(house)
    assert kind_of(session) == (3, "REGULAR", "OVERRIDE", 70)
    assert session.mode == "BATTERY_RESERVE"


@pytest.mark.parametrize(
    ("wanted", "fields"),
    [
        (by(EVENING), ["ready_by"]),
        (by(EVENING + timedelta(days=7, seconds=1)), ["ready_by"]),
        (by(EVENING + HOUR, 101), ["minimum_charge_percent"]),
        (by(EVENING + HOUR, 40, reserve=41), ["battery_reserve_percent"]),
        (
            by(EVENING - HOUR, -1, reserve=101),
            ["minimum_charge_percent", "battery_reserve_percent", "battery_reserve_percent", "ready_by"],
        ),
        (Immediate(minimum_charge_percent=100.5), ["minimum_charge_percent"]),
        (Immediate(minimum_charge_percent=float("nan")), ["minimum_charge_percent"]),
    ],
)
async def test_what_cannot_be_kept_is_refused_by_name_and_changes_nothing(
    wanted: Wanted, fields: list[str]
) -> None:
    house = await a_house(MemoryStore())
    await house.tell(plugged(0, soc_percent=40, charging=False))
    before = await running(house)
    with pytest.raises(Refused) as refused:
        await ask(house, wanted)
    assert [fault.field for fault in refused.value.faults] == fields
    assert await running(house) == before


async def test_a_settled_session_is_a_conflict_also_one_that_time_has_just_ended(store: AnyStore) -> None:
    house = await a_house(store)
    await house.tell(plugged(0, soc_percent=40))
    session = await running(house)
    await house.tell(unplugged(1))
    house.clock.move_to(EVENING + HOUR + 2 * MINUTE)
    with pytest.raises(Conflict):
        await override_target(house.ports, ORGANIZATION, session.id, NOW)
    await house.look()
    with pytest.raises(Conflict):
        await remove_override(house.ports, ORGANIZATION, session.id)


async def test_an_unknown_a_foreign_and_an_unmanaged_session_are_not_there() -> None:
    house = await a_house(MemoryStore())
    await house.tell(plugged(0, soc_percent=40))
    session = await running(house)
    for organization, name in (
        (ORGANIZATION, SessionId("nothing")),
        (OrganizationId("another"), session.id),
    ):
        with pytest.raises(NotFound):
            await override_target(house.ports, organization, name, NOW)
    assert house.policy is not None
    await delete_policy(house.ports, ORGANIZATION, house.policy.id)
    with pytest.raises(NotFound):
        await override_target(house.ports, ORGANIZATION, session.id, NOW)


async def test_an_override_of_the_instant_of_the_newest_fact_counts_and_so_does_an_edit() -> None:
    house = await a_house(MemoryStore())
    assert house.policy is not None
    ahead = 5 / 60
    await house.tell(plugged(ahead, soc_percent=40, charging=False), at=EVENING)
    await change_policy(house.ports, ORGANIZATION, house.policy.id, battery_reserve_percent=30)
    session = await ask(house, NOW)
    assert kind_of(session)[1] == "IMMEDIATE_START"
    await house.tell(plugged(1, soc_percent=50, charging=True, power_w=11_000))
    session = await running(house)
    assert kind_of(session)[1] == "IMMEDIATE_START"
    assert target_of(session).battery_reserve_percent == 30
