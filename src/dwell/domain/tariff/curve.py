"""A price curve: ordered, non-overlapping, half-open UTC intervals, each with a price per kWh; gaps allowed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class PriceSlot:
    """`[start_at, end_at)` at `price_per_kwh` (currency of the curve)."""

    start_at: datetime
    end_at: datetime
    price_per_kwh: Decimal


@dataclass(frozen=True, slots=True)
class PriceCurve:
    """Slots in time order. Build with `of`, which refuses overlaps; look-ups are logarithmic."""

    currency: str
    slots: tuple[PriceSlot, ...]
    _starts: list[datetime] = field(repr=False, compare=False, default_factory=list)

    @classmethod
    def of(cls, currency: str, slots: Iterable[PriceSlot]) -> PriceCurve:
        """The curve of `slots` in any order. Raises ValueError naming the slot that overlaps or is empty."""
        ordered = tuple(sorted(slots, key=lambda s: s.start_at))
        for slot in ordered:
            if slot.end_at <= slot.start_at:
                raise ValueError(f"price slot at {slot.start_at.isoformat()} ends before it starts")
        for earlier, later in pairwise(ordered):
            if later.start_at < earlier.end_at:
                raise ValueError(f"price slot at {later.start_at.isoformat()} overlaps the one before")
        return cls(currency, ordered, [slot.start_at for slot in ordered])

    def at(self, instant: datetime) -> PriceSlot | None:
        """The slot in force at `instant`, or None in a gap."""
        index = bisect_right(self._starts, instant) - 1
        if index < 0 or self.slots[index].end_at <= instant:
            return None
        return self.slots[index]

    def between(self, start_at: datetime, end_at: datetime) -> Iterator[PriceSlot]:
        """The slots that meet `[start_at, end_at)`, uncut, in order."""
        for index in range(max(0, bisect_right(self._starts, start_at) - 1), len(self.slots)):
            slot = self.slots[index]
            if slot.start_at >= end_at:
                return
            if slot.end_at > start_at:
                yield slot
