"""From energies of any size to powers that are 0 or at least power_min: exchanges of energy, compiled.

The linear optimum gives a vehicle less than its least power in few slots. Each such *crumb* is mended by the
cheapest of: more from the vehicle's own dearer slots, all of it to the vehicle's own other slots, an exchange with
another vehicle that changes no slot's total, another vehicle giving way, or a shorter block at the least power in a
slot that has the room. What none of them mends is dropped.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dwell.domain.planning.compiled import SAME_KWH, SMALL_KWH, Floats, Longs, compiled


class Crumbs(NamedTuple):
    """Energies in kWh by [slot, vehicle]: the most, the least that is not 0, and what flows. By slot: room, price.

    `cheap`: the slots from the cheapest on.
    """

    most: Floats
    least: Floats
    flow: Floats
    room: Floats
    price: Floats
    cheap: Longs


@compiled
def mend(net: Crumbs) -> None:
    """Mends `net.flow` and `net.room` in place.

    A crumb that stays takes up room for the least energy: it becomes a shorter block.
    """
    for v in range(net.flow.shape[1]):
        for t in range(len(net.room)):
            if 0.0 < net.flow[t, v] < net.least[t, v] - SMALL_KWH:
                _mend_one(net, t, v)


@compiled
def _mend_one(net: Crumbs, t: int, v: int) -> None:
    crumb, lack = net.flow[t, v], net.least[t, v] - net.flow[t, v]
    if crumb <= SAME_KWH:
        _drop(net, t, v)
        return
    raised = _gather(net, (t, v), (lack, False)) if net.room[t] >= lack else np.inf
    lowered = _spread(net, (t, v), (crumb, False))
    if min(raised, lowered) > SAME_KWH and (_exchange(net, t, v, -crumb) or _exchange(net, t, v, lack)):
        return
    if raised <= lowered and raised < np.inf:
        _gather(net, (t, v), (lack, True))
    elif lowered < np.inf:
        _spread(net, (t, v), (crumb, True))
    elif net.room[t] >= lack or _given_way(net, t, v, lack):
        net.room[t] = max(0.0, net.room[t] - lack)
    else:
        _drop(net, t, v)
        _put_elsewhere(net, v, crumb)


@compiled
def _drop(net: Crumbs, t: int, v: int) -> None:
    net.room[t] += net.flow[t, v]
    net.flow[t, v] = 0.0


@compiled
def _put_elsewhere(net: Crumbs, v: int, crumb: float) -> None:
    """A shorter block in the cheapest slot that has room for it."""
    for s in net.cheap:
        taken_up = max(crumb, net.least[s, v])
        if net.flow[s, v] <= 0.0 and taken_up <= min(net.most[s, v], net.room[s]):
            net.flow[s, v] = crumb
            net.room[s] -= taken_up
            return


@compiled
def _gather(net: Crumbs, place: tuple[int, int], wish: tuple[float, bool]) -> float:
    """The cost of more at `place` from the vehicle's dearest other slots; infinite where there is none.

    wish: (kWh, whether to do it). So in `_spread`.
    """
    t, v = place
    rest, cost = wish[0], 0.0
    for s in net.cheap[::-1]:
        if s == t:
            continue
        moved = min(rest, net.flow[s, v] - net.least[s, v])
        if net.flow[s, v] >= net.least[s, v] and abs(net.flow[s, v] - rest) <= SAME_KWH:
            moved = net.flow[s, v]
        if moved <= 0.0:
            continue
        cost += moved * (net.price[t] - net.price[s])
        rest -= moved
        if wish[1]:
            _move(net, v, (s, t), moved)
        if rest <= SAME_KWH:
            return float(cost)
    return np.inf


@compiled
def _spread(net: Crumbs, place: tuple[int, int], wish: tuple[float, bool]) -> float:
    """The cost of moving energy from `place` to the vehicle's cheapest other slots; infinite where there is no room."""
    t, v = place
    rest, cost = wish[0], 0.0
    for s in net.cheap:
        if s == t:
            continue
        moved = min(rest, net.most[s, v] - net.flow[s, v], net.room[s])
        on = net.flow[s, v] >= net.least[s, v]
        if moved <= 0.0 or not (on or (net.flow[s, v] <= 0.0 and moved >= net.least[s, v])):
            continue
        cost += moved * (net.price[s] - net.price[t])
        rest -= moved
        if wish[1]:
            _move(net, v, (t, s), moved)
        if rest <= SAME_KWH:
            return float(cost)
    return np.inf


@compiled
def _move(net: Crumbs, v: int, way: tuple[int, int], energy: float) -> None:
    net.flow[way[0], v] = max(0.0, net.flow[way[0], v] - energy)
    net.flow[way[1], v] += energy
    net.room[way[0]] += energy
    net.room[way[1]] = max(0.0, net.room[way[1]] - energy)


@compiled
def _exchange(net: Crumbs, t: int, v: int, more: float) -> bool:
    """Vehicle v takes `more` (or gives less than nothing) in slot t from another, and gives it back in slot s."""
    mended = net.flow[t, v] + more
    if mended > SAME_KWH and not net.least[t, v] <= mended <= net.most[t, v]:
        return False
    for s in range(len(net.room)):
        mine = net.flow[s, v] - more
        if s == t or not _whole(net, s, v, mine):
            continue
        for w in range(net.flow.shape[1]):
            if w == v or not (net.flow[t, w] > 0.0 or net.flow[s, w] > 0.0):
                continue
            here, there = net.flow[t, w] - more, net.flow[s, w] + more
            if _whole(net, t, w, here) and _whole(net, s, w, there):
                net.flow[t, v] = max(0.0, mended)
                net.flow[s, v] = max(0.0, mine)
                net.flow[t, w], net.flow[s, w] = max(0.0, here), max(0.0, there)
                return True
    return False


@compiled
def _given_way(net: Crumbs, t: int, v: int, lack: float) -> bool:
    """Another vehicle moves `lack` kWh from slot t to the cheapest slot that has the room."""
    for s in net.cheap:
        if s == t or net.room[s] < lack:
            continue
        for w in range(net.flow.shape[1]):
            if w == v or net.flow[t, w] < lack:
                continue
            if _whole(net, t, w, net.flow[t, w] - lack) and _whole(net, s, w, net.flow[s, w] + lack):
                _move(net, w, (t, s), lack)
                return True
    return False


@compiled
def _whole(net: Crumbs, s: int, v: int, energy: float) -> bool:
    """Whether vehicle v goes on from a whole energy in slot `s` to `energy`: nothing, or from the least to the most.

    A crumb is not to be touched: it may have become a shorter block.
    """
    if 0.0 < net.flow[s, v] < net.least[s, v] - SMALL_KWH and abs(energy) > SAME_KWH:
        return False
    return bool(abs(energy) <= SAME_KWH or net.least[s, v] <= energy <= net.most[s, v])
