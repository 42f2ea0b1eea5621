"""Nights of bad luck: vehicles that give less than they promise, orders that get lost, prices that come late.

Every night is drawn from a seed and lived through the use cases of the product. What came of it is judged by the true
state of the vehicle, not by what the product believes: was the level there at the deadline, and if not, was that said
in time? A night is *feasible* if full power from plug-in on, at the power that the vehicle really gives, leaves
SPARE before the deadline.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from dwell.application.engine import Engine
from dwell.application.locations import Premises, add_location
from dwell.application.policies import create_policy
from dwell.application.ports import Ports, Reader, Transaction
from dwell.application.prices import import_prices
from dwell.application.vehicles import Specification, add_vehicle
from dwell.domain.errors import PeerFault
from dwell.domain.ids import OrganizationId, VehicleId, Zone
from dwell.domain.instants import QUARTER
from dwell.domain.planning import Care
from dwell.domain.policy.schedule import Deadline
from dwell.domain.policy.terms import PolicyTerms
from dwell.domain.registry import Information, Organization
from dwell.domain.session.facts import Fact
from dwell.domain.session.record import Session
from dwell.domain.session.steering import STOP, Order, wish_at
from dwell.domain.tariff.curve import PriceSlot
from dwell.simulation.backtest import EFFICIENCY, POWER_MIN_W, OpenStore
from dwell.simulation.clock import SeededIds, VirtualClock
from dwell.simulation.vehicle import VirtualVehicle
from dwell.simulation.world import PLUG_IN, PLUG_OUT, Happening, Obedient, World

SPARE = timedelta(minutes=20)
ZONE = Zone("DE-LU")
FIRST_DAY = datetime(2026, 1, 5, tzinfo=UTC)
DAYS_BEFORE = 8
NIGHTS_A_VEHICLE = 25
POWERS_W = (3_700, 7_400, 11_000, 22_000)
PUBLISHED, PUBLISHED_LATE = timedelta(hours=12), timedelta(hours=20)
ENOUGH_PERCENT = 0.01
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazards:
    """What goes wrong: the share of orders lost, of nights with a weak vehicle, and what such a one gives."""

    lost: float = 0.05
    weak_nights: float = 1.0
    weak_share: float = 0.9
    late_prices: float = 0.1
    price_updates: float = 0.2


@dataclass(slots=True, kw_only=True)
class Night:
    """One visit from plug-in to plug-out, and what came of it."""

    plugged_in_at: datetime
    ready_by: datetime
    plugged_out_at: datetime
    soc_percent: float
    wanted_percent: float
    hours_needed: float
    share: float
    reached_at: datetime | None = None
    announced_at: datetime | None = None
    shown_at: datetime | None = None
    switches: list[datetime] = field(default_factory=list)
    stop_ordered_at: datetime | None = None
    longest_stop: timedelta = timedelta(0)

    @property
    def feasible(self) -> bool:
        """Reachable at the power that the vehicle gives with SPARE left."""
        return self._done_at(self.share) + SPARE <= self.ready_by

    @property
    def feasible_at_full_power(self) -> bool:
        return self._done_at(1.0) <= self.ready_by

    @property
    def met(self) -> bool:
        return self.reached_at is not None and self.reached_at <= self.ready_by + timedelta(seconds=1)

    @property
    def announced_after(self) -> timedelta | None:
        """From when the shortfall showed (at plug-in, where full power was too little) to when it was said."""
        if self.announced_at is None:
            return None
        showed_at = self.shown_at or self.ready_by
        return max(timedelta(0), self.announced_at - showed_at)

    @property
    def switches_an_hour(self) -> int:
        """The most starts and stops within any hour."""
        return max(
            (sum(at <= other < at + HOUR for other in self.switches) for at in self.switches), default=0
        )

    def _done_at(self, share: float) -> datetime:
        return self.plugged_in_at + timedelta(hours=self.hours_needed / share)


@dataclass(slots=True)
class WatchedVehicle(VirtualVehicle):
    """A vehicle that notes when its night's level was truly reached."""

    night: Night | None = None

    def move_to(self, at: datetime) -> None:
        before, since_at, power_w = self.soc_percent, self.at, self.charging_w
        VirtualVehicle.move_to(self, at)
        night = self.night
        if night is None or night.reached_at is not None:
            return
        wanted = night.wanted_percent - ENOUGH_PERCENT
        if self.soc_percent >= wanted:
            hours = self.hours_to(wanted, before, power_w) if power_w > 0 else 0.0
            night.reached_at = since_at + timedelta(hours=hours)

    def hours_to(self, percent: float, from_percent: float, power_w: float) -> float:
        """How long `power_w` takes from one level to another."""
        missing_wh = max(0.0, percent - from_percent) / 100 * self.battery_wh / self.efficiency
        return missing_wh / power_w


@dataclass(slots=True)
class RoughWorld(World):
    """A world that loses orders, and watches what the product says of each night."""

    hazards: Hazards = field(default_factory=Hazards)
    care: Care = field(default_factory=Care)
    chance: random.Random = field(default_factory=random.Random)
    nights: dict[VehicleId, list[Night]] = field(default_factory=dict)
    touched: set[VehicleId] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.engine = Engine(self.ports, Obedient(self), care=self.care)

    async def live(self, at: datetime) -> None:
        self.touched.clear()
        await World.live(self, at)
        for vehicle_id in sorted(self.touched):
            await self._watch(vehicle_id)

    def hand_over(self, order: Order) -> str:
        """Give an order, or lose it: half of those lost are known to have failed, half seem to have been taken."""
        night = self._night(order.vehicle_id)
        if night is not None and order.attempts == 1:
            night.stop_ordered_at = self.clock.now() if order.kind == STOP else None
        if self.chance.random() < self.hazards.lost:
            if self.chance.random() < 0.5:
                raise PeerFault("The vehicle could not be told.")
            return "accepted"
        vehicle = self.vehicles[order.vehicle_id]
        before_w = vehicle.charging_w
        answer = World.hand_over(self, order)
        if night is not None and (vehicle.charging_w > 0) != (before_w > 0):
            night.switches.append(self.clock.now())
        return answer

    async def _befall(self, happening: Happening, now: datetime, facts: dict[VehicleId, Fact]) -> None:
        vehicle = self.vehicles[happening.vehicle_id]
        if happening.kind == PLUG_IN and isinstance(vehicle, WatchedVehicle):
            vehicle.night = next(n for n in self.nights[happening.vehicle_id] if n.plugged_in_at == now)
            vehicle.share = vehicle.night.share
        await World._befall(self, happening, now, facts)

    async def _due(self, now: datetime) -> list[VehicleId]:
        found = await World._due(self, now)
        self.touched.update(found)
        return found

    async def report(self, facts: Sequence[tuple[VehicleId, Fact]], now: datetime) -> None:
        self.touched.update(vehicle_id for vehicle_id, _ in facts)
        await World.report(self, facts, now)

    def _night(self, vehicle_id: VehicleId) -> Night | None:
        vehicle = self.vehicles.get(vehicle_id)
        return vehicle.night if isinstance(vehicle, WatchedVehicle) else None

    async def _watch(self, vehicle_id: VehicleId) -> None:
        """Note when a shortfall can be seen from outside, and when the product has said so."""
        vehicle, night, now = self.vehicles.get(vehicle_id), self._night(vehicle_id), self.clock.now()
        if not isinstance(vehicle, WatchedVehicle) or night is None or not vehicle.plugged_in:
            return
        if night.stop_ordered_at is not None and vehicle.charging_w > 0:
            if await self._wants_power(vehicle_id, now):
                night.stop_ordered_at = None  # the plan has changed before the vehicle heard of its stop
            else:
                night.longest_stop = max(night.longest_stop, now - night.stop_ordered_at)
        if now > night.ready_by:
            return
        if night.shown_at is None and night.reached_at is None and self._shows(vehicle, night, now):
            night.shown_at = now
        if night.announced_at is None:
            session = await self._session(vehicle_id)
            if session is not None and says_it_falls_short(session):
                night.announced_at = now

    def _shows(self, vehicle: WatchedVehicle, night: Night, now: datetime) -> bool:
        """Whether what has been reported leaves no way to the deadline: at full power, or at the power seen."""
        power_w = vehicle.charging_w or vehicle.power_w
        hours = vehicle.hours_to(night.wanted_percent, vehicle.soc_percent, power_w)
        return now + timedelta(hours=hours) > night.ready_by

    async def _wants_power(self, vehicle_id: VehicleId, now: datetime) -> bool:
        session = await self._session(vehicle_id)
        promise = session.promise if session is not None else None
        return promise is not None and wish_at(promise, now).power_w > 0

    async def _session(self, vehicle_id: VehicleId) -> Session | None:
        async def work(reader: Reader) -> Session | None:
            return await reader.unsettled_session_of_policy(self.organization_id, self.policies[vehicle_id])

        return await self.ports.store.read(work)


def says_it_falls_short(session: Session) -> bool:
    """Whether the session tells its reader that the target will not, or may not, be there in time."""
    at_risk = session.outcome is not None and session.outcome.state == "AT_RISK"
    return at_risk or (session.promise is not None and not session.promise.reachable)


async def live_nights(
    count: int, seed: int, *, open_store: OpenStore, hazards: Hazards | None = None, care: Care | None = None
) -> list[Night]:
    """Live `count` nights, NIGHTS_A_VEHICLE of them with each vehicle, and say what came of each."""
    chance = random.Random(seed)
    store = await open_store()
    try:
        clock = VirtualClock(FIRST_DAY - timedelta(days=1))
        ports = Ports(store, clock, SeededIds(seed))
        world = RoughWorld(ports, clock, OrganizationId(ports.ids.new_id()))
        world.hazards, world.care, world.chance = hazards or Hazards(), care or Care(), chance
        world.engine = Engine(ports, Obedient(world), care=world.care)
        day_count = min(count, NIGHTS_A_VEHICLE)
        await _settle_in(world, math.ceil(count / day_count), count)
        await _pass_days(world, day_count)
        return [night for nights in world.nights.values() for night in nights]
    finally:
        await store.close()


async def _settle_in(world: RoughWorld, vehicle_count: int, count: int) -> None:
    ports, organization_id, now = world.ports, world.organization_id, world.clock.now()

    async def register(tx: Transaction) -> None:
        await tx.add_organization(Organization(id=organization_id, name="nights", created_at=now))

    await ports.store.write(register)
    for number in range(vehicle_count):
        battery_wh = round(world.chance.uniform(30_000, 100_000), -2)
        power_w = world.chance.choice(POWERS_W)
        reference = f"driver-{number}"
        premises = Premises(
            name="home", latitude=0.0, longitude=number / 100, timezone="Europe/Berlin", zone=ZONE
        )
        location = await add_location(ports, organization_id, reference, premises)
        specification = Specification(
            vendor="VIRTUAL",
            information=Information(brand="Virtual", model="One"),
            battery_capacity_wh=int(battery_wh),
            power_max_w=power_w,
            power_min_w=POWER_MIN_W,
            efficiency=EFFICIENCY,
        )
        vehicle = await add_vehicle(ports, organization_id, reference, specification)
        policy = await create_policy(ports, organization_id, vehicle.id, location.id, terms=PolicyTerms())
        world.policies[vehicle.id] = policy.id
        played = WatchedVehicle(vehicle.id, battery_wh, power_w, now, efficiency=EFFICIENCY)
        world.vehicles[vehicle.id] = played
        share = count // vehicle_count + (number < count % vehicle_count)
        world.nights[vehicle.id] = [_night(world, played, day) for day in range(share)]


def _night(world: RoughWorld, vehicle: WatchedVehicle, day: int) -> Night:
    """Draw one night and lay it out. One in four is short of time, around the edge of what is feasible."""
    chance, hazards = world.chance, world.hazards
    came_at = FIRST_DAY + timedelta(days=day, hours=chance.uniform(14, 22), minutes=chance.uniform(0, 60))
    came_at = came_at.replace(microsecond=0)
    wanted = float(chance.choice((60, 70, 80, 80, 80, 90, 100)))
    ready_by = (FIRST_DAY + timedelta(days=day + 1, minutes=15 * chance.randint(16, 36))).replace(second=0)
    soc = chance.uniform(5, wanted)
    full_hours = (ready_by - came_at) / HOUR
    if chance.random() < 0.25:
        hours = full_hours * chance.uniform(0.75, 1.1)
        soc = max(1.0, wanted - hours * vehicle.power_w * EFFICIENCY / vehicle.battery_wh * 100)
    share = hazards.weak_share if chance.random() < hazards.weak_nights else 1.0
    night = Night(
        plugged_in_at=came_at,
        ready_by=ready_by,
        plugged_out_at=ready_by + timedelta(minutes=chance.uniform(1, 180)),
        soc_percent=soc,
        wanted_percent=wanted,
        hours_needed=vehicle.hours_to(wanted, soc, vehicle.power_w),
        share=share,
    )
    # Berlin is an hour ahead of UTC in all the days that are drawn.
    local = ready_by + HOUR
    schedule: list[Deadline | None] = [None] * 7
    schedule[local.weekday()] = Deadline(f"{local:%H:%M}", wanted)
    world.expect(came_at, Happening(PLUG_IN, vehicle.vehicle_id, soc_percent=soc, schedule=tuple(schedule)))
    world.expect(night.plugged_out_at, Happening(PLUG_OUT, vehicle.vehicle_id))
    return night


async def _pass_days(world: RoughWorld, day_count: int) -> None:
    """Let the days go by; each noon the next day's prices are published, or late, and now and then corrected."""
    chance, hazards = world.chance, world.hazards
    for day in range(-DAYS_BEFORE, 1):
        await _publish(world, day, 0.0)
    for day in range(day_count + 1):
        midnight = FIRST_DAY + timedelta(days=day)
        late = chance.random() < hazards.late_prices
        await world.run(midnight + (PUBLISHED_LATE if late else PUBLISHED))
        await _publish(world, day + 1, 0.0)
        if chance.random() < hazards.price_updates:
            for minute in range(0, 60, 5):
                await world.run(midnight + timedelta(hours=21, minutes=minute))
                await _publish(world, day, 0.01)
                await _publish(world, day + 1, 0.01)
    await world.run()


async def _publish(world: RoughWorld, day: int, noise: float) -> None:
    """A day of quarter hours: two waves, at times below zero; the same day gives the same but for the noise."""
    drawn = random.Random(day)
    level, first, second = drawn.uniform(0.02, 0.2), drawn.uniform(0, 24), drawn.uniform(0, 12)
    start_at = FIRST_DAY + timedelta(days=day)
    slots = []
    for index in range(96):
        hour = index / 4
        wave = 0.06 * math.sin((hour + first) * math.pi / 12) + 0.04 * math.sin((hour + second) * math.pi / 6)
        price = level + wave + drawn.gauss(0, 0.01) + world.chance.gauss(0, 1) * noise
        slots.append(
            PriceSlot(start_at + index * QUARTER, start_at + (index + 1) * QUARTER, Decimal(f"{price:.4f}"))
        )
    await import_prices(world.ports, ZONE, "EUR", slots)
