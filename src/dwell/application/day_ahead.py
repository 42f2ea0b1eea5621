"""A market's day-ahead prices as an organization reads them, and may correct them where it is alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dwell.application.ports import Ports, Reader
from dwell.application.prices import Published, import_prices
from dwell.domain.errors import Conflict
from dwell.domain.ids import Zone
from dwell.domain.tariff.coverage import runs
from dwell.domain.tariff.curve import PriceSlot

SHARED = "The prices of the market are shared by several organizations: an operator imports them."


@dataclass(frozen=True, slots=True)
class DayAhead:
    """A zone's prices that meet a window; `currency` None where there are none. `complete`: no gap in the window."""

    currency: str | None
    slots: tuple[PriceSlot, ...]
    complete: bool


async def day_ahead(ports: Ports, zone: Zone, start_at: datetime, end_at: datetime) -> DayAhead:
    """The prices of the half-open window, as far as they are known."""

    async def look(reader: Reader) -> DayAhead:
        curve = await reader.curve(zone, start_at, end_at)
        if curve is None:
            return DayAhead(None, (), complete=False)
        slots = tuple(curve.between(start_at, end_at))
        whole = any(span.start_at <= start_at and end_at <= span.end_at for span in runs(curve))
        return DayAhead(curve.currency if slots else None, slots, whole)

    return await ports.store.read(look)


async def correct_day_ahead(
    ports: Ports, zone: Zone, currency: str, slots: tuple[PriceSlot, ...], *, said_by: str
) -> None:
    """Lay the slots over the zone's prices. Raises Conflict where other organizations pay them, too."""
    found = await ports.store.read(lambda reader: reader.organizations(limit=2))
    if len(found) > 1:
        raise Conflict(SHARED, code="shared_prices")
    document = Published("partner", said_by, slots)
    await import_prices(ports, zone, currency, slots, documents=[document])
