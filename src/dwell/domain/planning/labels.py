"""Labels: the partial plans that the bound lets live, from both ends, joined at the odd slot: compiled."""

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
from dwell.domain.planning.paths import EVERY, NONE, SAME_COST, Best, Field, Paths, bound, fit, ways_of

Cursor = tuple[int, int, float, float, int]  # labels from, to; energy and cost to add; step
FEW_LABELS, MANY_LABELS = 4096, 400_000
SHARES = (1.0, 2**-14, 2**-11, 2**-8, 2**-5, 2**-2, 1.0)  # of the open gap that a trial looks at


class Pool(NamedTuple):
    """Labels: partial plans. The ones of border i, state s are `first[i, s]` to `last[i, s]`, by energy."""

    energy: Floats
    cost: Floats
    parent: Longs
    step: Bytes
    first: Longs
    last: Longs


@compiled
def close_gap(field: Field, terms: Terms, known: tuple[Paths, int], found: tuple[Best, Bytes]) -> bool:
    """Looks for every plan better than the best between it and the bound; writes best and steps.

    known: the odd slot to look at, or EVERY, or NONE for plans without one. False: the labels ran out.
    """
    paths, odd = known
    best, steps = found
    floor = bound(field, terms, paths, odd)
    for trial in range(len(SHARES)):  # the whole gap with few labels, or else narrow and wider with many
        gap = best.cost[0] - floor
        if gap <= SAME_COST:
            return True
        size = FEW_LABELS if trial == 0 else MANY_LABELS
        there, back = _pool(size, len(field.full)), _pool(size, len(field.full))
        hoped = Best(best.cost.copy(), np.full(6, -1, np.int64))
        hoped.cost[0] = floor + SHARES[trial] * gap + (2 * SAME_COST if SHARES[trial] < 1.0 else 0.0)
        if not _search(field, terms, (paths, odd, there, back), hoped):
            if trial > 0:
                break
            continue
        if hoped.place[4] >= 0:
            best.cost[:], best.place[:] = hoped.cost, hoped.place
            _read_labels((there, back), best, steps)
        if hoped.place[4] >= 0 or SHARES[trial] == 1.0:
            return True
    return False


@compiled
def _search(field: Field, terms: Terms, known: tuple[Paths, int, Pool, Pool], best: Best) -> bool:
    """Every partial plan that the bound lets live, from both ends, joined at the odd slot. False: pool too small."""
    paths, odd, there, back = known
    count = len(field.full)
    sums = np.zeros(count + 1)
    for i in range(count):
        sums[i + 1] = sums[i] + field.full[i]
    if odd != NONE and not _labels_back(field, terms, (paths, odd, back, sums), best):
        return False
    there.energy[0], there.cost[0], there.parent[0], there.step[0] = 0.0, 0.0, -1, OFF
    there.first[0, 0], there.first[0, 1] = 0, 0
    there.last[0, 0], there.last[0, 1] = (0, 1) if terms.charging else (1, 0)
    top = 1
    for i in range(count):
        if odd in {EVERY, i} and field.full[i] > 0.0:
            for pattern in range(5):
                _join_labels(field, terms, (paths, there, back, i, pattern), best)
        if i == odd:
            return True
        lists = np.array([there.first[i, 0], there.last[i, 0], there.first[i, 1], there.last[i, 1]])
        for state in range(2):
            keep = (
                best.cost[0] - SAME_COST - paths.worth * paths.goal - paths.behind.cost[i + 1, state],
                terms.need_kwh - (sums[count] - sums[i + 1]) - SMALL_KWH,
                terms.most_kwh + SMALL_KWH,
            )
            there.first[i + 1, state] = top
            top = _merge(there, top, _cursors(field, terms, (i, state, paths.worth), lists), keep)
            if top < 0:
                return False
            there.last[i + 1, state] = top
    _take_whole(terms, there, paths.worth, best)
    return True


@compiled
def _labels_back(field: Field, terms: Terms, known: tuple[Paths, int, Pool, Floats], best: Best) -> bool:
    """The labels from the end back to the border after the odd slot, into the pool. False: it is too small."""
    paths, odd, back, sums = known
    count = len(field.full)
    back.energy[0], back.cost[0], back.parent[0], back.step[0] = 0.0, 0.0, -1, OFF
    back.first[count, 0], back.first[count, 1], back.last[count, 0], back.last[count, 1] = 0, 0, 1, 1
    top = 1
    for i in range(count - 1, max(odd, 0), -1):
        after = i + 1
        lists = np.array(
            [back.first[after, 0], back.last[after, 0], back.first[after, 1], back.last[after, 1]]
        )
        for state in range(2):
            keep = (
                best.cost[0] - SAME_COST - paths.worth * paths.goal - paths.ahead.cost[i, state],
                terms.need_kwh - sums[i] - SMALL_KWH,
                terms.most_kwh + SMALL_KWH,
            )
            back.first[i, state] = top
            top = _merge(back, top, _cursors_back(field, terms, (i, state, paths.worth), lists), keep)
            if top < 0:
                return False
            back.last[i, state] = top
    return True


@compiled
def _pool(size: int, count: int) -> Pool:
    return Pool(
        np.empty(size),
        np.empty(size),
        np.empty(size, np.int64),
        np.empty(size, np.int8),
        np.zeros((count + 1, 2), np.int64),
        np.zeros((count + 1, 2), np.int64),
    )


@compiled
def _cursors(
    field: Field, terms: Terms, place: tuple[int, int, float], lists: Longs
) -> tuple[Cursor, Cursor]:
    """What leads over slot i to a state that is on (`here` 1) or off. place: i, here, worth.

    lists: begin and end of the labels that are off, begin and end of those that are on, on the other border.
    Back from the end the same holds with `here` for the state before the slot; see `_cursors_back`.
    """
    i, here, worth = place
    full, through, gain = field.full[i], field.through[i], field.price[i] - worth
    if here == 0:
        return (lists[0], lists[1], 0.0, 0.0, OFF), (lists[2], lists[3], 0.0, 0.0, OFF)
    off_end, on_end = (lists[1], lists[3]) if full > 0.0 else (lists[0], lists[2])
    begun = (lists[0], off_end, full, gain * full + terms.start_cost, FULL)
    return begun, (lists[2], on_end, through, gain * through, LOW if through < full else FULL)


@compiled
def _cursors_back(
    field: Field, terms: Terms, place: tuple[int, int, float], lists: Longs
) -> tuple[Cursor, Cursor]:
    """What follows over slot i on a state. As `_cursors`, with the labels of the border after the slot."""
    i, here, worth = place
    full, taken, gain = field.full[i], field.through[i], field.price[i] - worth
    extra, step = 0.0, LOW if taken < full else FULL
    if here == 0:
        taken, extra, step = full, terms.start_cost, FULL
    on_end = lists[3] if full > 0.0 else lists[2]
    return (lists[0], lists[1], 0.0, 0.0, OFF), (lists[2], on_end, taken, gain * taken + extra, step)


@compiled
def _merge(pool: Pool, top: int, lists: tuple[Cursor, Cursor], keep: tuple[float, float, float]) -> int:
    """Merge two lists of labels, each by energy, to a new one at `top`; its end, or -1 when the pool is full.

    keep: cost below, energy from, energy to. Of labels with the same energy the cheapest stays.
    """
    start = top
    at0, at1 = lists[0][0], lists[1][0]
    while True:
        energy, which, at = np.inf, -1, 0
        if at0 < lists[0][1]:
            energy, which, at = pool.energy[at0] + lists[0][2], 0, at0
        if at1 < lists[1][1] and pool.energy[at1] + lists[1][2] < energy:
            energy, which, at = pool.energy[at1] + lists[1][2], 1, at1
        if which < 0:
            return top
        at0, at1 = at0 + (which == 0), at1 + (which == 1)
        cost = pool.cost[at] + lists[which][3]
        if cost >= keep[0] or energy < keep[1] or energy > keep[2]:
            continue
        if top > start and energy - pool.energy[top - 1] <= SAME_KWH:
            if cost >= pool.cost[top - 1]:
                continue
            top -= 1
        if top == len(pool.cost):
            return -1
        pool.energy[top], pool.cost[top] = energy, cost
        pool.parent[top], pool.step[top] = at, lists[which][4]
        top += 1


@compiled
def _join_labels(field: Field, terms: Terms, known: tuple[Paths, Pool, Pool, int, int], best: Best) -> None:
    """The best pair of labels before and after slot i, with what is missing between them in the slot."""
    paths, there, back, i, pattern = known
    worth, gain = paths.worth, field.price[i] - paths.worth
    left, right, ways = ways_of(field, terms, i, pattern)
    first, end = back.first[i + 1, right], back.last[i + 1, right]
    floor = (
        ways[0] + min(gain * ways[1], gain * ways[2]) + paths.behind.cost[i + 1, right] + worth * paths.goal
    )
    begin = end
    for a in range(there.first[i, left], there.last[i, left]):
        if there.cost[a] + floor >= best.cost[0] - SAME_COST:
            continue
        least = terms.need_kwh - ways[2] - there.energy[a] - SAME_KWH
        most = terms.most_kwh - ways[1] - there.energy[a] + SAME_KWH
        while begin > first and back.energy[begin - 1] >= least:
            begin -= 1
        for b in range(begin, end):
            if back.energy[b] > most:
                break
            rest = there.energy[a] + back.energy[b]
            odd = fit(rest, ways, terms, field.price[i])
            cost = there.cost[a] + back.cost[b] + worth * rest + ways[0] + odd * field.price[i]
            if odd >= 0.0 and cost < best.cost[0] - SAME_COST:
                best.cost[0], best.cost[1], best.place[1] = cost, odd, i
                best.place[2], best.place[3], best.place[4], best.place[5] = left, right, a, b


@compiled
def _take_whole(terms: Terms, there: Pool, worth: float, best: Best) -> None:
    """Plans without an odd slot."""
    count = len(there.first) - 1
    for state in range(2):
        for a in range(there.first[count, state], there.last[count, state]):
            cost = there.cost[a] + worth * there.energy[a]
            if terms.need_kwh - SMALL_KWH <= there.energy[a] and cost < best.cost[0] - SAME_COST:
                best.cost[0], best.cost[1], best.place[1], best.place[4] = cost, 0.0, -1, a


@compiled
def _read_labels(pools: tuple[Pool, Pool], best: Best, steps: Bytes) -> None:
    there, back = pools
    odd, label = best.place[1], best.place[4]
    for i in range((len(steps) if odd < 0 else odd) - 1, -1, -1):
        steps[i], label = there.step[label], there.parent[label]
    if odd < 0:
        return
    steps[odd] = OFF
    label = best.place[5]
    for i in range(odd + 1, len(steps)):
        steps[i], label = back.step[label], back.parent[label]
