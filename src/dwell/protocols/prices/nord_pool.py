"""Nord Pool's data portal: `DayAheadPrices` (`multiAreaEntries`) and `DayAheadPriceIndices` (`multiIndexEntries`).

Every entry states its interval in UTC and one amount per MWh for each delivery area, so one answer gives a document
per area. The currency stands in the answer; the older captures lack it and are taken as EUR, with a note. Only the
day-ahead market is read. Before the auction the list is empty: no prices, not an error of the document.
"""

from __future__ import annotations

from dwell.domain.errors import Fault
from dwell.domain.ids import Zone
from dwell.protocols.prices.assembly import Entry, Findings, assemble
from dwell.protocols.prices.document import PriceDocument, Unit, read_currency, read_zone, refuse
from dwell.protocols.prices.json_items import amount, interval, objects
from dwell.protocols.prices.json_text import list_at, read_object, text_at

NAME = "nord-pool"
_LISTS = ("multiAreaEntries", "multiIndexEntries")


def recognises(content: bytes) -> bool:
    """Whether `content` looks like an answer of this service."""
    return b'"entryPerArea"' in content or any(f'"{key}"'.encode() in content for key in _LISTS)


def read(name: str, content: bytes) -> tuple[PriceDocument, ...]:
    """The prices of each area. Raises Refused naming every fault by its path (`multiAreaEntries[3]…SE3`)."""
    document, findings = read_object(content), Findings()
    market = text_at(document, "market")
    if market not in {None, "DayAhead"}:
        raise refuse([Fault(field="market", message=f"{market} is not the day-ahead market")])
    unit = _unit(document, findings)
    key = next((key for key in _LISTS if key in document), _LISTS[0])
    by_area: dict[Zone, list[Entry]] = {}
    for path, item in objects(list_at(document, key), key, findings):
        times = interval(item, ("deliveryStart", "deliveryEnd"), path, findings)
        areas = item.get("entryPerArea")
        for area, value in areas.items() if isinstance(areas, dict) else ():
            here = f"{path}.entryPerArea.{area}"
            price = None if value is None else amount(value, unit, here, findings)
            zone = _zone(area, here, findings)
            if times is not None and zone is not None:
                by_area.setdefault(zone, []).append(Entry(here, *times, price))
    findings.raise_if_any()
    if not by_area:
        raise refuse([Fault(field=key, message="no prices yet")], code="no_prices")
    return tuple(
        _document(name, zone, entries, (unit, findings.notes)) for zone, entries in sorted(by_area.items())
    )


def _document(name: str, zone: Zone, entries: list[Entry], reading: tuple[Unit, list[str]]) -> PriceDocument:
    unit, notes = reading
    findings = Findings(notes=list(notes))
    slots = assemble(entries, findings)
    return PriceDocument(
        name=name,
        format_name=NAME,
        zone=zone,
        zone_stated=True,
        currency=unit.currency,
        slots=slots,
        source="Nord Pool",
        notes=tuple(findings.notes),
    )


def _unit(document: dict[str, object], findings: Findings) -> Unit:
    stated = document.get("currency")
    if stated is None:
        findings.notes.append("no currency stated; taken as EUR")
        return Unit("EUR", -3)
    try:
        return Unit(read_currency(stated), -3)
    except ValueError as error:
        findings.fault("currency", error)
        return Unit("EUR", -3)


def _zone(area: str, path: str, findings: Findings) -> Zone | None:
    # The German area has had three names here; it is one zone.
    try:
        return Zone("DE-LU") if area.upper() in {"GER", "DE", "DE-LU"} else read_zone(area)
    except ValueError as error:
        findings.fault(path, error)
        return None
