"""Drawn sites for the joint planner's tests: wide, seeded, and with the numbers that references need."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dwell.domain.planning import (
    Ceiling,
    Control,
    ImmediateStart,
    PriceGrid,
    RegularTarget,
    Target,
    VehicleLimits,
    Window,
)
from dwell.domain.planning.site import BaseLoad, SiteProblem, SiteVehicle

NOW_AT = datetime(2026, 1, 10, 17, 7, tzinfo=UTC)
PRICE_STEP = 1e-4  # two prices differ by this or not at all, so that a reference can tell a tie
Slot = tuple[datetime, datetime, float]


@dataclass(frozen=True, kw_only=True)
class DrawnSite:
    """A problem and the price slots that it was made of."""

    problem: SiteProblem
    slots: list[Slot]


def draw_prices(rng: random.Random) -> list[Slot]:
    """Some hours from a little before now: quarter hours, hours, mixed or very short slots; any prices."""
    kinds: list[list[float]] = [[15], [60], [5, 15, 30, 60], [15, 15, 15, 0.05], [7, 11, 23.5]]
    minutes = rng.choice(kinds)
    shape = rng.choice(["free", "round", "flat", "negative", "walk"])
    at, price, slots = NOW_AT - timedelta(minutes=rng.uniform(0, 5)), rng.uniform(-0.1, 0.4), []
    for _ in range(rng.randint(3, 40)):
        end_at = at + timedelta(minutes=rng.choice(minutes))
        if shape == "free":
            price = rng.gauss(0.15, 0.12)
        elif shape == "round":
            price = round(rng.gauss(0.1, 0.1), 2)
        elif shape == "walk":
            price += rng.gauss(0, 0.02)
        elif shape == "negative":
            price = rng.uniform(-0.5, 0.1)
        slots.append((at, end_at, round(price / PRICE_STEP) * PRICE_STEP))
        at = end_at
    return slots


def draw_window(rng: random.Random, hours: float) -> tuple[datetime, datetime]:
    start_at = NOW_AT + timedelta(minutes=round(rng.uniform(-0.2, 1) * hours * 60))
    return start_at, start_at + timedelta(minutes=rng.randint(1, max(1, round(hours * 20))))


def draw_target(rng: random.Random, soc: float, edges: list[datetime]) -> Target:
    wanted = min(100.0, soc + rng.choice([0, 2, 10, 30, rng.uniform(0, 60)]))
    reserve = rng.choice([0, 0, 0, min(100.0, soc + rng.uniform(-5, 15)), 20])
    if rng.random() < 0.15:
        return ImmediateStart(minimum_charge_percent=wanted, battery_reserve_percent=max(0.0, reserve))
    ready_by_at = rng.choice([edges[-1], edges[-1], rng.choice(edges), rng.choice(edges)])
    if rng.random() < 0.1:
        ready_by_at -= timedelta(minutes=3)
    return RegularTarget(
        minimum_charge_percent=wanted, ready_by_at=ready_by_at, battery_reserve_percent=max(0.0, reserve)
    )


def draw_vehicle(rng: random.Random, edges: list[datetime], *, power_min: bool) -> SiteVehicle:
    hours = (edges[-1] - NOW_AT) / timedelta(hours=1)
    power_max = rng.choice([1.4, 3.7, 7.4, 11, 22])
    soc = rng.uniform(0, 90)
    ceilings = []
    for _ in range(rng.choice([0, 0, 0, 1, 2])):
        start_at, end_at = draw_window(rng, hours)
        power = rng.choice([0, rng.uniform(0, power_max), 2 * power_max])
        ceilings.append(Ceiling(start_at=start_at, end_at=end_at, power_kw=power))
    windows = [draw_window(rng, hours) for _ in range(rng.choice([0, 0, 0, 1]))]
    return SiteVehicle(
        vehicle=VehicleLimits(
            battery_capacity_kwh=rng.choice([8, 20, 40, 77]),
            soc_percent=soc,
            charge_limit_percent=rng.choice([100, 80, 90]),
            power_max_kw=power_max,
            power_min_kw=min(power_max, rng.choice([0.2, 1.4, 4.1])) if power_min else 0.0,
            efficiency=rng.choice([0.9, 1.0, 0.85]),
            control=rng.choice(list(Control)),
            charging_now=rng.random() < 0.4,
        ),
        target=draw_target(rng, soc, edges),
        ceilings=tuple(ceilings),
        restrictions=tuple(Window(start_at=a, end_at=b) for a, b in windows),
    )


def draw_base_load(rng: random.Random, end_at: datetime, limit_kw: float) -> tuple[BaseLoad, ...]:
    """None, or windows one after the other with gaps, some of which leave no room and some of which feed in."""
    if rng.random() < 0.4:
        return ()
    at, loads = NOW_AT - timedelta(minutes=10), []
    while at < end_at:
        until_at = at + timedelta(minutes=rng.choice([5, 15, 60, 90]))
        if rng.random() < 0.8:
            power = rng.choice(
                [rng.uniform(0, limit_kw), rng.uniform(0, limit_kw), 2 * limit_kw, -0.2 * limit_kw]
            )
            loads.append(BaseLoad(start_at=at, end_at=until_at, power_kw=power))
        at = until_at
    return tuple(loads)


def draw_site(seed: int | str, *, power_min: bool = False, most_vehicles: int = 60) -> DrawnSite:
    """2 vehicles or more; limits from none at all over just enough to far more than needed."""
    rng = random.Random(seed)
    slots = draw_prices(rng)
    edges = [NOW_AT, *(end for _, end, _ in slots)]
    hours = (edges[-1] - NOW_AT) / timedelta(hours=1)
    if rng.random() < 0.4:
        edges = edges[len(edges) // 2 :]  # time enough for most: else few sites get all that they need
    count = rng.choice([2, 3, 5, 8, 8, rng.randint(2, most_vehicles)])
    vehicles = tuple(draw_vehicle(rng, edges, power_min=power_min) for _ in range(min(count, most_vehicles)))
    if rng.random() < 0.2:
        vehicles = (*vehicles[:-1], vehicles[0])  # twins
    needed = sum(
        v.vehicle.energy_kwh(v.vehicle.soc_percent, max(v.wanted_percent, v.reserve_percent))
        for v in vehicles
    )
    limit = max(1.0, needed / hours) * rng.choice([0.1, 0.5, 0.9, 1.1, 1.5, 3, 3, 100])
    if rng.random() < 0.03:
        limit = 0.0
    problem = SiteProblem(
        now_at=NOW_AT,
        vehicles=vehicles,
        prices=PriceGrid.from_slots(slots),
        limit_kw=limit,
        base_load=draw_base_load(rng, edges[-1], limit),
        timezone=ZoneInfo("Europe/Berlin"),
        charge_when_negative=rng.random() < 0.7,
    )
    return DrawnSite(problem=problem, slots=slots)
