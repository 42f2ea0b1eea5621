"""Energies by slot into rows of blocks and the figures of each vehicle: the compiled end of the joint planner."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dwell.domain.planning.compiled import SMALL_KWH, Floats, Longs, compiled
from dwell.domain.planning.site.grid import HOUR_US

SAME_KW = 1e-9


class Given(NamedTuple):
    """What was planned, in kWh by [slot, vehicle]: the reserve, and all else; with what it is judged by.

    `free` and `allowed`: the most energies without and with restrictions. `room`: what is left by slot.
    `least`: power_min in kW; `until`: the first slot after each deadline; `wanted`: kWh from now to the target.
    """

    borders_us: Longs
    price: Floats
    free: Floats
    allowed: Floats
    reserve: Floats
    other: Floats
    room: Floats
    least_kw: Floats
    until: Longs
    wanted: Floats


class Rows(NamedTuple):
    """Blocks of all vehicles, vehicle by vehicle in time order; `first[v]` to `first[v + 1]` are vehicle v's."""

    first: Longs
    reserve: Longs
    start_us: Longs
    end_us: Longs
    power_kw: Floats
    energy_kwh: Floats
    cost: Floats


@compiled
def rows_of(given: Given) -> Rows:
    """Slots of one kind and power that touch are one block; less than power_min gives is a shorter block at it."""
    slots, vehicles = given.reserve.shape
    size = int(np.sum(given.reserve > SMALL_KWH) + np.sum(given.other > SMALL_KWH))
    rows = Rows(
        np.zeros(vehicles + 1, np.int64),
        np.empty(size, np.int64),
        np.empty(size, np.int64),
        np.empty(size, np.int64),
        np.empty(size),
        np.empty(size),
        np.empty(size),
    )
    used = 0
    for v in range(vehicles):
        rows.first[v] = used
        for t in range(slots):
            total = given.reserve[t, v] + given.other[t, v]
            if total <= SMALL_KWH:
                continue
            start, end = given.borders_us[t], given.borders_us[t + 1]
            power = total / ((end - start) / HOUR_US)
            if power < given.least_kw[v]:
                power = given.least_kw[v]
                end = min(end, start + int(np.round(total / power * HOUR_US)))
            middle = end
            if given.reserve[t, v] > SMALL_KWH:
                if given.other[t, v] > SMALL_KWH:
                    middle = min(end, start + int(np.round(given.reserve[t, v] / power * HOUR_US)))
                used = _row(rows, used, (1, start, middle), (power, given.reserve[t, v], given.price[t]))
                start = middle
            if given.other[t, v] > SMALL_KWH:
                used = _row(rows, used, (0, start, end), (power, given.other[t, v], given.price[t]))
            if used > rows.first[v] + 1:
                used = _joined(rows, used, rows.first[v])
    rows.first[vehicles] = used
    return rows


@compiled
def _row(rows: Rows, at: int, span: tuple[int, int, int], flow: tuple[float, float, float]) -> int:
    if span[2] <= span[1]:
        return at
    rows.reserve[at], rows.start_us[at], rows.end_us[at] = span
    rows.power_kw[at], rows.energy_kwh[at] = flow[0], flow[1]
    rows.cost[at] = flow[1] * flow[2]
    return at + 1


@compiled
def _joined(rows: Rows, used: int, first: int) -> int:
    """Joins the last two rows, and the two before, where they are one block."""
    kept = max(first + 1, used - 2)
    for k in range(kept, used):
        last = kept - 1
        if (
            rows.end_us[last] == rows.start_us[k]
            and rows.reserve[last] == rows.reserve[k]
            and abs(rows.power_kw[last] - rows.power_kw[k]) <= SAME_KW
        ):
            rows.end_us[last] = rows.end_us[k]
            rows.energy_kwh[last] += rows.energy_kwh[k]
            rows.cost[last] += rows.cost[k]
            continue
        rows.reserve[kept], rows.start_us[kept], rows.end_us[kept] = (
            rows.reserve[k],
            rows.start_us[k],
            rows.end_us[k],
        )
        rows.power_kw[kept], rows.energy_kwh[kept], rows.cost[kept] = (
            rows.power_kw[k],
            rows.energy_kwh[k],
            rows.cost[k],
        )
        kept += 1
    return kept


@compiled
def sums_of(given: Given, rows: Rows) -> Floats:
    """By [vehicle, …]: energy, its cost, its cost if taken at once, energy by the deadline, energy that is possible
    by then without anybody giving way, and when the target is reached in µs, or -1."""
    slots, vehicles = given.reserve.shape
    sums = np.zeros((vehicles, 6))
    reserved = np.zeros(vehicles)
    for t in range(slots):
        for v in range(vehicles):
            reserved[v] += given.reserve[t, v]
            if t < given.until[v]:
                taken = given.reserve[t, v] + given.other[t, v]
                sums[v, 3] += taken
                sums[v, 4] += taken + max(0.0, min(given.allowed[t, v] - taken, given.room[t]))
    for v in range(vehicles):
        for k in range(rows.first[v], rows.first[v + 1]):
            sums[v, 0] += rows.energy_kwh[k]
            sums[v, 1] += rows.cost[k]
    rest, ahead = reserved.copy(), np.maximum(sums[:, 0] - reserved, 0.0)
    for t in range(slots):
        for v in range(vehicles):
            first = min(rest[v], given.free[t, v])
            rest[v] -= first
            share = 1.0 - first / given.free[t, v] if given.free[t, v] > 0.0 else 0.0
            then = 0.0 if rest[v] > 0.0 else min(ahead[v], given.allowed[t, v] * share)
            ahead[v] -= then
            sums[v, 2] += (first + then) * given.price[t]
    for v in range(vehicles):
        sums[v, 5] = _reached_us(given, rows, v)
    return sums


@compiled
def _reached_us(given: Given, rows: Rows, v: int) -> float:
    """The instant at which vehicle v holds what its target wants, or -1.0."""
    rest = given.wanted[v]
    if rest <= SMALL_KWH:
        return float(given.borders_us[0])
    for k in range(rows.first[v], rows.first[v + 1]):
        if rows.energy_kwh[k] >= rest - 2 * SMALL_KWH:
            return float(min(rows.end_us[k], rows.start_us[k] + rest / rows.power_kw[k] * HOUR_US))
        rest -= rows.energy_kwh[k]
    return -1.0
