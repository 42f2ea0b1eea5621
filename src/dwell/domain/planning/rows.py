"""One vehicle of a fleet after the other, from columns to runs of power, without leaving machine code.

The same steps as solve.py, on numbers: a row whose energy does not fit is marked `late` and one whose search ran out
keeps its `gap`, both without runs; many.py plans them again.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dwell.domain.planning.compiled import SMALL_KWH, Bytes, Floats, Longs, Slots, Terms, Windows, compiled
from dwell.domain.planning.fleet import Columns, Lines
from dwell.domain.planning.kernel import least_cost
from dwell.domain.planning.slots import HALF_US_H, HOUR_US, at_once, cut, from_moment, runs_of

SAME_KW = 1e-9
FIRST_RUNS = 1024  # room for runs at first; it doubles

Shared = tuple[Lines, Lines, Lines]  # prices without gaps, ceilings, restrictions
Found = tuple[Bytes, int, float, float]


class Results(NamedTuple):
    """One number for each row. reachable_kwh: what could be in by the deadline; reserve_runs: the first ones."""

    energy_kwh: Floats
    cost: Floats
    baseline_cost: Floats
    reachable_kwh: Floats
    price_coverage: Floats
    gap: Floats
    starts: Longs
    runs: Longs
    reserve_runs: Longs
    reachable: NDArray[np.bool_]
    late: NDArray[np.bool_]


class Ahead(NamedTuple):
    """A row before its search: the runs of the reserve, the slots after it, and what these hold."""

    fits: bool
    reserve: Floats
    slots: Slots
    room_kwh: float
    since_h: float


@partial(compiled, nogil=True)
def plan_rows(columns: Columns, until_us: Longs, shared: Shared, results: Results) -> Floats:
    """Plans every row that fits by `until_us`; the runs (start_h, end_h, power_kw, energy_kwh, cost) of all."""
    runs, used = np.empty((FIRST_RUNS, 5)), 0
    for i in range(len(columns.now_us)):
        ahead = ahead_of(columns, i, until_us[i], shared)
        results.late[i] = not ahead.fits
        if not ahead.fits:
            continue
        steps, odd_slot, odd_kwh, gap = least_cost(ahead.slots, terms_of(columns, i, ahead))
        results.gap[i] = gap
        if gap > 0.0:
            continue
        rows = finish(columns, i, (ahead, (steps, odd_slot, odd_kwh, gap)), (shared, results))
        runs, used = _kept(runs, used, rows)
    return runs[:used].copy()


@partial(compiled, nogil=True)
def late_rows(columns: Columns, until_us: Longs, shared: Shared, results: Results) -> Floats:
    """Plans every row at full power from now, past its deadline; `until_us` is far enough. Runs as `plan_rows`."""
    runs, used = np.empty((FIRST_RUNS, 5)), 0
    for i in range(len(columns.now_us)):
        span = np.array([columns.now_us[i], until_us[i]])
        slots = _slots(columns, i, span, shared)
        reserve, target, since_h = np.empty((0, 5)), np.empty((0, 5)), 0.0
        if columns.reserve_kwh[i] > SMALL_KWH:
            reserve = at_once(slots, slots.free_kw, 0.0, columns.reserve_kwh[i])
            since_h = reserve[-1, 1]
        if columns.need_kwh[i] > SMALL_KWH:
            target = at_once(slots, slots.allowed_kw, since_h, columns.need_kwh[i])
        rows, kept = _joined_runs(reserve, target)
        _summed(columns, i, rows, results)
        results.reserve_runs[i], results.late[i] = kept, True
        results.reachable[i] = columns.need_kwh[i] <= SMALL_KWH
        results.baseline_cost[i], results.gap[i] = results.cost[i], 0.0
        deadline_h = max(0.0, (columns.ready_by_us[i] - span[0]) / HOUR_US)
        results.reachable_kwh[i] = _energy_by(rows, deadline_h)
        span[1] = columns.ready_by_us[i]
        if len(rows) > 0:
            span[1] = max(span[1], span[0] + np.int64(rows[-1, 1] * HOUR_US))
        results.price_coverage[i] = _coverage(shared[0], columns.curve[i], span)
        runs, used = _kept(runs, used, rows)
    return runs[:used].copy()


@compiled
def ahead_of(columns: Columns, i: int, until_us: int, shared: Shared) -> Ahead:
    """What row i has to choose from once its reserve is in; `fits` says whether all that it needs fits."""
    span = np.array([columns.now_us[i], max(until_us, columns.now_us[i])])
    slots = _slots(columns, i, span, shared)
    reserve, since_h, fits = np.empty((0, 5)), 0.0, until_us > columns.now_us[i]
    if fits and columns.reserve_kwh[i] > SMALL_KWH:
        reserve = at_once(slots, slots.free_kw, 0.0, columns.reserve_kwh[i])
        fits = reserve[:, 3].sum() >= columns.reserve_kwh[i] - SMALL_KWH
        if fits:
            since_h = reserve[-1, 1]
            slots = from_moment(slots, since_h)
    room = 0.0
    for k in range(len(slots.price)):
        room += slots.allowed_kw[k] * (slots.end_h[k] - slots.start_h[k])
    need = columns.need_kwh[i]
    fits = fits and (need <= SMALL_KWH or need <= room + SMALL_KWH)
    return Ahead(fits, reserve, slots, room, since_h)


@compiled
def terms_of(columns: Columns, i: int, ahead: Ahead) -> Terms:
    """What the search of row i is asked for."""
    need = columns.need_kwh[i] if columns.need_kwh[i] > SMALL_KWH else 0.0
    most = columns.most_kwh[i] if columns.charge_when_negative[i] else columns.need_kwh[i]
    return Terms(
        min(need, ahead.room_kwh),
        min(max(need, most), ahead.room_kwh),
        columns.start_cost[i],
        columns.power_min_kw[i],
        bool(columns.modulating[i]),
        bool(columns.charging_now[i] or columns.reserve_kwh[i] > SMALL_KWH),
    )


@compiled
def finish(columns: Columns, i: int, known: tuple[Ahead, Found], out: tuple[Shared, Results]) -> Floats:
    """The runs of a searched row; writes its results."""
    ahead, (steps, odd_slot, odd_kwh, gap) = known
    shared, results = out
    target = runs_of(ahead.slots, terms_of(columns, i, ahead), steps, (odd_slot, odd_kwh))
    rows, kept = _joined_runs(ahead.reserve, target)
    _summed(columns, i, rows, results)
    baseline = at_once(ahead.slots, ahead.slots.allowed_kw, ahead.since_h, target[:, 3].sum())
    results.baseline_cost[i] = ahead.reserve[:, 4].sum() + baseline[:, 4].sum()
    results.reserve_runs[i], results.late[i], results.reachable[i] = kept, False, True
    reserve = columns.reserve_kwh[i] if columns.reserve_kwh[i] > SMALL_KWH else 0.0
    results.reachable_kwh[i], results.gap[i] = reserve + ahead.room_kwh, gap
    span = np.array([columns.now_us[i], columns.ready_by_us[i]])
    results.price_coverage[i] = _coverage(shared[0], columns.curve[i], span)
    return rows


@compiled
def _slots(columns: Columns, i: int, span: Longs, shared: Shared) -> Slots:
    prices, ceilings, restrictions = shared
    power = columns.power_max_kw[i]
    priced = _priced_within(prices, columns.curve[i], span)
    if columns.ceiling[i] < 0 and columns.restriction[i] < 0:
        return _cut_prices(span, power, priced)
    windows = (priced, _line(ceilings, columns.ceiling[i]), _line(restrictions, columns.restriction[i]))
    return cut(span, power, columns.power_min_kw[i], windows)


@compiled
def _line(lines: Lines, k: int) -> Windows:
    """Line k, or nothing for -1."""
    low, high = (lines.first[k], lines.first[k + 1]) if k >= 0 else (0, 0)
    return Windows(lines.start_us[low:high], lines.end_us[low:high], lines.value[low:high])


@compiled
def _priced_within(lines: Lines, k: int, span: Longs) -> Windows:
    """The part of a line in time order that touches the span."""
    line = _line(lines, k)
    low = np.searchsorted(line.end_us, span[0], side="right")
    high = max(low, np.searchsorted(line.start_us, span[1]))
    return Windows(line.start_us[low:high], line.end_us[low:high], line.value[low:high])


@compiled
def _cut_prices(span: Longs, power_kw: float, prices: Windows) -> Slots:
    """As `slots.cut` where nothing but the price changes: one pass."""
    count = len(prices.value)
    start, end, price = np.empty(count), np.empty(count), np.empty(count)
    used = 0
    for k in range(count):
        begin, stop = max(prices.start_us[k], span[0]), min(prices.end_us[k], span[1])
        if stop <= begin:
            continue
        if used > 0 and price[used - 1] == prices.value[k]:
            end[used - 1] = (stop - span[0]) / HOUR_US
            continue
        start[used], end[used] = (begin - span[0]) / HOUR_US, (stop - span[0]) / HOUR_US
        price[used] = prices.value[k]
        used += 1
    power = np.full(used, power_kw)
    return Slots(start[:used], end[:used], price[:used], power, power)


@compiled
def _coverage(lines: Lines, k: int, span: Longs) -> float:
    """The share of the span whose price is known."""
    if span[1] <= span[0]:
        return 1.0
    known = 0
    for w in range(lines.first[k], lines.first[k + 1]):
        if lines.known[w]:
            known += max(0, min(lines.end_us[w], span[1]) - max(lines.start_us[w], span[0]))
    return float(known / (span[1] - span[0]))


@compiled
def _joined_runs(reserve: Floats, target: Floats) -> tuple[Floats, int]:
    """Runs that touch and have one power and one reason as one; how many of them are the reserve's."""
    runs = np.empty((len(reserve) + len(target), 5))
    used, kept = 0, 0
    for part in (reserve, target):
        begun = kept = used  # in the end: where the target's runs begin
        for k in range(len(part)):
            if part[k, 1] - part[k, 0] <= HALF_US_H:
                continue
            joins = used > begun and part[k, 0] - runs[used - 1, 1] <= HALF_US_H
            if joins and abs(part[k, 2] - runs[used - 1, 2]) <= SAME_KW:
                runs[used - 1, 1] = part[k, 1]
                runs[used - 1, 3] += part[k, 3]
                runs[used - 1, 4] += part[k, 4]
                continue
            runs[used] = part[k]
            used += 1
    return runs[:used], kept


@compiled
def _summed(columns: Columns, i: int, rows: Floats, results: Results) -> None:
    energy, cost, starts, running_h = 0.0, 0.0, 0, 0.0 if columns.charging_now[i] else -1.0
    for k in range(len(rows)):
        if abs(rows[k, 0] - running_h) > HALF_US_H:
            starts += 1
        running_h = rows[k, 1]
        energy += rows[k, 3]
        cost += rows[k, 4]
    results.energy_kwh[i], results.cost[i], results.starts[i] = energy, cost, starts
    results.runs[i] = len(rows)


@compiled
def _energy_by(rows: Floats, until_h: float) -> float:
    total = 0.0
    for k in range(len(rows)):
        if rows[k, 1] <= until_h + HALF_US_H:
            total += rows[k, 3]
        elif rows[k, 0] < until_h:
            total += rows[k, 2] * (until_h - rows[k, 0])
    return total


@compiled
def _kept(runs: Floats, used: int, rows: Floats) -> tuple[Floats, int]:
    """Writes rows behind the runs, in more room where there is too little."""
    size = len(runs)
    while used + len(rows) > size:
        size *= 2
    if size > len(runs):
        wider = np.empty((size, 5))
        wider[:used] = runs[:used]
        runs = wider
    runs[used : used + len(rows)] = rows
    return runs, used + len(rows)
