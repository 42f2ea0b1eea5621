"""Evenings in a house with other loads, whose meter speaks every ten seconds: the limit is kept, and nothing swings.

Kettles, an oven and a hob come and go as they like. One vehicle takes orders and does as it likes from some hour on,
and one station does not answer any more. After every word of the meter it is added up what those who obey may draw
and what all the rest does draw.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from dwell.adapters.storage.memory import MemoryStore
from dwell.adapters.storage.sqlite import SqliteStore
from dwell.application.load import take_load
from dwell.application.policies import create_policy
from dwell.application.ports import Ports, Reader, Store, Transaction
from dwell.application.prices import import_prices
from dwell.application.records import SessionFilter
from dwell.domain.errors import PeerFault
from dwell.domain.ids import LocationId, OrganizationId, UserId, VehicleId
from dwell.domain.policy.connection import BaseLoad
from dwell.domain.policy.load import FORGOTTEN_AFTER, SILENT_AFTER, ConnectionLoad, LoadReading
from dwell.domain.policy.schedule import Deadline
from dwell.domain.registry import Information, Location, Organization, User, Vehicle
from dwell.domain.session.record import Session
from dwell.domain.session.steering import START, STOP, Order
from dwell.domain.tariff.curve import PriceSlot
from dwell.simulation.clock import SeededIds, VirtualClock
from dwell.simulation.vehicle import VirtualVehicle
from dwell.simulation.world import PLUG_IN, PLUG_OUT, REPORT, Happening, World

pytestmark = pytest.mark.anyio

START_AT = datetime(2026, 3, 10, 16, tzinfo=UTC)
MORNING = datetime(2026, 3, 11, 6, 5, tzinfo=UTC)
ORGANIZATION = OrganizationId("00000000-0000-7000-8000-0000000000ba")
HOUSE = LocationId("00000000-0000-7000-8000-0000000000bb")
OWNER = UserId("00000000-0000-7000-8000-0000000000bc")
INTERVAL = timedelta(seconds=10)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
VEHICLE_W, LEAST_W = 11_000, 1_400
ROUNDED_W = 1
READY_PERCENT = 60
STARTS_AN_HOUR = 4


@dataclass(slots=True)
class Household:
    """What else draws in the house: steps of W from instants on."""

    instants: list[datetime] = field(default_factory=list)
    powers_w: list[int] = field(default_factory=list)

    def power_w(self, at: datetime) -> int:
        return self.powers_w[bisect_right(self.instants, at) - 1]

    @classmethod
    def drawn(cls, chance: random.Random, *, until: datetime) -> Household:
        """A base of some hundred W, a kettle now and then, an oven that clicks, a hob at supper; drawn by chance."""
        steps: list[tuple[datetime, int]] = [(START_AT - 2 * HOUR, chance.randrange(200, 900))]
        at = START_AT
        while at < until:
            kind, begins_at = chance.choice(("kettle", "kettle", "oven", "hob")), at
            if kind == "kettle":
                steps += _during(begins_at, timedelta(seconds=chance.randrange(60, 240)), 2_200)
            elif kind == "hob":
                steps += _during(begins_at, timedelta(seconds=chance.randrange(300, 2_400)), 5_400)
            else:
                for _ in range(chance.randrange(4, 12)):
                    steps += _during(begins_at, timedelta(seconds=chance.randrange(40, 150)), 3_100)
                    begins_at += timedelta(seconds=chance.randrange(160, 400))
            night = at.hour >= 22 or at.hour < 4
            at += timedelta(seconds=chance.randrange(300, 4_000) * (4 if night else 1))
        household, power_w = cls(), 0
        for instant, change_w in sorted(steps):
            power_w += change_w
            household.instants.append(instant)
            household.powers_w.append(power_w)
        return household


def _during(at: datetime, long: timedelta, power_w: int) -> list[tuple[datetime, int]]:
    return [(at, power_w), (at + long, -power_w)]


@dataclass(frozen=True, slots=True)
class Excess:
    """A word of the meter after which too much may flow, and by how much."""

    at: datetime
    power_w: int


class MeteredHouse(World):
    """A world with a meter. It notes what was told, and what may flow after each of the meter's words."""

    limit_w = 0
    household: Household
    defiant: VehicleId | None = None
    mute: VehicleId | None = None
    amiss_from_at = MORNING
    told: dict[VehicleId, Order]
    given: list[tuple[datetime, Order]]
    excess: list[Excess]
    peaks = 0

    def hand_over(self, order: Order) -> str:
        now = self.clock.now()
        self.given.append((now, order))
        amiss = now >= self.amiss_from_at
        if order.vehicle_id == self.mute and amiss:
            raise PeerFault("The station does not answer.")
        if order.vehicle_id == self.defiant and amiss:
            return "accepted"
        self.told[order.vehicle_id] = order
        return super().hand_over(order)

    def obeys(self, vehicle_id: VehicleId) -> bool:
        return self.clock.now() < self.amiss_from_at or vehicle_id not in (self.defiant, self.mute)

    def flows_w(self) -> int:
        now = self.clock.now()
        for vehicle in self.vehicles.values():
            vehicle.move_to(now)
        return self.household.power_w(now) + sum(vehicle.charging_w for vehicle in self.vehicles.values())

    def may_flow_w(self) -> int:
        """What those who obey were told, and what all the rest draws."""
        now = self.clock.now()
        drawn_w = self.household.power_w(now)
        for vehicle_id, vehicle in self.vehicles.items():
            order = self.told.get(vehicle_id)
            if self.obeys(vehicle_id) and vehicle.plugged_in:
                drawn_w += order.power_w if order is not None and order.kind == START else 0
            else:
                drawn_w += vehicle.charging_w
        return drawn_w

    def obedient_w(self) -> int:
        return sum(v.charging_w for vid, v in self.vehicles.items() if self.obeys(vid))

    async def read_meter(self) -> None:
        flows_w = self.flows_w()
        self.peaks += flows_w > self.limit_w
        await take_load(self.ports, ORGANIZATION, HOUSE, [LoadReading(self.clock.now(), flows_w)])
        await self.tend()
        over_w = self.may_flow_w() - self.limit_w
        if over_w > ROUNDED_W * len(self.vehicles) and self.obedient_w() > 0:
            self.excess.append(Excess(self.clock.now(), over_w))

    async def live_with_meter(self, since: datetime, until: datetime) -> None:
        at = since
        while at <= until:
            await self.run(at)
            await self.read_meter()
            at += INTERVAL

    def excess_that_lasted(self) -> list[Excess]:
        """Where too much may flow after one word of the meter, and still after the next."""
        instants = {one.at for one in self.excess}
        return [one for one in self.excess if one.at - INTERVAL in instants]

    def most_starts_an_hour(self) -> int:
        most = 0
        for vehicle_id in self.vehicles:
            kinds = [(at, order.kind) for at, order in self.given if order.vehicle_id == vehicle_id]
            starts = [
                at
                for n, (at, kind) in enumerate(kinds)
                if kind == START and (n == 0 or kinds[n - 1][1] == STOP)
            ]
            most = max([most, *(sum(1 for other in starts if at <= other < at + HOUR) for at in starts)])
        return most


def _id(number: int) -> VehicleId:
    return VehicleId(f"00000000-0000-7000-8000-{number:012d}")


async def a_house(
    store: Store, seed: int, *, vehicles: int, limit_w: int, control: str = "modulating"
) -> MeteredHouse:
    clock = VirtualClock(START_AT - timedelta(days=1))
    ports = Ports(store, clock, SeededIds(seed))
    world = MeteredHouse(ports, clock, ORGANIZATION)
    world.limit_w, world.told, world.given, world.excess = limit_w, {}, [], []
    world.household = Household.drawn(random.Random(seed), until=MORNING)

    async def register(tx: Transaction) -> None:
        now = clock.now()
        await tx.add_organization(Organization(id=ORGANIZATION, name="house", created_at=now))
        await tx.add_user(User(id=OWNER, organization_id=ORGANIZATION, reference="owner", created_at=now))
        await tx.save_location(
            Location(
                id=HOUSE,
                organization_id=ORGANIZATION,
                user_id=OWNER,
                name="house",
                latitude=52.5,
                longitude=13.4,
                timezone="Europe/Berlin",
                zone="DE-LU",
                grid_limit_w=limit_w,
                base_load=(BaseLoad("00:00", 1_000), BaseLoad("17:00", 3_000), BaseLoad("21:00", 1_000)),
                created_at=now,
                updated_at=now,
            )
        )
        for number in range(vehicles):
            await tx.save_vehicle(_vehicle(number, control, now))

    await ports.store.write(register)
    await import_prices(ports, "DE-LU", "EUR", list(_prices()))
    for number in range(vehicles):
        await _add(world, _id(number))
    return world


def _vehicle(number: int, control: str, now: datetime) -> Vehicle:
    return Vehicle(
        id=_id(number),
        organization_id=ORGANIZATION,
        user_id=OWNER,
        vendor="TEST",
        information=Information(brand="a", model="b"),
        battery_capacity_wh=60_000,
        power_max_w=VEHICLE_W,
        power_min_w=LEAST_W if control == "modulating" else VEHICLE_W,
        control=control,
        created_at=now,
        updated_at=now,
    )


async def _add(world: MeteredHouse, vehicle_id: VehicleId) -> None:
    policy = await create_policy(world.ports, ORGANIZATION, vehicle_id, HOUSE)
    world.policies[vehicle_id] = policy.id
    world.vehicles[vehicle_id] = VirtualVehicle(
        vehicle_id=vehicle_id,
        battery_wh=60_000,
        power_w=VEHICLE_W,
        at=world.clock.now(),
        latitude=52.5,
        longitude=13.4,
    )


def _prices() -> list[PriceSlot]:
    hours = [START_AT - timedelta(days=9) + HOUR * n for n in range(24 * 20)]
    return [PriceSlot(at, at + HOUR, Decimal(at.hour * 7 % 24 - 4) / 40) for at in hours]


def expect_evening(world: MeteredHouse, chance: random.Random, *, report_every: timedelta | None) -> None:
    """All come home, are ready at seven and gone; some links say every minute what is drawn."""
    for vehicle_id in world.vehicles:
        arrives_at = START_AT + chance.uniform(0, 3) * HOUR
        ready = (Deadline("07:00", READY_PERCENT),) * 7
        world.expect(arrives_at, Happening(PLUG_IN, vehicle_id, chance.uniform(10, 45), schedule=ready))
        world.expect(MORNING, Happening(PLUG_OUT, vehicle_id))
        at = arrives_at
        while report_every is not None and (at := at + report_every) < MORNING:
            world.expect(at, Happening(REPORT, vehicle_id))


async def sessions_of(world: MeteredHouse) -> list[Session]:
    async def work(reader: Reader) -> list[Session]:
        return await reader.settled_page(ORGANIZATION, SessionFilter(include_hidden=True), limit=200)

    return await world.ports.store.read(work)


async def load_of(world: MeteredHouse) -> ConnectionLoad:
    async def work(reader: Reader) -> ConnectionLoad | None:
        return await reader.connection_load(ORGANIZATION, HOUSE)

    load = await world.ports.store.read(work)
    assert load is not None
    return load


def met(sessions: list[Session]) -> int:
    return sum(1 for one in sessions if one.outcome is not None and one.outcome.state == "REACHED")


@pytest.mark.parametrize("report_every", [None, MINUTE])
async def test_no_peak_lasts_and_everybody_is_ready(seed: int, report_every: timedelta | None) -> None:
    chance = random.Random(seed)
    vehicles = chance.choice((3, 4, 5))
    world = await a_house(MemoryStore(), seed, vehicles=vehicles, limit_w=5_000 + 4_000 * vehicles)
    expect_evening(world, chance, report_every=report_every)
    await world.live_with_meter(START_AT, MORNING)
    await world.run(MORNING + HOUR)
    sessions = await sessions_of(world)
    assert not world.excess_that_lasted()
    assert world.peaks > 0
    assert world.most_starts_an_hour() <= STARTS_AN_HOUR
    assert met(sessions) == len(sessions) == len(world.vehicles)


async def test_who_does_not_obey_is_load_and_the_others_give_way(seed: int) -> None:
    """From some hour on one vehicle does as it likes and one station is mute; no word of the meter finds them twice."""
    chance = random.Random(seed)
    world = await a_house(MemoryStore(), seed, vehicles=5, limit_w=30_000)
    world.defiant, world.mute = chance.sample(sorted(world.vehicles), 2)
    world.amiss_from_at = START_AT + chance.uniform(3, 6) * HOUR
    expect_evening(world, chance, report_every=chance.choice((None, MINUTE)))
    await world.live_with_meter(START_AT, MORNING)
    await world.run(MORNING + HOUR)
    assert not world.excess_that_lasted()
    assert world.most_starts_an_hour() <= STARTS_AN_HOUR
    obedient = [one for one in await sessions_of(world) if one.vehicle_id not in (world.defiant, world.mute)]
    # Plans keep room for those two: what the others lack at the deadline for that is a hair.
    assert [one for one in obedient if (one.soc_to_percent or 0) < READY_PERCENT - 1] == []


async def test_the_deaf_are_found_out_by_the_second_word_and_known_at_the_next_peak() -> None:
    """Two of three stop obeying at full power: the third makes room alone, and at the hob's return at once."""
    world = await a_house(MemoryStore(), 1, vehicles=3, limit_w=36_000)
    first_at, second_at = START_AT + HOUR / 2, START_AT + HOUR
    world.household = Household(
        [START_AT - HOUR, first_at, first_at + 5 * MINUTE, second_at], [2_000, 9_000, 2_000, 10_000]
    )
    world.mute, world.defiant, _ = world.vehicles
    world.amiss_from_at = first_at - MINUTE
    for vehicle_id in world.vehicles:
        world.expect(START_AT, Happening(PLUG_IN, vehicle_id, 5, schedule=(Deadline("20:00", 90),) * 7))
    await world.live_with_meter(START_AT, second_at + 10 * MINUTE)
    assert [one.at for one in world.excess] == [first_at]
    load = await load_of(world)
    assert [one.deaf for _, one in sorted(load.vehicles.items())] == [True, True, False]


async def test_a_restart_in_the_middle_changes_no_order(seed: int, sqlite_path: Path) -> None:
    """Kept in a file and opened anew every hour, the balancer does what it does in memory."""
    orders = list[list[tuple[datetime, str, int]]]()
    for path in (None, sqlite_path):
        store: MemoryStore | SqliteStore = MemoryStore() if path is None else await SqliteStore.open(path)
        chance, until = random.Random(seed), START_AT + 6 * HOUR
        world = await a_house(store, seed, vehicles=3, limit_w=16_000)
        expect_evening(world, chance, report_every=None)
        at = START_AT
        while at < until:
            await world.live_with_meter(at, at + HOUR - INTERVAL)
            at += HOUR
            if path is not None:
                await store.close()
                store = await SqliteStore.open(path)
                world.ports = replace(world.ports, store=store)
                world.engine = replace(world.engine, ports=world.ports)
        await store.close()
        assert not world.excess_that_lasted()
        orders.append([(instant, order.kind, order.power_w) for instant, order in world.given])
    assert len(orders[0]) > 10
    assert orders[0] == orders[1]


@pytest.mark.parametrize("last_word", [None, START_AT - FORGOTTEN_AFTER + INTERVAL])
async def test_without_a_meter_vehicles_are_told_what_was_always_told(
    seed: int, last_word: datetime | None
) -> None:
    """No word, or one that is a day old before the first plug-in: the orders are those of the plans alone."""
    chance = random.Random(seed)
    world = await a_house(MemoryStore(), seed, vehicles=3, limit_w=40_000)
    if last_word is not None:
        world.clock.move_to(last_word)
        await take_load(world.ports, ORGANIZATION, HOUSE, [LoadReading(last_word, 39_000)])
    for vehicle_id in world.vehicles:
        ready = (Deadline("07:00", READY_PERCENT),) * 7
        arrives_at = START_AT + chance.uniform(1, 3) * HOUR
        world.expect(arrives_at, Happening(PLUG_IN, vehicle_id, 30, schedule=ready))
    await world.run(MORNING)
    powers = {order.power_w for _, order in world.given if order.kind == START}
    assert powers == {VEHICLE_W}


async def test_a_meter_that_falls_silent_leaves_a_safe_share() -> None:
    """Silent at a peak: from two minutes on all draw together what the last envelope leaves, and no more."""
    world = await a_house(MemoryStore(), 1, vehicles=3, limit_w=24_000)
    world.household = Household([START_AT - HOUR], [9_000])
    *_, newcomer = world.vehicles
    for vehicle_id in world.vehicles:
        at = START_AT + 40 * MINUTE if vehicle_id == newcomer else START_AT
        world.expect(at, Happening(PLUG_IN, vehicle_id, 5, schedule=(Deadline("20:00", 90),) * 7))
    await world.live_with_meter(START_AT, START_AT + HOUR / 2)
    load = await load_of(world)
    assert load.envelope_kw == pytest.approx(9.0, abs=0.1)
    silent_at, shares_w = world.clock.now() + SILENT_AFTER, list[int]()
    for minute in range(60):
        await world.run(silent_at + minute * MINUTE)
        shares_w.append(sum(order.power_w for order in world.told.values() if order.kind == START))
    assert max(shares_w) == pytest.approx(15_000, abs=ROUNDED_W * 3)
    assert min(shares_w) > 3_000
    assert world.told[newcomer].kind == START
