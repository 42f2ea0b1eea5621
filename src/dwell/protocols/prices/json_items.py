"""JSON documents whose items each state a start, mostly an end, and a price: what their readers have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from dwell.domain.instants import NoZone, read_instant
from dwell.protocols.prices.assembly import Entry, Findings, whole_end
from dwell.protocols.prices.document import Unit, price_per_kwh, read_number, shown

FINEST_ALONE = timedelta(hours=1)
"""How long the last of several starts lasts where nothing tells: as the one before it, and never more than this."""


@dataclass(frozen=True, slots=True)
class Point:
    """A start and a price, at `path`; the end is for others to tell."""

    path: str
    start_at: datetime
    price_per_kwh: Decimal | None


def objects(
    items: Iterable[object], path: str, findings: Findings
) -> Iterator[tuple[str, dict[str, object]]]:
    """Each object of a list with its path; whatever else is in it is a fault."""
    for index, item in enumerate(items):
        here = f"{path}[{index}]"
        if isinstance(item, dict):
            yield here, item
        else:
            findings.fault(here, "an object is expected")


def instant(value: object, path: str, findings: Findings) -> datetime | None:
    """The instant that ISO 8601 text names, or None and a fault."""
    try:
        if not isinstance(value, str):
            raise ValueError(f"{shown(value)} is not an instant")
        return read_instant(value)
    except (NoZone, ValueError) as error:
        findings.fault(path, error)
        return None


def amount(value: object, unit: Unit, path: str, findings: Findings) -> Decimal | None:
    """The price per kWh that a number, or the text of one, states; None and a fault otherwise."""
    try:
        return price_per_kwh(read_number(value) if type(value) is str else value, unit)
    except ValueError as error:
        findings.fault(path, error)
        return None


def interval(
    item: dict[str, object], names: tuple[str, str], path: str, findings: Findings
) -> tuple[datetime, datetime] | None:
    """Start and end under these two names, or None and the faults."""
    start_at = instant(item.get(names[0]), f"{path}.{names[0]}", findings)
    end_at = instant(item.get(names[1]), f"{path}.{names[1]}", findings)
    return None if start_at is None or end_at is None else (start_at, whole_end(end_at))


def ended_by_the_next(points: Iterable[Point]) -> Iterator[Entry]:
    """Entries of points in time order, each lasting until the next starts, but none longer than the one before it.

    A wider step after a narrow one is a hole, so no price is stretched over it; the first may last as the second.
    """
    ordered = sorted(points, key=lambda point: point.start_at)
    steps = [later.start_at - earlier.start_at for earlier, later in pairwise(ordered)]
    length = min((step for step in steps[:2] if step), default=FINEST_ALONE)
    for point, step in zip(ordered, [*steps, length], strict=True):
        length = min(step or length, FINEST_ALONE)
        yield Entry(point.path, point.start_at, point.start_at + length, point.price_per_kwh)
