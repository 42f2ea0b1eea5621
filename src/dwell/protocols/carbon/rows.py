"""What the formats have in common: rows of a start, mostly an end, and an intensity; what differs is in a `Format`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from dwell.domain.ids import Zone
from dwell.domain.instants import NoZone, read_instant
from dwell.domain.tariff.curve import PriceSlot
from dwell.protocols.prices.assembly import Entry, Findings, assemble, whole_end
from dwell.protocols.prices.csv_text import Table
from dwell.protocols.prices.document import read_number, read_zone, shown

MOST_G_PER_KWH = 2_000
"""Lignite burnt alone in an old plant stays below 1,300; more is another unit."""

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format by its header. `intensity_of` gives the text and the g per kWh that one of its units stands for.

    `is_utc` reads stamps without a zone as UTC. An intensity of "" is a gap that the document names.
    """

    name: str
    columns: frozenset[str]
    start: str
    intensity_of: Callable[[Row], str]
    g_per_unit: int = 1
    end: str | None = None
    zone_column: str | None = None
    is_utc: bool = False
    source: str = ""
    note: str = ""

    def zone_of(self, table: Table, findings: Findings) -> Zone | None:
        """The one zone that the document names. More than one is a fault."""
        stated = {table.remarks.get("zone", "")}
        if self.zone_column in table.header:
            at = table.header.index(self.zone_column)
            stated |= {record[at].strip() for _, record in table.records if at < len(record)}
        named = set[Zone]()
        for text in stated - {""}:
            try:
                named.add(read_zone(text))
            except ValueError as error:
                findings.fault("zone", error)
        if len(named) > 1:
            findings.fault("zone", f"one zone per document; this one has {', '.join(sorted(named)[:5])}")
        return min(named, default=None)


def slots_of(table: Table, form: Format, findings: Findings) -> tuple[PriceSlot, ...]:
    """The document's slots in order of time. Raises Refused with every fault of every line."""
    rows = list(_rows(table, form, findings))
    return assemble(_entries(rows, findings), findings, of_money=False)


@dataclass(frozen=True, slots=True)
class _Point:
    path: str
    start_at: datetime
    end_at: datetime | None
    g_per_kwh: Decimal | None


def _rows(table: Table, form: Format, findings: Findings) -> Iterator[_Point]:
    for line, record in table.records:
        path = f"line[{line}]"
        # A comma after the last value is no value more.
        values = record[:-1] if len(record) == len(table.header) + 1 and not record[-1] else record
        if len(values) != len(table.header):
            findings.fault(path, f"{len(values)} values for {len(table.header)} columns")
            continue
        row = dict(zip(table.header, values, strict=True))
        start_at = _instant(row[form.start], form, f"{path}.{form.start}", findings)
        end_text = row.get(form.end, "") if form.end is not None else ""
        end_at = _instant(end_text, form, f"{path}.{form.end}", findings) if end_text else None
        intensity = _intensity(form.intensity_of(row), form, path, findings)
        if start_at is not None:
            yield _Point(path, start_at, None if end_at is None else whole_end(end_at), intensity)


def _instant(text: str, form: Format, path: str, findings: Findings) -> datetime | None:
    try:
        return read_instant(text)
    except NoZone:
        if form.is_utc:
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        findings.fault(path, f"{shown(text)} is a local time; write its offset")
    except ValueError as error:
        findings.fault(path, f"{shown(text)}: {error}")
    return None


def _intensity(text: str, form: Format, path: str, findings: Findings) -> Decimal | None:
    if not text.strip():
        return None
    try:
        g_per_kwh = read_number(text) * form.g_per_unit
    except ValueError as error:
        findings.fault(path, error)
        return None
    if not -MOST_G_PER_KWH <= g_per_kwh <= MOST_G_PER_KWH:
        findings.fault(path, f"{g_per_kwh:.3E} g per kWh is not plausible; is the unit right?")
        return None
    return round(g_per_kwh, 6)


def _entries(points: Sequence[_Point], findings: Findings) -> Iterator[Entry]:
    """Points with their ends: the one stated, else as long as the shortest step of all; holes stay holes."""
    starts = sorted({point.start_at for point in points})
    steps = [later - earlier for earlier, later in pairwise(starts)]
    step = min(steps, default=timedelta(0))
    for point in points:
        end_at = point.end_at or (point.start_at + step if step else None)
        if end_at is None:
            findings.fault(point.path, "the only row; how long it lasts must be said")
            continue
        yield Entry(point.path, point.start_at, end_at, point.g_per_kwh)
