"""The demonstration's play: a dozen vehicles that live real visits on real priced days, at a pace of their own.

The stage is the longest run of days with shipped prices. Vehicles, homes, policies and prices come in through the
same use cases as anybody's, and the prices of the whole run are known from the start. When the run is over the clock
stands still there: what was lived stays to be looked at, and nothing is made up beyond it.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dwell.application.engine import Engine
from dwell.application.locations import Premises, add_location
from dwell.application.policies import create_policy
from dwell.application.ports import Ports
from dwell.application.prices import import_prices
from dwell.application.queries import settled_sessions
from dwell.application.records import PageKey, SessionFilter
from dwell.application.stations.steering import StationWay
from dwell.application.vehicles import Specification, add_vehicle
from dwell.data import DE_LU, shipped_prices, shipped_visits
from dwell.domain.ids import OrganizationId, PolicyId, VehicleId, Zone
from dwell.domain.instants import QUARTER, floor_quarter
from dwell.domain.policy.schedule import Deadline
from dwell.domain.policy.terms import PolicyTerms
from dwell.domain.registry import Information
from dwell.domain.session.facts import Fact
from dwell.domain.session.record import Session
from dwell.domain.tariff.coverage import Span, runs
from dwell.domain.tariff.curve import PriceCurve
from dwell.domain.tariff.replacement import layered
from dwell.protocols.prices import read_prices
from dwell.simulation.backtest import EFFICIENCY, POWER_MIN_W, Plan, battery_and_power, expect_visit
from dwell.simulation.clock import VirtualClock
from dwell.simulation.depot import Depot
from dwell.simulation.vehicle import VirtualVehicle
from dwell.simulation.visits import Visit, lay_on, read_visit_contents
from dwell.simulation.world import PLUG_IN, REPORT, Happening, Obedient, World

VEHICLES = 12
DAYS_BEFORE = timedelta(days=2)
"""What is lived before anybody looks, so that there is something to be seen at once."""
ZONE, TIMEZONE = Zone("DE-LU"), "Europe/Berlin"
MINIMUM_CHARGE_PERCENT = 80.0
ARRIVAL_PERCENT = 5.0
TICK_S = 0.05
"""How often a live demonstration goes on; at 600 times real, every 30 virtual seconds."""
TOWN_LATITUDE, TOWN_LONGITUDE = 47.9990, 7.8421  # Freiburg im Breisgau; the homes stand around it
_APART_DEGREES = 0.004
_VISITS_AT_LEAST = 12
_PAGE = 200


@dataclass(frozen=True, slots=True)
class Script:
    """What will be played: the priced run, its prices, and each vehicle's visits by the name of its user."""

    run: Span
    curve: PriceCurve
    visits: dict[str, list[Visit]]


@dataclass(frozen=True, slots=True)
class Guest:
    """A vehicle that nobody plays, for the onlooker to speak for."""

    vehicle_id: VehicleId
    policy_id: PolicyId


class Stage(World):
    """A world in which others may act too: the engine is asked at every instant, whether our cables are in or not.

    With a depot in it, orders for its vans go through their chargers.
    """

    __slots__ = ("depot", "way")

    def __init__(self, ports: Ports, clock: VirtualClock, organization_id: OrganizationId) -> None:
        super().__init__(ports, clock, organization_id)
        self.way = StationWay(ports, Obedient(self))
        self.engine = Engine(ports, self.way)
        self.depot: Depot | None = None

    async def live(self, at: datetime) -> None:
        """Live through one instant, the depot's chargers first: what they say may be what the engine acts on."""
        self.clock.move_to(at)
        if self.depot is not None:
            await self.depot.live(self.clock.now())
        await super().live(at)

    async def _befall(self, happening: Happening, now: datetime, facts: dict[VehicleId, Fact]) -> None:
        await super()._befall(happening, now, facts)
        if happening.kind == PLUG_IN:
            self._report_again(self.vehicles[happening.vehicle_id])

    def _report_again(self, vehicle: VirtualVehicle) -> None:
        """Every quarter hour, charging or not: what an onlooker asks for is planned on a fresh word only."""
        if vehicle.full_at() is not None:
            super()._report_again(vehicle)
        elif vehicle.plugged_in:
            self.expect(floor_quarter(vehicle.at) + QUARTER, Happening(REPORT, vehicle.vehicle_id))

    async def tend(self) -> None:
        """Have the engine and the chargers look after all that is due."""
        await super().tend()
        if self.depot is not None:
            self.depot.note(self.clock.now())

    async def _next_at(self) -> datetime | None:
        own = await super()._next_at()
        there = self.depot.next_at() if self.depot is not None else None
        return min((at for at in (own, there) if at is not None), default=None)

    def _busy(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Pace:
    """Virtual time against real: `speed` virtual seconds to a second, from `start_at`, and no further than `end_at`."""

    start_at: datetime
    end_at: datetime
    speed: float
    seconds: Callable[[], float] = time.monotonic

    def from_now(self) -> Callable[[], datetime]:
        """A reading of virtual time that begins now."""
        began_s = self.seconds()

        def read() -> datetime:
            return min(
                self.end_at, self.start_at + timedelta(seconds=(self.seconds() - began_s) * self.speed)
            )

        return read


def write_script(seed: int) -> Script:
    """Draw a dozen vehicles whose shipped visits fill the longest run of shipped prices."""
    documents = [read_prices(name, content, zone=ZONE) for name, content in shipped_prices(DE_LU)]
    whole = layered(documents[0].currency, (document.slots for document in documents))
    run = max(runs(whole), key=lambda span: span.end_at - span.start_at)
    curve = PriceCurve.of(whole.currency, whole.between(run.start_at, run.end_at))
    laid = lay_on(read_visit_contents(shipped_visits()).visits, curve, timezone=TIMEZONE)
    by_user: dict[str, list[Visit]] = {}
    for visit in laid.visits:
        by_user.setdefault(visit.user_reference, []).append(visit)
    fit = sorted(name for name, own in by_user.items() if _is_worth_watching(own, run))
    drawn = random.Random(seed).sample(fit, VEHICLES)
    return Script(run, curve, {f"driver-{n}": by_user[name] for n, name in enumerate(sorted(drawn), 1)})


def _is_worth_watching(own: Sequence[Visit], run: Span) -> bool:
    """Often enough here, and once already in the first days."""
    early = run.start_at + DAYS_BEFORE
    return len(own) >= _VISITS_AT_LEAST and any(visit.plugged_out_at < early for visit in own)


async def set_stage(
    ports: Ports, clock: VirtualClock, organization_id: OrganizationId, script: Script
) -> Stage:
    """Prices, homes, vehicles and policies in, and the visits laid out."""
    stage = Stage(ports, clock, organization_id)
    await import_prices(ports, ZONE, script.curve.currency, script.curve.slots)
    plan = Plan(zone=ZONE, minimum_charge_percent=MINIMUM_CHARGE_PERCENT)
    for number, (name, own) in enumerate(script.visits.items(), 1):
        battery_wh, power_w = battery_and_power(own)
        battery_wh = max(battery_wh, _battery_for(own))
        home = _home_of(number)
        location = await add_location(ports, organization_id, name, home)
        vehicle = await add_vehicle(ports, organization_id, name, _specification(number, battery_wh, power_w))
        policy = await create_policy(ports, organization_id, vehicle.id, location.id, terms=_terms())
        stage.policies[vehicle.id] = policy.id
        stage.vehicles[vehicle.id] = VirtualVehicle(
            vehicle_id=vehicle.id,
            battery_wh=battery_wh,
            power_w=power_w,
            at=clock.now(),
            efficiency=EFFICIENCY,
            latitude=home.latitude,
            longitude=home.longitude,
        )
        for visit in own:
            if visit.plugged_in_at > clock.now():
                expect_visit(stage, vehicle, visit, plan)
    return stage


async def invite_guest(ports: Ports, organization_id: OrganizationId) -> Guest:
    """A vehicle with a home and a policy, which stays silent until somebody speaks for it."""
    number = VEHICLES + 1
    location = await add_location(ports, organization_id, "guest", _home_of(number))
    specification = _specification(number, 60_000, 11_000)
    vehicle = await add_vehicle(ports, organization_id, "guest", specification)
    policy = await create_policy(ports, organization_id, vehicle.id, location.id, terms=_terms())
    return Guest(vehicle.id, policy.id)


async def play(
    stage: Stage, pace: Pace, virtual_now: Callable[[], datetime], *, on_over: Callable[[], None]
) -> None:
    """Live on by a reading of the pace until cancelled; at the end of the run say so once, and let time stand still."""
    over = False
    while True:
        now = virtual_now()
        await stage.run(until=now)
        if stage.depot is not None:
            await stage.depot.tend()
        await stage.tend()
        if now >= pace.end_at and not over:
            over = True
            on_over()
        await asyncio.sleep(TICK_S)


async def all_settled(ports: Ports, organization_id: OrganizationId) -> list[Session]:
    """Every settled session, newest plug-in first."""
    found: list[Session] = []
    key: PageKey | None = None
    while True:
        page = await settled_sessions(
            ports, organization_id, SessionFilter(), after=key, before=None, limit=_PAGE
        )
        found += page
        if len(page) < _PAGE or page[-1].plugged_in_at is None:
            return found
        key = PageKey(page[-1].plugged_in_at, page[-1].id)


def _battery_for(own: Sequence[Visit]) -> int:
    """The least battery in Wh with which no visit begins nearly empty: 0 % is how some vehicles say "unknown"."""
    largest_wh = max(visit.energy_wh for visit in own) * EFFICIENCY
    return math.ceil(largest_wh / (MINIMUM_CHARGE_PERCENT - ARRIVAL_PERCENT) * 100)


def _home_of(number: int) -> Premises:
    """Homes stand far enough from each other that none is within another's radius."""
    row, column = divmod(number - 1, 4)
    return Premises(
        name=f"Home {number}",
        latitude=round(TOWN_LATITUDE + row * _APART_DEGREES, 4),
        longitude=round(TOWN_LONGITUDE + column * _APART_DEGREES, 4),
        timezone=TIMEZONE,
        zone=ZONE,
    )


def _specification(number: int, battery_wh: int, power_w: int) -> Specification:
    return Specification(
        vendor="VIRTUAL",
        information=Information(brand="Virtual", model="One", display_name=f"Vehicle {number}"),
        battery_capacity_wh=battery_wh,
        power_max_w=power_w,
        power_min_w=min(POWER_MIN_W, power_w),
        efficiency=EFFICIENCY,
    )


def _terms() -> PolicyTerms:
    return PolicyTerms(schedule=(Deadline("07:00", MINIMUM_CHARGE_PERCENT),) * 7)
