"""The law of settlement with people in it: what they asked for, and when, counts; the order of facts does not."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
import pytest

from dwell.adapters.storage.memory import MemoryStore
from dwell.application.boost import boost, disarm_boost
from dwell.application.policies import change_policy
from dwell.application.ports import Store, Transaction
from dwell.application.targets import override_target, remove_override
from dwell.application.vehicles import VehicleChange, change_vehicle
from dwell.domain.errors import Conflict, NotFound
from dwell.domain.policy.override import READY_WITHIN, Immediate, Regular
from dwell.domain.registry import Policy, Vehicle
from dwell.domain.session.facts import Fact
from dwell.domain.session.record import Session
from house import CAR, ORGANIZATION, House, a_house
from law import agree
from properties.lives import FIRST_AT, life_of

pytestmark = pytest.mark.anyio

AFTER = FIRST_AT + timedelta(days=6)
KINDS = ("regular", "regular", "immediate", "remove", "boost", "disarm", "edit", "switch", "pause")


@dataclass(frozen=True)
class Word:
    """What a person says at an instant."""

    at: datetime
    kind: str
    percent: float
    hours: float


@dataclass(frozen=True)
class Said:
    """What was noted of it: the rows that hold everything people said, with the instants."""

    policy: Policy
    vehicle: Vehicle


def words_of(seed: int, facts: Sequence[Fact]) -> list[Word]:
    """A few words at any time of the life; some at the very instant of a fact."""
    chance = random.Random(seed)
    first, last = facts[0].at, facts[-1].at
    instants = [first + (last - first) * chance.uniform(-0.05, 1.05) for _ in range(chance.randint(1, 12))]
    instants += [chance.choice(facts).at for _ in range(chance.randint(0, 3))]
    return [
        Word(at, chance.choice(KINDS), chance.choice([30, 55, 80, 100]), chance.uniform(0.1, 40))
        for at in sorted(instants)
    ]


async def say(house: House, word: Word) -> None:
    """Let it be said to whatever session there is; what cannot be had is refused."""
    house.clock.move_to(max(word.at, house.clock.now()))
    assert house.policy is not None
    ports, percent = house.ports, word.percent
    [session, *_] = sorted((s for s in await house.unsettled() if s.managed), key=lambda s: s.state)
    try:
        match word.kind:
            case "regular":
                ready_by = house.clock.now() + min(timedelta(hours=word.hours), READY_WITHIN)
                asked = Regular(minimum_charge_percent=percent, ready_by=ready_by)
                await override_target(ports, ORGANIZATION, session.id, asked)
            case "immediate":
                now = Immediate(minimum_charge_percent=percent)
                await override_target(ports, ORGANIZATION, session.id, now)
            case "remove":
                await remove_override(ports, ORGANIZATION, session.id)
            case "boost":
                await boost(ports, ORGANIZATION, CAR)
            case "disarm":
                await disarm_boost(ports, ORGANIZATION, CAR)
            case "edit":
                reserve = percent / 2
                await change_policy(ports, ORGANIZATION, house.policy.id, battery_reserve_percent=reserve)
            case "switch":
                turned = VehicleChange(smart_charging=percent > 50)
                await change_vehicle(ports, ORGANIZATION, CAR, turned)
            case "pause":
                until = house.clock.now() + timedelta(hours=word.hours)
                await change_vehicle(ports, ORGANIZATION, CAR, VehicleChange(paused_until=until))
    except (Conflict, NotFound):
        pass


async def said_in(house: House) -> Said:
    async def look(tx: Transaction) -> Said:
        assert house.policy is not None
        policy, vehicle = await tx.policy(ORGANIZATION, house.policy.id), await tx.vehicle(ORGANIZATION, CAR)
        assert policy is not None and vehicle is not None
        return Said(policy, vehicle)

    return await house.ports.store.write(look)


async def settle_all(house: House) -> list[Session]:
    await house.live_until(AFTER)
    return await house.settled()


async def lived(
    store: Store, facts: Sequence[Fact], words: Sequence[Word], chance: random.Random
) -> tuple[list[Session], Said]:
    """Words at their instants; facts as they are true, or as late as chance will have it."""
    house = await a_house(store)
    delays = [timedelta(hours=chance.choice([0, 0, 0, 0, 0.3, 6, 50])) for _ in facts]
    comings: list[tuple[datetime, int, Fact | Word]] = [
        (fact.at + delay, number, fact)
        for number, (fact, delay) in enumerate(zip(facts, delays, strict=True))
    ]
    comings += [(word.at, len(facts) + number, word) for number, word in enumerate(words)]
    for at, _, coming in sorted(comings, key=lambda entry: entry[:2]):
        await house.live_until(max(at, house.clock.now()))
        if isinstance(coming, Fact):
            await house.tell(coming, at=at)
        else:
            await say(house, coming)
    return await settle_all(house), await said_in(house)


async def replayed(store: Store, facts: Sequence[Fact], said: Said, size: int) -> list[Session]:
    """What was said is known from the beginning, and the facts come afterwards, so many at once."""
    house = await a_house(store)
    assert house.policy is not None and house.policy.id == said.policy.id

    async def remember(tx: Transaction) -> None:
        await tx.save_policy(said.policy)
        await tx.save_vehicle(said.vehicle)
        waiting = (await tx.unsettled_sessions(ORGANIZATION, [CAR]))[CAR]
        [session] = waiting
        terms = msgspec.structs.replace(
            session.terms, agreed=said.policy.agreed, overrides=said.policy.overrides
        )
        await tx.save_sessions([msgspec.structs.replace(session, terms=terms, updated_at=AFTER)])

    await house.ports.store.write(remember)
    for index in range(0, len(facts), size):
        await house.tell(*facts[index : index + size], at=AFTER)
    return await settle_all(house)


@pytest.mark.parametrize("life", range(100))
async def test_what_people_asked_means_the_same_in_whatever_order_facts_come(life: int) -> None:
    facts, chance = life_of(life), random.Random(life)
    words = words_of(life + 7, facts)
    found, said = await lived(MemoryStore(), facts, words, chance)
    assert found
    assert agree(found, await replayed(MemoryStore(), facts, said, len(facts)))
    shuffled = chance.sample(facts, len(facts))
    assert agree(found, await replayed(MemoryStore(), shuffled, said, chance.choice([1, 2, 5])))


@pytest.mark.parametrize("life", range(700, 708))
async def test_the_law_with_controls_holds_on_the_databases(database: Store, life: int) -> None:
    facts, chance = life_of(life), random.Random(life)
    found, said = await lived(database, facts, words_of(life, facts), chance)
    assert agree(found, await replayed(MemoryStore(), facts, said, len(facts)))
