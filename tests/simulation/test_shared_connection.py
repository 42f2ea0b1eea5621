"""Nights of several vehicles behind one connection: its limit is never passed, whoever does not obey.

Vehicles come and go as they like, some give less than they are told, some do not hear an order in five, and one in
some houses hears no STOP at all. What they draw is added up after every instant of the world.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from dwell.adapters.storage.memory import MemoryStore
from dwell.application.policies import create_policy
from dwell.application.ports import Ports, Reader, Transaction
from dwell.application.prices import import_prices
from dwell.application.records import SessionFilter
from dwell.domain.ids import LocationId, OrganizationId, UserId, VehicleId
from dwell.domain.policy.connection import BaseLoad, rooms
from dwell.domain.policy.schedule import Deadline
from dwell.domain.registry import Information, Location, Organization, User, Vehicle
from dwell.domain.session.record import Session
from dwell.domain.session.steering import STOP, Order
from dwell.domain.tariff.curve import PriceSlot
from dwell.simulation.clock import SeededIds, VirtualClock
from dwell.simulation.vehicle import VirtualVehicle
from dwell.simulation.world import PLUG_IN, PLUG_OUT, Happening, World

pytestmark = pytest.mark.anyio

START_AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
ORGANIZATION = OrganizationId("00000000-0000-7000-8000-0000000000aa")
DEPOT = LocationId("00000000-0000-7000-8000-0000000000ab")
OWNER = UserId("00000000-0000-7000-8000-0000000000ac")
ROUNDED_W = 1
HOUR = timedelta(hours=1)


class Connection(World):
    """A world that adds up what all vehicles draw, and in which some orders are not heard."""

    limit_w = 0
    base_load: tuple[BaseLoad, ...] = ()
    deaf_to_stops: VehicleId | None = None
    lost = 0.0
    chance = random.Random(0)
    peak_w = 0
    over: list[tuple[datetime, int, int]]

    def hand_over(self, order: Order) -> str:
        if order.vehicle_id == self.deaf_to_stops and order.kind == STOP:
            return "accepted"
        if self.chance.random() < self.lost:
            return "accepted"
        return super().hand_over(order)

    async def live(self, at: datetime) -> None:
        await super().live(at)
        now = self.clock.now()
        drawn_w = 0
        for vehicle in self.vehicles.values():
            vehicle.move_to(now)
            drawn_w += vehicle.charging_w
        [room] = rooms(self.limit_w, self.base_load, "Europe/Berlin", (now, now + timedelta(microseconds=1)))
        self.peak_w = max(self.peak_w, drawn_w)
        if drawn_w > room.power_w + ROUNDED_W * len(self.vehicles):
            self.over.append((now, drawn_w, room.power_w))


def _id(number: int) -> str:
    return f"00000000-0000-7000-8000-{number:012d}"


async def a_depot(
    seed: int, *, vehicles: int, limit_w: int, control: str, base_load: tuple[BaseLoad, ...] = ()
) -> Connection:
    clock = VirtualClock(START_AT - timedelta(days=1))
    ports = Ports(MemoryStore(), clock, SeededIds(seed))
    world = Connection(ports, clock, ORGANIZATION)
    world.limit_w, world.base_load = limit_w, base_load
    world.over, world.chance = [], random.Random(seed)

    async def register(tx: Transaction) -> None:
        now = clock.now()
        await tx.add_organization(Organization(id=ORGANIZATION, name="depot", created_at=now))
        await tx.add_user(User(id=OWNER, organization_id=ORGANIZATION, reference="owner", created_at=now))
        await tx.save_location(
            Location(
                id=DEPOT,
                organization_id=ORGANIZATION,
                user_id=OWNER,
                name="depot",
                latitude=52.5,
                longitude=13.4,
                timezone="Europe/Berlin",
                zone="DE-LU",
                grid_limit_w=limit_w,
                base_load=world.base_load,
                created_at=now,
                updated_at=now,
            )
        )
        for number in range(vehicles):
            await tx.save_vehicle(
                Vehicle(
                    id=VehicleId(_id(number)),
                    organization_id=ORGANIZATION,
                    user_id=OWNER,
                    vendor="TEST",
                    information=Information(brand="a", model="b"),
                    battery_capacity_wh=60_000,
                    power_max_w=11_000,
                    power_min_w=1_400 if control == "modulating" else 11_000,
                    control=control,
                    created_at=now,
                    updated_at=now,
                )
            )

    await ports.store.write(register)
    await import_prices(ports, "DE-LU", "EUR", list(_prices()))
    for number in range(vehicles):
        vehicle_id = VehicleId(_id(number))
        policy = await create_policy(ports, ORGANIZATION, vehicle_id, DEPOT)
        world.policies[vehicle_id] = policy.id
        world.vehicles[vehicle_id] = VirtualVehicle(
            vehicle_id=vehicle_id,
            battery_wh=60_000,
            power_w=11_000,
            at=clock.now(),
            limit_percent=100,
            latitude=52.5,
            longitude=13.4,
        )
    return world


def _prices() -> list[PriceSlot]:
    quarters = [START_AT - timedelta(days=9) + timedelta(minutes=15 * n) for n in range(96 * 20)]
    return [
        PriceSlot(at, at + timedelta(minutes=15), Decimal((at.hour * 7 + at.minute) % 24 - 4) / 40)
        for at in quarters
    ]


def expect_night(world: Connection, vehicle_id: VehicleId, arrives_at: datetime, soc_percent: float) -> None:
    """Home in the evening, ready and gone at seven in the morning."""
    ready = (Deadline("07:00", 80),) * 7
    world.expect(arrives_at, Happening(PLUG_IN, vehicle_id, soc_percent, schedule=ready))
    morning = (arrives_at + timedelta(hours=8)).replace(hour=6, minute=5, second=0)
    world.expect(morning, Happening(PLUG_OUT, vehicle_id))


async def settled(world: Connection) -> list[Session]:
    async def work(reader: Reader) -> list[Session]:
        return await reader.settled_page(ORGANIZATION, SessionFilter(include_hidden=True), limit=200)

    return await world.ports.store.read(work)


def met(sessions: list[Session]) -> int:
    return sum(1 for one in sessions if one.outcome is not None and one.outcome.state == "REACHED")


@pytest.mark.parametrize("control", ["modulating", "on_off"])
async def test_the_limit_is_never_passed_and_everybody_is_ready(seed: int, control: str) -> None:
    chance = random.Random(seed)
    world = await a_depot(seed, vehicles=5, limit_w=24_000, control=control)
    for vehicle_id, vehicle in world.vehicles.items():
        vehicle.share = chance.choice([1.0, 1.0, 0.93])
        for night in range(2):
            arrives_at = START_AT + timedelta(days=night, hours=4 + chance.uniform(0, 4))
            expect_night(world, vehicle_id, arrives_at, chance.uniform(15, 60))
    await world.run(START_AT + timedelta(days=3))
    sessions = await settled(world)
    assert not world.over
    assert world.peak_w > 11_000
    assert (len(sessions), met(sessions)) == (10, 10)


async def test_orders_that_get_lost_and_a_vehicle_that_never_stops_pass_no_limit(seed: int) -> None:
    """Who does not obey draws on, and the others wait: also beside a base load that leaves little in the evening."""
    chance = random.Random(seed)
    evening = (BaseLoad("00:00", 2_000), BaseLoad("17:00", 9_000), BaseLoad("22:00", 2_000))
    world = await a_depot(
        seed, vehicles=4, limit_w=28_000, control="modulating" if seed % 2 else "on_off", base_load=evening
    )
    world.lost, world.deaf_to_stops = 0.2, chance.choice(list(world.vehicles))
    for vehicle_id in world.vehicles:
        arrives_at = START_AT + timedelta(hours=4 + chance.uniform(0, 4))
        expect_night(world, vehicle_id, arrives_at, chance.uniform(15, 60))
    await world.run(START_AT + timedelta(days=2))
    sessions = await settled(world)
    assert not _passed_by_obedient(world)
    assert len(sessions) == 4
    assert sum(session.energy_wh for session in sessions) > 40_000


async def test_who_stays_gets_what_the_one_who_left_would_have_had() -> None:
    """Both below their reserve, behind 11 kW: they share it, and the one who stays has all of it afterwards."""
    world = await a_depot(1, vehicles=2, limit_w=11_000, control="modulating")
    first, second = world.vehicles
    for vehicle_id in (first, second):
        world.expect(START_AT, Happening(PLUG_IN, vehicle_id, 5, schedule=(Deadline("07:00", 80),) * 7))
    world.expect(START_AT + timedelta(minutes=40), Happening(PLUG_OUT, first))
    await world.run(START_AT + timedelta(minutes=30))
    assert {vehicle.charging_w > 0 for vehicle in world.vehicles.values()} == {True}
    assert sum(vehicle.charging_w for vehicle in world.vehicles.values()) == pytest.approx(11_000, abs=2)
    await world.run(START_AT + timedelta(minutes=45))
    assert world.vehicles[second].charging_w == 11_000
    assert not world.over


def _passed_by_obedient(world: Connection) -> list[tuple[datetime, int, int]]:
    """Where the limit was passed by more than the vehicle that never stops draws of its own accord."""
    return [one for one in world.over if one[1] - 11_000 > one[2] or world.deaf_to_stops is None]
