"""From a problem to a plan: the reserve at once, then the target at the least cost, or at once where time is short.

Pure: no clock, no log, no I/O. Arithmetic is in slots.py and kernel.py; here is only what is decided.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np

from dwell.domain.instants import micros_of
from dwell.domain.planning.compiled import SMALL_KWH, Bytes, Floats, Longs, Slots, Terms, Windows
from dwell.domain.planning.general import least_cost_by_solver
from dwell.domain.planning.kernel import least_cost
from dwell.domain.planning.plan import Block, BlockType, Plan
from dwell.domain.planning.problem import Ceiling, Control, ImmediateStart, Problem, RegularTarget, Window
from dwell.domain.planning.slots import HALF_US_H, HOUR_US, at_once, cut, from_moment, runs_of

NO_WINDOWS = Windows(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))


class Run(NamedTuple):
    """Power in one slot: hours from now, kW, kWh, cost, and why."""

    start_h: float
    end_h: float
    power_kw: float
    energy_kwh: float
    cost: float
    type: BlockType


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The problem in numbers: energies in kWh at the meter, instants in µs since 1970."""

    now_us: int
    until_us: int
    reserve_kwh: float
    need_kwh: float
    most_kwh: float


def solve(problem: Problem) -> Plan:
    """The plan of planner.md for one vehicle: exact, or with its `gap` where a bounded search ended early."""
    if isinstance(problem.target, ImmediateStart):
        return _immediate(problem, problem.target)
    wish = wish_of(problem, problem.target)
    if wish.until_us <= wish.now_us:
        return _late(problem, wish)
    priced = problem.prices.between(wish.now_us, wish.until_us, problem.timezone)
    slots = _slots(problem, (wish.now_us, wish.until_us), priced.windows)
    runs: list[Run] = []
    since_h, ahead = 0.0, slots
    if wish.reserve_kwh > SMALL_KWH:
        reserve = at_once(slots, slots.free_kw, 0.0, wish.reserve_kwh)
        if float(reserve[:, 3].sum()) < wish.reserve_kwh - SMALL_KWH:
            return _late(problem, wish)
        runs += _rows(reserve, BlockType.BATTERY_RESERVE)
        since_h = runs[-1].end_h
        ahead = from_moment(slots, since_h)
    room_kwh = float(np.dot(ahead.allowed_kw, ahead.end_h - ahead.start_h))
    if wish.need_kwh > room_kwh + SMALL_KWH:
        return _late(problem, wish)
    target, gap = _least_cost(problem, wish, ahead, room_kwh)
    runs += _rows(target, BlockType.REGULAR)
    extra_kwh = float(target[:, 3].sum())
    baseline = at_once(ahead, ahead.allowed_kw, since_h, extra_kwh)
    return plan_of(
        problem,
        runs,
        baseline_cost=sum(r.cost for r in runs if r.type is BlockType.BATTERY_RESERVE)
        + float(baseline[:, 4].sum()),
        reachable=True,
        room_kwh=wish.reserve_kwh + room_kwh,
        price_coverage=priced.known_us / (wish.until_us - wish.now_us),
        gap=gap,
    )


def wish_of(problem: Problem, target: RegularTarget) -> Wish:
    """The energies and instants that a problem comes to."""
    vehicle = problem.vehicle
    soc = max(vehicle.soc_percent, problem.reserve_percent)
    need = vehicle.energy_kwh(soc, problem.wanted_percent)
    most = vehicle.energy_kwh(soc, vehicle.charge_limit_percent) if problem.charge_when_negative else need
    return Wish(
        now_us=micros_of(problem.now_at),
        until_us=micros_of(target.ready_by_at),
        reserve_kwh=vehicle.energy_kwh(vehicle.soc_percent, problem.reserve_percent),
        need_kwh=need if need > SMALL_KWH else 0.0,
        most_kwh=max(need, most),
    )


def _least_cost(problem: Problem, wish: Wish, ahead: Slots, room_kwh: float) -> tuple[Floats, float]:
    """Rows of runs as `at_once` gives them, and the gap."""
    terms = Terms(
        float(min(wish.need_kwh, room_kwh)),
        float(min(wish.most_kwh, room_kwh)),
        float(problem.start_cost),
        float(problem.vehicle.power_min_kw),
        problem.vehicle.control is Control.MODULATING,
        bool(problem.vehicle.charging_now or wish.reserve_kwh > SMALL_KWH),
    )
    steps, odd_slot, odd_kwh, gap = exact_least_cost(ahead, terms)
    return runs_of(ahead, terms, steps, (odd_slot, odd_kwh)), gap


def exact_least_cost(ahead: Slots, terms: Terms) -> tuple[Bytes, int, float, float]:
    """As `kernel.least_cost`, with a general solver where the labels ran out."""
    found = least_cost(ahead, terms)
    return least_cost_by_solver(ahead, terms, found) if found[3] > 0.0 else found


def _slots(problem: Problem, span_us: tuple[int, int], prices: Windows) -> Slots:
    span: Longs = np.array(span_us, np.int64)
    vehicle = problem.vehicle
    windows = (prices, ceiling_windows(problem.ceilings), restriction_windows(problem.restrictions))
    return cut(span, float(vehicle.power_max_kw), float(vehicle.power_min_kw), windows)


def slots_before(problem: Problem) -> Slots:
    """The time from now to the deadline of a regular target in slots, their prices left out."""
    target = problem.target
    until_at = target.ready_by_at if isinstance(target, RegularTarget) else problem.now_at
    return _slots(problem, (micros_of(problem.now_at), micros_of(until_at)), NO_WINDOWS)


def ceiling_windows(ceilings: tuple[Ceiling, ...]) -> Windows:
    """Ceilings as arrays."""
    if not ceilings:
        return NO_WINDOWS
    starts, ends = [micros_of(c.start_at) for c in ceilings], [micros_of(c.end_at) for c in ceilings]
    return Windows(
        np.array(starts, np.int64), np.array(ends, np.int64), np.array([float(c.power_kw) for c in ceilings])
    )


def restriction_windows(restrictions: tuple[Window, ...]) -> Windows:
    """Restrictions as arrays, each of no power."""
    if not restrictions:
        return NO_WINDOWS
    starts, ends = [micros_of(r.start_at) for r in restrictions], [micros_of(r.end_at) for r in restrictions]
    return Windows(np.array(starts, np.int64), np.array(ends, np.int64), np.zeros(len(starts)))


# ------------------------------------------------------------------------------------ at once, without a deadline


def _late(problem: Problem, wish: Wish) -> Plan:
    """The reserve or the target does not fit by the deadline: full power from now, past it, until all is in."""
    slots = _endless(problem, wish.now_us, wish.reserve_kwh + wish.need_kwh)
    charging_h = 0.0
    runs: list[Run] = []
    if wish.reserve_kwh > SMALL_KWH:
        runs += _rows(at_once(slots, slots.free_kw, 0.0, wish.reserve_kwh), BlockType.BATTERY_RESERVE)
        charging_h = runs[-1].end_h
    deadline_h = max(0.0, (wish.until_us - wish.now_us) / HOUR_US)
    if wish.need_kwh > SMALL_KWH:
        runs += _rows(at_once(slots, slots.allowed_kw, charging_h, wish.need_kwh), BlockType.REGULAR)
    runs, coverage = _priced(problem, runs, wish.until_us)
    return plan_of(
        problem,
        runs,
        baseline_cost=sum(run.cost for run in runs),
        reachable=wish.need_kwh <= SMALL_KWH,
        room_kwh=_energy_by(runs, deadline_h),
        price_coverage=coverage,
    )


def _immediate(problem: Problem, target: ImmediateStart) -> Plan:
    """Full power from now: to the minimum charge as immediate start, and on to a reserve that is above it."""
    vehicle, now_us = problem.vehicle, micros_of(problem.now_at)
    wanted = vehicle.energy_kwh(vehicle.soc_percent, problem.wanted_percent)
    rest = vehicle.energy_kwh(max(vehicle.soc_percent, problem.wanted_percent), problem.reserve_percent)
    slots = _endless(problem, now_us, wanted + rest)
    runs: list[Run] = []
    if wanted > SMALL_KWH:
        runs += _rows(at_once(slots, slots.free_kw, 0.0, wanted), BlockType.IMMEDIATE_START)
    if rest > SMALL_KWH:
        since_h = runs[-1].end_h if runs else 0.0
        runs += _rows(at_once(slots, slots.free_kw, since_h, rest), BlockType.BATTERY_RESERVE)
    runs, coverage = _priced(problem, runs, now_us)
    return plan_of(
        problem,
        runs,
        baseline_cost=sum(run.cost for run in runs),
        reachable=True,
        room_kwh=vehicle.energy_kwh(vehicle.soc_percent, vehicle.charge_limit_percent),
        price_coverage=coverage,
    )


def _endless(problem: Problem, now_us: int, energy_kwh: float) -> Slots:
    """Slots without prices, far enough for `energy_kwh`: past the last window the vehicle's own limit holds."""
    windows: tuple[Ceiling | Window, ...] = (*problem.ceilings, *problem.restrictions)
    ends = [micros_of(window.end_at) for window in windows]
    hours = energy_kwh / problem.vehicle.power_max_kw + 1.0
    return _slots(problem, (now_us, max([now_us, *ends]) + int(hours * HOUR_US)), NO_WINDOWS)


def _priced(problem: Problem, runs: list[Run], until_us: int) -> tuple[list[Run], float]:
    """The runs with their costs, and the share of known prices from now to the later of `until_us` and their end."""
    now_us = micros_of(problem.now_at)
    costed = []
    for run in runs:
        start_us, end_us = now_us + run.start_h * HOUR_US, now_us + run.end_h * HOUR_US
        windows = problem.prices.between(int(start_us), int(end_us) + 1, problem.timezone).windows
        overlap = np.minimum(windows.end_us, end_us) - np.maximum(windows.start_us, start_us)
        shares = np.maximum(overlap, 0.0) / max(float(np.maximum(overlap, 0.0).sum()), 1e-9)
        costed.append(run._replace(cost=run.energy_kwh * float(np.dot(shares, windows.value))))
    end_us = max(until_us, now_us + int(runs[-1].end_h * HOUR_US) if runs else now_us)
    if end_us <= now_us:
        return costed, 1.0
    return costed, problem.prices.known_us(now_us, end_us) / (end_us - now_us)


# ----------------------------------------------------------------------------------------------- runs into a plan


def _rows(rows: Floats, kind: BlockType) -> list[Run]:
    return [Run(row[0], row[1], row[2], row[3], row[4], kind) for row in rows.tolist()]


def plan_of(
    problem: Problem,
    runs: list[Run],
    *,
    baseline_cost: float,
    reachable: bool,
    room_kwh: float,
    price_coverage: float,
    gap: float = 0.0,
) -> Plan:
    """The answer in the domain's words, of runs in time order."""
    vehicle, now_at = problem.vehicle, problem.now_at
    reached_at = _reached_at(problem, runs)  # also by a run too short to be a block
    runs = [run for run in runs if run.end_h - run.start_h > HALF_US_H]
    blocks = _blocks(now_at, runs)
    reachable_soc = vehicle.soc_percent + vehicle.gain_percent(room_kwh)
    at_ready_by = None
    if isinstance(problem.target, RegularTarget):
        deadline_h = (problem.target.ready_by_at - now_at) / timedelta(hours=1)
        at_ready_by = vehicle.soc_percent + vehicle.gain_percent(_energy_by(runs, deadline_h))
    return Plan(
        blocks=blocks,
        energy_kwh=sum(run.energy_kwh for run in runs),
        cost=sum(run.cost for run in runs),
        baseline_cost=baseline_cost,
        starts=_starts(blocks, now_at if vehicle.charging_now else None),
        target_reached_at=reached_at,
        soc_at_ready_by_percent=at_ready_by,
        reachable=reachable,
        reachable_soc_percent=max(vehicle.soc_percent, min(reachable_soc, vehicle.charge_limit_percent)),
        price_coverage=price_coverage,
        gap=gap,
    )


def _blocks(now_at: datetime, runs: list[Run]) -> tuple[Block, ...]:
    """Runs that touch, have one power and one reason are one block."""
    joined: list[Run] = []
    for run in runs:
        last = joined[-1] if joined else None
        if (
            last is not None
            and run.type is last.type
            and run.start_h - last.end_h <= HALF_US_H
            and abs(run.power_kw - last.power_kw) <= 1e-9
        ):
            energy, cost = last.energy_kwh + run.energy_kwh, last.cost + run.cost
            joined[-1] = Run(last.start_h, run.end_h, last.power_kw, energy, cost, last.type)
        else:
            joined.append(run)
    return tuple(
        Block(
            type=run.type,
            start_at=now_at + timedelta(hours=run.start_h),
            end_at=now_at + timedelta(hours=run.end_h),
            power_kw=run.power_kw,
            energy_kwh=run.energy_kwh,
            cost=run.cost,
        )
        for run in joined
    )


def _starts(blocks: tuple[Block, ...], running_until: datetime | None) -> int:
    starts = 0
    for block in blocks:
        starts += block.start_at != running_until
        running_until = block.end_at
    return starts


def _energy_by(runs: list[Run], until_h: float) -> float:
    total = 0.0
    for run in runs:
        if run.end_h <= until_h + HALF_US_H:
            total += run.energy_kwh
        elif run.start_h < until_h:
            total += run.power_kw * (until_h - run.start_h)
    return total


def _reached_at(problem: Problem, runs: list[Run]) -> datetime | None:
    """When the battery holds what the target wants: now, within a run, or never."""
    vehicle = problem.vehicle
    rest = vehicle.energy_kwh(vehicle.soc_percent, problem.wanted_percent)
    if rest <= SMALL_KWH:
        return problem.now_at
    for run in runs:
        if run.energy_kwh >= rest - SMALL_KWH:
            hours = min(run.end_h, run.start_h + rest / run.power_kw)
            return problem.now_at + timedelta(hours=hours)
        rest -= run.energy_kwh
    return None
