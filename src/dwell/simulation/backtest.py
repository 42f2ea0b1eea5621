"""Backtest: real visits lived again at real prices, through the use cases of the product, on a virtual clock.

Each user of the data becomes a vehicle with a home and a policy. At plug-in the vehicle's charge level is such that
the visit's energy takes it to the minimum charge, and the driver has set the deadline: the true departure, or a fixed
local time. So the baseline is what the data set's driver got, and the plan competes for the same energy.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from dwell.application.policies import create_policy
from dwell.application.ports import Ports, Reader, Store, Transaction
from dwell.application.prices import import_prices
from dwell.application.records import PageKey, SessionFilter
from dwell.domain.ids import LocationId, OrganizationId, UserId, VehicleId
from dwell.domain.instants import QUARTER, floor_quarter
from dwell.domain.policy.schedule import Deadline
from dwell.domain.policy.terms import PolicyTerms
from dwell.domain.registry import Information, Location, Organization, User, Vehicle
from dwell.domain.session.record import Session
from dwell.domain.session.settle import Stretch, baseline_stretches, row_stretches
from dwell.domain.tariff.curve import PriceCurve
from dwell.simulation.clock import SeededIds, VirtualClock
from dwell.simulation.vehicle import VirtualVehicle
from dwell.simulation.visits import Visit
from dwell.simulation.world import PLUG_IN, PLUG_OUT, Happening, World

BATTERY_DEFAULT_WH = 60_000
POWER_DEFAULT_W = 7_400
POWER_MIN_W = 1_400
EFFICIENCY = 0.9
BATTERY_FULL = 1.02
"""A battery is taken a little larger than the energy that went in, so that no visit begins below empty."""
_LEAD = timedelta(days=1)
_PAGE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a backtest is run with. `ready_by` is `departure` or a local `HH:MM`."""

    zone: str
    ready_by: str = "departure"
    minimum_charge_percent: float = 100.0
    battery_reserve_percent: float = 20.0
    seed: int = 1


class ClosableStore(Store, Protocol):
    """A store of the backtest's own, closed when it is over."""

    async def close(self) -> None: ...


OpenStore = Callable[[], Awaitable[ClosableStore]]
"""Opens an empty store; simulations do not know which kinds there are."""


@dataclass(slots=True)
class Tally:
    """What came of the visits: a row for each, and energies in Wh by the quarter hour (UTC) in which they flowed."""

    currency: str = ""
    rows: list[Row] = field(default_factory=list)
    smart_wh: dict[datetime, int] = field(default_factory=dict)
    baseline_wh: dict[datetime, int] = field(default_factory=dict)
    fact_count: int = 0

    def add(self, other: Tally) -> None:
        """Take in what another shard found; the result is the same in whatever order shards come."""
        self.currency = self.currency or other.currency
        self.rows = sorted([*self.rows, *other.rows])
        self.fact_count += other.fact_count
        for mine, theirs in ((self.smart_wh, other.smart_wh), (self.baseline_wh, other.baseline_wh)):
            for at, energy_wh in theirs.items():
                mine[at] = mine.get(at, 0) + energy_wh


class Row(NamedTuple):
    """One settled visit; money None where it could not be valued."""

    plugged_in_at: datetime
    ended_at: datetime
    user_reference: str
    energy_wh: int
    cost: Decimal | None
    baseline_cost: Decimal | None
    savings: Decimal | None
    reached: bool
    starts: int
    reason: str


def live_through(
    visits: Sequence[Visit],
    curve: PriceCurve,
    plan: Plan,
    *,
    open_store: OpenStore,
    on_settled: Callable[[int], None] | None = None,
) -> Tally:
    """Live through the visits of one shard, in a store of its own."""
    return asyncio.run(_live_through(visits, curve, plan, open_store=open_store, on_settled=on_settled))


async def _live_through(
    visits: Sequence[Visit],
    curve: PriceCurve,
    plan: Plan,
    *,
    open_store: OpenStore,
    on_settled: Callable[[int], None] | None,
) -> Tally:
    tally = Tally(currency=curve.currency)
    if not visits:
        return tally
    store = await open_store()
    try:
        start_at = min(visit.plugged_in_at for visit in visits) - _LEAD
        clock = VirtualClock(start_at)
        ports = Ports(store, clock, SeededIds(plan.seed))
        world = World(ports, clock, OrganizationId(ports.ids.new_id()))
        await import_prices(ports, plan.zone, curve.currency, curve.slots)
        references = await _settle_in(world, visits, plan)
        await _run(world, len(visits), on_settled)
        tally.fact_count = world.fact_count
        await _collect(store, world.organization_id, tally, references)
    finally:
        await store.close()
    return tally


async def _run(world: World, visit_count: int, on_settled: Callable[[int], None] | None) -> None:
    while world.happenings:
        at = world.happenings[0][0]
        await world.run(at + timedelta(days=1))
        if on_settled is not None:
            left = sum(1 for _, _, happening in world.happenings if happening.kind == PLUG_OUT)
            on_settled(visit_count - left)
    await world.run()


async def _settle_in(world: World, visits: Sequence[Visit], plan: Plan) -> dict[VehicleId, str]:
    """Give every user of the data a home, a vehicle and a policy, and lay out what is to happen to it.

    Returns whose vehicle is whose, by the names of the data.
    """
    by_user: dict[str, list[Visit]] = {}
    for visit in visits:
        by_user.setdefault(visit.user_reference, []).append(visit)
    ports, now = world.ports, world.clock.now()
    organization_id = world.organization_id
    registered: list[tuple[Vehicle, Location, list[Visit]]] = []

    async def register(tx: Transaction) -> None:
        registered.clear()
        await tx.add_organization(Organization(id=organization_id, name="backtest", created_at=now))
        for reference, own in by_user.items():
            user = User(
                id=UserId(ports.ids.new_id()),
                organization_id=organization_id,
                reference=reference,
                created_at=now,
            )
            location = _home(user, own[0], plan, LocationId(ports.ids.new_id()))
            vehicle = _vehicle(user, own, VehicleId(ports.ids.new_id()))
            await tx.add_user(user)
            await tx.save_location(location)
            await tx.save_vehicle(vehicle)
            registered.append((vehicle, location, own))

    await ports.store.write(register)
    for vehicle, location, own in registered:
        terms = PolicyTerms(
            battery_reserve_percent=plan.battery_reserve_percent,
            schedule=_fixed_schedule(plan),
        )
        policy = await create_policy(ports, organization_id, vehicle.id, location.id, terms=terms)
        world.policies[vehicle.id] = policy.id
        battery_wh = vehicle.battery_capacity_wh or BATTERY_DEFAULT_WH
        world.vehicles[vehicle.id] = VirtualVehicle(
            vehicle_id=vehicle.id,
            battery_wh=battery_wh,
            power_w=vehicle.power_max_w,
            at=now,
            efficiency=EFFICIENCY,
        )
        for visit in own:
            expect_visit(world, vehicle, visit, plan)
    return {vehicle.id: own[0].user_reference for vehicle, _, own in registered}


def _home(user: User, visit: Visit, plan: Plan, location_id: LocationId) -> Location:
    return Location(
        id=location_id,
        organization_id=user.organization_id,
        user_id=user.id,
        name="home",
        latitude=0.0,
        longitude=0.0,
        timezone=visit.timezone,
        zone=plan.zone,
        created_at=user.created_at,
        updated_at=user.created_at,
    )


def _vehicle(user: User, visits: Iterable[Visit], vehicle_id: VehicleId) -> Vehicle:
    """The user's vehicle: the power and battery that the data give, or what their visits need at least."""
    battery_wh, power_w = battery_and_power(list(visits))
    return Vehicle(
        id=vehicle_id,
        organization_id=user.organization_id,
        user_id=user.id,
        vendor="VIRTUAL",
        information=Information(brand="Virtual", model=user.reference[:64]),
        battery_capacity_wh=battery_wh,
        power_max_w=power_w,
        power_min_w=min(POWER_MIN_W, power_w),
        efficiency=EFFICIENCY,
        created_at=user.created_at,
        updated_at=user.created_at,
    )


def battery_and_power(visits: Sequence[Visit]) -> tuple[int, int]:
    """Wh and W of the vehicle that made the visits: what the data give, or what its visits need at least."""
    power_w = max(max(visit.power_w or POWER_DEFAULT_W, visit.least_power_w) for visit in visits)
    largest_wh = max(visit.energy_wh for visit in visits) * EFFICIENCY * BATTERY_FULL
    known_wh = max(visit.battery_capacity_wh or 0 for visit in visits) or BATTERY_DEFAULT_WH
    return round(max(known_wh, largest_wh)), power_w


def expect_visit(world: World, vehicle: Vehicle, visit: Visit, plan: Plan) -> None:
    """Lay out the visit: the cable goes in at the level from which its energy leads to the minimum charge, and out."""
    battery_wh = vehicle.battery_capacity_wh or BATTERY_DEFAULT_WH
    gain_percent = visit.energy_wh * EFFICIENCY / battery_wh * 100
    plug_in = Happening(
        PLUG_IN,
        vehicle.id,
        soc_percent=max(0.0, plan.minimum_charge_percent - gain_percent),
        schedule=_departure_schedule(visit, plan),
    )
    world.expect(visit.plugged_in_at, plug_in)
    world.expect(visit.plugged_out_at, Happening(PLUG_OUT, vehicle.id))


def _fixed_schedule(plan: Plan) -> tuple[Deadline | None, ...]:
    wall = "07:00" if plan.ready_by == "departure" else plan.ready_by
    return (Deadline(wall, plan.minimum_charge_percent),) * 7


def _departure_schedule(visit: Visit, plan: Plan) -> tuple[Deadline | None, ...] | None:
    """The one deadline of the visit: its departure, to the minute."""
    if plan.ready_by != "departure":
        return None
    leaves = visit.plugged_out_at.astimezone(ZoneInfo(visit.timezone))
    schedule: list[Deadline | None] = [None] * 7
    schedule[leaves.weekday()] = Deadline(f"{leaves:%H:%M}", plan.minimum_charge_percent)
    return tuple(schedule)


async def _collect(
    store: Store, organization_id: OrganizationId, tally: Tally, references: dict[VehicleId, str]
) -> None:
    key: PageKey | None = None
    while True:
        page = await _page(store, organization_id, key)
        for session in page:
            tally.rows.append(_row(session, references[session.vehicle_id]))
            _add_all(tally.smart_wh, ((row.start_at, row.energy_wh) for row in row_stretches(session)))
            for stretch in baseline_stretches(session):
                _add_all(tally.baseline_wh, quarters_of(stretch))
        if len(page) < _PAGE or page[-1].plugged_in_at is None:
            break
        key = PageKey(page[-1].plugged_in_at, page[-1].id)
    tally.rows.sort()


async def _page(store: Store, organization_id: OrganizationId, key: PageKey | None) -> list[Session]:
    async def work(reader: Reader) -> list[Session]:
        wanted = SessionFilter(include_hidden=True)
        return await reader.settled_page(organization_id, wanted, after=key, limit=_PAGE)

    return await store.read(work)


def _row(session: Session, user_reference: str) -> Row:
    value, starts, end_at = session.valuation, 0, None
    for block in session.blocks:
        starts += block.start_at != end_at
        end_at = block.end_at
    plugged_in_at = session.plugged_in_at or session.created_at
    return Row(
        plugged_in_at=plugged_in_at,
        ended_at=session.ended_at or plugged_in_at,
        user_reference=user_reference,
        energy_wh=session.energy_wh,
        cost=value.cost if value is not None else None,
        baseline_cost=value.baseline_cost if value is not None else None,
        savings=value.savings if value is not None else None,
        reached=session.outcome is not None and session.outcome.state == "REACHED",
        starts=starts,
        reason=session.reason,
    )


def quarters_of(stretch: Stretch) -> Iterator[tuple[datetime, int]]:
    """The stretch's energy spread evenly over the quarter hours it meets, in whole Wh that add up to it."""
    total_s = max(1.0, (stretch.end_at - stretch.start_at).total_seconds())
    given_wh, until = 0, floor_quarter(stretch.start_at)
    while until < stretch.end_at:
        at, until = until, until + QUARTER
        passed_s = (min(until, stretch.end_at) - stretch.start_at).total_seconds()
        upto_wh = (
            stretch.energy_wh if until >= stretch.end_at else int(stretch.energy_wh * passed_s / total_s)
        )
        yield at, upto_wh - given_wh
        given_wh = upto_wh


def _add_all(sums_wh: dict[datetime, int], parts: Iterable[tuple[datetime, int]]) -> None:
    for at, energy_wh in parts:
        if energy_wh:
            sums_wh[at] = sums_wh.get(at, 0) + energy_wh
