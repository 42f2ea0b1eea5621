"""The ENTSO-E Transparency Platform's web export of day-ahead prices: one zone, local wall clock, quoted CSV.

Columns: `MTU (CET/CEST)`, `Day-ahead Price [EUR/MWh]`, `Currency`, `BZN|SE3`; times as `29.10.2023 02:00`. The
hour that spring skips stands there blank; the hour that autumn repeats stands there twice under one label, in
order of time. Only exports in UTC or in Central European time are read: the header tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from dwell.domain.errors import Fault
from dwell.domain.ids import Zone
from dwell.protocols.prices.assembly import Entry, Findings, assemble
from dwell.protocols.prices.csv_text import header_of, read_table
from dwell.protocols.prices.document import (
    PriceDocument,
    Unit,
    price_per_kwh,
    read_number,
    read_unit,
    read_zone,
    refuse,
    shown,
)
from dwell.protocols.prices.market_clock import HOUR, is_repeated, is_skipped, utc_of

NAME = "entsoe-csv"
_TIME = re.compile(r"(\d{2})[./](\d{2})[./](\d{4}) (\d{2}):(\d{2})(?::\d{2})?", re.ASCII)
_BLANK = frozenset({"", "-", "n/e", "n/a"})


def recognises(content: bytes) -> bool:
    """Whether the first two columns are those of the export."""
    header = header_of(content)
    return len(header) > 1 and header[0].startswith("mtu (") and header[1].startswith("day-ahead price")


def read(name: str, content: bytes) -> PriceDocument:
    """The prices of the export. Raises Refused naming every fault by its path (`line[7].price`)."""
    table = read_table(content)
    findings = Findings()
    clock = table.header[0].removeprefix("mtu (").removesuffix(")")
    if clock not in {"utc", "cet/cest"}:
        raise refuse([Fault(field="header", message=f"times in {clock}; UTC and CET/CEST are read")])
    zone = _zone(table.header)
    entries = _entries(table.records, (_unit(table.header[1]), clock == "utc"), findings)
    slots = assemble(entries, findings)
    return PriceDocument(
        name=name,
        format_name=NAME,
        zone=zone,
        zone_stated=zone is not None,
        currency="EUR",
        slots=slots,
        source="ENTSO-E Transparency Platform",
        notes=tuple(findings.notes),
    )


def _unit(column: str) -> Unit:
    found = re.search(r"[\[(](.+)[\])]", column)
    try:
        return read_unit(found[1] if found else "")
    except ValueError as error:
        raise refuse([Fault(field="header", message=str(error))]) from error


def _zone(header: list[str]) -> Zone | None:
    named = next((column.partition("|")[2] for column in header if column.startswith("bzn|")), None)
    return None if named is None else read_zone(named)


def _entries(
    records: list[tuple[int, list[str]]], reading: tuple[Unit, bool], findings: Findings
) -> Iterator[Entry]:
    unit, is_utc = reading
    latest: datetime | None = None
    for line, record in records:
        path = f"line[{line}]"
        cell = record[1].strip() if len(record) > 1 else ""
        try:
            start, end = _local_interval(record[0])
        except ValueError as error:
            findings.fault(f"{path}.mtu", error)
            continue
        if not is_utc and is_skipped(start):
            if cell not in _BLANK:
                findings.fault(f"{path}.price", "a price for an hour that spring skips")
            continue
        start_at = start if is_utc else utc_of(start)
        if not is_utc and latest is not None and start_at <= latest and is_repeated(start):
            start_at += HOUR
        latest = start_at
        price: Decimal | None = None
        if cell not in _BLANK:
            try:
                price = price_per_kwh(read_number(cell), unit)
            except ValueError as error:
                findings.fault(f"{path}.price", error)
        yield Entry(path, start_at, start_at + (end - start), price)


def _local_interval(text: str) -> tuple[datetime, datetime]:
    """The two wall clock times of a label, marked UTC only for want of a zone."""
    first, _, second = text.partition(" - ")
    return _local(first), _local(second)


def _local(text: str) -> datetime:
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{shown(text)} is not a time like 29.10.2023 02:00")
    day, month, year, hour, minute = (int(part) for part in found.groups())
    return datetime(year, month, day, tzinfo=UTC) + timedelta(hours=hour, minutes=minute)
