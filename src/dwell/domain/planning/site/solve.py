"""From a site problem to a site plan: the reserves, fair shares by the deadlines, least cost, and what is late.

Pure: no clock, no log, no I/O. Arithmetic is in grid.py, flow.py, shares.py, repair.py and results.py.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dwell.domain.planning.compiled import SMALL_KWH, Floats, Longs, compiled
from dwell.domain.planning.site.answer import Drawn, plan_of
from dwell.domain.planning.site.flow import Net, fill, search_space
from dwell.domain.planning.site.plan import SitePlan
from dwell.domain.planning.site.problem import SiteProblem
from dwell.domain.planning.site.repair import Crumbs, mend
from dwell.domain.planning.site.shares import fair_energy, in_turn
from dwell.domain.planning.site.state import MOST_AHEAD_US, Grid, State, grid_after, grid_until, state_of

QUARTER_US = 900_000_000


class Brought(NamedTuple):
    """What flows by the deadlines, by [slot, vehicle]; by vehicle for the target alone; and the room that is left."""

    flow: Floats
    target_kwh: Floats
    room: Floats


def solve_site(problem: SiteProblem) -> SitePlan:
    """The joint plan of planner.md. Raises Refused where slots × vehicles are more than memory should hold."""
    state = state_of(problem)
    wishes = state.wishes
    end_us = max([state.now_us + QUARTER_US * 4, *wishes.deadline_us.tolist()])
    grid = grid_until(problem, state, end_us)
    until = np.searchsorted(grid.borders_us, wishes.deadline_us)
    reserve_rest, room = wishes.reserve_kwh.copy(), grid.room_kwh.copy()
    least_kw = state.fleet.power_min_kw
    reserve = np.zeros(grid.free.shape)
    if reserve_rest.any():
        reserve = in_turn(grid.free, room, reserve_rest, (wishes.unit_kwh, least_kw, grid.hours))
    brought, gap, gap_kwh = _by_deadlines(state, grid, (reserve, room), until)
    late_rest = wishes.need_kwh - brought.target_kwh
    late_rest[late_rest <= SMALL_KWH] = 0.0
    room = brought.room
    other = brought.flow
    if late_rest.any():
        after = _after(grid.allowed, reserve, until, least_kw)
        share = np.maximum(wishes.need_kwh, SMALL_KWH)
        other = other + in_turn(after, room, late_rest, (share, least_kw, grid.hours))
    grids, parts = [grid], [(reserve, other, room)]
    if reserve_rest.max(initial=0.0) > SMALL_KWH or late_rest.max(initial=0.0) > SMALL_KWH:
        _past_the_last(problem, state, (reserve_rest, late_rest), (grids, parts))
    return plan_of(problem, state, Drawn(grids, parts, until, brought.target_kwh, gap, gap_kwh))


def _by_deadlines(
    state: State, grid: Grid, reserved: tuple[Floats, Floats], until: Longs
) -> tuple[Brought, float, float]:
    """Steps 2 to 4, with the distance of a plan with least powers from the linear one: in cost, and in kWh."""
    reserve, room = reserved
    wishes = state.wishes
    least = state.fleet.power_min_kw * grid.hours[:, None]
    most = _before(grid.allowed, np.where(reserve > 0.0, np.maximum(reserve, least), 0.0), until)
    linear = _linear(most, room, grid.price, (wishes.need_kwh, wishes.most_kwh))
    if not state.fleet.power_min_kw.any():
        return linear, 0.0, 0.0
    least[reserve > 0.0] = 0.0  # its room was set aside with the reserve's
    flow, left = linear.flow.copy(), linear.room.copy()
    mend(Crumbs(most, least, flow, left, grid.price, np.argsort(grid.price, kind="stable")))
    got = flow.sum(axis=0)
    target = np.minimum(got, linear.target_kwh)
    # The bound knows no least power: neither in what the reserve takes up, nor in what follows it.
    loose_room = np.maximum(grid.room_kwh - reserve.sum(axis=1), 0.0)
    loose = _before(grid.allowed, reserve, until)
    bound = _linear(loose, loose_room, grid.price, (wishes.need_kwh, wishes.need_kwh))
    gap_kwh = float(np.maximum(bound.target_kwh.sum() - target.sum(), 0.0))
    cheapest = _linear(loose, loose_room, grid.price, (target, np.maximum(target, wishes.most_kwh)))
    gap = float((flow.sum(axis=1) - cheapest.flow.sum(axis=1)) @ grid.price)
    return Brought(flow, target, left), max(0.0, gap), gap_kwh if gap_kwh > SMALL_KWH else 0.0


def _linear(most: Floats, room: Floats, price: Floats, wish: tuple[Floats, Floats]) -> Brought:
    """The linear optimum: fair shares of the need, least cost, the earliest; then more where prices are negative."""
    need, limit = wish
    order = np.argsort(price, kind="stable")
    slots, vehicles = most.shape
    net = Net(most, np.zeros(most.shape), room.copy(), need.copy())
    fill(net, order, search_space(slots, vehicles))
    if net.rest.max(initial=0.0) > SMALL_KWH:
        fair = fair_energy(most, room, need)
        net = Net(most, np.zeros(most.shape), room.copy(), fair.copy())
        fill(net, order, search_space(slots, vehicles))
        target = fair - net.rest
    else:
        target = need - net.rest
    negative = order[price[order] < 0.0]
    more = np.maximum(limit - target, 0.0)
    if len(negative) and more.max(initial=0.0) > SMALL_KWH:
        net = Net(most, net.flow, net.room, more)
        fill(net, negative, search_space(slots, vehicles))
    return Brought(net.flow, target, net.room)


@compiled
def _before(allowed: Floats, reserve: Floats, until: Longs) -> Floats:
    """What is left of `allowed` after the reserve, in the slots before each vehicle's deadline."""
    left = np.zeros(allowed.shape)
    for t in range(allowed.shape[0]):
        for v in range(allowed.shape[1]):
            if t < until[v]:
                left[t, v] = max(0.0, allowed[t, v] - reserve[t, v])
    return left


@compiled
def _after(allowed: Floats, reserve: Floats, until: Longs, least_kw: Floats) -> Floats:
    """What is left of `allowed` after the reserve, in the slots from each vehicle's deadline on.

    Where there is a least power, a slot in which the reserve ends is left to it.
    """
    left = np.zeros(allowed.shape)
    for t in range(allowed.shape[0]):
        for v in range(allowed.shape[1]):
            if t >= until[v] and (reserve[t, v] <= 0.0 or least_kw[v] <= 0.0):
                left[t, v] = max(0.0, allowed[t, v] - reserve[t, v])
    return left


def _past_the_last(
    problem: SiteProblem,
    state: State,
    rests: tuple[Floats, Floats],
    drawn: tuple[list[Grid], list[tuple[Floats, Floats, Floats]]],
) -> None:
    """Reserves, then late energy, at once after the last deadline; days of ever longer slots, ten years at most."""
    reserve_rest, late_rest = rests
    grids, parts = drawn
    start_us, step_us = int(grids[-1].borders_us[-1]), QUARTER_US
    until_us = start_us + MOST_AHEAD_US
    wishes, least_kw = state.wishes, state.fleet.power_min_kw
    share = np.maximum(wishes.need_kwh, SMALL_KWH)
    while start_us < until_us:
        before = float(reserve_rest.sum() + late_rest.sum())
        grid = grid_after(problem, state, start_us, step_us)
        room = grid.room_kwh.copy()
        reserve = in_turn(grid.free, room, reserve_rest, (wishes.unit_kwh, least_kw, grid.hours))
        none = np.zeros(len(share), np.int64)
        after = _after(grid.allowed, reserve, none, least_kw)
        other = in_turn(after, room, late_rest, (share, least_kw, grid.hours))
        grids.append(grid)
        parts.append((reserve, other, room))
        start_us, step_us = int(grid.borders_us[-1]), step_us * 2
        left = float(reserve_rest.sum() + late_rest.sum())
        changes = len(state.edges_us) and state.edges_us[-1] > grid.borders_us[0]
        if max(reserve_rest.max(), late_rest.max()) <= SMALL_KWH or (left == before and not changes):
            return
