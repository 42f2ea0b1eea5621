"""Many vehicles at once: the plans of a fleet in chunks, exact as `solve`, and `plan_many` for problems as values.

Memory is bounded by the chunk: whoever reads the chunks decides what to keep. Chunks are independent, and machine code
lets other threads run, so `spread` may be the `map` of a thread pool:

    with ThreadPoolExecutor(cores) as pool:
        for plans in plan_fleet(fleet, spread=pool.map): …
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from functools import cached_property, partial
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from dwell.domain.planning.compiled import SMALL_KWH, Bytes, Floats, Longs, Windows
from dwell.domain.planning.fleet import NO_LINE, Columns, Fleet, RowFault, lines_of, row_faults
from dwell.domain.planning.plan import BlockType, Plan
from dwell.domain.planning.prices import PriceGrid
from dwell.domain.planning.problem import Control, Problem, RegularTarget
from dwell.domain.planning.rows import Results, Shared, ahead_of, finish, late_rows, plan_rows, terms_of
from dwell.domain.planning.slots import HOUR_US
from dwell.domain.planning.solve import (
    NO_WINDOWS,
    Run,
    ceiling_windows,
    exact_least_cost,
    plan_of,
    restriction_windows,
    solve,
    wish_of,
)

CHUNK = 1024  # vehicles planned in one call: some 20 ms
WAVE = 64  # chunks that a pool is given at once, and so the most that wait to be read

Spread = Callable[[Callable[[slice], "FleetPlans"], Iterable[slice]], Iterable["FleetPlans"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPlans:
    """The plans of the vehicles from `first` on; row i of each array is vehicle `first + i`.

    Energies in kWh at the meter; cost without start costs; gap as in `Plan`. `late` rows do not fit by their deadline
    and charge from now on, past it. A row that is not `planned` has faults, NaN for numbers and no runs.
    The runs of row i are rows `run_first[i]` up to `run_first[i + 1]` of `runs`: start and end in hours from the
    vehicle's now, kW, kWh, cost. The first `reserve_runs[i]` of them bring the battery reserve.
    """

    first: int
    planned: NDArray[np.bool_]
    faults: tuple[RowFault, ...]
    results: Results
    run_first: Longs
    runs: Floats

    def __len__(self) -> int:
        return len(self.planned)

    def runs_of(self, row: int) -> Floats:
        """The runs of one row of this chunk, as a view."""
        return self.runs[self.run_first[row] : self.run_first[row + 1]]


def plan_fleet(fleet: Fleet, *, spread: Spread = map, chunk: int = CHUNK) -> Iterator[FleetPlans]:
    """The plans of all vehicles in order, `chunk` vehicles at a time.

    Objectives equal those of `solve` within 1e-9. A faulty vehicle is named in its chunk, and the others are planned;
    `faults_in` names all before.
    """
    work = partial(_planned, fleet, Horizon(fleet))
    parts = (slice(i, min(i + chunk, len(fleet))) for i in range(0, len(fleet), chunk))
    while wave := tuple(islice(parts, WAVE)):
        yield from spread(work, wave)


class Horizon:
    """The lines of a fleet without gaps: to the deadlines, and with late vehicles as far as these may need."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._ceilings, self._restrictions = lines_of(fleet.ceilings), lines_of(fleet.restrictions)
        good, _ = row_faults(fleet, slice(0, len(fleet)))
        self._good = np.flatnonzero(good)
        self._filled: dict[int, tuple[Windows, Bytes]] = {}
        every = range(len(fleet.curves))
        self._first_us, ends = self._spans(fleet.columns.ready_by_us)
        self.near: Shared = self._shared([self._fill(k, ends[k]) for k in every])

    @cached_property
    def far(self) -> tuple[Longs, list[int]]:
        """Until when each vehicle may charge, and the last of these for each curve."""
        until_us = self._late_us()
        return until_us, self._spans(until_us)[1]

    def late(self, curves: Longs) -> Shared:
        """Lines of these curves for those who charge past their deadline; the others are empty."""
        parts = [(NO_WINDOWS, np.empty(0, np.int8))] * len(self._fleet.curves)
        for k in np.unique(curves).tolist():
            if k not in self._filled:  # two threads may both find nothing: they make the same
                self._filled[k] = self._fill(k, self.far[1][k])
            parts[k] = self._filled[k]
        return self._shared(parts)

    def _spans(self, until_us: Longs) -> tuple[list[int], list[int]]:
        columns, count = self._fleet.columns, len(self._fleet.curves)
        begin, end = np.full(count, np.iinfo(np.int64).max), np.zeros(count, np.int64)
        np.minimum.at(begin, columns.curve[self._good], columns.now_us[self._good])
        np.maximum.at(end, columns.curve[self._good], until_us[self._good])
        return begin.tolist(), end.tolist()

    def _fill(self, k: int, end_us: int) -> tuple[Windows, Bytes]:
        (grid, timezone), first_us = self._fleet.curves[k], self._first_us[k]
        windows, known_us = grid.between(first_us, end_us, timezone)
        if known_us == end_us - first_us:
            return windows, np.ones(len(windows.value), np.int8)
        return windows, np.isin(windows.start_us, grid.slots.start_us).astype(np.int8)

    def _shared(self, parts: Sequence[tuple[Windows, Bytes]]) -> Shared:
        prices = lines_of([windows for windows, _ in parts], [known for _, known in parts])
        return prices, self._ceilings, self._restrictions

    def _late_us(self) -> Longs:
        """By then every good row is full: past the last window its own power holds."""
        columns = self._fleet.columns
        until_us = np.maximum(columns.now_us, columns.ready_by_us)
        for lines, chosen in (
            (self._fleet.ceilings, columns.ceiling),
            (self._fleet.restrictions, columns.restriction),
        ):
            ends = np.array([int(np.max(line.end_us, initial=0)) for line in lines] + [0], np.int64)
            until_us = np.maximum(until_us, ends[np.where((chosen >= 0) & (chosen < len(lines)), chosen, -1)])
        hours = np.zeros(len(until_us))
        rows = self._good
        hours[rows] = 1.0 + (columns.reserve_kwh[rows] + columns.need_kwh[rows]) / columns.power_max_kw[rows]
        return until_us + (hours * HOUR_US).astype(np.int64)


def _planned(fleet: Fleet, horizon: Horizon, part: slice) -> FleetPlans:
    good, faults = row_faults(fleet, part)
    chosen = np.flatnonzero(good) + part.start
    columns = fleet.columns.rows(part if len(chosen) == part.stop - part.start else chosen)
    results = _empty(len(chosen))
    runs = [plan_rows(columns, columns.ready_by_us, horizon.near, results)]
    owners = [np.repeat(np.arange(len(chosen)), results.runs)]
    late = np.flatnonzero(results.late)
    if len(late):
        shared = horizon.late(columns.curve[late])
        again = _empty(len(late))
        runs.append(late_rows(columns.rows(late), horizon.far[0][chosen[late]], shared, again))
        owners.append(np.repeat(late, again.runs))
        for column, values in zip(results, again, strict=True):
            column[late] = values
    for i in np.flatnonzero(results.gap > 0.0).tolist():
        rows = _by_solver(columns, i, horizon.near, results)
        runs.append(rows)
        owners.append(np.full(len(rows), i))
    joined = runs[0]
    if len(runs) > 1:
        joined = np.concatenate(runs)[np.argsort(np.concatenate(owners), kind="stable")]
    if len(chosen) < part.stop - part.start:
        results = _spread_out(results, good)
    run_first = np.concatenate([np.zeros(1, np.int64), np.cumsum(results.runs)])
    return FleetPlans(
        first=part.start, planned=good, faults=faults, results=results, run_first=run_first, runs=joined
    )


def _by_solver(columns: Columns, i: int, shared: Shared, results: Results) -> Floats:
    """The runs of a row whose labels ran out, by the general solver."""
    ahead = ahead_of(columns, i, int(columns.ready_by_us[i]), shared)
    found = exact_least_cost(ahead.slots, terms_of(columns, i, ahead))
    return finish(columns, i, (ahead, found), (shared, results))


def _empty(count: int) -> Results:
    floats = (np.zeros(count) for _ in range(6))
    longs = (np.zeros(count, np.int64) for _ in range(3))
    flags = (np.zeros(count, np.bool_) for _ in range(2))
    return Results._make((*floats, *longs, *flags))


def _spread_out(results: Results, good: NDArray[np.bool_]) -> Results:
    """Results with rows of nothing where a vehicle is at fault."""
    wider = _empty(len(good))
    for column, values in zip(wider, results, strict=True):
        if column.dtype == np.float64:
            column[:] = np.nan
        column[good] = values
    return wider


# ------------------------------------------------------------------------------------------- problems as values


def plan_many(problems: Sequence[Problem], *, spread: Spread = map) -> list[Plan]:
    """The plan of each problem, as `solve` gives it; curves and windows that problems share are read once.

    Immediate starts have no deadline to plan by and go through `solve`.
    """
    regular: list[int] = []
    plans: dict[int, Plan] = {}
    for i, problem in enumerate(problems):
        if isinstance(problem.target, RegularTarget):
            regular.append(i)
        else:
            plans[i] = solve(problem)
    if regular:
        fleet = fleet_of([problems[i] for i in regular])
        for chunk in plan_fleet(fleet, spread=spread):
            for row in range(len(chunk)):
                i = regular[chunk.first + row]
                plans[i] = _plan(problems[i], chunk, row)
    return [plans[i] for i in range(len(problems))]


def fleet_of(problems: Sequence[Problem]) -> Fleet:
    """The columns of problems with a regular target."""
    curves: dict[tuple[int, tzinfo], tuple[int, PriceGrid]] = {}
    ceilings: dict[int, tuple[int, Windows]] = {}
    restrictions: dict[int, tuple[int, Windows]] = {}
    rows: list[tuple[object, ...]] = []
    for problem in problems:
        assert isinstance(problem.target, RegularTarget)
        wish, vehicle = wish_of(problem, problem.target), problem.vehicle
        key = (id(problem.prices), problem.timezone)
        curve = curves.setdefault(key, (len(curves), problem.prices))[0]
        ceiling = restriction = NO_LINE
        if problem.ceilings:
            if id(problem.ceilings) not in ceilings:
                ceilings[id(problem.ceilings)] = len(ceilings), ceiling_windows(problem.ceilings)
            ceiling = ceilings[id(problem.ceilings)][0]
        if problem.restrictions:
            if id(problem.restrictions) not in restrictions:
                windows = restriction_windows(problem.restrictions)
                restrictions[id(problem.restrictions)] = len(restrictions), windows
            restriction = restrictions[id(problem.restrictions)][0]
        rows.append(
            (
                wish.now_us,
                wish.until_us,
                wish.reserve_kwh if wish.reserve_kwh > SMALL_KWH else 0.0,
                wish.need_kwh,
                wish.most_kwh,
                vehicle.power_max_kw,
                vehicle.power_min_kw,
                problem.start_cost,
                vehicle.control is Control.MODULATING,
                vehicle.charging_now,
                problem.charge_when_negative,
                curve,
                ceiling,
                restriction,
            )
        )
    return Fleet.of(
        dict(zip(Columns._fields, map(np.array, zip(*rows, strict=True)), strict=True)),
        [(grid, timezone) for (_, timezone), (_, grid) in curves.items()],
        [windows for _, windows in ceilings.values()],
        [windows for _, windows in restrictions.values()],
    )


def _plan(problem: Problem, chunk: FleetPlans, row: int) -> Plan:
    results = chunk.results
    reserve = int(results.reserve_runs[row])
    runs = [
        Run._make((*values, BlockType.BATTERY_RESERVE if k < reserve else BlockType.REGULAR))
        for k, values in enumerate(chunk.runs_of(row).tolist())
    ]
    return plan_of(
        problem,
        runs,
        baseline_cost=float(results.baseline_cost[row]),
        reachable=bool(results.reachable[row]),
        room_kwh=float(results.reachable_kwh[row]),
        price_coverage=float(results.price_coverage[row]),
        gap=float(results.gap[row]),
    )
