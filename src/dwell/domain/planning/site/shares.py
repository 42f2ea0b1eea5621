"""Who gets how much where there is too little: the worst-off as well off as can be.

`share_out` shares one slot by what the vehicles lack; `fair_energy` all slots by the fractions of what they need.
"""

from __future__ import annotations

import numpy as np

from dwell.domain.planning.compiled import SAME_KWH, SMALL_KWH, Floats, Longs, compiled
from dwell.domain.planning.site.flow import Net, fill, search_space, wanting_side


@compiled
def share_out(room: float, most: Floats, lack: tuple[Floats, Floats], least: Floats) -> Floats:
    """Energies in one slot: the most in all, then the smallest sorted vector of what is still lacking.

    lack: (what each lacks in any unit, kWh that one such unit takes). Who takes anything takes up room for
    `least` kWh; who wants no more than that gets what it wants.
    """
    lacking, unit = lack
    if np.sum(np.where(most > 0.0, np.maximum(most, least), 0.0)) <= room:
        return most.copy()
    given, left = _admitted(room, most, lacking, least)
    low = np.minimum(given, least)
    if np.sum(given) <= left:
        return given
    inside = np.nonzero(given > low)[0]
    most_lacking, least_lacking = lacking - low / unit, lacking - given / unit
    points = np.concatenate((most_lacking[inside], least_lacking[inside]))
    slopes = np.concatenate((unit[inside], -unit[inside]))
    total, slope, at = np.sum(low), 0.0, np.inf
    for k in np.argsort(-points, kind="mergesort"):
        if slope > 0.0:
            if total + slope * (at - points[k]) >= left:
                break
            total += slope * (at - points[k])
        at = points[k]
        slope = max(0.0, slope + slopes[k])
    level = at - (left - total) / slope if slope > 0.0 else at
    for v in inside:
        given[v] = min(max((lacking[v] - level) * unit[v], low[v]), given[v])
    return given


@compiled
def _admitted(room: float, most: Floats, lacking: Floats, least: Floats) -> tuple[Floats, float]:
    """Whose least energies fit, those who lack the most first: what each may take, and the room for these energies."""
    given, left, taken_up = most.copy(), room, 0.0
    if not np.any(least > 0.0):
        return given, left
    for v in np.argsort(-lacking, kind="mergesort"):
        if given[v] <= 0.0:
            continue
        if taken_up + least[v] > room:
            given[v] = 0.0
            continue
        taken_up += least[v]
        left -= max(0.0, least[v] - given[v])
    return given, left


@compiled
def in_turn(most: Floats, room: Floats, rest: Floats, terms: tuple[Floats, Floats, Floats]) -> Floats:
    """Energies by [slot, vehicle], slot by slot in time the most that can be. Takes from `room` and `rest`.

    terms: (kWh that one unit of what is lacking takes, power_min in kW, hours of the slots).
    """
    unit, power_min_kw, hours = terms
    given = np.zeros(most.shape)
    for t in range(len(room)):
        if np.max(rest) <= SAME_KWH:
            break
        want = np.zeros(len(rest))
        for v in range(len(rest)):
            want[v] = min(most[t, v], rest[v])
            if want[v] <= SAME_KWH:
                want[v] = 0.0
        if np.sum(want) <= 0.0:
            continue
        least = power_min_kw * hours[t]
        given[t] = share_out(room[t], want, (rest / unit, unit), least)
        for v in range(len(rest)):
            if given[t, v] > 0.0:
                rest[v] = rest[v] - given[t, v] if given[t, v] < rest[v] else 0.0
                room[t] -= max(given[t, v], least[v])
        room[t] = max(room[t], 0.0)
    return given


@compiled
def fair_energy(most: Floats, room: Floats, need: Floats) -> Floats:
    """Energy of each vehicle such that the fractions of `need` are lexicographically max-min.

    Tries one fraction for all; where that does not fit, the minimum cut parts those that have to do with less from
    those that may have more, and each part is tried on its own.
    """
    got = np.zeros(len(need))
    side_v, side_t = np.zeros(len(need), np.int64), np.zeros(len(room), np.int64)
    free = room.copy()
    parts, part = 1, 0
    while part < parts:
        mine, ours = np.nonzero(side_v == part)[0], np.nonzero(side_t == part)[0]
        part += 1
        if len(mine) == 0:
            continue
        net = _part_of(most, free, mine, ours)
        wanted = _one_fraction(net, need[mine], got[mine])
        net.rest[:] = wanted
        fill(net, np.arange(len(ours)), search_space(len(ours), len(mine)))
        low_v, low_t = wanting_side(net, SMALL_KWH)
        if np.sum(low_v) == 0 or (np.sum(low_v) == len(mine) and np.sum(low_t) == len(ours)):
            got[mine] += wanted
            continue
        for i in range(len(ours)):
            side_t[ours[i]] = parts if low_t[i] == 1 else parts + 1
        for k in range(len(mine)):
            side_v[mine[k]] = parts if low_v[k] == 1 else parts + 1
            for i in range(len(ours)):
                if low_v[k] == 1 and low_t[i] == 0:
                    got[mine[k]] += net.most[i, k]
                    free[ours[i]] = max(0.0, free[ours[i]] - net.most[i, k])
        parts += 2
    return got


@compiled
def _part_of(most: Floats, room: Floats, mine: Longs, ours: Longs) -> Net:
    """The network of some vehicles and slots, without any flow."""
    inner = np.empty((len(ours), len(mine)))
    for i in range(len(ours)):
        for k in range(len(mine)):
            inner[i, k] = min(most[ours[i], mine[k]], room[ours[i]])
    return Net(inner, np.zeros(inner.shape), room[ours], np.zeros(len(mine)))


@compiled
def _one_fraction(net: Net, need: Floats, got: Floats) -> Floats:
    """What each vehicle still wants for the one fraction of its need at which all the room is used up."""
    able = np.zeros(len(need))
    for i in range(len(net.room)):
        for k in range(len(need)):
            able[k] += net.most[i, k]
    able = _between(need - got, able)
    total = np.sum(net.room)
    if np.sum(able) <= total:
        return able
    low, high = 0.0, 1.0
    for _ in range(100):
        middle = 0.5 * (low + high)
        if np.sum(_between(middle * need - got, able)) > total:
            high = middle
        else:
            low = middle
    return _between(low * need - got, able)


@compiled
def _between(wish: Floats, able: Floats) -> Floats:
    within: Floats = np.minimum(np.maximum(wish, 0.0), able)
    return within
