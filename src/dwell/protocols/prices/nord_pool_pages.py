"""Nord Pool's old market data pages (`/api/marketdata/page/10`): a table of one day, a column for each area.

Times are the wall clock of Central Europe without a zone: in autumn one label occurs twice, the earlier hour first, and
spring leaves one out or blank. Amounts are text with a decimal comma and spaces between thousands. An area that has
left the market has a column of blanks, and no document. Rows of summary
(`IsExtraRow`) and the system price are left out. Norway's areas have the names of towns here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from dwell.domain.errors import Fault
from dwell.domain.ids import Zone
from dwell.protocols.prices.assembly import Entry, Findings, assemble
from dwell.protocols.prices.document import (
    PriceDocument,
    Unit,
    price_per_kwh,
    read_currency,
    read_number,
    read_zone,
    refuse,
    shown,
)
from dwell.protocols.prices.json_items import objects
from dwell.protocols.prices.json_text import list_at, read_object, text_at
from dwell.protocols.prices.market_clock import HOUR, is_repeated, is_skipped, utc_of

NAME = "nord-pool-page"
_NO_ZONE = frozenset({"SYS", "Molde"})
"""The system price; and a town in the same area as another column."""
_TOWNS = {"Oslo": "NO1", "Kr.sand": "NO2", "Tr.heim": "NO3", "Tromsø": "NO4", "Bergen": "NO5"}
_SPACES = str.maketrans("", "", " \u00a0\u202f\u2009")
_BLANK = frozenset({"", "-"})


def recognises(content: bytes) -> bool:
    """Whether `content` looks like an answer of this service."""
    return b'"IsExtraRow"' in content and b'"Columns"' in content


def read(name: str, content: bytes) -> tuple[PriceDocument, ...]:
    """The prices of each area. Raises Refused naming every fault by its path (`data.Rows[3].Columns[1].Value`)."""
    document, findings = read_object(content), Findings()
    table = document.get("data")
    if not isinstance(table, dict):
        raise refuse([Fault(field="data", message="an object is expected")])
    try:
        unit = Unit(read_currency(document.get("currency")), -3)
    except ValueError as error:
        raise refuse([Fault(field="currency", message=str(error))]) from error
    by_area: dict[Zone, list[Entry]] = {}
    for path, row, start_at, end_at in _rows(list_at(table, "Rows"), findings):
        for here, column in objects(_list(row.get("Columns")), f"{path}.Columns", findings):
            zone = _zone(text_at(column, "Name"))
            if zone is not None:
                price = _amount(column.get("Value"), unit, f"{here}.Value", findings)
                by_area.setdefault(zone, []).append(Entry(here, start_at, end_at, price))
    findings.raise_if_any()
    by_area = {
        zone: entries
        for zone, entries in by_area.items()
        if any(e.price_per_kwh is not None for e in entries)
    }
    if not by_area:
        raise refuse([Fault(field="data.Rows", message="no prices")], code="no_prices")
    return tuple(_document(name, zone, unit, entries) for zone, entries in sorted(by_area.items()))


def _document(name: str, zone: Zone, unit: Unit, entries: list[Entry]) -> PriceDocument:
    findings = Findings()
    return PriceDocument(
        name=name,
        format_name=NAME,
        zone=zone,
        zone_stated=True,
        currency=unit.currency,
        slots=assemble(entries, findings),
        source="Nord Pool",
        notes=tuple(findings.notes),
    )


def _rows(
    items: list[object], findings: Findings
) -> Iterator[tuple[str, dict[str, object], datetime, datetime]]:
    """The rows of hours with their instants, in order."""
    latest: datetime | None = None
    for path, row in objects(items, "data.Rows", findings):
        if row.get("IsExtraRow") is not False:
            continue
        start, end = (_wall(row.get(key), f"{path}.{key}", findings) for key in ("StartTime", "EndTime"))
        if start is None or end is None or is_skipped(start):
            continue
        start_at = utc_of(start)
        if latest is not None and start_at <= latest and is_repeated(start):
            start_at += HOUR
        latest = start_at
        yield path, row, start_at, start_at + (end - start)


def _wall(value: object, path: str, findings: Findings) -> datetime | None:
    """A local time without a zone, marked UTC only for want of one."""
    try:
        wall = datetime.fromisoformat(f"{value}+00:00")
    except ValueError:
        findings.fault(path, f"{shown(value)} is not a local time like 2022-10-30T02:00:00")
        return None
    if wall.utcoffset() != timedelta(0):
        findings.fault(path, f"{shown(value)} is not a local time without a zone")
        return None
    return wall


def _amount(value: object, unit: Unit, path: str, findings: Findings) -> Decimal | None:
    text = value.translate(_SPACES) if isinstance(value, str) else ""
    if text in _BLANK:
        return None
    try:
        return price_per_kwh(read_number(text.replace(",", ".")), unit)
    except ValueError as error:
        findings.fault(path, error)
        return None


def _zone(column: str | None) -> Zone | None:
    if column is None or column in _NO_ZONE:
        return None
    try:
        return read_zone(_TOWNS.get(column, column))
    except ValueError:
        return None


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
