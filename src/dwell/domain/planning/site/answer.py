"""Energies by slot into plans in the words of the answer."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import numpy as np

from dwell.domain.instants import instant_of, micros_of
from dwell.domain.planning.compiled import SMALL_KWH, Floats, Longs
from dwell.domain.planning.plan import Block, BlockType, Plan
from dwell.domain.planning.site.plan import SitePlan, SlotTotal
from dwell.domain.planning.site.problem import SiteProblem, SiteVehicle
from dwell.domain.planning.site.results import Given, Rows, rows_of, sums_of
from dwell.domain.planning.site.state import Grid, State


class Drawn(NamedTuple):
    """What was planned: grids one after the other, with (reserve, other energy, room left) for each."""

    grids: list[Grid]
    parts: list[tuple[Floats, Floats, Floats]]
    until: Longs
    target_kwh: Floats
    gap: float
    gap_kwh: float


def plan_of(problem: SiteProblem, state: State, drawn: Drawn) -> SitePlan:
    """The plan of each vehicle, the totals by slot, and the sums."""
    given = _given(state, drawn)
    rows = rows_of(given)
    sums = sums_of(given, rows)
    blocks = _blocks(problem, rows)
    need = state.wishes.need_kwh
    met = drawn.target_kwh >= need - SMALL_KWH
    fractions = np.where(need > 0.0, np.minimum(drawn.target_kwh / np.where(need > 0.0, need, 1.0), 1.0), 1.0)
    fractions[met] = 1.0
    coverage = _Coverage(problem, state.now_us)
    ends = state.wishes.deadline_us.tolist()
    plans = tuple(
        _vehicle(vehicle, blocks[k], (*row, ends[k]), (reachable, coverage, problem.now_at))
        for k, (vehicle, row, reachable) in enumerate(
            zip(problem.vehicles, sums.tolist(), met.tolist(), strict=True)
        )
    )
    return SitePlan(
        vehicles=plans,
        slots=_totals(drawn),
        fractions=tuple(fractions.tolist()),
        energy_kwh=float(sums[:, 0].sum()),
        cost=float(sums[:, 1].sum()),
        baseline_cost=float(sums[:, 2].sum()),
        peak_kw=_peak(given),
        gap=drawn.gap,
        gap_kwh=drawn.gap_kwh,
    )


def _given(state: State, drawn: Drawn) -> Given:
    grids, parts = drawn.grids, drawn.parts
    if len(grids) == 1:
        grid, (reserve, other, room) = grids[0], parts[0]
        arrays = (grid.borders_us, grid.price, grid.free, grid.allowed, reserve, other, room)
    else:
        arrays = (
            np.concatenate([grids[0].borders_us, *(grid.borders_us[1:] for grid in grids[1:])]),
            np.concatenate([grid.price for grid in grids]),
            np.concatenate([grid.free for grid in grids]),
            np.concatenate([grid.allowed for grid in grids]),
            np.concatenate([part[0] for part in parts]),
            np.concatenate([part[1] for part in parts]),
            np.concatenate([part[2] for part in parts]),
        )
    return Given(*arrays, state.fleet.power_min_kw, drawn.until, state.wishes.wanted_kwh)


class _Coverage:
    """The share of real prices from now to an instant, worked out once for each instant."""

    def __init__(self, problem: SiteProblem, now_us: int) -> None:
        self._prices, self._now_us = problem.prices, now_us
        self._known: dict[int, float] = {}

    def until(self, end_us: int) -> float:
        if end_us <= self._now_us:
            return 1.0
        if end_us not in self._known:
            known = self._prices.known_us(self._now_us, end_us)
            self._known[end_us] = known / (end_us - self._now_us)
        return self._known[end_us]


def _blocks(problem: SiteProblem, rows: Rows) -> list[tuple[Block, ...]]:
    """The blocks of each vehicle. Instants are shared: many blocks begin and end with a slot."""
    starts, ends = rows.start_us.tolist(), rows.end_us.tolist()
    powers, energies, costs = rows.power_kw.tolist(), rows.energy_kwh.tolist(), rows.cost.tolist()
    kinds, first = rows.reserve.tolist(), rows.first.tolist()
    at: dict[int, datetime] = {us: instant_of(us) for us in {*starts[: first[-1]], *ends[: first[-1]]}}
    found = []
    for v, vehicle in enumerate(problem.vehicles):
        usual = BlockType.REGULAR if vehicle.ready_by_at is not None else BlockType.IMMEDIATE_START
        types = (usual, BlockType.BATTERY_RESERVE)
        found.append(
            tuple(
                Block(
                    type=types[kinds[k]],
                    start_at=at[starts[k]],
                    end_at=at[ends[k]],
                    power_kw=powers[k],
                    energy_kwh=energies[k],
                    cost=costs[k],
                )
                for k in range(first[v], first[v + 1])
            )
        )
    return found


def _vehicle(
    vehicle: SiteVehicle,
    blocks: tuple[Block, ...],
    figures: tuple[float, ...],
    known: tuple[bool, _Coverage, datetime],
) -> Plan:
    """The plan of one vehicle. figures: the sums of `sums_of`, and the deadline in µs."""
    energy, cost, baseline, by_deadline, possible, reached_us, end_us = figures
    reachable, coverage, now_at = known
    limits = vehicle.vehicle
    soc = limits.soc_percent
    at_deadline = soc + limits.gain_percent(by_deadline)
    could_be = max(at_deadline, min(soc + limits.gain_percent(possible), limits.charge_limit_percent))
    if not reachable:
        could_be = at_deadline
    return Plan(
        blocks=blocks,
        energy_kwh=energy,
        cost=cost,
        baseline_cost=baseline,
        starts=_starts(blocks, now_at if limits.charging_now else None),
        target_reached_at=instant_of(int(reached_us)) if reached_us >= 0 else None,
        soc_at_ready_by_percent=at_deadline if vehicle.ready_by_at is not None else None,
        reachable=reachable,
        reachable_soc_percent=could_be,
        price_coverage=coverage.until(max(int(end_us), micros_of(blocks[-1].end_at) if blocks else 0)),
    )


def _starts(blocks: tuple[Block, ...], running_until: datetime | None) -> int:
    starts = 0
    for block in blocks:
        starts += block.start_at != running_until
        running_until = block.end_at
    return starts


def _totals(drawn: Drawn) -> tuple[SlotTotal, ...]:
    totals = []
    for grid, (reserve, other, _) in zip(drawn.grids, drawn.parts, strict=True):
        at = [instant_of(us) for us in grid.borders_us.tolist()]
        energies = (reserve.sum(axis=1) + other.sum(axis=1)).tolist()
        rooms = (grid.room_kwh / grid.hours).tolist()
        totals += [SlotTotal(*row) for row in zip(at[:-1], at[1:], energies, rooms, strict=True)]
    return tuple(totals)


def _peak(given: Given) -> float:
    hours = np.diff(given.borders_us)[:, None] / 3.6e9
    power = (given.reserve + given.other) / hours
    held = np.where(power > SMALL_KWH, np.maximum(power, given.least_kw), 0.0)
    return float(held.sum(axis=1).max(initial=0.0))
