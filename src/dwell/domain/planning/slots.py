"""Time into slots, and steps into runs of power: the compiled ends of the planner, before and after the search."""

from __future__ import annotations

import numpy as np

from dwell.domain.planning.compiled import (
    LOW,
    OFF,
    SAME_KWH,
    Bytes,
    Floats,
    Longs,
    Slots,
    Terms,
    Windows,
    compiled,
)

HOUR_US = 3.6e9
HALF_US_H = 0.5 / HOUR_US  # instants are whole µs: what is shorter is nothing


@compiled
def cut(
    span: Longs, power_max_kw: float, power_min_kw: float, windows: tuple[Windows, Windows, Windows]
) -> Slots:
    """Slots of `span` (now, end in µs). windows: prices (without gaps over the span), ceilings, restrictions."""
    prices, ceilings, restrictions = windows
    borders = _borders(span, windows)
    count = len(borders) - 1
    free = np.full(count, power_max_kw)
    for k in range(len(ceilings.value)):
        for i in range(
            np.searchsorted(borders, max(ceilings.start_us[k], span[0])),
            np.searchsorted(borders, min(ceilings.end_us[k], span[1])),
        ):
            free[i] = min(free[i], ceilings.value[k])
    for i in range(count):
        if free[i] < power_min_kw:
            free[i] = 0.0
    allowed = free.copy()
    for k in range(len(restrictions.value)):
        for i in range(
            np.searchsorted(borders, max(restrictions.start_us[k], span[0])),
            np.searchsorted(borders, min(restrictions.end_us[k], span[1])),
        ):
            allowed[i] = 0.0
    price = np.zeros(count)
    at = 0
    for i in range(count):
        while at < len(prices.value) and prices.end_us[at] <= borders[i]:
            at += 1
        if at < len(prices.value):
            price[i] = prices.value[at]
    hours = (borders - span[0]) / HOUR_US
    return _joined(Slots(hours[:-1].copy(), hours[1:].copy(), price, free, allowed))


@compiled
def _borders(span: Longs, windows: tuple[Windows, Windows, Windows]) -> Longs:
    total = 2
    for part in windows:
        total += 2 * len(part.value)
    points = np.empty(total, np.int64)
    points[0], points[1] = span[0], span[1]
    used = 2
    for part in windows:
        for k in range(len(part.value)):
            for point in (part.start_us[k], part.end_us[k]):
                if span[0] < point < span[1]:
                    points[used] = point
                    used += 1
    points = np.sort(points[:used])
    kept = 1
    for k in range(1, used):
        if points[k] != points[kept - 1]:
            points[kept] = points[k]
            kept += 1
    return points[:kept]


@compiled
def _joined(slots: Slots) -> Slots:
    """Cuts that change neither price nor ceiling change nothing: they are taken out."""
    used = 0
    for i in range(len(slots.price)):
        if used > 0 and (
            slots.price[i] == slots.price[used - 1]
            and slots.free_kw[i] == slots.free_kw[used - 1]
            and slots.allowed_kw[i] == slots.allowed_kw[used - 1]
        ):
            slots.end_h[used - 1] = slots.end_h[i]
            continue
        slots.start_h[used], slots.end_h[used] = slots.start_h[i], slots.end_h[i]
        slots.price[used] = slots.price[i]
        slots.free_kw[used], slots.allowed_kw[used] = slots.free_kw[i], slots.allowed_kw[i]
        used += 1
    return Slots(
        slots.start_h[:used],
        slots.end_h[:used],
        slots.price[:used],
        slots.free_kw[:used],
        slots.allowed_kw[:used],
    )


@compiled
def at_once(slots: Slots, power_kw: Floats, since_h: float, energy_kwh: float) -> Floats:
    """Runs (start_h, end_h, power_kw, energy_kwh, cost) that take `energy_kwh` from `since_h` at full power.

    Fewer rows of energy than asked for mean that the slots do not hold it.
    """
    runs = np.empty((len(power_kw), 5))
    used = 0
    rest = energy_kwh
    for i in range(len(power_kw)):
        start = max(slots.start_h[i], since_h)
        if rest <= 0.0 or power_kw[i] <= 0.0 or slots.end_h[i] <= start:
            continue
        whole = power_kw[i] * (slots.end_h[i] - start)
        taken = min(rest, whole)
        end = slots.end_h[i] if taken == whole else start + taken / power_kw[i]
        runs[used, 0], runs[used, 1], runs[used, 2] = start, end, power_kw[i]
        runs[used, 3], runs[used, 4] = taken, taken * slots.price[i]
        rest -= taken
        used += 1
    return runs[:used]


@compiled
def from_moment(slots: Slots, since_h: float) -> Slots:
    """The slots from `since_h` on, the first one shortened."""
    k = 0
    while k < len(slots.price) and slots.end_h[k] <= since_h:
        k += 1
    start = slots.start_h[k:].copy()
    if len(start) > 0:
        start[0] = max(start[0], since_h)
    return Slots(start, slots.end_h[k:], slots.price[k:], slots.free_kw[k:], slots.allowed_kw[k:])


@compiled
def runs_of(slots: Slots, terms: Terms, steps: Bytes, odd: tuple[int, float]) -> Floats:
    """Runs as in `at_once`. In the odd slot the energy sits where it joins its neighbours, as early as it can."""
    runs = np.empty((len(steps) + 1, 5))
    used = 0
    for i in range(len(steps)):
        start, end, power = slots.start_h[i], slots.end_h[i], slots.allowed_kw[i]
        if i == odd[0]:
            left = terms.charging if i == 0 else steps[i - 1] != OFF
            right = i + 1 < len(steps) and steps[i + 1] != OFF
            used += _odd_runs((start, end, power, odd[1]), (left, right), terms, runs[used : used + 2])
        elif steps[i] != OFF:
            power = terms.power_min_kw if steps[i] == LOW else power
            runs[used, 0], runs[used, 1], runs[used, 2], runs[used, 3] = (
                start,
                end,
                power,
                power * (end - start),
            )
            used += 1
    return _priced(slots, runs[:used])


@compiled
def _odd_runs(
    slot: tuple[float, float, float, float], joins: tuple[bool, bool], terms: Terms, runs: Floats
) -> int:
    """Writes the one or two runs of the odd slot (start, end, ceiling, energy); how many."""
    start, end, power, energy = slot
    left, right = joins
    low = terms.power_min_kw * (end - start)
    if energy <= SAME_KWH:
        return 0
    if right and terms.modulating and energy >= low - SAME_KWH and power > terms.power_min_kw:
        high = min(max((energy - low) / (power - terms.power_min_kw), 0.0), end - start)
        kept = 0
        if high * power > SAME_KWH:
            runs[0, 0], runs[0, 1], runs[0, 2], runs[0, 3] = start, start + high, power, high * power
            kept = 1
        if end - start - high > 0.0:
            runs[kept, 0], runs[kept, 1], runs[kept, 2] = start + high, end, terms.power_min_kw
            runs[kept, 3] = energy - high * power
            kept += 1
        return kept
    if right and not left:
        power = terms.power_min_kw if terms.modulating else power
        runs[0, 0], runs[0, 1], runs[0, 2], runs[0, 3] = max(start, end - energy / power), end, power, energy
        return 1
    runs[0, 0], runs[0, 1], runs[0, 2], runs[0, 3] = start, min(end, start + energy / power), power, energy
    return 1


@compiled
def _priced(slots: Slots, runs: Floats) -> Floats:
    """Each run lies in one slot: its cost is its energy at the slot's price."""
    at = 0
    for k in range(len(runs)):
        while slots.end_h[at] <= runs[k, 0]:
            at += 1
        runs[k, 4] = runs[k, 3] * slots.price[at]
    return runs
