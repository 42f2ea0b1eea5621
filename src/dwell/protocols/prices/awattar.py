"""aWATTar: `GET https://api.awattar.at/v1/marketdata` (hourly) and the same items at 15 minutes.

Every item states its interval in ms since 1970, so hours and quarters may stand in one document. The hourly window is
local midnight + 24 h whatever the day's length: on a day of 23 h the last item is the next day's first (files
overlap by design, later ones replace), on a day of 25 h the last hour is missing. The zone is read from `url`
(`/at/` → AT, `/de/` → DE-LU); a document without one is taken as AT unless the caller names a zone.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from dwell.domain.ids import Zone
from dwell.domain.instants import EPOCH
from dwell.protocols.prices.assembly import Entry, Findings, assemble, whole_end
from dwell.protocols.prices.document import PriceDocument, price_per_kwh, read_unit
from dwell.protocols.prices.json_text import list_at, read_object, text_at, whole_number

NAME = "awattar"
DEFAULT_ZONE = Zone("AT")
_ZONE_OF_PATH = {"at": Zone("AT"), "de": Zone("DE-LU")}
_YEAR_2000_MS, _YEAR_2100_MS = 946_684_800_000, 4_102_444_800_000


def recognises(content: bytes) -> bool:
    """Whether `content` looks like an answer of this service."""
    if not content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") or b'"data"' not in content:
        return False
    return (b'"start_timestamp"' in content and b'"marketprice"' in content) or b"/marketdata" in content


def read(name: str, content: bytes) -> PriceDocument:
    """The prices of the answer. Raises Refused naming every fault by its path (`data[7].marketprice`)."""
    document = read_object(content)
    findings = Findings()
    zone = _stated_zone(text_at(document, "url"))
    slots = assemble(_entries(list_at(document, "data"), findings), findings)
    return PriceDocument(
        name=name,
        format_name=NAME,
        zone=zone or DEFAULT_ZONE,
        zone_stated=zone is not None,
        currency="EUR",
        slots=slots,
        source="aWATTar",
        licence=text_at(document, "license_info"),
        notes=tuple(findings.notes),
    )


def _stated_zone(url: str | None) -> Zone | None:
    parts = [] if url is None else url.replace(".", "/").split("/")
    return next((_ZONE_OF_PATH[part] for part in parts if part in _ZONE_OF_PATH), None)


def _entries(items: list[object], findings: Findings) -> Iterator[Entry]:
    for index, item in enumerate(items):
        path = f"data[{index}]"
        if not isinstance(item, dict):
            findings.fault(path, "an object is expected")
            continue
        entry = _entry(path, item, findings)
        if entry is not None:
            yield entry


def _entry(path: str, item: dict[str, object], findings: Findings) -> Entry | None:
    """The item, or None when it has faults, each of which is then among `findings`."""
    start_at = _instant(item.get("start_timestamp"), f"{path}.start_timestamp", findings)
    end_at = _instant(item.get("end_timestamp"), f"{path}.end_timestamp", findings)
    field = "unit"
    try:
        unit = read_unit(item.get("unit"))
        field = "marketprice"
        stated = item.get(field, "")
        price = None if stated is None else price_per_kwh(stated, unit)
    except ValueError as error:
        findings.fault(f"{path}.{field}", error)
        return None
    if start_at is None or end_at is None:
        return None
    return Entry(path, start_at, whole_end(end_at), price)


def _instant(value: object, path: str, findings: Findings) -> datetime | None:
    try:
        millis = whole_number(value)
    except ValueError as error:
        findings.fault(path, error)
        return None
    if not _YEAR_2000_MS <= millis < _YEAR_2100_MS:
        findings.fault(path, f"{millis} is not an instant in ms between 2000 and 2100")
        return None
    return EPOCH + timedelta(milliseconds=millis)
