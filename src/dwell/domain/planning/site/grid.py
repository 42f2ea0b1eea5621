"""Time in slots for all vehicles of a connection: compiled, windows in, powers by [slot, vehicle] out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dwell.domain.planning.compiled import SMALL_KWH, Floats, Longs, compiled

HOUR_US = 3.6e9
LONGEST_US = 3_600_000_000  # longer slots are cut, so that what is to come early does not spread
MOST_CUTS = 192  # of one long slot


class Spans(NamedTuple):
    """Half-open windows in µs since 1970, each with its vehicle and its power in kW."""

    owner: Longs
    start_us: Longs
    end_us: Longs
    power_kw: Floats


class Fleet(NamedTuple):
    """Powers in kW by vehicle, and its windows: ceilings and restrictions."""

    power_max_kw: Floats
    power_min_kw: Floats
    ceilings: Spans
    restrictions: Spans


class Connection(NamedTuple):
    """The limit in kW, and what else draws on it: windows that do not overlap, in time order."""

    limit_kw: float
    start_us: Longs
    end_us: Longs
    power_kw: Floats


@compiled
def borders_of(points: Longs, start_us: int, end_us: int) -> Longs:
    """The points from `start_us` to `end_us`, both included, in order, each once, long slots cut."""
    inside = np.unique(points[(points > start_us) & (points < end_us)])
    coarse = np.concatenate((np.array([start_us]), inside, np.array([end_us])))
    pieces = np.ones(len(coarse) - 1, np.int64)
    for i in range(len(pieces)):
        length = coarse[i + 1] - coarse[i]
        pieces[i] = min(MOST_CUTS, (length + LONGEST_US - 1) // LONGEST_US)
    fine = np.empty(np.sum(pieces) + 1, np.int64)
    used = 0
    for i in range(len(pieces)):
        for k in range(pieces[i]):
            fine[used] = coarse[i] + (coarse[i + 1] - coarse[i]) // pieces[i] * k
            used += 1
    fine[used] = end_us
    return fine


@compiled
def room_kw(borders: Longs, connection: Connection) -> Floats:
    """What the base load leaves of the limit, by slot."""
    room = np.full(len(borders) - 1, connection.limit_kw)
    for k in range(len(connection.power_kw)):
        first = np.searchsorted(borders, connection.start_us[k])
        last = min(len(room), np.searchsorted(borders, connection.end_us[k]))
        for t in range(first, last):
            room[t] = max(0.0, connection.limit_kw - connection.power_kw[k])
    return room


@compiled
def powers_kw(borders: Longs, room: Floats, fleet: Fleet) -> tuple[Floats, Floats]:
    """The most that each vehicle may draw, by [slot, vehicle]: without and with restrictions."""
    slots, vehicles = len(room), len(fleet.power_max_kw)
    free = np.empty((slots, vehicles))
    for t in range(slots):
        for v in range(vehicles):
            free[t, v] = min(fleet.power_max_kw[v], room[t])
    _lower(free, borders, fleet.ceilings)
    for t in range(slots):
        for v in range(vehicles):
            if free[t, v] < fleet.power_min_kw[v]:
                free[t, v] = 0.0
    if len(fleet.restrictions.owner) == 0:
        return free, free
    allowed = free.copy()
    _lower(allowed, borders, fleet.restrictions)
    return free, allowed


@compiled
def _lower(power: Floats, borders: Longs, spans: Spans) -> None:
    """Holds `power` down to what the windows allow their vehicles."""
    for k in range(len(spans.owner)):
        first = np.searchsorted(borders, spans.start_us[k])
        for t in range(first, min(len(power), np.searchsorted(borders, spans.end_us[k]))):
            power[t, spans.owner[k]] = min(power[t, spans.owner[k]], spans.power_kw[k])


@compiled
def done_alone_us(now_us: int, energy_kwh: float, connection: Connection, fleet: Fleet) -> int:
    """When the one vehicle of `fleet`, alone behind the connection, has taken `energy_kwh`; -1 for never."""
    ends = np.concatenate(
        (connection.start_us, connection.end_us, fleet.ceilings.start_us, fleet.ceilings.end_us)
    )
    changes = np.unique(ends[ends > now_us])
    end_us = changes[-1] + 1 if len(changes) > 0 else now_us + 1  # a last slot that stands for all time after
    borders = np.concatenate((np.array([now_us]), changes, np.array([end_us])))
    power = powers_kw(borders, room_kw(borders, connection), fleet)[0]
    rest = energy_kwh
    for t in range(len(borders) - 1):
        last = t == len(borders) - 2
        whole = power[t, 0] * (borders[t + 1] - borders[t]) / HOUR_US
        if rest <= SMALL_KWH:
            return int(borders[t])
        if power[t, 0] > 0.0 and (last or whole >= rest):
            return int(borders[t] + np.ceil(rest / power[t, 0] * HOUR_US))
        rest -= whole
    return -1
