"""EnergyZero (NL): the REST answer with its four price lists, and the answer of its GraphQL service.

REST: `all_in_with_vat[]` is taken, GraphQL: the energy price and the additional costs, each with VAT; both are what the
customer pays, so the zone has the seller's name (`ENERGYZERO-NL`). EUR per kWh, intervals stated in UTC.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from dwell.domain.errors import Fault
from dwell.domain.ids import Zone
from dwell.protocols.prices.assembly import Entry, Findings, assemble
from dwell.protocols.prices.document import PriceDocument, Unit, refuse
from dwell.protocols.prices.json_items import amount, interval, objects
from dwell.protocols.prices.json_text import list_at, read_object, text_at

NAME = "energyzero"
DEFAULT_ZONE = Zone("ENERGYZERO-NL")
_EUR = Unit("EUR", 0)
_REST = "all_in_with_vat"


def recognises(content: bytes) -> bool:
    """Whether `content` looks like an answer of this service."""
    return b'"all_in_with_vat"' in content or b'"energyPriceIncl"' in content


def read(name: str, content: bytes) -> PriceDocument:
    """The prices of the answer. Raises Refused naming every fault by its path (`all_in_with_vat[7].price`)."""
    findings = Findings()
    document = read_object(content)
    entries = _of_rest(document, findings) if _REST in document else _of_graph(document, findings)
    slots = assemble(sorted(entries, key=lambda entry: entry.start_at), findings)
    findings.notes.append("prices include tax and VAT")
    return PriceDocument(
        name=name,
        format_name=NAME,
        zone=DEFAULT_ZONE,
        zone_stated=False,
        currency=_EUR.currency,
        slots=slots,
        source="EnergyZero",
        notes=tuple(findings.notes),
    )


def _of_rest(document: dict[str, object], findings: Findings) -> Iterator[Entry]:
    for path, item in objects(list_at(document, _REST), _REST, findings):
        times = interval(item, ("start", "end"), path, findings)
        stated = item.get("price")
        value = stated.get("value") if isinstance(stated, dict) else stated
        price = amount(value, _EUR, f"{path}.price", findings)
        if times is not None and price is not None:
            yield Entry(path, *times, price)


def _of_graph(document: dict[str, object], findings: Findings) -> Iterator[Entry]:
    data = document.get("data")
    market = data.get("energyMarketPrices") if isinstance(data, dict) else None
    if not isinstance(market, dict):
        raise refuse([Fault(field="data.energyMarketPrices", message="an object is expected")])
    root = "data.energyMarketPrices.prices"
    for path, item in objects(list_at(market, "prices"), root, findings):
        if text_at(item, "type") not in {None, "Electricity"} or item.get("isAverage") is True:
            continue
        times = interval(item, ("from", "till"), path, findings)
        price = _with_costs(item, path, findings)
        if times is not None and price is not None:
            yield Entry(path, *times, price)


def _with_costs(item: dict[str, object], path: str, findings: Findings) -> Decimal | None:
    price = amount(item.get("energyPriceIncl"), _EUR, f"{path}.energyPriceIncl", findings)
    costs = item.get("additionalCosts")
    for here, cost in objects(costs if isinstance(costs, list) else [], f"{path}.additionalCosts", findings):
        more = amount(cost.get("priceIncl"), _EUR, f"{here}.priceIncl", findings)
        price = None if price is None or more is None else price + more
    return price
