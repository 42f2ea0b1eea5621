"""Documents of the grid's carbon intensity, read like prices: g of CO₂ per kWh in the place of money.

A further format is one reader of a row and one row in `_FORMATS`. Pure: bytes in, values out.
"""

from __future__ import annotations

from dwell.domain.errors import Fault
from dwell.domain.ids import Zone
from dwell.protocols.carbon import electricity_maps, neso, plain, sgip
from dwell.protocols.carbon.rows import Format, slots_of
from dwell.protocols.prices.assembly import Findings
from dwell.protocols.prices.csv_text import header_of, read_table
from dwell.protocols.prices.document import LIMIT_BYTES, PriceDocument, refuse

__all__ = ["FORMAT_NAMES", "LIMIT_BYTES", "UNIT", "read_carbon"]

UNIT = "gCO2"
"""What stands where a price document has its currency."""

_FORMATS: tuple[Format, ...] = (electricity_maps.FORMAT, neso.FORMAT, sgip.FORMAT, plain.FORMAT)
FORMAT_NAMES = tuple(row.name for row in _FORMATS)


def read_carbon(name: str, content: bytes, *, zone: Zone | None) -> tuple[PriceDocument]:
    """The intensities in `content`, in g of CO₂ per kWh; its format is told by its header, `name` only labels it.

    Raises Refused as `read_prices` does: `too_large`, `unknown_format`, `no_prices`, `zone_mismatch`, or every fault of
    the document by its line and column.
    """
    if len(content) > LIMIT_BYTES:
        message = f"{len(content)} bytes; at most {LIMIT_BYTES} are read"
        raise refuse([Fault(field="$", message=message)], code="too_large")
    header = set(header_of(content))
    found = next((row for row in _FORMATS if row.columns <= header), None)
    if found is None:
        message = f"not a carbon intensity document of a known format ({', '.join(FORMAT_NAMES)})"
        raise refuse([Fault(field="$", message=message)], code="unknown_format")
    findings = Findings()
    table = read_table(content)
    slots = slots_of(table, found, findings)
    stated = found.zone_of(table, findings)
    findings.raise_if_any()
    if zone is not None and stated is not None and zone != stated:
        message = f"the document holds intensities of {stated}, not of {zone}"
        raise refuse([Fault(field="zone", message=message)], code="zone_mismatch")
    document = PriceDocument(
        name=name,
        format_name=found.name,
        zone=stated or zone,
        zone_stated=stated is not None,
        currency=UNIT,
        slots=slots,
        source=table.remarks.get("source", found.source or name),
        licence=table.remarks.get("licence"),
        notes=(found.note, *findings.notes) if found.note else tuple(findings.notes),
    )
    return (document,)
