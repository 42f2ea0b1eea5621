"""Many vehicles behind one connection, beside HiGHS on the same instances: `python -m benchmarks.site`.

Prints a table: 50, 200 and 1,000 vehicles over 96 quarter hours, with a limit that never binds, one that binds, one
that is too small for all, and least powers. `ours` is all that the engine pays: from the problem as values to the plan
as values, the median of several warm runs. HiGHS gets the last step only, the least cost of the energies that our
plan brings, as a linear program by its array interface on one thread; its own set-up is not counted.
"""

from __future__ import annotations

import random
import statistics
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import numpy as np

from dwell.domain.planning import Plan, PriceGrid, RegularTarget, VehicleLimits
from dwell.domain.planning.site import SitePlan, SiteProblem, SiteVehicle, solve_site, verify_site

NOW_AT = datetime(2026, 1, 10, 17, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
SLOTS = 96
KINDS = {"loose": (100.0, 0.0), "binding": (1.3, 0.0), "too small": (0.7, 0.0), "least power": (1.3, 1.4)}
"""How many times the least limit that could do, and power_min in kW."""


def drawn(count: int, kind: str) -> SiteProblem:
    """Vehicles that leave after 10, 14, 15 or 24 hours; prices in a wave and noise."""
    rng = random.Random(f"{count} {kind}")
    times, power_min = KINDS[kind]
    waves = 0.2 + 0.1 * np.sin(np.arange(SLOTS) / 10)
    rows = [
        (NOW_AT + i * QUARTER, NOW_AT + (i + 1) * QUARTER, w + rng.gauss(0, 0.02))
        for i, w in enumerate(waves)
    ]
    vehicles, needed = [], 0.0
    for _ in range(count):
        soc = rng.uniform(10, 70)
        limits = VehicleLimits(
            battery_capacity_kwh=rng.choice([40, 60, 77]),
            soc_percent=soc,
            power_max_kw=rng.choice([7.4, 11, 22]),
            power_min_kw=power_min,
        )
        target = RegularTarget(
            minimum_charge_percent=rng.uniform(soc, 95),
            ready_by_at=NOW_AT + QUARTER * rng.choice([40, 56, 60, 96]),
            battery_reserve_percent=rng.choice([0, 0, 20]),
        )
        vehicles.append(SiteVehicle(vehicle=limits, target=target))
        needed += limits.energy_kwh(soc, max(target.minimum_charge_percent, target.battery_reserve_percent))
    return SiteProblem(
        now_at=NOW_AT,
        vehicles=tuple(vehicles),
        prices=PriceGrid.from_slots(rows),
        limit_kw=times * needed / 14,
    )


def seconds(problem: SiteProblem, runs: int) -> tuple[float, SitePlan]:
    """Median of warm runs, and the plan."""
    taken, plan = [], solve_site(problem)
    for _ in range(runs):
        begin = time.perf_counter()
        plan = solve_site(problem)
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken), plan


def by_highs(problem: SiteProblem, plan: SitePlan) -> tuple[float, float]:
    """Seconds of HiGHS for the least cost of the plan's energies by their deadlines, and that cost."""
    solver, rows = _program(problem, plan)
    for columns, low, high in rows:
        solver.addRow(low, high, len(columns), np.array(columns, np.int32), np.ones(len(columns)))
    begin = time.perf_counter()
    solver.run()
    return time.perf_counter() - begin, float(solver.getInfo().objective_function_value)


def _program(problem: SiteProblem, plan: SitePlan) -> tuple[Any, list[tuple[list[int], float, float]]]:
    """The solver with its columns, and rows (columns, least, most): vehicles, then slots."""
    import highspy

    hours = QUARTER / timedelta(hours=1)
    price = problem.prices.slots.value
    cost: list[float] = []
    upper: list[float] = []
    slots: list[list[int]] = [[] for _ in range(SLOTS)]
    rows: list[tuple[list[int], float, float]] = []
    for vehicle, single in zip(problem.vehicles, plan.vehicles, strict=True):
        assert vehicle.ready_by_at is not None
        columns = []
        for t in range((vehicle.ready_by_at - NOW_AT) // QUARTER):
            columns.append(len(cost))
            slots[t].append(len(cost))
            cost.append(float(price[t]))
            upper.append(vehicle.vehicle.power_max_kw * hours)
        brought = energy_by(single, vehicle.ready_by_at)
        rows.append((columns, brought - 1e-9, brought + 1e-9))
    rows += [(columns, 0.0, problem.limit_kw * hours) for columns in slots]
    solver = highspy.Highs()  # type: ignore[no-untyped-call]  # highspy carries no types
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    solver.addVars(len(cost), np.zeros(len(cost)), np.array(upper))
    solver.changeColsCost(len(cost), np.arange(len(cost), dtype=np.int32), np.array(cost))
    return solver, rows


def energy_by(single: Plan, until_at: datetime) -> float:
    """kWh of a plan's blocks before an instant."""
    return sum(b.energy_kwh for b in single.blocks if b.end_at <= until_at)


def cost_by(problem: SiteProblem, plan: SitePlan) -> float:
    """What the energies by their deadlines cost in the plan."""
    pairs = zip(problem.vehicles, plan.vehicles, strict=True)
    return sum(
        b.cost
        for v, single in pairs
        for b in single.blocks
        if v.ready_by_at is None or b.end_at <= v.ready_by_at
    )


@click.command()
@click.option("--runs", default=9, show_default=True, help="Warm runs of each instance.")
def main(runs: int) -> None:
    """Prints the table."""
    begin = time.perf_counter()
    solve_site(drawn(5, "binding"))
    print(f"first joint plan of this process: {time.perf_counter() - begin:.2f} s")
    print(
        f"{'vehicles':>8} {'limit':>11} {'ours ms':>8} {'HiGHS ms':>9} {'ratio':>6} {'gap':>9} {'short':>5}"
    )
    for count in (50, 200, 1000):
        for kind in KINDS:
            problem = drawn(count, kind)
            # Reserves come first whatever they cost: the program knows none, so it is compared without them.
            problem = replace(problem, vehicles=tuple(_without_reserve(v) for v in problem.vehicles))
            ours, plan = seconds(problem, runs)
            assert verify_site(problem, plan) == ()
            theirs, least = by_highs(problem, plan)
            short = sum(not single.reachable for single in plan.vehicles)
            gap = cost_by(problem, plan) - least
            print(
                f"{count:>8} {kind:>11} {ours * 1e3:>8.1f} {theirs * 1e3:>9.1f} {theirs / ours:>6.1f} "
                f"{gap:>9.1e} {short:>5}"
            )


def _without_reserve(vehicle: SiteVehicle) -> SiteVehicle:
    assert isinstance(vehicle.target, RegularTarget)
    return replace(vehicle, target=replace(vehicle.target, battery_reserve_percent=0.0))


if __name__ == "__main__":
    main()
