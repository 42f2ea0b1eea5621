"""When a feed of day-ahead prices is asked again, and whether what it said can be true."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from dwell.domain.tariff.curve import PriceCurve, PriceSlot

DAY = timedelta(days=1)
AHEAD = timedelta(hours=14)
"""Prices known for so long are enough for now: those of the next day come out about midday."""
USUAL, WAITING = timedelta(hours=1), timedelta(minutes=10)
BACK_OFF = (
    timedelta(minutes=1),
    timedelta(minutes=2),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
)
"""The wait after the first, second, … failure in a row; the last for all further ones."""
JITTER = 0.2
LEAST_KINDS = 6
"""A day of fewer different prices than this may well be like the one before."""
STALE_AFTER = timedelta(hours=30)


def wait_for_next(known_until: datetime | None, now: datetime, failures: int, chance: float) -> timedelta:
    """How long to wait before the feed is asked again. `chance` in [0, 1) spreads those who would ask together."""
    if failures:
        wait = BACK_OFF[min(failures, len(BACK_OFF)) - 1]
    else:
        wait = USUAL if known_until is not None and known_until - now >= AHEAD else WAITING
    return wait * (1 + JITTER * chance)


def repeated_day(coming: Sequence[PriceSlot], present: PriceCurve | None) -> datetime | None:
    """The start of a day of new prices that are those of the day before, one by one; None if there is none.

    Two days of a market never agree in every price; a feed that says so serves yesterday's for today's. `present` are
    the prices that are known; slots that say again what is known are not new.
    """
    known = {} if present is None else {(s.start_at, s.end_at): s.price_per_kwh for s in present.slots}
    prices = known | {(slot.start_at, slot.end_at): slot.price_per_kwh for slot in coming}
    run: list[PriceSlot] = []
    for slot in sorted(coming, key=lambda one: one.start_at):
        before = prices.get((slot.start_at - DAY, slot.end_at - DAY))
        is_new = known.get((slot.start_at, slot.end_at)) != slot.price_per_kwh
        if not is_new or before != slot.price_per_kwh or (run and run[-1].end_at != slot.start_at):
            run = []
        if is_new and before == slot.price_per_kwh:
            run.append(slot)
        lasts = bool(run) and run[-1].end_at - run[0].start_at >= DAY - timedelta(hours=1)
        if lasts and len({one.price_per_kwh for one in run}) >= LEAST_KINDS:
            return run[0].start_at
    return None
