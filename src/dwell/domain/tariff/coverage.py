"""How much of a window a price curve covers, and where it covers without a gap."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from dwell.domain.tariff.curve import PriceCurve


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open interval `[start_at, end_at)` of aware UTC instants."""

    start_at: datetime
    end_at: datetime


def coverage(curve: PriceCurve, start_at: datetime, end_at: datetime) -> float:
    """The share 0.0 … 1.0 of `[start_at, end_at)` that has a price; 1.0 for an empty window."""
    if end_at <= start_at:
        return 1.0
    covered = timedelta(0)
    for slot in curve.between(start_at, end_at):
        covered += min(slot.end_at, end_at) - max(slot.start_at, start_at)
    return covered / (end_at - start_at)


def runs(curve: PriceCurve) -> tuple[Span, ...]:
    """The longest spans that the curve covers without a gap, in order."""
    return joined([Span(slot.start_at, slot.end_at) for slot in curve.slots])


def joined(spans: list[Span]) -> tuple[Span, ...]:
    """`spans` (ordered, not overlapping) with those that touch made one."""
    found: list[Span] = []
    for span in spans:
        if found and found[-1].end_at == span.start_at:
            found[-1] = Span(found[-1].start_at, span.end_at)
        else:
            found.append(span)
    return tuple(found)
