"""The law of settlement: what is settled is a function of the set of facts, not of their order or number."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from dwell.adapters.storage.memory import MemoryStore
from dwell.application import telemetry
from dwell.application.ports import Store
from dwell.domain.session.facts import Fact
from dwell.domain.session.record import Session
from dwell.domain.session.rules import Rules
from house import House, a_house
from law import agree
from properties.lives import FIRST_AT, life_of

pytestmark = pytest.mark.anyio

AFTER = FIRST_AT + timedelta(days=6)


async def settle_all(house: House, after: datetime = AFTER) -> list[Session]:
    house.clock.move_to(after)
    await house.look()
    return await house.settled()


async def told_in_order(store: Store, facts: Sequence[Fact], rules: Rules | None = None) -> list[Session]:
    """Everything at once, in order of time."""
    house = await a_house(store, rules=rules)
    await house.tell(*facts, at=AFTER)
    return await settle_all(house)


async def told_in_pieces(
    store: Store, facts: Sequence[Fact], chance: random.Random, rules: Rules | None = None
) -> list[Session]:
    """Shuffled, some of it more than once, in batches of any size."""
    house = await a_house(store, rules=rules)
    shuffled = [*facts, *chance.choices(facts, k=len(facts) // 2)]
    chance.shuffle(shuffled)
    new = 0
    while shuffled:
        size = chance.choice([1, 1, 2, 5, 30])
        batch, shuffled = shuffled[:size], shuffled[size:]
        new += (await house.tell(*batch, at=AFTER)).accepted
        if chance.random() < 0.3:
            await house.look()
    assert new == len(set(facts))
    return await settle_all(house)


async def told_live(store: Store, facts: Sequence[Fact], rules: Rules | None = None) -> list[Session]:
    """Each fact at its own instant, the engine at work in between."""
    house = await a_house(store, rules=rules)
    for fact in facts:
        await house.live_until(fact.at)
        await house.tell(fact)
    return await settle_all(house)


@pytest.mark.parametrize("life", range(150))
async def test_order_and_number_of_facts_change_nothing(life: int) -> None:
    facts = life_of(life)
    expected = await told_in_order(MemoryStore(), facts)
    assert expected
    for again in range(4):
        found = await told_in_pieces(MemoryStore(), facts, random.Random(life * 1000 + again))
        assert agree(found, expected)


@pytest.mark.parametrize("life", range(150))
async def test_a_visit_lived_through_settles_as_one_told_afterwards(life: int) -> None:
    facts = life_of(life)
    expected = await told_in_order(MemoryStore(), facts)
    assert agree(await told_live(MemoryStore(), facts), expected)


@pytest.mark.parametrize("life", range(500, 512))
async def test_the_law_holds_on_the_databases(database: Store, life: int) -> None:
    """Shuffled and doubled on the database, against once and in order in memory."""
    facts = life_of(life, visits=4)
    expected = await told_in_order(MemoryStore(), facts)
    assert agree(await told_in_pieces(database, facts, random.Random(life)), expected)


@pytest.mark.parametrize("life", range(800, 840))
async def test_late_facts_of_a_long_life_change_it_as_if_they_had_come_in_time(life: int) -> None:
    """Batches of new facts and of old ones from here and there: each cuts a few stretches again, not the whole life."""
    facts = life_of(life, visits=16)
    after = facts[-1].at + timedelta(days=1)
    chance = random.Random(life)
    held_up = sorted(chance.sample(range(len(facts)), k=len(facts) // 4))
    expected = await settle_all(await told(facts, [facts], after), after)
    batches = [[fact] for place, fact in enumerate(facts) if place not in set(held_up)]
    chance.shuffle(held_up)
    while held_up:
        some = [facts[held_up.pop()] for _ in range(min(len(held_up), chance.choice([1, 1, 2, 4])))]
        batches[chance.choice([-1, chance.randrange(len(batches))])] += some
    assert agree(await settle_all(await told(facts, batches, after), after), expected)


async def told(facts: Sequence[Fact], batches: Sequence[Sequence[Fact]], after: datetime) -> House:
    house = await a_house(MemoryStore())
    accepted = [(await house.tell(*batch, at=after)).accepted for batch in batches]
    assert sum(accepted) == len(set(facts))
    return house


@pytest.mark.parametrize("life", range(900, 960))
async def test_late_facts_that_wait_for_the_engine_come_to_the_same(
    life: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = life_of(life)
    expected = await told_in_order(MemoryStore(), facts)
    monkeypatch.setattr(telemetry, "RECUT_AT_ONCE", 5)
    assert agree(await told_in_pieces(MemoryStore(), facts, random.Random(life)), expected)


@pytest.mark.parametrize(
    "silent_after", [timedelta(minutes=20), timedelta(hours=2), timedelta(days=3)], ids=str
)
@pytest.mark.parametrize("life", range(1000, 1020))
async def test_the_law_holds_whatever_silence_and_freshness_are_set_to(
    life: int, silent_after: timedelta
) -> None:
    rules = Rules(silent_after=silent_after, fresh_within=silent_after / 4, late_after=timedelta(days=20))
    facts = life_of(life)
    expected = await told_in_order(MemoryStore(), facts, rules)
    assert agree(await told_in_pieces(MemoryStore(), facts, random.Random(life), rules), expected)
    assert agree(await told_live(MemoryStore(), facts, rules), expected)
