"""Energy-Charts: the answer of `GET https://api.energy-charts.info/price` (Fraunhofer ISE), one zone, any days.

`unix_seconds[]` (starts, UTC) beside `price[]`; the resolution is not stated, it is the spacing of the starts. The
answer does not name its bidding zone: the service's own default, DE-LU, is taken unless the caller names one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

from dwell.domain.errors import Fault
from dwell.domain.ids import Zone
from dwell.domain.instants import EPOCH
from dwell.protocols.prices.assembly import Entry, Findings, assemble
from dwell.protocols.prices.document import PriceDocument, Unit, price_per_kwh, read_unit, refuse
from dwell.protocols.prices.json_text import list_at, read_object, text_at, whole_number

NAME = "energy-charts"
DEFAULT_ZONE = Zone("DE-LU")
_YEAR_2000_S, _YEAR_2100_S = 946_684_800, 4_102_444_800
_RESOLUTIONS_S = frozenset({300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 82_800, 86_400, 90_000})
_COARSER_IN_A_ROW = 3


def recognises(content: bytes) -> bool:
    """Whether `content` looks like an answer of this service."""
    return content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and b'"unix_seconds"' in content


def read(name: str, content: bytes) -> PriceDocument:
    """The prices of the answer. Raises Refused naming every fault by its path (`price[7]`)."""
    document = read_object(content)
    stamps, prices = list_at(document, "unix_seconds"), list_at(document, "price")
    if len(stamps) != len(prices):
        message = f"{len(prices)} prices for {len(stamps)} unix_seconds"
        raise refuse([Fault(field="price", message=message)])
    findings = Findings()
    points = list(_points(stamps, prices, (_unit(document, findings), findings)))
    slots = assemble(_entries(points, findings), findings)
    return PriceDocument(
        name=name,
        format_name=NAME,
        zone=DEFAULT_ZONE,
        zone_stated=False,
        currency="EUR",
        slots=slots,
        source="Energy-Charts, Fraunhofer ISE",
        licence=text_at(document, "license_info"),
        notes=tuple(findings.notes),
    )


def _unit(document: dict[str, object], findings: Findings) -> Unit:
    try:
        return read_unit(document.get("unit"))
    except ValueError as error:
        findings.fault("unit", error)
        return Unit("EUR", -3)


def _points(
    stamps: list[object], prices: list[object], reading: tuple[Unit, Findings]
) -> Iterator[tuple[int, int, Decimal | None]]:
    """Index, start in s since 1970, price per kWh (None where the service has none) of every sound pair."""
    unit, findings = reading
    for index, (stamp, price) in enumerate(zip(stamps, prices, strict=True)):
        amount: Decimal | None = None
        if price is not None:
            try:
                amount = price_per_kwh(price, unit)
            except ValueError as error:
                findings.fault(f"price[{index}]", error)
        try:
            yield index, _seconds(stamp), amount
        except ValueError as error:
            findings.fault(f"unix_seconds[{index}]", error)


def _seconds(stamp: object) -> int:
    seconds = whole_number(stamp)
    if _YEAR_2000_S <= seconds // 1000 < _YEAR_2100_S:
        raise ValueError(f"{seconds} looks like milliseconds; seconds are expected")
    if not _YEAR_2000_S <= seconds < _YEAR_2100_S:
        raise ValueError(f"{seconds} is not an instant between 2000 and 2100")
    return seconds


def _entries(points: list[tuple[int, int, Decimal | None]], findings: Findings) -> Iterator[Entry]:
    starts = sorted({start for _, start, _ in points})
    lengths = dict(zip(starts, _lengths(starts, findings), strict=False))
    for index, start, price in points:
        if start in lengths:
            start_at = EPOCH + timedelta(seconds=start)
            end_at = start_at + timedelta(seconds=lengths[start])
            yield Entry(f"unix_seconds[{index}]", start_at, end_at, price)


def _lengths(starts: list[int], findings: Findings) -> list[int]:
    """The length in s of the slot at each start; a wider spacing that does not last is a hole, not a long slot."""
    if len(starts) == 1:
        findings.fault("unix_seconds", "one point alone does not tell how long it lasts")
    if len(starts) < 2:
        return []
    spacings = [later - earlier for earlier, later in pairwise(starts)]
    before = spacings[1] if len(spacings) > 1 else spacings[0]
    lengths: list[int] = []
    for index, spacing in enumerate(spacings):
        following = spacings[index : index + _COARSER_IN_A_ROW]
        lasts = len(following) == _COARSER_IN_A_ROW and set(following) == {spacing}
        if spacing <= before or lasts:
            before = spacing
        if before not in _RESOLUTIONS_S:
            findings.fault("unix_seconds", f"a spacing of {before} s is not a resolution of any market")
            return lengths
        lengths.append(before)
    return [*lengths, before]
