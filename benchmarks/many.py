"""A million vehicles: `python -m benchmarks.many [--vehicles N] [--cores N]`.

Each row of the table is a fleet of N vehicles over 144 quarter hours that share 50 price curves: at a start cost of
0.02, at none, and a mixed lot (negative prices, start costs to 0.25, half of the vehicles modulating, half of them
under one of 200 shared lines of ceilings). The clock runs over `plan_fleet` alone, all runs kept. HiGHS gets a sample
of the same vehicles by its array interface, on one thread: as a mixed-integer program, whose optimum ours is compared
with, and as the plain linear program without start costs.

Before it, what one plan takes alone, and the first of a fresh process: with machine code on disk, with none, and as
plain Python, which is what runs where no code can be kept.
"""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import NamedTuple

import click
import highspy
import numpy as np

from benchmarks.plans import FIRST_AT, NOW_AT, QUARTER, ZONE, curve
from dwell.domain.instants import micros_of
from dwell.domain.planning import Fleet, FleetPlans, plan_fleet
from dwell.domain.planning.compiled import Floats, Slots, Terms, Windows
from dwell.domain.planning.general import solved_by_highs
from dwell.domain.planning.many import Horizon
from dwell.domain.planning.rows import ahead_of, terms_of

SLOTS, CURVES, CEILINGS = 144, 50, 200
FIRST = """
import time
begin = time.perf_counter()
from benchmarks.many import fleet_of
from dwell.domain.planning import plan_fleet
fleet = fleet_of(1, start_cost=0.02)
imported = time.perf_counter()
for _ in plan_fleet(fleet): pass
first = time.perf_counter()
for _ in range({count}): list(plan_fleet(fleet))
print(imported - begin, first - imported, (time.perf_counter() - first) / {count})
"""


def ceilings(rng: random.Random, highest_kw: float) -> Windows:
    """A line that is lower than the vehicle's own limit in some hours."""
    hours = [k for k in range(SLOTS // 4) if rng.random() < 0.3]
    starts = np.array([micros_of(FIRST_AT + timedelta(hours=k)) for k in hours], np.int64)
    powers = np.array([rng.uniform(2, highest_kw) for _ in hours])
    return Windows(starts, starts + micros_of(FIRST_AT + 4 * QUARTER) - micros_of(FIRST_AT), powers)


def fleet_of(count: int, *, start_cost: float | None) -> Fleet:
    """A fleet drawn from a seed; a start cost of None stands for the mixed lot."""
    mixed = start_cost is None
    lots = random.Random(f"fleet {start_cost}")
    rng = np.random.default_rng(lots.randrange(2**32))
    soc = rng.uniform(5, 70, count)
    wanted = rng.uniform(soc, 95)
    return Fleet.of(
        {
            "now_us": micros_of(NOW_AT),
            "ready_by_us": micros_of(FIRST_AT + SLOTS * QUARTER),
            "need_kwh": (wanted - soc) / 100 * 77 / 0.9,
            "most_kwh": (100 - soc) / 100 * 77 / 0.9,
            "power_max_kw": rng.choice([3.7, 7.4, 11.0, 22.0], count),
            "power_min_kw": 1.4,
            "start_cost": rng.uniform(0, 0.25, count) if start_cost is None else start_cost,
            "modulating": rng.random(count) < 0.5 if mixed else False,
            "charging_now": rng.random(count) < 0.3,
            "curve": rng.integers(0, CURVES, count),
            "ceiling": np.where(rng.random(count) < 0.5, rng.integers(0, CEILINGS, count), -1)
            if mixed
            else -1,
        },
        [(curve(lots, SLOTS, mixed=mixed), ZONE) for _ in range(CURVES)],
        [ceilings(lots, lots.choice([3.7, 7.4, 11.0, 22.0])) for _ in range(CEILINGS)] if mixed else (),
    )


def linear(slots: Slots, terms: Terms) -> None:
    """The plan without start costs as a linear program, by bare HiGHS."""
    full = slots.allowed_kw * (slots.end_h - slots.start_h)
    count = len(full)
    places = np.arange(count, dtype=np.int32)
    solver = highspy.Highs()  # type: ignore[no-untyped-call]  # highspy carries no types
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    solver.addVars(count, np.zeros(count), full)
    solver.changeColsCost(count, places, slots.price)
    solver.addRow(terms.need_kwh, terms.most_kwh, count, places, np.ones(count))
    solver.run()


class Beside(NamedTuple):
    """Programs a second, and how far our sum is from the optimum: most above it, most below what HiGHS found."""

    linear: float
    integer: float
    above: float
    below: float


def beside_highs(fleet: Fleet, plans: list[FleetPlans], sample: int) -> Beside:
    """HiGHS on the first vehicles of the fleet whose energy fits."""
    shared, columns = Horizon(fleet).near, fleet.columns
    lp_s, milp_s, differences, compared = 0.0, 0.0, [0.0], 0
    for i in range(min(sample, len(plans[0]))):
        if plans[0].results.late[i]:
            continue
        ahead = ahead_of(columns, i, int(columns.ready_by_us[i]), shared)
        terms = terms_of(columns, i, ahead)
        begin = time.perf_counter()
        linear(ahead.slots, terms)
        middle = time.perf_counter()
        theirs = solved_by_highs(ahead.slots, terms)
        milp_s, lp_s, compared = milp_s + time.perf_counter() - middle, lp_s + middle - begin, compared + 1
        if theirs is not None:
            results = plans[0].results
            ours = float(results.cost[i]) + columns.start_cost[i] * int(results.starts[i])
            differences.append(float(ours - theirs.objective))
    return Beside(compared / lp_s, compared / milp_s, max(differences), -min(differences))


def first_plan(count: int, **environment: str) -> Floats:
    """Seconds of a fresh process: its imports, its first plan, and each plan after."""
    run = subprocess.run(
        [sys.executable, "-c", FIRST.format(count=count)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return np.array(run.stdout.split(), float)


def row(vehicles: int, start_cost: float | None, cores: int, sample: int) -> None:
    """One row of the table."""
    fleet = fleet_of(vehicles, start_cost=start_cost)
    with ThreadPoolExecutor(cores) as pool:
        begin = time.perf_counter()
        plans = list(plan_fleet(fleet, spread=pool.map))
        taken_s = time.perf_counter() - begin
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    assert all(not chunk.faults for chunk in plans)
    runs = sum(len(chunk.runs) for chunk in plans) / vehicles
    late = sum(int(chunk.results.late.sum()) for chunk in plans) / vehicles
    gaps = sum(int((chunk.results.gap > 0).sum()) for chunk in plans)
    highs = beside_highs(fleet, plans, sample)
    print(
        f"{'mixed' if start_cost is None else start_cost:>10} {vehicles:>9} {cores:>5} {taken_s:>7.2f} "
        f"{vehicles / taken_s:>8.0f} {1e6 / vehicles * taken_s:>9.1f} {peak_gb:>7.2f} {runs:>5.1f} {late:>6.1%} "
        f"{gaps:>4} {highs.linear:>8.0f} {highs.integer:>8.1f} {highs.above:>9.1e} {highs.below:>9.1e}"
    )


@click.command()
@click.option("--vehicles", default=50_000, show_default=True, help="Vehicles in each row.")
@click.option("--cores", default=os.cpu_count() or 1, show_default=True, help="Threads to plan with.")
@click.option("--sample", default=20, show_default=True, help="Vehicles that HiGHS gets too.")
@click.option("--cold/--no-cold", default=True, help="Compile everything anew once, in a folder of its own.")
def main(*, vehicles: int, cores: int, sample: int, cold: bool) -> None:
    """Prints the tables."""
    print("one plan alone      imports s  first plan s  later ones ms")
    for name, count, environment in (
        ("code on disk", 300, {}),
        ("nothing on disk", 300, {"NUMBA_CACHE_DIR": ""}),
        ("plain Python", 3, {"NUMBA_DISABLE_JIT": "1"}),
    ):
        with tempfile.TemporaryDirectory() as folder:
            if "NUMBA_CACHE_DIR" in environment:
                if not cold:
                    continue
                environment["NUMBA_CACHE_DIR"] = folder
            if not environment:
                first_plan(1)  # whatever is compiled for the first time here is not what this line is about
            imports_s, first_s, later_s = first_plan(count, **environment).tolist()
        print(f"{name:<18} {imports_s:>10.2f} {first_s:>13.3f} {later_s * 1e3:>14.3f}")
    list(plan_fleet(fleet_of(1, start_cost=None)))
    head = f"{'start cost':>10} {'vehicles':>9} {'cores':>5} {'s':>7} {'plans/s':>8} {'s/million':>9} {'peak GB':>7}"
    print(f"\n{head} {'runs':>5} {'late':>6} {'gaps':>4} {'LP/s':>8} {'MILP/s':>8} {'above':>9} {'below':>9}")
    for start_cost in (0.0, 0.02, None):
        row(vehicles, start_cost, cores, sample)


if __name__ == "__main__":
    main()
