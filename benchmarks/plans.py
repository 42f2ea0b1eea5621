"""Plans a second, beside bare HiGHS on a sample of the same problems: `python benchmarks/plans.py [--count N]`.

Prints a table: start cost 0, start cost 0.02, and a mixed lot (negative prices, start costs to 0.25, modulating
power, changing ceilings), each over 96 and 144 quarter hours. `solve` is all that the engine pays: the problem and
the plan as values included. `search` is the compiled search alone. HiGHS gets the same slots as a mixed-integer
program, by its array interface, on one thread.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import click
import numpy as np

from dwell.domain.instants import micros_of
from dwell.domain.planning import (
    Ceiling,
    Control,
    PriceGrid,
    Problem,
    RegularTarget,
    VehicleLimits,
    solve,
    verify,
)
from dwell.domain.planning.compiled import Slots, Terms, Windows
from dwell.domain.planning.general import solved_by_highs
from dwell.domain.planning.kernel import least_cost
from dwell.domain.planning.slots import cut

NOW_AT = datetime(2026, 1, 10, 17, 7, tzinfo=UTC)
FIRST_AT = datetime(2026, 1, 10, 17, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
ZONE = ZoneInfo("Europe/Berlin")
CURVES = 50  # price curves that the problems share


def curve(rng: random.Random, count: int, *, mixed: bool) -> PriceGrid:
    """Two waves a day and noise; one curve in three of the mixed lot is below zero for hours."""
    first, second = rng.uniform(0, 24), rng.uniform(0, 24)
    below = rng.uniform(0, 0.2) if mixed and rng.random() < 0.3 else 0.0
    rows = []
    for i in range(count):
        wave = 0.06 * np.sin((i / 4 + first) * 2 * np.pi / 24) + 0.04 * np.sin(
            (i / 4 + second) * 2 * np.pi / 12
        )
        price = 0.12 + float(wave) + rng.gauss(0, 0.015) - below
        rows.append((FIRST_AT + i * QUARTER, FIRST_AT + (i + 1) * QUARTER, price))
    return PriceGrid.from_slots(rows)


def maker(rng: random.Random, grids: list[PriceGrid], count: int, *, start_cost: float | None) -> Problem:
    """One problem; a start cost of None stands for the mixed lot."""
    power = rng.choice([3.7, 7.4, 11.0, 22.0])
    soc = rng.uniform(5, 70)
    mixed = start_cost is None
    ceilings: tuple[Ceiling, ...] = ()
    if mixed and rng.random() < 0.5:
        starts = [FIRST_AT + k * QUARTER * 4 for k in range(count // 4) if rng.random() < 0.3]
        ceilings = tuple(
            Ceiling(start_at=at, end_at=at + QUARTER * 4, power_kw=rng.uniform(2, power)) for at in starts
        )
    control = Control.MODULATING if mixed and rng.random() < 0.5 else Control.ON_OFF
    return Problem(
        now_at=NOW_AT,
        vehicle=VehicleLimits(
            battery_capacity_kwh=77,
            soc_percent=soc,
            power_max_kw=power,
            power_min_kw=1.4,
            control=control,
            charging_now=rng.random() < 0.3,
        ),
        target=RegularTarget(
            minimum_charge_percent=rng.uniform(soc, 95), ready_by_at=FIRST_AT + count * QUARTER
        ),
        prices=rng.choice(grids),
        timezone=ZONE,
        ceilings=ceilings,
        start_cost=rng.uniform(0, 0.25) if start_cost is None else start_cost,
    )


def compiled_input(problem: Problem) -> tuple[Slots, Terms] | None:
    """What the search is given; None where the target does not fit."""
    assert isinstance(problem.target, RegularTarget)
    vehicle = problem.vehicle
    span = np.array([micros_of(problem.now_at), micros_of(problem.target.ready_by_at)])
    prices = problem.prices.between(int(span[0]), int(span[1]), ZONE).windows
    rows = [(micros_of(c.start_at), micros_of(c.end_at), c.power_kw) for c in problem.ceilings]
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    ceilings = Windows(
        np.array(columns[0], np.int64), np.array(columns[1], np.int64), np.array(columns[2], float)
    )
    none = Windows(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    slots = cut(span, vehicle.power_max_kw, vehicle.power_min_kw, (prices, ceilings, none))
    room = float(np.dot(slots.allowed_kw, slots.end_h - slots.start_h))
    need = vehicle.energy_kwh(vehicle.soc_percent, problem.wanted_percent)
    most = min(room, vehicle.energy_kwh(vehicle.soc_percent, vehicle.charge_limit_percent))
    if need > room:
        return None
    modulating = vehicle.control is Control.MODULATING
    return slots, Terms(
        need, most, float(problem.start_cost), vehicle.power_min_kw, modulating, vehicle.charging_now
    )


def seconds_each(work: Callable[[Problem], object], problems: list[Problem]) -> list[float]:
    taken = []
    for problem in problems:
        begin = time.perf_counter()
        work(problem)
        taken.append(time.perf_counter() - begin)
    return taken


def compare(problems: list[Problem]) -> tuple[float, float]:
    """Mean seconds of HiGHS, and the largest difference of the objective from its."""
    taken, worst = [], 0.0
    for problem in problems:
        given = compiled_input(problem)
        if given is None:
            continue
        begin = time.perf_counter()
        theirs = solved_by_highs(*given)
        taken.append(time.perf_counter() - begin)
        plan = solve(problem)
        if theirs is not None:
            worst = max(worst, abs(plan.cost + problem.start_cost * plan.starts - theirs.objective))
    return statistics.mean(taken), worst


@click.command()
@click.option("--count", default=5000, show_default=True, help="Problems in each row.")
@click.option("--sample", default=40, show_default=True, help="Problems that HiGHS gets too.")
def main(count: int, sample: int) -> None:
    """Prints the table."""
    begin = time.perf_counter()
    solve(maker(random.Random(0), [curve(random.Random(0), 96, mixed=False)], 96, start_cost=0.02))
    print(
        f"first plan of this process: {time.perf_counter() - begin:.2f} s (Python {sys.version.split()[0]})"
    )
    head = f"{'start cost':>10} {'slots':>5} {'plans/s':>8} {'median µs':>9} {'p99 µs':>8} {'max ms':>7}"
    print(f"{head} {'search µs':>9} {'gaps':>4} {'HiGHS/s':>8} {'differs by':>10}")
    for slots in (96, 144):
        for start_cost in (0.0, 0.02, None):
            row(slots, start_cost, count=count, sample=sample)


def row(slots: int, start_cost: float | None, *, count: int, sample: int) -> None:
    """One row of the table."""
    rng = random.Random(f"{slots} {start_cost}")
    grids = [curve(rng, slots, mixed=start_cost is None) for _ in range(CURVES)]
    problems = [maker(rng, grids, slots, start_cost=start_cost) for _ in range(count)]
    taken = sorted(seconds_each(solve, problems))
    inputs = [given for given in map(compiled_input, problems) if given is not None]
    begin = time.perf_counter()
    for given in inputs:
        least_cost(*given)
    search = (time.perf_counter() - begin) / len(inputs)
    plans = [solve(problem) for problem in problems]
    unsound = sum(bool(verify(problem, plan)) for problem, plan in zip(problems, plans, strict=True))
    assert unsound == 0, f"{unsound} plans are not sound"
    highs, worst = compare(problems[:sample])
    print(
        f"{'mixed' if start_cost is None else start_cost:>10} {slots:>5} {count / sum(taken):>8.0f} "
        f"{taken[count // 2] * 1e6:>9.0f} {taken[count * 99 // 100] * 1e6:>8.0f} {taken[-1] * 1e3:>7.1f} "
        f"{search * 1e6:>9.0f} {sum(plan.gap > 0 for plan in plans):>4} {1 / highs:>8.0f} {worst:>10.1e}"
    )


if __name__ == "__main__":
    main()
