"""Best paths through the slots at a price of energy, and the plans that two of them make: compiled.

A path knows no limit on energy; each kWh earns `worth`, and starts cost. Two states, off and on, at every border
between slots: one pass over the slots finds the cheapest. What a path costs less what the needed energy earns is
a bound for every plan. docs/explanation/planner.md has the proof.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dwell.domain.planning.compiled import (
    FULL,
    LOW,
    OFF,
    SAME_KWH,
    SMALL_KWH,
    Bytes,
    Floats,
    Longs,
    Terms,
    compiled,
)

EVERY, NONE = -1, -2  # odd slots to look at: any, or plans without one
SAME_COST = 3e-14  # what rounding leaves of two sums that are equal
ROUNDS = 60  # of the search for the price of energy; any price gives a true bound


class Field(NamedTuple):
    """The search's view of the slots: energies in kWh, and the price with the tie rule's grain of time on it.

    `through` is what a slot takes that is on from border to border: its full or its low energy.
    """

    full: Floats
    low: Floats
    price: Floats
    through: Floats


class Relaxed(NamedTuple):
    """Best paths at one price of energy. `cost[i, s]`: from now to border i in state s (or from there on)."""

    cost: Floats
    energy: Floats
    choice: Bytes


class Paths(NamedTuple):
    """Best paths from now and to the end when each kWh earns `worth`, and the energy `goal` that it earns on."""

    ahead: Relaxed
    behind: Relaxed
    worth: float
    goal: float


class Best(NamedTuple):
    """The best plan so far. cost: its sum, its odd energy.

    place: unused, odd slot (-1: none), the states before and after it, and the labels or paths that it is made
    of (-1: neither, it is in the steps already).
    """

    cost: Floats
    place: Longs


@compiled
def split_at(field: Field, price: float) -> Field:
    """The field in which slots that are on right through are full where cheaper than `price`, low where dearer.

    In a best plan whose odd slot costs `price` they are: else energy could move between them and the odd slot.
    """
    return Field(field.full, field.low, field.price, np.where(field.price > price, field.low, field.full))


@compiled
def _path(field: Field, terms: Terms, worth: float) -> tuple[float, float]:
    """Cost and energy of the cheapest path when each kWh earns `worth`: two states, one pass, no limits."""
    off = np.inf if terms.charging else 0.0
    on = 0.0 if terms.charging else np.inf
    off_kwh, on_kwh = 0.0, 0.0
    for i in range(len(field.full)):
        full, gain = field.full[i], field.price[i] - worth
        new, new_kwh = np.inf, 0.0
        if full > 0.0:
            taken = field.low[i] if gain > 0.0 else full
            new, new_kwh = on + gain * taken, on_kwh + taken
            begun = off + terms.start_cost + gain * full
            if begun < new:
                new, new_kwh = begun, off_kwh + full
        if on < off:
            off, off_kwh = on, on_kwh
        on, on_kwh = new, new_kwh
    if on < off:
        return on + worth * on_kwh, on_kwh
    return off + worth * off_kwh, off_kwh


@compiled
def _everything(field: Field, terms: Terms) -> tuple[float, float]:
    """Energy and cost of power wherever there is any."""
    energy, cost, running = 0.0, 0.0, terms.charging
    for i in range(len(field.full)):
        if field.full[i] > 0.0 and not running:
            cost += terms.start_cost
        running = field.full[i] > 0.0
        energy += field.full[i]
        cost += field.full[i] * field.price[i]
    return energy, cost


@compiled
def price_of_energy(field: Field, terms: Terms) -> tuple[float, float, float]:
    """The Lagrange price of energy with the highest bound, the energy it stands for, and a price that buys too much.

    The bound is concave in the price; two paths, one on each side of the goal, give the next price to try
    (Handler and Zang, A dual algorithm for the constrained shortest path problem, Networks 10, 1980).
    """
    cost, energy = _path(field, terms, 0.0)
    if terms.need_kwh <= energy <= terms.most_kwh:
        return 0.0, terms.need_kwh, 0.0
    less, less_cost, goal = energy, cost, terms.need_kwh
    more, more_cost, over = 0.0, 0.0, np.inf
    if energy < goal:
        more, more_cost = _everything(field, terms)
    else:
        goal, over = terms.most_kwh, 0.0
        more, more_cost, less, less_cost = energy, cost, 0.0, 0.0
    worth = 0.0
    for _ in range(ROUNDS):
        if more - less <= SMALL_KWH:
            break
        worth = (more_cost - less_cost) / (more - less)
        cost, energy = _path(field, terms, worth)
        if cost - worth * energy >= less_cost - worth * less - SAME_COST:
            break
        if energy < goal:
            less, less_cost = energy, cost
        else:
            more, more_cost, over = energy, cost, worth
    return worth, goal, over


@compiled
def forward(field: Field, terms: Terms, worth: float) -> Relaxed:
    """Least reduced cost from now to every border and state. choice: step, plus 4 if the state before was on."""
    count = len(field.full)
    cost, energy = np.empty((count + 1, 2)), np.zeros((count + 1, 2))
    choice = np.zeros((count + 1, 2), np.int8)
    cost[0, 0] = np.inf if terms.charging else 0.0
    cost[0, 1] = 0.0 if terms.charging else np.inf
    for i in range(count):
        full, gain = field.full[i], field.price[i] - worth
        came = 1 if cost[i, 1] < cost[i, 0] else 0
        cost[i + 1, 0], energy[i + 1, 0], choice[i + 1, 0] = cost[i, came], energy[i, came], 4 * came + OFF
        cost[i + 1, 1], energy[i + 1, 1] = cost[i + 1, 0] + terms.start_cost, energy[i + 1, 0]
        choice[i + 1, 1] = 4 * came + OFF  # a start at the border itself: the bound of plans odd in this slot
        if full <= 0.0:
            continue
        taken, step = field.through[i], LOW if field.through[i] < full else FULL
        kept, begun = cost[i, 1] + gain * taken, cost[i, 0] + terms.start_cost + gain * full
        if kept < cost[i + 1, 1]:
            cost[i + 1, 1], energy[i + 1, 1], choice[i + 1, 1] = kept, energy[i, 1] + taken, 4 + step
        if begun < cost[i + 1, 1]:
            cost[i + 1, 1], energy[i + 1, 1], choice[i + 1, 1] = begun, energy[i, 0] + full, FULL
        if cost[i + 1, 1] < cost[i + 1, 0]:  # a stop at the border itself, for the same reason
            cost[i + 1, 0], energy[i + 1, 0] = cost[i + 1, 1], energy[i + 1, 1]
            choice[i + 1, 0] = choice[i + 1, 1]
    return Relaxed(cost, energy, choice)


@compiled
def backward(field: Field, terms: Terms, worth: float) -> Relaxed:
    """Least reduced cost from every border and state to the end. choice: step, plus 4 if the state after is on."""
    count = len(field.full)
    cost, energy = np.zeros((count + 1, 2)), np.zeros((count + 1, 2))
    choice = np.zeros((count + 1, 2), np.int8)
    for i in range(count - 1, -1, -1):
        full, gain = field.full[i], field.price[i] - worth
        for state in range(2):
            cost[i, state], energy[i, state], choice[i, state] = cost[i + 1, 0], energy[i + 1, 0], OFF
        if full <= 0.0:
            continue
        begun = cost[i + 1, 1] + terms.start_cost + gain * full
        if begun < cost[i, 0]:
            cost[i, 0], energy[i, 0], choice[i, 0] = begun, energy[i + 1, 1] + full, 4 + FULL
        taken, step = field.through[i], LOW if field.through[i] < full else FULL
        kept = cost[i + 1, 1] + gain * taken
        if kept < cost[i, 1]:
            cost[i, 1], energy[i, 1], choice[i, 1] = kept, energy[i + 1, 1] + taken, 4 + step
        if cost[i, 0] < cost[i, 1]:  # a stop at the border itself
            cost[i, 1], energy[i, 1], choice[i, 1] = cost[i, 0], energy[i, 0], choice[i, 0]
    return Relaxed(cost, energy, choice)


@compiled
def steps_before(ahead: Relaxed, border: int, state: int, steps: Bytes) -> None:
    for i in range(border - 1, -1, -1):
        choice = ahead.choice[i + 1, state]
        steps[i], state = choice % 4, choice // 4


@compiled
def _odd_ways(
    left: int, right: int, terms: Terms, energies: tuple[float, float]
) -> tuple[float, float, float]:
    """Start cost and range of energy of an odd slot between two states. energies: low and full of the slot."""
    if left == 1 and right == 1 and terms.modulating:
        return 0.0, energies[0], energies[1]
    if left == 1 and right == 0:
        return 0.0, 0.0, energies[1]
    return terms.start_cost, 0.0, energies[1]


@compiled
def fit(rest: float, ways: tuple[float, float, float], terms: Terms, price: float) -> float:
    """The energy of the odd slot that goes with `rest` in the others at least cost, or -1.0 if none does."""
    least, most = max(ways[1], terms.need_kwh - rest), min(ways[2], terms.most_kwh - rest)
    if least > most + SAME_KWH:
        return -1.0
    return min(least, ways[2]) if price >= 0.0 else most


@compiled
def ways_of(field: Field, terms: Terms, i: int, pattern: int) -> tuple[int, int, tuple[float, float, float]]:
    """Pattern 0–3: the states left and right of slot i; pattern 4: on both sides, with a pause inside."""
    energies = (field.low[i], field.full[i])
    if pattern == 4:
        return 1, 1, (terms.start_cost, 0.0, energies[1])
    left, right = pattern // 2, pattern % 2
    return left, right, _odd_ways(left, right, terms, energies)


@compiled
def bound(field: Field, terms: Terms, paths: Paths, odd: int) -> float:
    """A sum that no plan passes below: of all plans, or of those whose odd slot is `odd`."""
    ahead, behind = paths.ahead, paths.behind
    if odd < 0:
        return float(min(ahead.cost[-1, 0], ahead.cost[-1, 1]) + paths.worth * paths.goal)
    least = np.inf
    gain = field.price[odd] - paths.worth
    for pattern in range(5):
        left, right, ways = ways_of(field, terms, odd, pattern)
        own = ways[0] + min(gain * ways[1], gain * ways[2])
        least = min(least, ahead.cost[odd, left] + own + behind.cost[odd + 1, right])
    return float(least + paths.worth * paths.goal)


@compiled
def join_paths(field: Field, terms: Terms, paths: Paths, found: tuple[Best, Bytes]) -> None:
    """Plans of one best path up to a slot, one best path after it, and in the slot what is missing."""
    ahead, behind, worth = paths.ahead, paths.behind, paths.worth
    best, steps = found
    for state in range(2):
        energy = ahead.energy[-1, state]
        cost = ahead.cost[-1, state] + worth * energy
        enough = terms.need_kwh - SMALL_KWH <= energy <= terms.most_kwh + SMALL_KWH
        if enough and cost < best.cost[0] - SAME_COST:
            best.cost[0], best.cost[1], best.place[1], best.place[2], best.place[4] = cost, 0.0, -1, state, 0
    for i in range(len(field.full)):
        for pattern in range(5 if field.full[i] > 0.0 else 0):
            left, right, ways = ways_of(field, terms, i, pattern)
            rest = ahead.energy[i, left] + behind.energy[i + 1, right]
            odd = fit(rest, ways, terms, field.price[i])
            cost = (
                ahead.cost[i, left]
                + behind.cost[i + 1, right]
                + worth * rest
                + ways[0]
                + odd * field.price[i]
            )
            if odd >= 0.0 and cost < best.cost[0] - SAME_COST:
                best.cost[0], best.cost[1], best.place[1] = cost, odd, i
                best.place[2], best.place[3], best.place[4] = left, right, 0
    if best.place[4] >= 0:
        _read_paths(paths, best, steps)


@compiled
def _read_paths(paths: Paths, best: Best, steps: Bytes) -> None:
    odd, right = best.place[1], best.place[3]
    steps_before(paths.ahead, len(steps) if odd < 0 else odd, best.place[2], steps)
    if odd < 0:
        return
    steps[odd] = OFF
    for i in range(odd + 1, len(steps)):
        choice = paths.behind.choice[i, right]
        steps[i], right = choice % 4, choice // 4
