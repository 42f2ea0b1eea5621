"""A site problem in arrays: vehicles as columns, windows by owner, instants in µs, energies in kWh at the meter."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dwell.domain.errors import Fault, Refused
from dwell.domain.instants import micros_of
from dwell.domain.planning.compiled import SMALL_KWH, Floats, Longs
from dwell.domain.planning.problem import Ceiling, ImmediateStart, Window
from dwell.domain.planning.site.grid import (
    HOUR_US,
    Connection,
    Fleet,
    Spans,
    borders_of,
    done_alone_us,
    powers_kw,
    room_kw,
)
from dwell.domain.planning.site.problem import SiteProblem, SiteVehicle

MOST_CELLS = 20_000_000  # slots × vehicles: some 2 GB while planning
MOST_AHEAD_US = int(10 * 365 * 24 * HOUR_US)  # what has not come in after ten years never does


class Wishes(NamedTuple):
    """By vehicle, in kWh: up to the reserve, then what the target needs, then what the charge limit allows.

    `unit_kwh` is what a percent of the battery takes, `wanted_kwh` all from now to the target.
    """

    reserve_kwh: Floats
    need_kwh: Floats
    most_kwh: Floats
    unit_kwh: Floats
    wanted_kwh: Floats
    deadline_us: Longs


class Grid(NamedTuple):
    """Slots in time, and the most energy by [slot, vehicle]: without and with restrictions."""

    borders_us: Longs
    hours: Floats
    price: Floats
    room_kwh: Floats
    free: Floats
    allowed: Floats


class State(NamedTuple):
    """The problem in arrays."""

    now_us: int
    fleet: Fleet
    connection: Connection
    wishes: Wishes
    edges_us: Longs


def state_of(problem: SiteProblem) -> State:
    """The arrays of a problem."""
    now_us = micros_of(problem.now_at)
    vehicles = problem.vehicles
    fleet = Fleet(
        np.array([float(v.vehicle.power_max_kw) for v in vehicles]),
        np.array([float(v.vehicle.power_min_kw) for v in vehicles]),
        _spans([(k, w) for k, v in enumerate(vehicles) for w in v.ceilings]),
        _spans(
            [
                (k, w)
                for k, v in enumerate(vehicles)
                for w in v.restrictions
                if not isinstance(v.target, ImmediateStart)
            ]
        ),
    )
    loads = sorted(problem.base_load, key=lambda load: load.start_at)
    connection = Connection(
        float(problem.limit_kw),
        np.array([micros_of(load.start_at) for load in loads], np.int64),
        np.array([micros_of(load.end_at) for load in loads], np.int64),
        np.array([float(load.power_kw) for load in loads]),
    )
    edges = (connection[1], connection[2], *fleet.ceilings[1:3], *fleet.restrictions[1:3])
    wishes = _wishes(problem, now_us, fleet, connection)
    return State(now_us, fleet, connection, wishes, np.unique(np.concatenate(edges)))


def _spans(windows: list[tuple[int, Ceiling | Window]]) -> Spans:
    return Spans(
        np.array([owner for owner, _ in windows], np.int64),
        np.array([micros_of(window.start_at) for _, window in windows], np.int64),
        np.array([micros_of(window.end_at) for _, window in windows], np.int64),
        np.array([float(w.power_kw) if isinstance(w, Ceiling) else 0.0 for _, w in windows]),
    )


def _wishes(problem: SiteProblem, now_us: int, fleet: Fleet, connection: Connection) -> Wishes:
    vehicles = problem.vehicles
    unit = np.array([v.vehicle.battery_capacity_kwh / v.vehicle.efficiency / 100 for v in vehicles])
    soc, reserve, wanted, limit = (
        np.array(values, np.float64)
        for values in (
            [v.vehicle.soc_percent for v in vehicles],
            [v.reserve_percent for v in vehicles],
            [v.wanted_percent for v in vehicles],
            [v.vehicle.charge_limit_percent for v in vehicles],
        )
    )
    after = np.maximum(soc, reserve)
    need = np.maximum(wanted - after, 0.0) * unit
    need[need <= SMALL_KWH] = 0.0
    most = np.maximum(limit - after, 0.0) * unit if problem.charge_when_negative else need
    first = np.maximum(reserve - soc, 0.0) * unit
    first[first <= SMALL_KWH] = 0.0
    deadlines = []
    for k, vehicle in enumerate(vehicles):
        if vehicle.ready_by_at is not None:
            deadlines.append(max(now_us, micros_of(vehicle.ready_by_at)))
            continue
        most[k] = need[k]
        alone = done_alone_us(now_us, first[k] + need[k], connection, _one(vehicle, fleet, k))
        deadlines.append(alone if now_us <= alone <= now_us + MOST_AHEAD_US else now_us)
    return Wishes(
        first,
        need,
        np.maximum(need, most),
        unit,
        np.maximum(wanted - soc, 0.0) * unit,
        np.array(deadlines, np.int64),
    )


def _one(vehicle: SiteVehicle, fleet: Fleet, k: int) -> Fleet:
    return Fleet(
        fleet.power_max_kw[k : k + 1],
        fleet.power_min_kw[k : k + 1],
        _spans([(0, window) for window in vehicle.ceilings]),
        _spans([]),
    )


def grid_until(problem: SiteProblem, state: State, end_us: int) -> Grid:
    """The slots from now to `end_us`: cut wherever anything changes, and after an hour at most."""
    priced = problem.prices.between(state.now_us, end_us, problem.timezone).windows
    points = np.concatenate((priced.start_us, state.edges_us, state.wishes.deadline_us))
    return _grid(problem, state, borders_of(points, state.now_us, end_us))


def grid_after(problem: SiteProblem, state: State, start_us: int, step_us: int) -> Grid:
    """96 slots of `step_us` from `start_us`, cut wherever anything changes."""
    end_us = start_us + 96 * step_us
    priced = problem.prices.between(start_us, end_us, problem.timezone).windows
    points = np.concatenate((priced.start_us, state.edges_us))
    points = points[(points > start_us) & (points < end_us)]
    return _grid(
        problem, state, np.unique(np.concatenate((points, np.arange(start_us, end_us + 1, step_us))))
    )


def _grid(problem: SiteProblem, state: State, borders: Longs) -> Grid:
    slots, vehicles = len(borders) - 1, len(problem.vehicles)
    if slots * vehicles > MOST_CELLS:
        message = f"{vehicles} in {slots} slots of time are too many: at most {MOST_CELLS} slots of vehicles"
        raise Refused.because(Fault(field="vehicles", message=message))
    priced = problem.prices.between(int(borders[0]), int(borders[-1]), problem.timezone).windows
    hours = np.diff(borders) / HOUR_US
    room = room_kw(borders, state.connection)
    free, allowed = powers_kw(borders, room, state.fleet)
    free_kwh = free * hours[:, None]
    return Grid(
        borders,
        hours,
        priced.value[np.searchsorted(priced.start_us, borders[:-1], side="right") - 1],
        room * hours,
        free_kwh,
        free_kwh if allowed is free else allowed * hours[:, None],
    )
