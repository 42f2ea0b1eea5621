"""A session's money, quarter hour by quarter hour: rows that add up to its figures exactly.

Energy charged is whole Wh. The baseline's is exact to a µWh, in Decimal Wh: a stretch at full power ends where it ends.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from dwell.domain.instants import QUARTER, floor_quarter, micros_of
from dwell.domain.session.record import Session
from dwell.domain.session.settle import Stretch, baseline_stretches, row_stretches
from dwell.domain.tariff.cost import EXACT, cost_of
from dwell.domain.tariff.curve import PriceCurve, PriceSlot

_MICRO = 1_000_000
_KWH_PER_MICRO_WH = -9


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuedQuarter:
    """One quarter hour. `slots` are the prices that meet it; a cost is None where energy falls on no price.

    `baseline_cost` is None throughout where the session has no baseline.
    """

    start_at: datetime
    end_at: datetime
    energy_wh: int
    cost: Decimal | None
    baseline_energy_wh: Decimal
    baseline_cost: Decimal | None
    slots: tuple[PriceSlot, ...]


def quarters_of(session: Session, curve: PriceCurve | None) -> list[ValuedQuarter]:
    """The session's quarter hours, valued along the curve by which it was settled."""
    along = curve or PriceCurve.of("", ())
    baseline_uwh, baseline_cost = _baseline(session, along)
    has_baseline = session.valuation is not None and session.valuation.baseline_cost is not None
    rows = {row.start_at: row for row in row_stretches(session)}
    quarters = list[ValuedQuarter]()
    for start_at in sorted(rows.keys() | baseline_uwh.keys()):
        end_at = start_at + QUARTER
        row = rows.get(start_at) or Stretch(start_at, end_at, 0)
        quarters.append(
            ValuedQuarter(
                start_at=start_at,
                end_at=end_at,
                energy_wh=row.energy_wh,
                cost=cost_of([row], along),
                baseline_energy_wh=EXACT.scaleb(Decimal(baseline_uwh.get(start_at, 0)), -6),
                baseline_cost=baseline_cost.get(start_at, Decimal(0)) if has_baseline else None,
                slots=tuple(along.between(start_at, end_at)),
            )
        )
    return quarters


def emissions_of(session: Session, intensities: PriceCurve) -> tuple[Decimal, Decimal] | None:
    """g of CO2 as charged, and as charged at once; None where the intensity is not known throughout."""
    quarters = quarters_of(session, intensities)
    charged = [one.cost for one in quarters if one.cost is not None]
    at_once = [one.baseline_cost for one in quarters if one.baseline_cost is not None]
    if not quarters or len(charged) < len(quarters) or len(at_once) < len(quarters):
        return None
    return exact_sum(charged), exact_sum(at_once)


def baseline_by_quarter_uwh(session: Session) -> dict[datetime, int]:
    """The baseline's energy in µWh by the start of the quarter hour; the same whatever the prices."""
    return _baseline(session, PriceCurve.of("", ()))[0]


def exact_sum(amounts: Sequence[Decimal]) -> Decimal:
    """The sum with every digit kept."""
    total = Decimal(0)
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total


def _baseline(
    session: Session, curve: PriceCurve
) -> tuple[dict[datetime, int], dict[datetime, Decimal | None]]:
    """Energy in µWh, and cost, of the baseline by the start of the quarter hour."""
    energy_uwh: dict[datetime, int] = defaultdict(int)
    cost: dict[datetime, Decimal | None] = {}
    for stretch in baseline_stretches(session):
        for at, micro_wh in _pieces(stretch, curve):
            quarter, slot = floor_quarter(at), curve.at(at)
            energy_uwh[quarter] += micro_wh
            before = cost.get(quarter, Decimal(0))
            if micro_wh == 0:
                continue
            if slot is None or before is None:
                cost[quarter] = None
                continue
            share = EXACT.scaleb(EXACT.multiply(micro_wh, slot.price_per_kwh), _KWH_PER_MICRO_WH)
            cost[quarter] = EXACT.add(before, share)
    return dict(energy_uwh), cost


def _pieces(stretch: Stretch, curve: PriceCurve) -> Iterator[tuple[datetime, int]]:
    """The stretch cut at every quarter hour and price change: the start of each piece and its energy in µWh.

    Rounded on the running sum, as `cost_of` rounds where it cuts at price changes alone: so both give one cost.
    """
    if stretch.start_at == stretch.end_at:
        yield stretch.start_at, stretch.energy_wh * _MICRO
        return
    edges = {stretch.start_at, stretch.end_at}
    quarter = floor_quarter(stretch.start_at) + QUARTER
    while quarter < stretch.end_at:
        edges.add(quarter)
        quarter += QUARTER
    for slot in curve.between(stretch.start_at, stretch.end_at):
        edges |= {at for at in (slot.start_at, slot.end_at) if stretch.start_at < at < stretch.end_at}
    ordered = sorted(edges)
    first, length = micros_of(stretch.start_at), micros_of(stretch.end_at) - micros_of(stretch.start_at)
    given = 0
    for start_at, end_at in pairwise(ordered):
        due = stretch.energy_wh * _MICRO * (micros_of(end_at) - first) // length
        yield start_at, due - given
        given = due
