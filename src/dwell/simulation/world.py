"""A world of virtual vehicles on a virtual clock, driven from event to event through the product's own use cases.

The world knows what a real one would: when cables go in and out, what vehicles report, what orders make them do.
Between those instants nothing happens; the engine's own wake-ups are events like the others, and as a real vehicle
would be asked before it is told anything, each vehicle that is due reports itself first.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dwell.application.engine import BATCH, Engine, next_wake_at, run_due
from dwell.application.policies import change_policy
from dwell.application.ports import Ports, Transaction
from dwell.application.telemetry import ingest
from dwell.domain.errors import PeerFault
from dwell.domain.ids import OrganizationId, PolicyId, VehicleId
from dwell.domain.instants import EPOCH, QUARTER, floor_quarter
from dwell.domain.policy.schedule import Deadline
from dwell.domain.session.cut import FLAP
from dwell.domain.session.facts import Fact
from dwell.domain.session.incoming import Incoming
from dwell.domain.session.steering import Order
from dwell.simulation.clock import VirtualClock
from dwell.simulation.vehicle import VirtualVehicle

REPORTS_AFTER = timedelta(seconds=1)
"""How long after a change a vehicle reports it."""

PLUG_IN, PLUG_OUT, REPORT, ARRIVAL = "plug_in", "plug_out", "report", "arrival"


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that befalls a vehicle: a cable goes in (with its charge level) or out, it reports itself, or a
    report that was held up on its way arrives.
    """

    kind: str
    vehicle_id: VehicleId
    soc_percent: float = 0.0
    schedule: tuple[Deadline | None, ...] | None = None
    fact: Fact | None = None


@dataclass(slots=True)
class Obedient:
    """The way to the virtual vehicles: hands every order over at once."""

    world: World

    async def give(self, order: Order) -> str:
        return self.world.hand_over(order)


@dataclass(slots=True)
class World:
    """Vehicles, what is to happen to them, and the product that looks after them."""

    ports: Ports
    clock: VirtualClock
    organization_id: OrganizationId
    vehicles: dict[VehicleId, VirtualVehicle] = field(default_factory=dict)
    policies: dict[VehicleId, PolicyId] = field(default_factory=dict)
    happenings: list[tuple[datetime, int, Happening]] = field(default_factory=list)
    fact_count: int = 0
    plugged_in_count: int = 0
    settled_at: datetime = EPOCH
    engine: Engine = field(init=False)
    _count: int = 0

    def __post_init__(self) -> None:
        self.engine = Engine(self.ports, Obedient(self))

    def expect(self, at: datetime, happening: Happening) -> None:
        """Let it happen at `at`."""
        self._count += 1
        heapq.heappush(self.happenings, (at, self._count, happening))

    async def run(self, until: datetime | None = None) -> None:
        """Live on until nothing more happens, or until `until`."""
        while (at := await self._next_at()) is not None and (until is None or at <= until):
            await self.live(at)
        if until is not None:
            self.clock.move_to(until)

    async def _next_at(self) -> datetime | None:
        wake_at = await next_wake_at(self.ports) if self._busy() else None
        if not self.happenings:
            return wake_at
        return self.happenings[0][0] if wake_at is None else min(wake_at, self.happenings[0][0])

    def _busy(self) -> bool:
        """While no cable is in, only the deadlines of waiting vehicles would go by: jump over them."""
        return self.plugged_in_count > 0 or self.clock.now() < self.settled_at

    async def live(self, at: datetime) -> None:
        """Live through one instant: what happens, what is reported, what the engine does about it."""
        self.clock.move_to(at)
        now = self.clock.now()
        facts: dict[VehicleId, Fact] = {}
        arrived: list[tuple[VehicleId, Fact]] = []
        while self.happenings and self.happenings[0][0] <= now:
            _, _, happening = heapq.heappop(self.happenings)
            if happening.fact is not None:
                arrived.append((happening.vehicle_id, happening.fact))
                continue
            await self._befall(happening, now, facts)
        for vehicle_id in await self._due(now):
            vehicle = self.vehicles.get(vehicle_id)  # None: one that somebody registered beside ours
            if vehicle is not None and vehicle.plugged_in and vehicle.at < now and vehicle_id not in facts:
                vehicle.move_to(now)
                facts[vehicle_id] = vehicle.says()
        for vehicle_id, fact in facts.items():
            arrived += [(vehicle_id, said) for said in self.link(vehicle_id, fact)]
        if arrived:
            self.fact_count += len(arrived)
            await self.report(arrived, now)
        await self.tend()

    def link(self, vehicle_id: VehicleId, fact: Fact) -> Iterable[Fact]:
        """What the telemetry link makes of a report, now; a poor one loses, repeats, or holds up (ARRIVAL)."""
        del vehicle_id
        return (fact,)

    async def tend(self) -> None:
        """Have the engine look after all that is due."""
        while (await run_due(self.engine)).due >= BATCH:
            pass

    async def _befall(self, happening: Happening, now: datetime, facts: dict[VehicleId, Fact]) -> None:
        vehicle = self.vehicles[happening.vehicle_id]
        if happening.kind == PLUG_IN:
            if happening.schedule is not None:
                policy_id = self.policies[happening.vehicle_id]
                await change_policy(self.ports, self.organization_id, policy_id, schedule=happening.schedule)
            vehicle.plug_in(now, happening.soc_percent)
            self.plugged_in_count += 1
        elif happening.kind == PLUG_OUT:
            vehicle.plug_out(now)
            self.plugged_in_count -= 1
            self.settled_at = now + 2 * FLAP
        elif not vehicle.plugged_in or vehicle.at >= now:
            return
        else:
            vehicle.move_to(now)
            self._report_again(vehicle)
        facts[happening.vehicle_id] = vehicle.says()

    async def report(self, facts: Sequence[tuple[VehicleId, Fact]], now: datetime) -> None:
        """Send facts in one batch."""
        items = [Incoming(index=i, vehicle_id=vid, fact=fact) for i, (vid, fact) in enumerate(facts)]
        await ingest(self.ports, self.organization_id, items, received_at=now)

    async def _due(self, now: datetime) -> list[VehicleId]:
        async def work(tx: Transaction) -> list[VehicleId]:
            return [track.vehicle_id for track in await tx.due_tracks(now, limit=10_000)]

        return await self.ports.store.write(work)

    def hand_over(self, order: Order) -> str:
        """Give a vehicle its order; a change shows in its next report."""
        now = self.clock.now()
        vehicle = self.vehicles.get(order.vehicle_id)
        if vehicle is None:
            raise PeerFault("Nobody plays this vehicle.")
        if vehicle.obey(order, now):
            self.expect(now + REPORTS_AFTER, Happening(REPORT, order.vehicle_id))
        return "accepted"

    def _report_again(self, vehicle: VirtualVehicle) -> None:
        """While it charges a vehicle reports every quarter hour, and when it is full."""
        full_at = vehicle.full_at()
        if full_at is None:
            return
        next_at = min(floor_quarter(vehicle.at) + QUARTER, full_at + REPORTS_AFTER)
        self.expect(next_at, Happening(REPORT, vehicle.vehicle_id))
