"""Weeks of life with a poor link and a mortal process: whatever happens, the books are right after every step."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from dwell.adapters.storage.memory import MemoryStore
from dwell.application.policies import create_policy
from dwell.application.ports import Ports, Reader, Store, Transaction
from dwell.application.prices import import_prices
from dwell.application.telemetry import ingest
from dwell.domain.ids import LocationId, OrganizationId, UserId, VehicleId
from dwell.domain.registry import Information, Location, Organization, User, Vehicle
from dwell.domain.session.facts import Fact
from dwell.domain.session.incoming import Incoming
from dwell.domain.session.record import SETTLED, Session
from dwell.domain.session.settle import row_stretches
from dwell.domain.tariff.cost import cost_of
from dwell.domain.tariff.curve import PriceCurve, PriceSlot
from dwell.simulation.clock import SeededIds, VirtualClock
from dwell.simulation.vehicle import VirtualVehicle
from dwell.simulation.world import PLUG_IN, PLUG_OUT, Happening
from law import agree
from simulation.shaken import Said, ShakenWorld

pytestmark = pytest.mark.anyio

START_AT = datetime(2026, 3, 10, tzinfo=UTC)
ORGANIZATION = OrganizationId("00000000-0000-7000-8000-0000000000aa")
PRICES = [
    PriceSlot(at, at + timedelta(minutes=15), Decimal((at.hour * 7 + at.minute) % 24 - 4) / 40)
    for at in (START_AT - timedelta(days=9) + timedelta(minutes=15 * n) for n in range(96 * 60))
]
WORDS_PER_STEP = 0.05
CURVE = PriceCurve.of("EUR", PRICES)


def _id(number: int) -> str:
    return f"00000000-0000-7000-8000-{number:012d}"


async def a_world(store: Store, seed: int, *, vehicles: int, days: int) -> ShakenWorld:
    """Vehicles with a home each, and their comings and goings for some days."""
    clock = VirtualClock(START_AT - timedelta(days=1))
    ports = Ports(store, clock, SeededIds(seed))
    world = ShakenWorld(ports, clock, ORGANIZATION)
    chance = random.Random(seed)

    async def register(tx: Transaction) -> None:
        now = clock.now()
        await tx.add_organization(Organization(id=ORGANIZATION, name="life", created_at=now))
        for number in range(vehicles):
            await _register(tx, number, now)

    await ports.store.write(register)
    await import_prices(ports, "DE-LU", "EUR", PRICES)
    for number in range(vehicles):
        vehicle_id = VehicleId(_id(3000 + number))
        policy = await create_policy(ports, ORGANIZATION, vehicle_id, LocationId(_id(2000 + number)))
        world.policies[vehicle_id] = policy.id
        world.vehicles[vehicle_id] = VirtualVehicle(
            vehicle_id=vehicle_id, battery_wh=60_000, power_w=11_000, at=clock.now(), limit_percent=80
        )
        _expect_visits(world, vehicle_id, chance, days)
    return world


async def _register(tx: Transaction, number: int, now: datetime) -> None:
    user = User(
        id=UserId(_id(1000 + number)), organization_id=ORGANIZATION, reference=f"u{number}", created_at=now
    )
    await tx.add_user(user)
    await tx.save_location(
        Location(
            id=LocationId(_id(2000 + number)),
            organization_id=ORGANIZATION,
            user_id=user.id,
            name="home",
            latitude=0,
            longitude=0,
            timezone="Europe/Berlin",
            zone="DE-LU",
            created_at=now,
            updated_at=now,
        )
    )
    await tx.save_vehicle(
        Vehicle(
            id=VehicleId(_id(3000 + number)),
            organization_id=ORGANIZATION,
            user_id=user.id,
            vendor="TEST",
            information=Information(brand="a", model="b"),
            battery_capacity_wh=60_000,
            power_max_w=11_000,
            created_at=now,
            updated_at=now,
        )
    )


def _expect_visits(world: ShakenWorld, vehicle_id: VehicleId, chance: random.Random, days: int) -> None:
    at = START_AT + timedelta(hours=chance.uniform(0, 20))
    while at < START_AT + timedelta(days=days):
        stays = timedelta(hours=chance.choice([0.03, 2, 9, 12, 14, 30]) * chance.uniform(0.8, 1.2))
        world.expect(at, Happening(PLUG_IN, vehicle_id, soc_percent=chance.uniform(8, 70)))
        world.expect(at + stays, Happening(PLUG_OUT, vehicle_id))
        at += stays + timedelta(hours=chance.choice([0.02, 1, 9, 20]) * chance.uniform(0.8, 1.2))


async def sessions_of(world: ShakenWorld) -> list[Session]:
    async def work(reader: Reader) -> list[Session]:
        found: list[Session] = []
        for vehicle_id in world.vehicles:
            found += await reader.sessions_of_vehicle(
                ORGANIZATION, vehicle_id, since=START_AT - timedelta(days=9)
            )
        return found

    return await world.ports.store.read(work)


async def unsettled_counts(world: ShakenWorld) -> list[int]:
    async def work(tx: Transaction) -> list[int]:
        found = await tx.unsettled_sessions(ORGANIZATION, list(world.vehicles))
        return [sum(1 for s in found.get(vid, []) if s.policy_id is not None) for vid in world.vehicles]

    return await world.dying._store.write(work)


def check_books(session: Session) -> None:
    """What one settled session says of itself adds up."""
    assert sum(session.rows_wh) == session.energy_wh
    assert not session.managed or sum(block.energy_wh for block in session.blocks) == session.energy_wh
    assert all(wh >= 0 for wh in session.rows_wh)
    assert session.plugged_in_at is not None and session.ended_at is not None
    assert session.plugged_in_at <= session.ended_at
    if session.valuation is not None and session.valuation.cost is not None:
        rows = [cost_of([row], CURVE) for row in row_stretches(session)]
        assert sum(cost for cost in rows if cost is not None) == session.valuation.cost


def check_apart(sessions: list[Session]) -> None:
    """One vehicle's sessions never overlap: no energy is counted twice."""
    by_vehicle: dict[VehicleId, list[Session]] = {}
    for session in sessions:
        by_vehicle.setdefault(session.vehicle_id, []).append(session)
    for own in by_vehicle.values():
        for earlier, later in itertools.pairwise(own):
            assert earlier.ended_at is not None and later.plugged_in_at is not None
            assert earlier.ended_at <= later.plugged_in_at


def metered_wh(facts: list[Fact], session: Session) -> int | None:
    """The energy of a session by its own register readings, worked out another way than the engine does."""
    assert session.plugged_in_at is not None and session.ended_at is not None
    readings = [
        fact.energy_register_wh
        for fact in facts
        if session.plugged_in_at <= fact.at <= session.ended_at and fact.energy_register_wh is not None
    ]
    return max(readings) - min(readings) if readings else None


async def live(world: ShakenWorld, until: datetime, chance: random.Random | None = None) -> None:
    """Step by step, with the standing checks after each; with `chance` people have a word in it."""
    steps = 0
    while (at := await world._next_at()) is not None and at <= until:
        await world.live(at)
        steps += 1
        if chance is not None and chance.random() < WORDS_PER_STEP:
            await world.say_something(chance)
        if steps % 20 == 0:
            assert set(await unsettled_counts(world)) == {1}
    world.clock.move_to(until)
    for _ in range(2):  # the second for visits that only the end of another has joined
        await world.tend()
    assert set(await unsettled_counts(world)) == {1}


async def test_whatever_happens_the_books_are_right(seed: int) -> None:
    world = await a_world(MemoryStore(), seed, vehicles=50, days=30)
    world.shake(seed)
    await live(world, START_AT + timedelta(days=34), random.Random(seed + 2))
    sessions = await sessions_of(world)
    settled = [session for session in sessions if session.state == SETTLED]
    assert world.dying.deaths > 50
    assert len(settled) > 1_000
    for session in settled:
        check_books(session)
    check_apart(sessions)
    facts: dict[VehicleId, list[Fact]] = {}
    for vehicle_id, fact in world.told:
        facts.setdefault(vehicle_id, []).append(fact)
    for session in settled:
        assert session.energy_wh == metered_wh(facts[session.vehicle_id], session)
    assert {"boosted", "smart_optimization_disabled"} <= {session.reason for session in settled}
    reference = await told_in_order(seed, facts, world.said)
    assert agree(settled, reference)


async def told_in_order(seed: int, facts: dict[VehicleId, list[Fact]], said: Said) -> list[Session]:
    """The same facts, each once and in order, to a house where nothing goes wrong and it is known what was said."""
    world = await a_world(MemoryStore(), seed, vehicles=len(facts), days=0)
    world.shake(seed, deaths=0.0)
    await world.remember(said)
    world.clock.move_to(START_AT + timedelta(days=34))
    for vehicle_id, told in facts.items():
        ordered = sorted(set(told), key=lambda fact: fact.at)
        items = [Incoming(index=i, vehicle_id=vehicle_id, fact=fact) for i, fact in enumerate(ordered)]
        await ingest(world.ports, ORGANIZATION, items, received_at=world.clock.now())
    await world.tend()
    return [session for session in await sessions_of(world) if session.state == SETTLED]


async def test_the_same_seed_gives_the_same_history() -> None:
    histories = []
    for _ in range(2):
        world = await a_world(MemoryStore(), 5, vehicles=8, days=10)
        world.shake(5, deaths=0.03)
        await live(world, START_AT + timedelta(days=12), random.Random(6))
        histories.append(msgspec.msgpack.encode(await sessions_of(world)))
    assert histories[0] == histories[1]
