"""What energy costs along a price curve: the exact sum of energy in each interval × the price of that interval."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Context, Decimal
from typing import Protocol

from dwell.domain.instants import micros_of
from dwell.domain.tariff.curve import PriceCurve, PriceSlot

# A price has at most 28 digits (the readers see to it) and an energy in µWh at most 19: products and their
# sums stay exact in 60.
EXACT = Context(prec=60)
"""For all sums of money: nothing is rounded in it."""
_MICRO = 1_000_000
_KWH_PER_MICRO_WH = -9


class TimedEnergy(Protocol):
    """Energy drawn evenly over `[start_at, end_at)`, in Wh."""

    @property
    def start_at(self) -> datetime: ...
    @property
    def end_at(self) -> datetime: ...
    @property
    def energy_wh(self) -> int: ...


def cost_of(energy: Iterable[TimedEnergy], curve: PriceCurve) -> Decimal | None:
    """The cost of `energy` in the curve's currency, unrounded; None if any of it falls where no price is known.

    An interval that crosses price changes is spread evenly over time, in whole µWh that add up to it exactly.
    Energy of an empty interval is priced at its instant.
    """
    total = Decimal(0)
    for part in energy:
        if part.energy_wh == 0:
            continue
        slot = curve.at(part.start_at)
        if slot is None:
            return None
        if part.end_at <= slot.end_at:
            share = EXACT.scaleb(EXACT.multiply(part.energy_wh, slot.price_per_kwh), -3)
            total = EXACT.add(total, share)
            continue
        spread = _cost_across(part, curve)
        if spread is None:
            return None
        total = EXACT.add(total, spread)
    return total


def _cost_across(part: TimedEnergy, curve: PriceCurve) -> Decimal | None:
    total = Decimal(0)
    known_until = part.start_at
    for slot, micro_wh in _spread(part, curve.between(part.start_at, part.end_at)):
        if slot.start_at > known_until:
            return None
        known_until = slot.end_at
        total = EXACT.add(total, EXACT.multiply(micro_wh, slot.price_per_kwh))
    return None if known_until < part.end_at else EXACT.scaleb(total, _KWH_PER_MICRO_WH)


def _spread(part: TimedEnergy, slots: Iterator[PriceSlot]) -> Iterator[tuple[PriceSlot, int]]:
    """Each slot with its share of the energy in µWh, rounded on the running sum so that the shares add up."""
    start, end = micros_of(part.start_at), micros_of(part.end_at)
    given = 0
    for slot in slots:
        until = min(micros_of(slot.end_at), end) - start
        due = part.energy_wh * _MICRO * until // (end - start)
        yield slot, due - given
        given = due
