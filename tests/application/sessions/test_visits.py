"""The life of a session: anticipated, running, over; managed or only observed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dwell.adapters.storage.memory import MemoryStore
from dwell.application.policies import change_policy, create_policy, delete_policy
from dwell.application.ports import Transaction
from dwell.domain.errors import Conflict, NotFound
from dwell.domain.ids import LocationId
from dwell.domain.policy.schedule import Deadline
from dwell.domain.session.facts import Fact
from dwell.domain.session.incoming import Flagged
from dwell.domain.session.record import ACTIVE, SETTLED, UPCOMING
from dwell.domain.session.settle import is_hidden
from house import AT_HOME, BUILT_AT, CAR, ELSEWHERE, HOME, ORGANIZATION, House, a_house, home

pytestmark = pytest.mark.anyio

EVENING = BUILT_AT + timedelta(hours=6)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def plugged(at_h: float, **said: object) -> Fact:
    """A fact `at_h` hours after the evening began, plugged in unless it says otherwise."""
    return Fact(EVENING + at_h * HOUR, **{"plugged_in": True, **said})  # type: ignore[arg-type]  # a builder names the fields


def unplugged(at_h: float, **said: object) -> Fact:
    return plugged(at_h, plugged_in=False, **said)


async def states(house: House) -> list[tuple[str, bool]]:
    return sorted((session.state, session.managed) for session in await house.unsettled())


async def test_a_policy_anticipates_a_session() -> None:
    house = await a_house(MemoryStore())
    [session] = await house.unsettled()
    assert session.state == UPCOMING
    assert session.target is not None
    assert session.target.number == 1
    assert session.target.ready_by == (BUILT_AT + timedelta(days=1)).replace(hour=6)
    assert not session.blocks
    assert not session.rows_wh


async def test_plug_in_makes_it_active_and_plug_out_settles_it() -> None:
    house = await a_house(MemoryStore())
    [upcoming] = await house.unsettled()
    await house.tell(plugged(0, soc_percent=40))
    [active] = await house.unsettled()
    assert (active.id, active.state, active.plugged_in_at) == (upcoming.id, ACTIVE, EVENING)
    await house.tell(unplugged(3, soc_percent=41))
    await house.live_until(EVENING + 4 * HOUR)
    [settled] = await house.settled()
    assert (settled.id, settled.state) == (upcoming.id, SETTLED)
    assert settled.plugged_out_at == EVENING + 3 * HOUR
    assert await states(house) == [(UPCOMING, True)]


async def test_settling_waits_as_long_as_a_flap_could_undo_it() -> None:
    house = await a_house(MemoryStore())
    await house.tell(plugged(0))
    await house.tell(unplugged(1))
    await house.live_until(EVENING + HOUR + 59 * MINUTE / 60)
    assert await states(house) == [(ACTIVE, True)]
    await house.live_until(EVENING + HOUR + MINUTE)
    assert await states(house) == [(UPCOMING, True)]


@pytest.mark.parametrize(("gap_s", "sessions"), [(59, 1), (61, 2)])
async def test_a_flap_of_at_most_a_minute_stays_in_the_session(gap_s: int, sessions: int) -> None:
    house = await a_house(MemoryStore())
    for fact in (plugged(0), unplugged(1), plugged(1 + gap_s / 3600), unplugged(4)):
        await house.live_until(fact.at)
        await house.tell(fact)
    await house.live_until(EVENING + 5 * HOUR)
    assert len(await house.settled()) == sessions


@pytest.mark.parametrize("said", [{"odometer_m": 51_000}, {"energy_register_wh": 9_000}])
async def test_a_flap_in_which_something_moved_is_none(said: dict[str, int]) -> None:
    house = await a_house(MemoryStore())
    facts = (
        plugged(0, odometer_m=50_000, energy_register_wh=5_000),
        unplugged(1),
        plugged(1.01, **said),
        unplugged(4),
    )
    await house.tell(*facts, at=EVENING + 5 * HOUR)
    assert len(await house.settled()) == 2


async def test_a_visit_elsewhere_is_observed_only_while_the_policy_waits() -> None:
    house = await a_house(MemoryStore())
    await house.tell(plugged(0, latitude=ELSEWHERE[0], longitude=ELSEWHERE[1], soc_percent=30))
    assert await states(house) == [(ACTIVE, False), (UPCOMING, True)]
    await house.tell(unplugged(2, soc_percent=60))
    await house.live_until(EVENING + 3 * HOUR)
    [settled] = await house.settled()
    assert (settled.managed, settled.at_home, settled.reason) == (False, False, "not_at_home")
    assert settled.blocks == ()
    assert settled.target is None
    assert settled.outcome is None
    assert settled.energy_wh > 0
    assert house.vehicle.given == []


async def test_a_position_learned_late_moves_the_visit_away_from_its_policy() -> None:
    house = await a_house(MemoryStore())
    [upcoming] = await house.unsettled()
    await house.tell(plugged(0, soc_percent=50))
    assert await states(house) == [(ACTIVE, True)]
    await house.tell(plugged(0.2, latitude=ELSEWHERE[0], longitude=ELSEWHERE[1]))
    assert await states(house) == [(ACTIVE, False), (UPCOMING, True)]
    [running] = [s for s in await house.unsettled() if s.state == ACTIVE]
    assert running.id == upcoming.id


async def test_a_policy_made_while_the_vehicle_is_plugged_in_takes_the_visit_over() -> None:
    house = await a_house(MemoryStore(), with_policy=False)
    await house.tell(plugged(0, soc_percent=40))
    assert await states(house) == [(ACTIVE, False)]
    house.clock.move_to(EVENING + HOUR)
    policy = await create_policy(house.ports, ORGANIZATION, CAR, HOME)
    [session] = await house.unsettled()
    assert (session.state, session.policy_id, session.plugged_in_at) == (ACTIVE, policy.id, EVENING)


async def test_a_settled_visit_without_a_policy_stays_without() -> None:
    house = await a_house(MemoryStore(), with_policy=False)
    await house.tell(plugged(0), unplugged(2), at=EVENING + 3 * HOUR)
    await create_policy(house.ports, ORGANIZATION, CAR, HOME)
    await house.tell(plugged(1, power_w=3_000), at=EVENING + 4 * HOUR)
    [settled] = await house.settled()
    assert not settled.managed
    assert settled.revision == 2
    assert await states(house) == [(UPCOMING, True)]


async def test_deleting_a_policy_drops_what_waits() -> None:
    house = await a_house(MemoryStore())
    assert house.policy is not None
    await delete_policy(house.ports, ORGANIZATION, house.policy.id)
    assert await house.unsettled() == []
    with pytest.raises(NotFound):
        await delete_policy(house.ports, ORGANIZATION, house.policy.id)


async def test_deleting_a_policy_lets_the_running_visit_go_on_unmanaged() -> None:
    house = await a_house(MemoryStore())
    assert house.policy is not None
    await house.tell(plugged(0, soc_percent=40))
    await house.look()
    orders = len(house.vehicle.given)
    await delete_policy(house.ports, ORGANIZATION, house.policy.id)
    assert await states(house) == [(ACTIVE, False)]
    await house.tell(unplugged(20, soc_percent=60))
    await house.live_until(EVENING + 21 * HOUR)
    [settled] = await house.settled()
    assert (settled.managed, settled.reason) == (False, "smart_optimization_disabled")
    assert len(house.vehicle.given) == orders


async def test_two_policies_for_one_pair_conflict() -> None:
    house = await a_house(MemoryStore())
    with pytest.raises(Conflict):
        await create_policy(house.ports, ORGANIZATION, CAR, HOME)


async def test_every_edit_of_the_policy_makes_a_new_target() -> None:
    house = await a_house(MemoryStore())
    assert house.policy is not None
    house.clock.move_to(BUILT_AT + HOUR)
    await change_policy(house.ports, ORGANIZATION, house.policy.id, schedule=(Deadline("08:00", 90),) * 7)
    [session] = await house.unsettled()
    assert session.target is not None
    assert (session.target.number, session.target.minimum_charge_percent) == (2, 90)
    await house.tell(plugged(0, soc_percent=40))
    house.clock.move_to(EVENING + HOUR)
    await change_policy(house.ports, ORGANIZATION, house.policy.id, battery_reserve_percent=50)
    [session] = await house.unsettled()
    assert session.target is not None
    assert (session.target.number, session.mode) == (3, "BATTERY_RESERVE")


async def test_a_deadline_that_passes_hands_over_to_the_next() -> None:
    house = await a_house(MemoryStore())
    await house.tell(plugged(0, soc_percent=40))
    for hour in range(1, 14):
        await house.live_until(EVENING + hour * HOUR)
        await house.tell(plugged(hour, soc_percent=40, charging=False))
    [session] = await house.unsettled()
    assert session.target is not None
    assert session.target.number == 2
    await house.tell(unplugged(14, soc_percent=45))
    await house.live_until(EVENING + 15 * HOUR)
    [settled] = await house.settled()
    assert settled.target is not None and settled.outcome is not None
    assert (settled.target.number, settled.outcome.state) == (1, "MISSED")
    assert settled.outcome.soc_at_ready_by_percent == 40


async def test_the_vehicles_own_limit_caps_the_target() -> None:
    house = await a_house(MemoryStore())
    await house.tell(plugged(0, soc_percent=40))
    await house.tell(plugged(0.1, charge_limit_percent=60))
    [session] = await house.unsettled()
    assert session.target is not None
    assert (session.target.number, session.target.minimum_charge_percent) == (2, 60)


async def test_silence_ends_a_visit_only_behind_its_deadline_and_a_word_revives_it() -> None:
    house = await a_house(MemoryStore())
    await house.tell(plugged(0, soc_percent=40))
    await house.live_until(EVENING + 23 * HOUR)
    assert (ACTIVE, True) in await states(house)
    await house.live_until(EVENING + 25 * HOUR)
    assert await states(house) == [(UPCOMING, True)]
    [settled] = await house.settled()
    assert (settled.inferred_end_at, settled.plugged_out_at) == (EVENING, None)
    await house.tell(plugged(26, soc_percent=40))
    [running] = await house.unsettled()
    assert (running.id, running.state, running.revision) == (settled.id, ACTIVE, 2)
    assert running.inferred_end_at is None


async def test_an_odometer_that_moved_ends_the_visit_where_it_was_last_plugged() -> None:
    house = await a_house(MemoryStore())
    await house.tell(plugged(0, odometer_m=50_000), plugged(9), at=EVENING + 9 * HOUR)
    await house.tell(plugged(12, odometer_m=80_000))
    [settled] = await house.settled()
    assert settled.inferred_end_at == EVENING + 9 * HOUR
    assert await states(house) == [(ACTIVE, True)]


async def test_a_session_that_ended_by_observation_never_runs_again() -> None:
    house = await a_house(MemoryStore())
    await house.tell(plugged(0), unplugged(2), at=EVENING + 3 * HOUR)
    [before] = await house.settled()
    await house.tell(plugged(2 + 30 / 3600), at=EVENING + 3 * HOUR)
    [settled] = await house.settled()
    [running] = await house.unsettled()
    assert (settled.id, settled.state, running.state) == (before.id, SETTLED, ACTIVE)
    assert running.id != settled.id
    await house.tell(unplugged(5), at=EVENING + 6 * HOUR)
    await house.look()
    [joined] = await house.settled()
    assert (joined.id, joined.plugged_out_at) == (before.id, EVENING + 5 * HOUR)


async def test_short_visits_are_hidden_not_lost() -> None:
    house = await a_house(MemoryStore())
    await house.tell(plugged(0))
    [young] = await house.unsettled()
    assert is_hidden(young, house.clock.now())
    assert not is_hidden(young, house.clock.now() + MINUTE)
    await house.tell(unplugged(4 / 60), at=EVENING + HOUR)
    assert len(await house.settled()) == 1
    assert await house.settled(include_hidden=False) == []


async def test_a_late_fact_revises_and_one_too_late_is_only_kept() -> None:
    house = await a_house(MemoryStore())
    await house.tell(plugged(0, energy_register_wh=1_000), unplugged(9), at=EVENING + 10 * HOUR)
    [settled] = await house.settled()
    assert (settled.energy_wh, settled.revision) == (0, 1)
    late = plugged(5, energy_register_wh=6_000)
    assert (await house.tell(late, at=EVENING + timedelta(days=6))).accepted == 1
    [settled] = await house.settled()
    assert (settled.energy_wh, settled.revision) == (5_000, 2)
    too_late = plugged(6, energy_register_wh=9_000)
    receipt = await house.tell(too_late, at=EVENING + timedelta(days=8))
    assert (receipt.accepted, receipt.flagged) == (1, (Flagged(0, "late"),))
    [settled] = await house.settled()
    assert (settled.energy_wh, settled.revision) == (5_000, 2)


async def test_duplicates_are_counted_and_change_nothing() -> None:
    house = await a_house(MemoryStore())
    named = plugged(0, external_id="a")
    other = plugged(0, external_id="a", soc_percent=50)
    receipt = await house.tell(named, named, other)
    assert (receipt.accepted, receipt.duplicates) == (1, 2)
    receipt = await house.tell(named)
    assert (receipt.accepted, receipt.duplicates) == (0, 1)
    track = await house.track()
    assert track.seen.soc_percent is None


async def test_of_overlapping_locations_the_nearest_wins() -> None:
    house = await a_house(MemoryStore())
    neighbour = home(LocationId("00000000-0000-7000-8000-00000000000e"), (AT_HOME[0] + 0.0010, AT_HOME[1]))

    async def move_in(tx: Transaction) -> None:
        await tx.save_location(neighbour)

    await house.ports.store.write(move_in)
    await house.tell(plugged(0, latitude=AT_HOME[0] + 0.0008, longitude=AT_HOME[1]))
    [running] = [s for s in await house.unsettled() if s.state == ACTIVE]
    assert (running.location_id, running.managed) == (neighbour.id, False)


async def test_with_two_locations_and_no_position_nobody_is_at_home() -> None:
    house = await a_house(MemoryStore())

    async def move_in(tx: Transaction) -> None:
        await tx.save_location(home(LocationId("00000000-0000-7000-8000-00000000000e"), ELSEWHERE))

    await house.ports.store.write(move_in)
    await house.tell(plugged(0))
    assert (ACTIVE, False) in await states(house)
