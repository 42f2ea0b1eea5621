"""Price documents of many services, read into one form. A further format is one file here and one row in `_FORMATS`.

Pure: bytes in, values out. Nothing here fetches, opens, logs or asks for the time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from dwell.domain.errors import Fault
from dwell.domain.ids import Zone
from dwell.protocols.prices import (
    awattar,
    energy_charts,
    energyzero,
    entsoe_csv,
    entsoe_xml,
    nord_pool,
    nord_pool_pages,
    octopus,
    plain_csv,
    tibber,
)
from dwell.protocols.prices.document import LIMIT_BYTES, PriceDocument, read_zone, refuse

__all__ = ["FORMAT_NAMES", "LIMIT_BYTES", "PriceDocument", "read_all_prices", "read_prices", "read_zone"]


class _Format(NamedTuple):
    """`read` gives one document, or one for each zone where a document of this format may hold several."""

    name: str
    recognises: Callable[[bytes], bool]
    read: Callable[[str, bytes], PriceDocument | Sequence[PriceDocument]]


_FORMATS = (
    _Format(energy_charts.NAME, energy_charts.recognises, energy_charts.read),
    _Format(awattar.NAME, awattar.recognises, awattar.read),
    _Format(nord_pool.NAME, nord_pool.recognises, nord_pool.read),
    _Format(nord_pool_pages.NAME, nord_pool_pages.recognises, nord_pool_pages.read),
    _Format(octopus.NAME, octopus.recognises, octopus.read),
    _Format(tibber.NAME, tibber.recognises, tibber.read),
    _Format(energyzero.NAME, energyzero.recognises, energyzero.read),
    _Format(entsoe_xml.NAME, entsoe_xml.recognises, entsoe_xml.read),
    _Format(entsoe_csv.NAME, entsoe_csv.recognises, entsoe_csv.read),
    _Format(plain_csv.NAME, plain_csv.recognises, plain_csv.read),
)
FORMAT_NAMES = tuple(row.name for row in _FORMATS)


def read_prices(name: str, content: bytes, *, zone: Zone | None) -> PriceDocument:
    """As `read_all_prices`, of one zone: raises Refused, code `several_zones`, where a choice has to be made."""
    documents = read_all_prices(name, content, zone=zone)
    if len(documents) > 1:
        named = ", ".join(str(document.zone) for document in documents)
        message = f"the document holds the prices of several zones; choose one of {named}"
        raise refuse([Fault(field="zone", message=message)], code="several_zones")
    return documents[0]


def read_all_prices(name: str, content: bytes, *, zone: Zone | None) -> tuple[PriceDocument, ...]:
    """The prices in `content`, zone by zone; its format is told by the content itself, `name` only labels it.

    `zone` chooses among several, and is for a document that names none. Raises Refused: code `too_large` over
    `LIMIT_BYTES`, `unknown_format`, `no_prices` for a sound document without any, `zone_mismatch` when the document
    names other zones than the caller, else `refused` with every fault of the document by its path.
    """
    if len(content) > LIMIT_BYTES:
        message = f"{len(content)} bytes; at most {LIMIT_BYTES} are read"
        raise refuse([Fault(field="$", message=message)], code="too_large")
    found = next((row for row in _FORMATS if row.recognises(content)), None)
    if found is None:
        message = f"not a price document of a known format ({', '.join(FORMAT_NAMES)})"
        nearly = plain_csv.header_fault(content)
        message += f"; {nearly}" if nearly else ""
        raise refuse([Fault(field="$", message=message)], code="unknown_format")
    read = found.read(name, content)
    if isinstance(read, PriceDocument):
        return (_placed(read, zone),)
    chosen = [document for document in read if zone in {None, document.zone}]
    if not chosen:
        message = f"the document holds prices of {', '.join(str(d.zone) for d in read)}, not of {zone}"
        raise refuse([Fault(field="zone", message=message)], code="zone_mismatch")
    return tuple(_placed(document, zone) for document in chosen)


def _placed(document: PriceDocument, asked: Zone | None) -> PriceDocument:
    """`document` in the zone that it names, or the caller, or the format's default."""
    if asked is not None and document.zone_stated and document.zone != asked:
        message = f"the document holds prices of {document.zone}, not of {asked}"
        raise refuse([Fault(field="zone", message=message)], code="zone_mismatch")
    if asked is not None:
        return replace(document, zone=asked)
    if document.zone is None or document.zone_stated:
        return document
    note = f"zone taken as {document.zone}: the document does not name one"
    return replace(document, notes=(*document.notes, note))
