"""Energy from slots to vehicles as a flow in a network: slots are opened one by one, each is filled as far as can be.

A slot that is opened is filled by vehicles that want more, and then along *chains*: a vehicle that wants more takes
another's energy in an open slot, and that one goes to the new slot instead. What a slot holds in all never falls
again, so slots opened from the cheapest on give the least cost. docs/explanation/site-planner.md has the proof.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dwell.domain.planning.compiled import SAME_KWH, Bytes, Floats, Longs, compiled


class Net(NamedTuple):
    """Energies in kWh: `most` and `flow` by [slot, vehicle], `room` left by slot, `rest` wanted by vehicle."""

    most: Floats
    flow: Floats
    room: Floats
    rest: Floats


class Search(NamedTuple):
    """Working space of the search for chains. What is `dead` no vehicle that wants more can reach again."""

    vehicle_level: Longs
    slot_level: Longs
    vehicle_at: Longs
    slot_at: Longs
    vehicles: Longs
    slots: Longs
    vehicle_dead: Bytes
    slot_dead: Bytes


@compiled
def search_space(slots: int, vehicles: int) -> Search:
    """A search in which nothing is dead."""
    return Search(
        np.empty(vehicles, np.int64),
        np.empty(slots, np.int64),
        np.empty(vehicles, np.int64),
        np.empty(slots, np.int64),
        np.empty(vehicles + 1, np.int64),
        np.empty(slots + 1, np.int64),
        np.zeros(vehicles, np.int8),
        np.zeros(slots, np.int8),
    )


@compiled
def fill(net: Net, order: Longs, search: Search) -> None:
    """Opens the slots in `order` and fills each; what is still wanted then stays in `net.rest`."""
    later = np.zeros(len(net.rest))
    for t in order:
        for v in range(len(later)):
            later[v] += net.most[t, v]
    for t in order:
        for v in range(len(later)):
            later[v] -= net.most[t, v]
        if net.room[t] > SAME_KWH:
            _take(net, t, later, search.vehicle_dead)
        wanting = False
        for v in range(len(later)):
            wanting |= net.rest[v] > SAME_KWH and search.vehicle_dead[v] == 0
        if not wanting:
            break
        while net.room[t] > SAME_KWH and _layers(net, t, search):
            _push(net, t, search)


@compiled
def _take(net: Net, t: int, later: Floats, dead: Bytes) -> None:
    """Vehicles that want more take what the slot has; where it is short, those with the least choice first."""
    want = np.zeros(len(later))
    total, count = 0.0, 0
    for v in range(len(later)):
        if net.rest[v] > SAME_KWH and dead[v] == 0:
            want[v] = min(net.rest[v], net.most[t, v] - net.flow[t, v])
            if want[v] <= SAME_KWH:
                want[v] = 0.0
            else:
                total += want[v]
                count += 1
    if count == 0:
        return
    if total <= net.room[t]:
        net.room[t] -= total
        for v in range(len(later)):
            net.flow[t, v] += want[v]
            net.rest[v] -= want[v]
        return
    wanting = np.nonzero(want)[0]
    for k in np.argsort(later[wanting] - net.rest[wanting], kind="mergesort"):
        v = wanting[k]
        taken = min(want[v], net.room[t])
        net.flow[t, v] += taken
        net.rest[v] -= taken
        net.room[t] -= taken
        if net.room[t] <= 0.0:
            break


@compiled
def _layers(net: Net, goal: int, search: Search) -> bool:
    """How many steps vehicles and slots are from the slot `goal`, up to the first vehicle that wants more.

    False where there is none: all that was seen is dead then.
    """
    search.vehicle_level[:] = -1
    search.slot_level[:] = -1
    search.slot_level[goal] = 0
    search.slots[0] = goal
    slots_from, slots_to, vehicles_from, vehicles_to = 0, 1, 0, 0
    level = 0
    while slots_from < slots_to:
        known = vehicles_to
        for k in range(slots_from, slots_to):
            vehicles_to = _see_vehicles(net, search.slots[k], search, (level + 1, vehicles_to))
        if np.any(net.rest[search.vehicles[known:vehicles_to]] > SAME_KWH):
            return True
        slots_from = slots_to
        for k in range(vehicles_from, vehicles_to):
            v = search.vehicles[k]
            for s in range(len(net.room)):
                if search.slot_level[s] < 0 and search.slot_dead[s] == 0 and net.flow[s, v] > SAME_KWH:
                    search.slot_level[s] = level + 2
                    search.slots[slots_to] = s
                    slots_to += 1
        vehicles_from = vehicles_to
        level += 2
    for k in range(slots_to):
        search.slot_dead[search.slots[k]] = 1
    for k in range(vehicles_to):
        search.vehicle_dead[search.vehicles[k]] = 1
    return False


@compiled
def _see_vehicles(net: Net, s: int, search: Search, at: tuple[int, int]) -> int:
    """Queues the vehicles that could take more in slot `s`. at: (their level, how many are queued); how many then."""
    level, queued = at
    for v in range(len(net.rest)):
        if (
            search.vehicle_level[v] < 0
            and search.vehicle_dead[v] == 0
            and net.most[s, v] - net.flow[s, v] > SAME_KWH
        ):
            search.vehicle_level[v] = level
            search.vehicles[queued] = v
            queued += 1
    return queued


@compiled
def _push(net: Net, goal: int, search: Search) -> None:
    """Moves energy along shortest chains until none is left: a blocking flow."""
    search.vehicle_at[:] = 0
    search.slot_at[:] = 0
    chain_v = np.empty(len(net.rest) + 1, np.int64)
    chain_s = np.empty(len(net.room) + 1, np.int64)
    for v in range(len(net.rest)):
        while search.vehicle_level[v] > 0 and net.rest[v] > SAME_KWH and net.room[goal] > SAME_KWH:
            chain_v[0] = v
            depth = _chain(net, goal, search, (chain_v, chain_s))
            if depth < 0:
                break
            moved = min(net.rest[v], net.room[goal])
            for k in range(depth + 1):
                s, w = chain_s[k], chain_v[k]
                moved = min(moved, net.most[s, w] - net.flow[s, w])
                if k > 0:
                    moved = min(moved, net.flow[chain_s[k - 1], w])
            for k in range(depth + 1):
                net.flow[chain_s[k], chain_v[k]] += moved
                if k > 0:
                    net.flow[chain_s[k - 1], chain_v[k]] -= moved
            net.rest[v] -= moved
            net.room[goal] -= moved


@compiled
def _chain(net: Net, goal: int, search: Search, chain: tuple[Longs, Longs]) -> int:
    """Writes a chain from its first vehicle to `goal`; how many vehicles follow the first, or -1."""
    chain_v, chain_s = chain
    depth = 0
    while True:
        v = chain_v[depth]
        going = False
        while search.vehicle_at[v] < len(net.room) and not going:
            s = search.vehicle_at[v]
            if (
                search.slot_level[s] == search.vehicle_level[v] - 1
                and net.most[s, v] - net.flow[s, v] > SAME_KWH
            ):
                chain_s[depth] = s
                if s == goal:
                    return depth
                w = _who_gives_way(net, s, search)
                if w >= 0:
                    depth += 1
                    chain_v[depth] = w
                    going = True
                    continue
            search.vehicle_at[v] += 1
        if going:
            continue
        if depth == 0:
            return -1
        depth -= 1
        search.slot_at[chain_s[depth]] += 1


@compiled
def _who_gives_way(net: Net, s: int, search: Search) -> int:
    """The next vehicle with energy in slot `s` that is a step nearer to the goal, or -1."""
    while search.slot_at[s] < len(net.rest):
        w = search.slot_at[s]
        if search.vehicle_level[w] == search.slot_level[s] - 1 and net.flow[s, w] > SAME_KWH:
            return int(w)
        search.slot_at[s] += 1
    return -1


@compiled
def wanting_side(net: Net, least_kwh: float) -> tuple[Bytes, Bytes]:
    """Vehicles and slots that a vehicle which wants more than `least_kwh` can reach: 1, else 0. The minimum cut."""
    vehicles = np.zeros(len(net.rest), np.int8)
    slots = np.zeros(len(net.room), np.int8)
    queue = np.empty(len(net.rest), np.int64)
    head, tail = 0, 0
    for v in range(len(net.rest)):
        if net.rest[v] > least_kwh:
            vehicles[v] = 1
            queue[tail] = v
            tail += 1
    while head < tail:
        v = queue[head]
        head += 1
        for s in range(len(net.room)):
            if slots[s] == 0 and net.most[s, v] - net.flow[s, v] > SAME_KWH:
                slots[s] = 1
                for w in range(len(net.rest)):
                    if vehicles[w] == 0 and net.flow[s, w] > SAME_KWH:
                        vehicles[w] = 1
                        queue[tail] = w
                        tail += 1
    return vehicles, slots
