"""Octopus Energy: a page of `GET …/electricity-tariffs/{tariff}/standard-unit-rates/`, half-hourly or longer.

Each result states its interval in UTC, newest first; pence per kWh. The price with VAT is taken, since that is what the
customer pays. A rate without an end holds until further notice, which no slot can say: it is left out with a note. A
tariff that charges by payment method states each interval once per method: direct debit is taken. The page does not
name a zone: the caller does, one name per product and region (`GB-AGILE-A`).
"""

from __future__ import annotations

from collections.abc import Iterator

from dwell.protocols.prices.assembly import Entry, Findings, assemble
from dwell.protocols.prices.document import PriceDocument, Unit
from dwell.protocols.prices.json_items import amount, interval, objects
from dwell.protocols.prices.json_text import list_at, read_object, text_at

NAME = "octopus"
_PENCE = Unit("GBP", -2)
_TAKEN_METHODS = frozenset({None, "DIRECT_DEBIT"})


def recognises(content: bytes) -> bool:
    """Whether `content` looks like an answer of this service."""
    return b'"value_inc_vat"' in content and b'"valid_from"' in content


def read(name: str, content: bytes) -> PriceDocument:
    """The rates of the page. Raises Refused naming every fault by its path (`results[7].value_inc_vat`)."""
    findings = Findings()
    entries = list(_entries(list_at(read_object(content), "results"), findings))
    findings.notes.append("prices include VAT")
    entries.sort(key=lambda entry: entry.start_at)
    slots = assemble(entries, findings)
    return PriceDocument(
        name=name,
        format_name=NAME,
        zone=None,
        zone_stated=False,
        currency=_PENCE.currency,
        slots=slots,
        source="Octopus Energy",
        notes=tuple(findings.notes),
    )


def _entries(items: list[object], findings: Findings) -> Iterator[Entry]:
    for path, item in objects(items, "results", findings):
        if text_at(item, "payment_method") not in _TAKEN_METHODS:
            continue
        if item.get("valid_to") is None:
            findings.notes.append(f"{path} holds until further notice and was left out")
            continue
        times = interval(item, ("valid_from", "valid_to"), path, findings)
        price = amount(item.get("value_inc_vat"), _PENCE, f"{path}.value_inc_vat", findings)
        if times is not None and price is not None:
            yield Entry(path, *times, price)
