"""The least-cost search, compiled: slots and terms in, a step for each slot out.

A *slot* is a piece of time in which price and ceiling are constant; its `full` energy is what the ceiling
gives, its `low` energy what power_min gives. At most one slot of a best plan is neither off, nor full, nor low:
the *odd* one. docs/explanation/planner.md has the proof.
"""

from __future__ import annotations

import numpy as np

from dwell.domain.planning.compiled import FULL, LOW, OFF, SMALL_KWH, Bytes, Slots, Terms, compiled
from dwell.domain.planning.labels import close_gap
from dwell.domain.planning.paths import (
    EVERY,
    NONE,
    SAME_COST,
    Best,
    Field,
    Paths,
    backward,
    bound,
    forward,
    join_paths,
    price_of_energy,
    split_at,
    steps_before,
)

TIE_COST = 1e-9  # the most that the tie rule may cost in all
MORE_WORTH, MORE_TRIALS = (
    1e-12,
    20,
)  # what is put on a price of energy that bought too little, four times as much each


@compiled
def least_cost(slots: Slots, terms: Terms) -> tuple[Bytes, int, float, float]:
    """The cheapest plan: a step for each slot, the odd slot (or -1), its energy, and the gap.

    The slots hold `terms.need_kwh`. The gap is by how much the plan may miss the optimum: 0.0 where that is
    proven; above it the labels ran out, and a general solver may do better.
    """
    steps = np.zeros(len(slots.price), np.int8)
    most = terms.most_kwh if np.any(slots.price < 0.0) else terms.need_kwh
    if most <= SMALL_KWH:
        return steps, -1, 0.0, 0.0
    terms = Terms(
        terms.need_kwh, most, terms.start_cost, terms.power_min_kw, terms.modulating, terms.charging
    )
    field = field_of(slots, terms)
    if terms.start_cost <= 0.0:
        odd_slot, odd_kwh = _cheapest_first(field, terms, steps)
        return steps, odd_slot, odd_kwh, 0.0
    odd_slot, odd_kwh, gap = _with_starts(field, terms, steps)
    return steps, odd_slot, odd_kwh, gap


@compiled
def field_of(slots: Slots, terms: Terms) -> Field:
    """Energies of the slots, and prices that grow by a grain with time: of equal sums, least energy, then earliest."""
    count = len(slots.price)
    hours = slots.end_h - slots.start_h
    full = slots.allowed_kw * hours
    low = full.copy()
    price = slots.price.copy()
    grain = TIE_COST / max(terms.most_kwh, 1.0)
    span = slots.end_h[count - 1] - slots.start_h[0] if count > 0 else 1.0
    for i in range(count):
        if terms.modulating and full[i] > 0.0:
            low[i] = min(full[i], terms.power_min_kw * hours[i])
        middle = 0.5 * (slots.start_h[i] + slots.end_h[i]) - slots.start_h[0]
        price[i] += grain * (0.1 + 0.8 * middle / span)
    return Field(full, low, price, full)


@compiled
def _cheapest_first(field: Field, terms: Terms, steps: Bytes) -> tuple[int, float]:
    """Without start costs the cheapest slots first are the optimum. Fills `steps`; returns the odd slot."""
    total = 0.0
    for i in np.argsort(field.price, kind="mergesort"):
        goal = terms.most_kwh if field.price[i] < 0.0 else terms.need_kwh
        rest = goal - total
        if rest <= SMALL_KWH:
            break
        if field.full[i] <= rest + SMALL_KWH:
            steps[i] = FULL if field.full[i] > 0.0 else OFF
            total += field.full[i]
            continue
        return i, rest
    return -1, 0.0


@compiled
def _with_starts(field: Field, terms: Terms, steps: Bytes) -> tuple[int, float, float]:
    """The optimum with start costs: a price on energy for the bound, labels for what the bound leaves open."""
    worth, goal, over = price_of_energy(field, terms)
    best = Best(np.array([np.inf, 0.0]), np.full(6, -1, np.int64))
    _first_plan(field, terms, over, (best, steps))
    split = split_at(field, worth)
    paths = Paths(forward(split, terms, worth), backward(split, terms, worth), worth, goal)
    join_paths(split, terms, paths, (best, steps))
    gap = best.cost[0] - bound(split, terms, paths, EVERY)
    closed = True
    if not terms.modulating:  # int(): a constant would be compiled apart
        closed = close_gap(field, terms, (paths, int(EVERY)), (best, steps))
    elif gap > SAME_COST:
        closed = _close_by_odd_slot(field, terms, paths, (best, steps))
    if closed:
        return best.place[1], best.cost[1], 0.0
    return best.place[1], best.cost[1], best.cost[0] - bound(split, terms, paths, EVERY)


@compiled
def _close_by_odd_slot(field: Field, terms: Terms, known: Paths, found: tuple[Best, Bytes]) -> bool:
    """With modulating power the odd slot decides between full and low everywhere: so one search for each.

    The last search is for plans without an odd slot whose energy is strictly between need and most.
    """
    worth, goal = known.worth, known.goal
    closed = True
    for odd in np.argsort(np.abs(field.price - worth), kind="mergesort"):
        if field.full[odd] <= 0.0 or bound(field, terms, known, odd) >= found[0].cost[0] - SAME_COST:
            continue
        split = split_at(field, field.price[odd])
        split.through[odd] = field.low[odd] if field.price[odd] > worth else field.full[odd]
        paths = Paths(forward(split, terms, worth), backward(split, terms, worth), worth, goal)
        closed = closed and close_gap(split, terms, (paths, odd), found)
        if not closed:  # nothing can be proven any more: from here on paths alone look for better plans
            found[0].place[4] = -1  # the best so far is in the steps
            join_paths(split, terms, paths, found)
    if terms.most_kwh > terms.need_kwh:
        split = split_at(field, 0.0)
        paths = Paths(forward(split, terms, worth), backward(split, terms, worth), worth, goal)
        closed = closed and close_gap(split, terms, (paths, int(NONE)), found)
    return closed


@compiled
def _first_plan(field: Field, terms: Terms, over: float, found: tuple[Best, Bytes]) -> None:
    """A plan to begin with: the path at a price that buys enough, cut off. Between paths of equal sums rounding may
    pick one with too little energy; a price a little higher does not, and at an infinite one there is all there is.
    """
    best, steps = found
    more = MORE_WORTH
    for _ in range(MORE_TRIALS):
        _over_path(field, terms, over, steps)
        _trim(field, terms, best, steps)
        if best.cost[0] < np.inf or over == np.inf:
            return
        over, more = over + more, 4 * more
    _over_path(field, terms, np.inf, steps)
    _trim(field, terms, best, steps)


@compiled
def _over_path(field: Field, terms: Terms, over: float, steps: Bytes) -> None:
    """Writes the steps of the cheapest path at a price of energy that buys enough; infinite: all there is."""
    if over == np.inf:
        for i in range(len(steps)):
            steps[i] = FULL if field.full[i] > 0.0 else OFF
        return
    ahead = forward(field, terms, over)
    steps_before(ahead, len(steps), 1 if ahead.cost[-1, 1] < ahead.cost[-1, 0] else 0, steps)


@compiled
def _trim(field: Field, terms: Terms, best: Best, steps: Bytes) -> None:
    """A first plan: the steps of a path with energy enough, cut off where the need is met."""
    total, cost, running = 0.0, 0.0, terms.charging
    for i in range(len(steps)):
        taken = field.full[i] if steps[i] == FULL else (field.low[i] if steps[i] == LOW else 0.0)
        rest = terms.need_kwh - total
        if taken > 0.0 and not running and rest > SMALL_KWH:
            cost += terms.start_cost
        running = taken > 0.0
        if rest <= SMALL_KWH or taken > rest:
            steps[i] = OFF
            if rest > SMALL_KWH:
                best.place[1], best.cost[1] = i, rest
                cost += rest * field.price[i]
            taken = max(0.0, rest)
            total += taken
            continue
        total += taken
        cost += taken * field.price[i]
    if total >= terms.need_kwh - SMALL_KWH:
        best.cost[0] = cost
