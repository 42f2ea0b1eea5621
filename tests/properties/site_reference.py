"""The joint plan's aims by linear programs, one after the other, written apart from the planner.

It cuts the time itself, shares the reserves by halving an interval, and asks scipy's HiGHS for the rest: the
fractions by a row of programs that each raise the least one, then the least cost, then the earliest totals.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import bmat, coo_matrix, csr_matrix, eye, hstack, vstack

from dwell.domain.instants import instant_of, micros_of
from dwell.domain.planning import Ceiling, Plan, RegularTarget, Window
from dwell.domain.planning.plan import BlockType
from dwell.domain.planning.site import BaseLoad, SiteProblem, SiteVehicle
from properties.sites import PRICE_STEP, DrawnSite

Array = NDArray[np.float64]
HOUR = timedelta(hours=1)
MISSING_PRICE = 1e2
SLACK = 1e-9  # what one program found is given this much air in the next, or its rounding would forbid it


@dataclass(frozen=True, kw_only=True)
class Optimum:
    """What the aims come to, in slots cut by `edges`: energies by [vehicle, slot] and by vehicle, in kWh."""

    edges: list[datetime]
    price: Array
    reserve: Array
    need: Array
    target: Array
    cost: float
    grained_cost: float


def deadline_of(vehicle: SiteVehicle, problem: SiteProblem) -> datetime:
    """ready_by, or when an immediate start would be done alone behind this connection."""
    if isinstance(vehicle.target, RegularTarget):
        return max(problem.now_at, vehicle.target.ready_by_at)
    limits = vehicle.vehicle
    rest = limits.energy_kwh(limits.soc_percent, max(vehicle.wanted_percent, vehicle.reserve_percent))
    windows: list[BaseLoad | Ceiling] = [*problem.base_load, *vehicle.ceilings]
    edges = {w.start_at for w in windows} | {w.end_at for w in windows}
    later = sorted(edge for edge in edges if edge > problem.now_at)
    at = problem.now_at
    for end_at in [*later, None]:
        power = power_at(vehicle, problem, at, restricted=False)
        if rest <= 1e-9:
            return at
        if power > 0 and (end_at is None or power * ((end_at - at) / HOUR) >= rest):
            return at + rest / power * HOUR
        if end_at is None:
            return problem.now_at
        rest, at = rest - power * ((end_at - at) / HOUR), end_at
    raise AssertionError


def room_at(problem: SiteProblem, at: datetime) -> float:
    drawn = [load.power_kw for load in problem.base_load if load.start_at <= at < load.end_at]
    return max(0.0, problem.limit_kw - sum(drawn))


def power_at(vehicle: SiteVehicle, problem: SiteProblem, at: datetime, *, restricted: bool) -> float:
    ceilings = [c.power_kw for c in vehicle.ceilings if c.start_at <= at < c.end_at]
    power = min([vehicle.vehicle.power_max_kw, room_at(problem, at), *ceilings])
    closed = restricted and any(w.start_at <= at < w.end_at for w in vehicle.restrictions)
    return 0.0 if closed or power < vehicle.vehicle.power_min_kw else power


def edges_of(problem: SiteProblem, slots: list[tuple[datetime, datetime, float]]) -> list[datetime]:
    edges = {problem.now_at} | {edge for start, end, _ in slots for edge in (start, end)}
    edges |= {edge for load in problem.base_load for edge in (load.start_at, load.end_at)}
    last = max([problem.now_at, *(deadline_of(v, problem) for v in problem.vehicles)])
    for vehicle in problem.vehicles:
        edges.add(deadline_of(vehicle, problem))
        closed = vehicle.restrictions if isinstance(vehicle.target, RegularTarget) else ()
        windows: list[Ceiling | Window] = [*vehicle.ceilings, *closed]
        for window in windows:
            edges |= {window.start_at, window.end_at}
    edges.add(last)
    made_up = problem.prices.between(micros_of(problem.now_at), micros_of(last), problem.timezone).windows
    edges |= {instant_of(int(start)) for start in made_up.start_us}
    return sorted(edge for edge in edges if problem.now_at <= edge <= last)


def shared_reserves(problem: SiteProblem, edges: list[datetime]) -> Array:
    vehicles = problem.vehicles
    unit = np.array([v.vehicle.battery_capacity_kwh / v.vehicle.efficiency / 100 for v in vehicles])
    lack = np.array([max(0.0, v.reserve_percent - v.vehicle.soc_percent) for v in vehicles])
    given = np.zeros((len(vehicles), len(edges) - 1))
    for t, (start, end) in enumerate(pairwise(edges)):
        hours = (end - start) / HOUR
        most = np.array([power_at(v, problem, start, restricted=False) * hours for v in vehicles])
        most = np.minimum(most, lack * unit)
        room = room_at(problem, start) * hours
        if most.sum() > room:
            low, high = 0.0, 100.0
            for _ in range(200):
                level = (low + high) / 2
                low, high = (
                    (level, high) if np.clip((lack - level) * unit, 0, most).sum() > room else (low, level)
                )
            most = np.clip((lack - high) * unit, 0, most)
        given[:, t] = most
        lack = np.maximum(0.0, lack - most / unit)
    return given


@dataclass(frozen=True, kw_only=True)
class Network:
    """Variables: the energies of the cells (vehicle, slot) in which something may flow."""

    owner: NDArray[np.int64]
    slot: NDArray[np.int64]
    most: Array
    room: Array
    vehicles: int

    def by_vehicle(self) -> csr_matrix:
        return self._rows(self.owner, self.vehicles)

    def by_slot(self) -> csr_matrix:
        return self._rows(self.slot, len(self.room))

    def _rows(self, place: NDArray[np.int64], count: int) -> csr_matrix:
        size = len(place)
        return coo_matrix((np.ones(size), (place, np.arange(size))), shape=(count, size)).tocsr()


def solved(cost: Array, bounds: Any, **rows: Any) -> Any:
    exact = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    found = linprog(cost, bounds=bounds, method="highs", options=exact, **rows)
    assert found.status == 0, found.message
    return found


def fair_shares(net: Network, need: Array) -> Array:
    """Raises the least fraction; fixes those that hold it back (their rows have a price); and again."""
    share = np.zeros(net.vehicles)
    open_ones = need > 1e-9
    share[~open_ones] = 0.0
    size = len(net.owner)
    if size == 0:
        return share
    by_vehicle, by_slot = net.by_vehicle(), net.by_slot()
    bounds = [*((0, most) for most in net.most), (0, 1)]
    while open_ones.any():
        column = coo_matrix(np.where(open_ones, need, 0.0)[:, None])
        fixed = np.where(open_ones, 0.0, share * need)
        rows = vstack([_beside(by_slot, None), _beside(-by_vehicle, column)])
        right = np.concatenate([net.room, -fixed + SLACK])
        found = solved(np.append(np.zeros(size), -1.0), bounds, A_ub=rows.tocsr(), b_ub=right)
        if found.x[-1] >= 1 - 1e-10:
            share[open_ones] = 1.0
            break
        prices = -found.ineqlin.marginals[len(net.room) :]
        tight = open_ones & (prices * need > 1e-7)
        assert tight.any()
        share[tight] = found.x[-1]
        open_ones &= ~tight
    return share


def _beside(left: Any, right: Any) -> Any:
    return hstack([left, right if right is not None else csr_matrix((left.shape[0], 1))])


def optimum(drawn: DrawnSite) -> Optimum:
    problem = drawn.problem
    edges = edges_of(problem, drawn.slots)
    reserve = shared_reserves(problem, edges)
    vehicles, slots = len(problem.vehicles), len(edges) - 1
    hours = np.array([(b - a) / HOUR for a, b in pairwise(edges)])
    price = np.array([price_at(drawn, a) for a in edges[:-1]])
    room = np.array([room_at(problem, a) for a in edges[:-1]]) * hours - reserve.sum(axis=0)
    cells = []
    for v, vehicle in enumerate(problem.vehicles):
        until = deadline_of(vehicle, problem)
        closable = isinstance(vehicle.target, RegularTarget)
        for t in range(slots):
            if edges[t] < until:
                most = power_at(vehicle, problem, edges[t], restricted=closable) * hours[t] - reserve[v, t]
                if most > 1e-12:
                    cells.append((v, t, most))
    table = np.array(cells, float).reshape(-1, 3)
    net = Network(
        owner=table[:, 0].astype(int),
        slot=table[:, 1].astype(int),
        most=table[:, 2],
        room=np.maximum(room, 0),
        vehicles=vehicles,
    )
    need, most = wishes(problem)
    share = fair_shares(net, need)
    target = share * need
    cost, grained_cost = cheapest(net, (target, np.maximum(target, most)), price)
    return Optimum(
        edges=edges,
        price=price,
        reserve=reserve,
        need=need,
        target=target,
        cost=cost,
        grained_cost=grained_cost,
    )


def wishes(problem: SiteProblem) -> tuple[Array, Array]:
    """The energy that the target needs, and the most that negative prices may add up to."""
    need, most = [], []
    for vehicle in problem.vehicles:
        limits = vehicle.vehicle
        after = max(limits.soc_percent, vehicle.reserve_percent)
        need.append(limits.energy_kwh(after, vehicle.wanted_percent))
        more = problem.charge_when_negative and isinstance(vehicle.target, RegularTarget)
        most.append(limits.energy_kwh(after, limits.charge_limit_percent) if more else need[-1])
    return np.array(need), np.array(most)


def cheapest(net: Network, energies: tuple[Array, Array], price: Array) -> tuple[float, float]:
    """The least cost, and the least sum with the `grained` prices, which of equal costs has the earliest energy."""
    size = len(net.owner)
    if size == 0:
        return 0.0, 0.0
    least, most = energies
    by_vehicle, short = net.by_vehicle(), eye(net.vehicles)
    # What the programs before have rounded up may be missing, at a price that nobody pays for more.
    none = csr_matrix((len(net.room), net.vehicles))
    rows = bmat([[net.by_slot(), none], [by_vehicle, None], [-by_vehicle, -short]]).tocsr()
    right = np.concatenate([net.room, np.maximum(most, least), -least])
    bounds = [*((0, value) for value in net.most), *((0, 1e-6) for _ in range(net.vehicles))]
    costs = np.concatenate([grained(price)[net.slot], np.full(net.vehicles, MISSING_PRICE)])
    energy = solved(costs, bounds, A_ub=rows, b_ub=right).x[:size]
    return float(price[net.slot] @ energy), float(costs[:size] @ energy)


def grained(price: Array) -> Array:
    """Prices that grow with time by less than two prices of a drawn site differ."""
    return price + PRICE_STEP / 2 * np.arange(1, len(price) + 1) / len(price)


def price_at(drawn: DrawnSite, at: datetime) -> float:
    """The price of a slot, or what the problem's own rules make up for a time without one."""
    for start, end, price in drawn.slots:
        if start <= at < end:
            return price
    us = micros_of(at)
    priced = drawn.problem.prices.between(us, us + 1, drawn.problem.timezone)
    return float(priced.windows.value[0])


def energies(plan: Plan, edges: list[datetime], *, reserve: bool) -> Array:
    """Energy of a plan's blocks in each slot: the reserve's, or all other."""
    found = np.zeros(len(edges) - 1)
    for block in plan.blocks:
        if (block.type is BlockType.BATTERY_RESERVE) is not reserve:
            continue
        for t, (start, end) in enumerate(pairwise(edges)):
            overlap = min(end, block.end_at) - max(start, block.start_at)
            if overlap > timedelta(0):
                found[t] += block.power_kw * (overlap / HOUR)
    return found
