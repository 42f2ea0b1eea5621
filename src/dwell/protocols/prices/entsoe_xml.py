"""ENTSO-E: `Publication_MarketDocument` of type A44 (day-ahead prices), and the platform's refusals.

A document holds time series, each of one zone (by its EIC), one auction and one resolution, and each of periods with
numbered points. Curve type A01 states every position; in A03 a position that is left out has the price of the one
before it, up to the end that the period declares, also after the last point. An A01 period that leaves positions out
has gaps there.

One price for each zone and time is taken: contract A01 (day ahead; intraday is left out), and of several auctions the
first sequence, which is the coupled one. Where a document numbers no sequences, but has the same day hourly and by the
quarter (Germany until the market's quarter hours of 2025-10-01), the hourly series is the coupled auction's before that
day and the quarters' after it. What is left out is noted.

Hostile documents: no document type, no entities (defusedxml), the size of every format; a period may not state more
positions than a week of minutes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from dwell.domain.errors import Fault
from dwell.domain.ids import Zone
from dwell.protocols.prices.assembly import Entry, Findings, assemble
from dwell.protocols.prices.document import (
    PriceDocument,
    Unit,
    price_per_kwh,
    read_currency,
    read_number,
    refuse,
    shown,
)
from dwell.protocols.prices.eic import ZONE_OF_CODE
from dwell.protocols.prices.json_items import instant

NAME = "entsoe-xml"
_QUARTERS_SINCE = datetime(2025, 9, 30, 22, tzinfo=UTC)
"""First delivery by the quarter hour in the coupled day-ahead auction (SDAC)."""
_RESOLUTIONS = {f"PT{minutes}M": timedelta(minutes=minutes) for minutes in (5, 10, 15, 30, 60)} | {
    "PT1H": timedelta(hours=1),
    "P1D": timedelta(days=1),
}
_EXPONENTS = {"MWH": -3, "KWH": 0}
_MOST_POSITIONS = 7 * 24 * 60
_DAY_AHEAD = frozenset({"", "A01"})
_SEQUENCE = "classificationSequence_AttributeInstanceComponent.position"
_ROOT = re.compile(rb"<(?:\w+:)?(?:Publication|Acknowledgement)_MarketDocument\b")


@dataclass(frozen=True, slots=True)
class _Series:
    """One period of one time series, read: whose prices, and by which auction."""

    zone: Zone | None
    unit: Unit
    sequence: int | None
    resolution: timedelta
    entries: tuple[Entry, ...]


def recognises(content: bytes) -> bool:
    """Whether `content` looks like a document of this platform."""
    return _ROOT.search(content[:4000]) is not None


def read(name: str, content: bytes) -> tuple[PriceDocument, ...]:
    """The prices of each zone. Raises Refused naming every fault by its path (`TimeSeries[2].Period[1].Point[7]`)."""
    root = _parsed(content)
    if _name(root) == "Acknowledgement_MarketDocument":
        raise refuse([Fault(field="Reason", message=_reasons(root))], code="no_prices")
    findings = Findings()
    kind = _text(root, "type")
    if kind != "A44":
        raise refuse([Fault(field="type", message=f"{shown(kind)} is not A44, day-ahead prices")])
    series = list(_all_series(root, findings))
    findings.raise_if_any()
    zones = list(dict.fromkeys(one.zone for one in series))
    if not zones:
        raise refuse([Fault(field="TimeSeries", message="no day-ahead prices")], code="no_prices")
    return tuple(_document(name, zone, series, findings.notes) for zone in zones)


def _parsed(content: bytes) -> Element:
    try:
        root: Element = fromstring(content, forbid_dtd=True)
    except DefusedXmlException as error:
        raise refuse([Fault(field="$", message="a document type or an entity is not taken")]) from error
    except (ParseError, ValueError, LookupError) as error:  # also an encoding that nobody knows
        raise refuse([Fault(field="$", message=f"not XML: {error}")]) from error
    return root


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _children(element: Element, name: str) -> list[Element]:
    """By local name: the namespace's version changes, the words do not."""
    return [child for child in element if _name(child) == name]


def _text(element: Element, *path: str) -> str:
    for name in path:
        found = _children(element, name)
        if not found:
            return ""
        element = found[0]
    return (element.text or "").strip()


def _reasons(root: Element) -> str:
    said = [
        f"{_text(reason, 'code')} {_text(reason, 'text')}".strip() for reason in _children(root, "Reason")
    ]
    return f"the platform answered: {'; '.join(said) or 'no reason given'}"[:1000]


def _all_series(root: Element, findings: Findings) -> Iterator[_Series]:
    for index, one in enumerate(_children(root, "TimeSeries"), start=1):
        path = f"TimeSeries[{index}]"
        contract = _text(one, "contract_MarketAgreement.type")
        if contract not in _DAY_AHEAD:
            findings.notes.append(f"{path} of contract {contract} was left out: not day ahead")
            continue
        code = _text(one, "in_Domain.mRID")
        zone = ZONE_OF_CODE.get(code)
        if zone is None:
            findings.notes.append(f"{path} has the unknown zone {shown(code)}")
        try:
            unit = _unit(one)
        except ValueError as error:
            findings.fault(path, error)
            continue
        position = _text(one, _SEQUENCE)
        sequence = int(position) if position.isdecimal() and len(position) < 4 else None
        is_filled = _text(one, "curveType") == "A03"
        for number, period in enumerate(_children(one, "Period"), start=1):
            here = f"{path}.Period[{number}]"
            entries = _entries(period, here, (unit, is_filled, findings))
            resolution = _RESOLUTIONS.get(_text(period, "resolution"), timedelta(0))
            yield _Series(zone, unit, sequence, resolution, tuple(entries))


def _unit(series: Element) -> Unit:
    measure = _text(series, "price_Measure_Unit.name") or _text(series, "price_Measurement_Unit.name")
    exponent = _EXPONENTS.get(measure.upper())
    if exponent is None:
        raise ValueError(f"unknown unit {shown(measure)}; known are MWH and KWH")
    return Unit(read_currency(_text(series, "currency_Unit.name")), exponent)


def _entries(period: Element, path: str, reading: tuple[Unit, bool, Findings]) -> Iterator[Entry]:
    unit, is_filled, findings = reading
    start_at = instant(_text(period, "timeInterval", "start"), f"{path}.timeInterval.start", findings)
    end_at = instant(_text(period, "timeInterval", "end"), f"{path}.timeInterval.end", findings)
    stated = _text(period, "resolution")
    step = _RESOLUTIONS.get(stated)
    if step is None:
        findings.fault(f"{path}.resolution", f"unknown resolution {shown(stated)}")
    if start_at is None or end_at is None or step is None:
        return
    count, rest = divmod(end_at - start_at, step)
    if rest or not 0 < count <= _MOST_POSITIONS:
        findings.fault(f"{path}.timeInterval", f"{start_at:%F %R} to {end_at:%F %R} is not a row of {stated}")
        return
    prices = _prices(period, path, unit, (count, findings))
    latest: tuple[str, Decimal] | None = None
    for position in range(1, count + 1):
        latest = prices.get(position) or (latest if is_filled else None)
        if latest is not None:
            slot_at = start_at + (position - 1) * step
            yield Entry(latest[0], slot_at, slot_at + step, latest[1])


def _prices(
    period: Element, path: str, unit: Unit, reading: tuple[int, Findings]
) -> dict[int, tuple[str, Decimal]]:
    """Path and price by position; positions out of range, repeated or not numbered are faults."""
    count, findings = reading
    found: dict[int, tuple[str, Decimal]] = {}
    for index, point in enumerate(_children(period, "Point"), start=1):
        here = f"{path}.Point[{index}]"
        stated = _text(point, "position")
        position = int(stated) if stated.isdecimal() and len(stated) < 7 else 0
        if not 1 <= position <= count:
            findings.fault(f"{here}.position", f"{shown(stated)} is not one of 1 … {count}")
            continue
        try:
            price = price_per_kwh(read_number(_text(point, "price.amount")), unit)
        except ValueError as error:
            findings.fault(f"{here}.price.amount", error)
            continue
        if found.get(position, (here, price))[1] != price:
            findings.fault(f"{here}.position", f"{position} was stated before with another price")
        found[position] = (here, price)
    return found


def _document(name: str, zone: Zone | None, series: Sequence[_Series], notes: list[str]) -> PriceDocument:
    findings = Findings(notes=list(notes))
    chosen = _coupled([one for one in series if one.zone == zone], findings)
    currencies = {one.unit.currency for one in chosen}
    if len(currencies) > 1:
        message = f"{zone} has prices in {', '.join(sorted(currencies))}"
        raise refuse([Fault(field="currency_Unit.name", message=message)])
    entries = sorted((entry for one in chosen for entry in one.entries), key=lambda entry: entry.start_at)
    return PriceDocument(
        name=name,
        format_name=NAME,
        zone=zone,
        zone_stated=zone is not None,
        currency=min(currencies, default="EUR"),
        slots=assemble(entries, findings),
        source="ENTSO-E Transparency Platform",
        notes=tuple(findings.notes),
    )


def _coupled(series: list[_Series], findings: Findings) -> list[_Series]:
    """The series of the coupled auction: the first sequence, or by resolution where none is numbered."""
    numbered = [one for one in series if one.sequence is not None]
    if numbered:
        others = sorted({str(one.sequence) for one in numbered if one.sequence != 1})
        if others:
            findings.notes.append(f"auction sequence {', '.join(others)} was left out")
        return [one for one in series if one.sequence in {1, None}]
    chosen = [one for one in series if not any(_is_preferred(other, one) for other in series)]
    if len(chosen) < len(series):
        findings.notes.append("of two resolutions of one day that of the coupled auction was taken")
    return chosen


def _is_preferred(one: _Series, other: _Series) -> bool:
    """Whether `one` covers time of `other` and is the coupled auction's of the two."""
    if one.resolution == other.resolution or not one.entries or not other.entries:
        return False
    apart = (
        one.entries[-1].end_at <= other.entries[0].start_at
        or other.entries[-1].end_at <= one.entries[0].start_at
    )
    is_quarterly = one.entries[0].start_at >= _QUARTERS_SINCE
    return not apart and (one.resolution < other.resolution) == is_quarterly
