"""Several price curves and a formula become one curve: cut at every breakpoint of any, evaluated as vectors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from dwell.domain.instants import instant_of, micros_of
from dwell.domain.tariff.curve import PriceCurve, PriceSlot
from dwell.domain.tariff.formula import Formula, Vector, rate_of

Instants = NDArray[np.int64]
LIMIT_RATE = 1e6
"""Per kWh, either way: beyond it is no price but a slip, and it must not stop the import of the prices it came from."""


@dataclass(frozen=True, slots=True)
class Steps:
    """A series as vectors: `[starts, ends)` in microseconds since 1970, and the rate per kWh of each."""

    starts: Instants
    ends: Instants
    rates: Vector

    @classmethod
    def of(cls, curve: PriceCurve) -> Steps:
        """The curve's slots."""
        slots = curve.slots
        return cls(
            np.fromiter((micros_of(slot.start_at) for slot in slots), np.int64, len(slots)),
            np.fromiter((micros_of(slot.end_at) for slot in slots), np.int64, len(slots)),
            np.fromiter((float(slot.price_per_kwh) for slot in slots), np.float64, len(slots)),
        )

    def at(self, starts: Instants) -> Vector:
        """The rate in force at each instant, nan in gaps."""
        if not len(self.starts):
            return np.full(len(starts), np.nan)
        index = np.searchsorted(self.starts, starts, side="right") - 1
        safe = np.maximum(index, 0)
        return np.where((index >= 0) & (self.ends[safe] > starts), self.rates[safe], np.nan)


def resolve(formula: Formula, of: Mapping[str, Steps], start_at: datetime, end_at: datetime) -> Steps:
    """The formula over the series of its variables within `[start_at, end_at)`; gaps where one of them has none.

    There is a gap, too, where the formula grows beyond `LIMIT_RATE`.
    Neighbours of one rate are one step.
    """
    low, high = micros_of(start_at), micros_of(end_at)
    inner = [edges for steps in of.values() for edges in (steps.starts, steps.ends)]
    edges = np.unique(np.concatenate([np.array([low, high], np.int64), *inner]))
    edges = edges[(edges >= low) & (edges <= high)]
    starts, ends = edges[:-1], edges[1:]
    if not len(starts):
        return Steps(starts, ends, np.zeros(0))
    values = formula.values(
        {"": np.zeros(len(starts))} | {name: steps.at(starts) for name, steps in of.items()}
    )
    known = np.abs(values) <= LIMIT_RATE  # not so of nan either
    starts, ends, values = starts[known], ends[known], values[known]
    if not len(starts):
        return Steps(starts, ends, values)
    fresh = np.concatenate([[True], (values[1:] != values[:-1]) | (starts[1:] != ends[:-1])])
    last = np.concatenate([fresh[1:], [True]])
    return Steps(starts[fresh], ends[last], values[fresh])


def slots_of(steps: Steps) -> Iterator[PriceSlot]:
    """The steps as slots of a price curve, their rates as money."""
    for start, end, rate in zip(
        steps.starts.tolist(), steps.ends.tolist(), steps.rates.tolist(), strict=True
    ):
        yield PriceSlot(instant_of(start), instant_of(end), rate_of(rate))
