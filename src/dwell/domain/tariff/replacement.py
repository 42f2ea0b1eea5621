"""Later prices over earlier ones: what a document changes, and the slots after it.

The rule: a later document replaces the instants it covers, and only where it says something new. Where its
price equals the one in force the present slot stays as it is, so that importing the same thing twice changes
nothing and a correction changes exactly its span. Resolutions may differ: quarter hours cut the hour they lie in,
and an hour takes the place of the quarters it covers.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from dwell.domain.tariff.coverage import Span, joined
from dwell.domain.tariff.curve import PriceCurve, PriceSlot


class Replacement(NamedTuple):
    """The slots afterwards, in order, and the spans in which the price is another than before (or new)."""

    slots: tuple[PriceSlot, ...]
    changed: tuple[Span, ...]


def replace(present: Sequence[PriceSlot], incoming: Iterable[PriceSlot]) -> Replacement:
    """`present` (ordered, without overlaps) after `incoming` came in, in any order.

    Raises ValueError naming the slot if `incoming` overlaps itself or holds an empty slot.
    """
    present = tuple(present)
    coming = PriceCurve.of("", incoming).slots
    if not coming:
        return Replacement(present, ())
    first = bisect_right(present, coming[0].start_at, key=_end_of)
    last = bisect_left(present, coming[-1].end_at, key=_start_of)
    met = present[first:last]
    news = [part for slot in coming for part in _news_of(slot, met)]
    if not news:
        return Replacement(present, ())
    middle = sorted([*_without(met, news), *news], key=_start_of)
    changed = joined([Span(part.start_at, part.end_at) for part in news])
    return Replacement((*present[:first], *middle, *present[last:]), changed)


def layered(currency: str, layers: Iterable[Iterable[PriceSlot]]) -> PriceCurve:
    """The curve of several documents' slots, each laid over those before it."""
    slots: tuple[PriceSlot, ...] = ()
    for layer in layers:
        slots = replace(slots, layer).slots
    return PriceCurve.of(currency, slots)


def _start_of(slot: PriceSlot) -> datetime:
    return slot.start_at


def _end_of(slot: PriceSlot) -> datetime:
    return slot.end_at


def _news_of(slot: PriceSlot, met: tuple[PriceSlot, ...]) -> Iterator[PriceSlot]:
    """The parts of `slot` whose price is not in force already, in order."""
    since = slot.start_at
    for index in range(bisect_right(met, slot.start_at, key=_end_of), len(met)):
        old = met[index]
        if old.start_at >= slot.end_at:
            break
        if old.price_per_kwh == slot.price_per_kwh:
            if old.start_at > since:
                yield PriceSlot(since, old.start_at, slot.price_per_kwh)
            since = old.end_at
    if since < slot.end_at:
        yield PriceSlot(since, slot.end_at, slot.price_per_kwh)


def _without(slots: tuple[PriceSlot, ...], cuts: Sequence[PriceSlot]) -> Iterator[PriceSlot]:
    """What remains of `slots` outside `cuts`; both ordered."""
    for slot in slots:
        since = slot.start_at
        for index in range(bisect_right(cuts, slot.start_at, key=_end_of), len(cuts)):
            cut = cuts[index]
            if cut.start_at >= slot.end_at:
                break
            if cut.start_at > since:
                yield PriceSlot(since, cut.start_at, slot.price_per_kwh)
            since = cut.end_at
        if since == slot.start_at:
            yield slot
        elif since < slot.end_at:
            yield PriceSlot(since, slot.end_at, slot.price_per_kwh)
