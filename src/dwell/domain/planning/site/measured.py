"""A site plan measured afresh for the verifier: its blocks in its slots. Shares no code with the solver."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dwell.domain.instants import micros_of
from dwell.domain.planning.plan import BlockType
from dwell.domain.planning.problem import ImmediateStart
from dwell.domain.planning.site.plan import SitePlan
from dwell.domain.planning.site.problem import SiteProblem, SiteVehicle

HOUR_US = 3_600_000_000
EDGE_US = 2  # block edges are rounded to whole µs
NEAR = 1e-6  # kWh, currency, percent: the exactness that is promised
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """By [vehicle, slot] in kWh: what may flow (`free` without, `allowed` with restrictions) and what does.

    `target` flows before the vehicle's deadline, `late` after it; `until[v]` is the first slot after the deadline.
    """

    edges_us: list[int]
    hours: Numbers
    price: Numbers
    room: Numbers
    free: Numbers
    allowed: Numbers
    reserve: Numbers
    target: Numbers
    late: Numbers
    until: list[int]
    reserve_need: Numbers
    need: Numbers
    most: Numbers

    @property
    def near(self) -> float:
        """What rounded edges of all vehicles can be worth in one slot, and what is promised anyway."""
        return NEAR + 1e-8 * len(self.until)


def measure(problem: SiteProblem, plan: SitePlan) -> Measured:
    """The plan's blocks in its slots. The slots must follow one another from now."""
    edges = [micros_of(plan.slots[0].start_at), *(micros_of(slot.end_at) for slot in plan.slots)]
    hours = np.diff(np.array(edges, np.int64)) / HOUR_US
    room = _room(problem, edges) * hours
    free, allowed = _powers(problem, edges)
    free, allowed = np.minimum(free * hours, room), np.minimum(allowed * hours, room)
    for v, vehicle in enumerate(problem.vehicles):
        least = vehicle.vehicle.power_min_kw * hours
        free[v, free[v] < least - 1e-12] = 0.0
        allowed[v, allowed[v] < least - 1e-12] = 0.0
    reserve, other = _flows(plan, edges)
    needs = np.array([_needs(problem, vehicle) for vehicle in problem.vehicles]).reshape(-1, 3)
    until = [
        _deadline(vehicle, edges, np.cumsum(free[v]), needs[v, 0] + needs[v, 1])
        for v, vehicle in enumerate(problem.vehicles)
    ]
    before = np.arange(len(hours))[None, :] < np.array(until, np.int64)[:, None]
    return Measured(
        edges_us=edges,
        hours=hours,
        price=_prices(problem, edges),
        room=room,
        free=free,
        allowed=allowed,
        reserve=reserve,
        target=np.where(before, other, 0.0),
        late=np.where(before, 0.0, other),
        until=until,
        reserve_need=needs[:, 0],
        need=needs[:, 1],
        most=needs[:, 2],
    )


def _room(problem: SiteProblem, edges: list[int]) -> Numbers:
    room = np.full(len(edges) - 1, float(problem.limit_kw))
    for load in problem.base_load:
        first, last = _slots(edges, micros_of(load.start_at), micros_of(load.end_at))
        room[first:last] = max(0.0, problem.limit_kw - load.power_kw)
    return room


def _slots(edges: list[int], start_us: int, end_us: int) -> tuple[int, int]:
    """The slots that begin in `[start_us, end_us)`."""
    return bisect_left(edges, start_us, 0, len(edges) - 1), bisect_left(edges, end_us, 0, len(edges) - 1)


def _powers(problem: SiteProblem, edges: list[int]) -> tuple[Numbers, Numbers]:
    free = np.empty((len(problem.vehicles), len(edges) - 1))
    for v, vehicle in enumerate(problem.vehicles):
        free[v] = vehicle.vehicle.power_max_kw
        for ceiling in vehicle.ceilings:
            first, last = _slots(edges, micros_of(ceiling.start_at), micros_of(ceiling.end_at))
            free[v, first:last] = np.minimum(free[v, first:last], ceiling.power_kw)
    allowed = free.copy()
    for v, vehicle in enumerate(problem.vehicles):
        if not isinstance(vehicle.target, ImmediateStart):
            for window in vehicle.restrictions:
                first, last = _slots(edges, micros_of(window.start_at), micros_of(window.end_at))
                allowed[v, first:last] = 0.0
    return free, allowed


def _flows(plan: SitePlan, edges: list[int]) -> tuple[Numbers, Numbers]:
    """Energies by [vehicle, slot]: the reserve's blocks, and all others."""
    shape = (len(plan.vehicles), len(edges) - 1)
    reserve, other = np.zeros(shape), np.zeros(shape)
    for v, found in enumerate(plan.vehicles):
        for block in found.blocks:
            into = reserve if block.type is BlockType.BATTERY_RESERVE else other
            start, end = micros_of(block.start_at), micros_of(block.end_at)
            t = max(0, bisect_right(edges, start) - 1)
            while t < len(edges) - 1 and edges[t] < end:
                overlap = min(end, edges[t + 1]) - max(start, edges[t])
                into[v, t] += block.power_kw * overlap / HOUR_US
                t += 1
    return reserve, other


def _needs(problem: SiteProblem, vehicle: SiteVehicle) -> tuple[float, float, float]:
    """Energy up to the reserve, then for the target, then for the charge limit where that is asked for."""
    limits = vehicle.vehicle
    after = max(limits.soc_percent, vehicle.reserve_percent)
    need = limits.energy_kwh(after, vehicle.wanted_percent)
    more = problem.charge_when_negative and vehicle.ready_by_at is not None
    most = limits.energy_kwh(after, limits.charge_limit_percent) if more else need
    return limits.energy_kwh(limits.soc_percent, vehicle.reserve_percent), need, max(need, most)


def _deadline(vehicle: SiteVehicle, edges: list[int], alone: Numbers, energy: float) -> int:
    """The first slot after the deadline; for an immediate start after that in which it would be done alone."""
    if vehicle.ready_by_at is not None:
        return bisect_left(edges, micros_of(vehicle.ready_by_at), 0, len(edges) - 1)
    if energy <= NEAR or not len(alone) or alone[-1] < energy - NEAR:
        return 0  # at once, or never
    return int(np.searchsorted(alone, energy - NEAR)) + 1


def _prices(problem: SiteProblem, edges: list[int]) -> Numbers:
    slots = problem.prices.between(edges[0], edges[-1], problem.timezone).windows
    ends = slots.end_us.tolist()
    return np.array([float(slots.value[bisect_right(ends, edge)]) for edge in edges[:-1]])
