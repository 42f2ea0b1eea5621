"""A price curve as arrays, built once and shared by many problems, with the prices that are missing filled in."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from dwell.domain.instants import instant_of, micros_of
from dwell.domain.planning.compiled import Floats, Longs, Windows
from dwell.domain.tariff.curve import PriceCurve

DAYS_BACK = 7  # the days whose same local hour stands in for a missing price
HOUR_US = 3_600_000_000
JUDGED_US = (DAYS_BACK + 1) * 24 * HOUR_US  # past the last known price; a day more for changes of the clock


class Priced(NamedTuple):
    """Prices over a span without gaps, and how many µs of it were known."""

    windows: Windows
    known_us: int


@dataclass(frozen=True, slots=True, eq=False)
class PriceGrid:
    """Half-open slots in µs since 1970 and their prices per kWh, in time order, gaps allowed.

    Build one per curve with `of` or `from_slots` and share it: a problem only refers to it. It remembers the
    prices that it had to make up, which changes no answer.
    """

    slots: Windows
    _starts: list[int]
    _ends: list[int]
    _gaps: list[int]
    _mean: float
    _made_up: dict[tuple[str, int], float] = field(default_factory=dict)

    @classmethod
    def from_arrays(cls, start_us: Longs, end_us: Longs, price_per_kwh: Floats) -> PriceGrid:
        """The grid of slots in time order. Raises ValueError where one is empty, overlaps or is not a number."""
        starts, ends = np.asarray(start_us, np.int64), np.asarray(end_us, np.int64)
        prices = np.asarray(price_per_kwh, np.float64)
        if not len(starts) == len(ends) == len(prices):
            raise ValueError("starts, ends and prices must be as many")
        if np.any(ends <= starts) or np.any(starts[1:] < ends[:-1]):
            raise ValueError("price slots must not be empty or overlap")
        if not np.all(np.isfinite(prices)):
            raise ValueError("prices must be finite numbers")
        total = int(np.sum(ends - starts))
        mean = float(np.sum((ends - starts) * prices) / total) if total else 0.0
        gaps = np.concatenate([[0], np.cumsum(starts[1:] != ends[:-1])]) if len(starts) else np.zeros(0)
        return cls(
            Windows(starts, ends, prices), starts.tolist(), ends.tolist(), gaps.astype(int).tolist(), mean
        )

    @classmethod
    def from_slots(cls, slots: Iterable[tuple[datetime, datetime, float]]) -> PriceGrid:
        """The grid of (start, end, price per kWh) in any order. Raises ValueError as `from_arrays`."""
        rows = sorted((micros_of(start), micros_of(end), price) for start, end, price in slots)
        columns = list(zip(*rows, strict=True)) or [(), (), ()]
        return cls.from_arrays(
            np.array(columns[0], np.int64), np.array(columns[1], np.int64), np.array(columns[2], np.float64)
        )

    @classmethod
    def of(cls, curve: PriceCurve) -> PriceGrid:
        """The grid of a tariff's curve."""
        return cls.from_slots((s.start_at, s.end_at, float(s.price_per_kwh)) for s in curve.slots)

    def between(self, start_us: int, end_us: int, timezone: tzinfo) -> Priced:
        """Prices of `[start_us, end_us)`, uncut at its ends, the missing ones made up."""
        if end_us <= start_us:
            return Priced(Windows(self.slots[0][:0], self.slots[1][:0], self.slots[2][:0]), 0)
        low, high = bisect_right(self._ends, start_us), bisect_left(self._starts, end_us)
        inside = Windows(self.slots[0][low:high], self.slots[1][low:high], self.slots[2][low:high])
        if (
            low < high
            and self._starts[low] <= start_us
            and self._ends[high - 1] >= end_us
            and self._gaps[low] == self._gaps[high - 1]
        ):
            return Priced(inside, end_us - start_us)
        return self._filled(inside, start_us, end_us, timezone)

    def known_us(self, start_us: int, end_us: int) -> int:
        """How many µs of `[start_us, end_us)` have a known price."""
        low, high = bisect_right(self._ends, start_us), bisect_left(self._starts, end_us)
        return sum(min(self._ends[k], end_us) - max(self._starts[k], start_us) for k in range(low, high))

    @property
    def is_empty(self) -> bool:
        """Whether no price is known at all."""
        return not self._starts

    def known_until_us(self, since_us: int) -> int | None:
        """Until when prices are known without a gap from `since_us` on; None where that one is missing."""
        at = bisect_right(self._ends, since_us)
        if at >= len(self._starts) or self._starts[at] > since_us:
            return None
        last = bisect_right(self._gaps, self._gaps[at]) - 1
        return self._ends[last]

    def least_between(self, start_us: int, end_us: int) -> float | None:
        """The least price of `[start_us, end_us)`; None unless all of it is known."""
        if end_us <= start_us or self.known_us(start_us, end_us) < end_us - start_us:
            return None
        low, high = bisect_right(self._ends, start_us), bisect_left(self._starts, end_us)
        return float(self.slots.value[low:high].min())

    def cheaper(self, start_us: int, end_us: int, by: float) -> PriceGrid:
        """This grid with all that is known of `[start_us, end_us)` cheaper by `by` per kWh."""
        low, high = bisect_right(self._ends, start_us), bisect_left(self._starts, end_us)
        rows: list[tuple[int, int, float]] = []
        for k in range(low, high):
            cuts = sorted(
                {self._starts[k], self._ends[k], *(at for at in (start_us, end_us) if self._cuts(k, at))}
            )
            price = float(self.slots.value[k])
            rows += [(a, b, price - by if start_us <= a < end_us else price) for a, b in pairwise(cuts)]
        starts, ends, prices = zip(*rows, strict=True) if rows else ((), (), ())
        parts = zip(self.slots, (starts, ends, prices), (np.int64, np.int64, np.float64), strict=True)
        joined = [np.concatenate([old[:low], np.array(new, kind), old[high:]]) for old, new, kind in parts]
        return PriceGrid.from_arrays(joined[0], joined[1], joined[2])

    def _cuts(self, k: int, at_us: int) -> bool:
        return self._starts[k] < at_us < self._ends[k]

    def _filled(self, inside: Windows, start_us: int, end_us: int, timezone: tzinfo) -> Priced:
        rows: list[tuple[int, int, float]] = []
        known, at = 0, start_us
        for slot_start, slot_end, price in zip(*(part.tolist() for part in inside), strict=True):
            rows += self._made_up_rows(at, slot_start, timezone)
            rows.append((slot_start, slot_end, price))
            known += min(slot_end, end_us) - max(slot_start, start_us)
            at = slot_end
        rows += self._made_up_rows(at, end_us, timezone)
        starts, ends, prices = zip(*rows, strict=True)
        return Priced(
            Windows(np.array(starts, np.int64), np.array(ends, np.int64), np.array(prices, np.float64)), known
        )

    def _made_up_rows(self, start_us: int, end_us: int, timezone: tzinfo) -> list[tuple[int, int, float]]:
        """Local hours of a gap; past 8 days without a known price none is near, and the mean of all is one row."""
        before = bisect_right(self._ends, start_us) - 1
        judged_us = min(end_us, self._ends[before] + JUDGED_US) if before >= 0 else start_us
        rows = []
        while start_us < judged_us:
            hour_at = _local_hour(instant_of(start_us), timezone)
            hour_us = micros_of(hour_at)
            until = min(judged_us, hour_us + HOUR_US)
            key = (str(timezone), hour_us)
            if key not in self._made_up:
                self._made_up[key] = self._same_hour_mean(hour_at, timezone)
            rows.append((start_us, until, self._made_up[key]))
            start_us = until
        if start_us < end_us:
            rows.append((start_us, end_us, self._mean))
        return rows

    def _same_hour_mean(self, hour_at: datetime, timezone: tzinfo) -> float:
        """Mean over time of the known prices at this local hour of the 7 days before, else of all known ones."""
        local = hour_at.astimezone(timezone).replace(tzinfo=None)
        total, weight = 0.0, 0
        for days in range(1, DAYS_BACK + 1):
            naive = local - timedelta(days=days)
            for instant in {micros_of(naive.replace(tzinfo=timezone, fold=fold)) for fold in (0, 1)}:
                if instant_of(instant).astimezone(timezone).replace(tzinfo=None) != naive:
                    continue  # an hour that the clocks skipped
                for k in range(
                    bisect_right(self._ends, instant), bisect_left(self._starts, instant + HOUR_US)
                ):
                    span = min(self._ends[k], instant + HOUR_US) - max(self._starts[k], instant)
                    total += span * float(self.slots.value[k])
                    weight += span
        return total / weight if weight else self._mean


def _local_hour(instant: datetime, timezone: tzinfo) -> datetime:
    """The instant at which the local hour of `instant` began."""
    local = instant.astimezone(timezone)
    return instant - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
