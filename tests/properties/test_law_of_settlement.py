"""The law of settlement: what is settled is a function of the set of facts, not of their order or number."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from dwell.adapters.storage.memory import MemoryStore
from dwell.application.engine import BATCH, Engine, run_due
from dwell.application.policies import create_policy
from dwell.application.ports import Ports, Reader, SessionFilter, Store, Transaction
from dwell.application.prices import import_prices
from dwell.application.telemetry import ingest
from dwell.domain.ids import LocationId, OrganizationId, UserId, VehicleId
from dwell.domain.registry import Information, Location, Organization, User, Vehicle
from dwell.domain.session.facts import Fact
from dwell.domain.session.incoming import Incoming
from dwell.domain.session.record import Session, by_law
from dwell.domain.session.steering import Order
from dwell.domain.tariff.curve import PriceSlot
from dwell.simulation.clock import SeededIds, VirtualClock
from properties.lives import FIRST_AT, HOME, life_of

pytestmark = pytest.mark.anyio

ORGANIZATION = OrganizationId("00000000-0000-7000-8000-00000000000a")
USER = UserId("00000000-0000-7000-8000-00000000000b")
HOUSE = LocationId("00000000-0000-7000-8000-00000000000c")
CAR = VehicleId("00000000-0000-7000-8000-00000000000d")
BEFORE = FIRST_AT - timedelta(days=2)
AFTER = FIRST_AT + timedelta(days=6)


class Deaf:
    """A vehicle that takes every order and does as it likes."""

    async def give(self, order: Order) -> str:
        return "accepted"


@dataclass
class House:
    ports: Ports
    clock: VirtualClock
    engine: Engine


async def a_house(store: Store) -> House:
    clock = VirtualClock(BEFORE)
    ports = Ports(store, clock, SeededIds(7))

    async def register(tx: Transaction) -> None:
        await tx.add_organization(Organization(id=ORGANIZATION, name="law", created_at=BEFORE))
        await tx.add_user(User(id=USER, organization_id=ORGANIZATION, reference="u", created_at=BEFORE))
        await tx.save_location(
            Location(
                id=HOUSE,
                organization_id=ORGANIZATION,
                user_id=USER,
                name="home",
                latitude=HOME[0],
                longitude=HOME[1],
                timezone="Europe/Berlin",
                zone="DE-LU",
                created_at=BEFORE,
                updated_at=BEFORE,
            )
        )
        await tx.save_vehicle(
            Vehicle(
                id=CAR,
                organization_id=ORGANIZATION,
                user_id=USER,
                vendor="TEST",
                information=Information(brand="a", model="b"),
                battery_capacity_wh=77_000,
                power_max_w=11_000,
                created_at=BEFORE,
                updated_at=BEFORE,
            )
        )

    await ports.store.write(register)
    await create_policy(ports, ORGANIZATION, CAR, HOUSE)
    await import_prices(ports, "DE-LU", "EUR", _prices())
    return House(ports, clock, Engine(ports, Deaf()))


def _prices() -> list[PriceSlot]:
    hours = [BEFORE.replace(hour=0) + timedelta(hours=hour) for hour in range(24 * 9)]
    return [PriceSlot(at, at + timedelta(hours=1), Decimal(at.hour * 7 % 24 - 3) / 50) for at in hours]


async def tell(house: House, facts: Sequence[Fact], at: datetime) -> tuple[int, int]:
    house.clock.move_to(at)
    items = [Incoming(index=i, vehicle_id=CAR, fact=fact) for i, fact in enumerate(facts)]
    receipt = await ingest(house.ports, ORGANIZATION, items, received_at=house.clock.now())
    assert not receipt.rejected
    return receipt.accepted, receipt.duplicates


async def let_time_work(house: House, at: datetime) -> None:
    house.clock.move_to(at)
    while (await run_due(house.engine)).due >= BATCH:
        pass


async def settled_sessions(house: House) -> list[Session]:
    async def work(reader: Reader) -> list[Session]:
        return await reader.settled_page(ORGANIZATION, SessionFilter(include_hidden=True), limit=200)

    return await house.ports.store.read(work)


async def settle_all(house: House) -> list[tuple[object, ...]]:
    await let_time_work(house, AFTER)
    return [by_law(session) for session in await settled_sessions(house)]


async def told_in_order(store: Store, facts: Sequence[Fact]) -> list[tuple[object, ...]]:
    """Everything at once, in order of time."""
    house = await a_house(store)
    await tell(house, facts, AFTER)
    return await settle_all(house)


async def told_in_pieces(
    store: Store, facts: Sequence[Fact], chance: random.Random
) -> list[tuple[object, ...]]:
    """Shuffled, some of it more than once, in batches of any size."""
    house = await a_house(store)
    shuffled = [*facts, *chance.choices(facts, k=len(facts) // 2)]
    chance.shuffle(shuffled)
    new = 0
    while shuffled:
        size = chance.choice([1, 1, 2, 5, 30])
        batch, shuffled = shuffled[:size], shuffled[size:]
        new += (await tell(house, batch, AFTER))[0]
        if chance.random() < 0.3:
            await let_time_work(house, AFTER)
    assert new == len(set(facts))
    return await settle_all(house)


async def told_live(store: Store, facts: Sequence[Fact]) -> list[tuple[object, ...]]:
    """Each fact at its own instant, the engine at work in between."""
    house = await a_house(store)
    for fact in facts:
        await let_time_work(house, fact.at)
        await tell(house, [fact], fact.at)
    return await settle_all(house)


def agree(one: list[tuple[object, ...]], other: list[tuple[object, ...]]) -> bool:
    """Equal, but for a reason that tells of orders: those are outside the law."""
    return len(one) == len(other) and all(
        left == right or "commands_failed" in (left, right)
        for session, twin in zip(one, other, strict=True)
        for left, right in zip(session, twin, strict=True)
    )


@pytest.mark.parametrize("life", range(150))
async def test_order_and_number_of_facts_change_nothing(life: int) -> None:
    facts = life_of(life)
    expected = await told_in_order(MemoryStore(), facts)
    assert expected
    for again in range(4):
        found = await told_in_pieces(MemoryStore(), facts, random.Random(life * 1000 + again))
        assert found == expected


@pytest.mark.parametrize("life", range(150))
async def test_a_visit_lived_through_settles_as_one_told_afterwards(life: int) -> None:
    facts = life_of(life)
    expected = await told_in_order(MemoryStore(), facts)
    assert agree(await told_live(MemoryStore(), facts), expected)
