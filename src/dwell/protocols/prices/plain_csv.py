"""Dwell's own CSV of prices, documented in `docs/reference/prices-csv.md`: `start[,end],price…[,currency][,zone]`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from dwell.domain.errors import Fault
from dwell.domain.ids import Zone
from dwell.domain.instants import NoZone, read_instant
from dwell.protocols.prices.assembly import Entry, Findings, assemble, whole_end
from dwell.protocols.prices.csv_text import Table, header_of, read_table
from dwell.protocols.prices.document import (
    PriceDocument,
    Unit,
    price_per_kwh,
    read_number,
    read_zone,
    refuse,
    shown,
)

NAME = "csv"
_PRICE = re.compile(r"price|price_ct_per_kwh|price_(?P<currency>[a-z]{3})_per_(?P<per>[km])wh")
_OPTIONAL = frozenset({"end", "currency", "zone"})


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    start_at: datetime
    end_at: datetime | None
    price_per_kwh: Decimal | None


def recognises(content: bytes) -> bool:
    """Whether the header of `content` has a start and a price."""
    header = header_of(content)
    return "start" in header and any(_PRICE.fullmatch(column) for column in header)


def header_fault(content: bytes) -> str | None:
    """What a header that nearly is one of ours lacks, and what it has that is unknown; None where it is far from it."""
    header = header_of(content)
    priced = [column for column in header if _PRICE.fullmatch(column)]
    known = [column for column in header if column == "start" or column in _OPTIONAL]
    if not priced and not known:
        return None
    lacking = [name for name, there in (("start", "start" in header), ("price", bool(priced))) if not there]
    odd = [shown(column) for column in header if column not in (*known, *priced)]
    return f"as {NAME} its header lacks {' and '.join(lacking)}" + (
        f", and has unknown {', '.join(odd)}" if odd else ""
    )


def read(name: str, content: bytes) -> PriceDocument:
    """The prices of the file. Raises Refused naming every fault by its path (`line[7].start`)."""
    table = read_table(content)
    _check_header(table.header)
    findings = Findings()
    currency = _one_value(table, "currency", findings)
    zone = _one_value(table, "zone", findings)
    unit = _unit(table.header, currency, findings)
    rows = list(_rows(table, unit, findings))
    slots = assemble(_entries(rows, findings), findings)
    return PriceDocument(
        name=name,
        format_name=NAME,
        zone=None if zone is None else Zone(zone),
        zone_stated=zone is not None,
        currency=unit.currency,
        slots=slots,
        source=table.remarks.get("source", name),
        licence=table.remarks.get("licence") or table.remarks.get("license"),
        notes=tuple(findings.notes),
    )


def _price_column(header: list[str]) -> str:
    return next(column for column in header if _PRICE.fullmatch(column))


def _check_header(header: list[str]) -> None:
    known = {"start", _price_column(header)} | _OPTIONAL
    faults = [
        Fault(field="header", message=f"unknown or repeated column {shown(column)}")
        for index, column in enumerate(header)
        if column not in known or column in header[:index]
    ]
    if faults:
        raise refuse(faults)


def _one_value(table: Table, column: str, findings: Findings) -> str | None:
    """The value that `column` holds in every row (or the remark of that name), upper case; None without one."""
    values = {table.remarks.get(column, "")}
    if column in table.header:
        at = table.header.index(column)
        values |= {record[at] for _, record in table.records if at < len(record)}
    values = {value.strip().upper() for value in values} - {""}
    try:
        values = {read_zone(value) for value in values} if column == "zone" else values
    except ValueError as error:
        findings.fault(column, error)
    if len(values) > 1:
        findings.fault(column, f"one {column} per document; this one has {', '.join(sorted(values)[:5])}")
    return min(values, default=None)


def _unit(header: list[str], currency: str | None, findings: Findings) -> Unit:
    column = _price_column(header)
    found = _PRICE.fullmatch(column)
    named = found["currency"].upper() if found and found["currency"] else None
    if column == "price_ct_per_kwh":
        return Unit(currency or "EUR", -2)
    if named and currency and named != currency:
        findings.fault("currency", f"{currency} in the rows, {named} in the header")
    if currency and not re.fullmatch(r"[A-Z]{3}", currency):
        findings.fault("currency", f"{shown(currency)} is not a currency code of three letters")
    return Unit(named or currency or "EUR", -3 if found and found["per"] == "m" else 0)


def _rows(table: Table, unit: Unit, findings: Findings) -> Iterator[_Row]:
    header = table.header
    price_column = _price_column(header)
    for line, record in table.records:
        path = f"line[{line}]"
        if len(record) != len(header):
            findings.fault(path, f"{len(record)} values for {len(header)} columns")
            continue
        cells = dict(zip(header, record, strict=True))
        start_at = _instant(cells["start"], f"{path}.start", findings)
        end_at = None
        if cells.get("end", "").strip():
            end_at = _instant(cells["end"], f"{path}.end", findings)
        price = None
        if cells[price_column] != "":
            try:
                price = price_per_kwh(read_number(cells[price_column]), unit)
            except ValueError as error:
                findings.fault(f"{path}.{price_column}", error)
        if start_at is not None:
            yield _Row(line, start_at, None if end_at is None else whole_end(end_at), price)


def _instant(text: str, path: str, findings: Findings) -> datetime | None:
    try:
        return read_instant(text)
    except NoZone:
        findings.fault(
            path, f"{shown(text)} is a local time; write its offset, as in 2026-01-10T17:00:00+01:00"
        )
    except ValueError as error:
        findings.fault(path, f"{shown(text)}: {error}")
    return None


def _entries(rows: list[_Row], findings: Findings) -> Iterator[Entry]:
    """Rows with their ends: the one stated, else the next row's start, else as long as the row before."""
    before: Entry | None = None
    for row, following in zip(rows, _next_starts(rows), strict=True):
        path = f"line[{row.line}]"
        end_at = row.end_at or following
        if end_at is None and before is not None:
            known = before.end_at - before.start_at
            end_at = before.end_at if row.start_at == before.start_at else row.start_at + known
        if end_at is None:
            findings.fault(f"{path}.end", "the only row; how long it lasts must be said")
            continue
        before = Entry(path, row.start_at, end_at, row.price_per_kwh)
        yield before


def _next_starts(rows: list[_Row]) -> list[datetime | None]:
    """For each row the next start that is another, so that a repeated row is a duplicate and not an empty slot."""
    found: list[datetime | None] = [None] * len(rows)
    for index in range(len(rows) - 2, -1, -1):
        following = rows[index + 1].start_at
        found[index] = found[index + 1] if following == rows[index].start_at else following
    return found
