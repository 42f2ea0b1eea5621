"""A live feed of market prices: what it says is checked like any document, and imported."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from dwell.application.ports import Ports, Reader
from dwell.application.prices import import_prices
from dwell.domain.errors import Fault, Refused
from dwell.domain.instants import write_instant
from dwell.domain.tariff.curve import PriceCurve, PriceSlot
from dwell.domain.tariff.feed import DAY, STALE_AFTER, repeated_day

BACK, FORWARD = timedelta(days=1), timedelta(days=2)
REPEATED, STALE = "repeated_day", "stale"


class PriceFeed(Protocol):
    """The way to a feed. Raises PeerFault where it does not answer in time and bounds, Refused for what it says."""

    async def fetch(self, start_at: datetime, end_at: datetime) -> tuple[str, tuple[PriceSlot, ...]]:
        """Currency and slots of the feed's zone for the window, as far as it has them."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedState:
    """How a feed stands: until when prices are known, when it was last good, failures since, and the last of them."""

    known_until: datetime | None = None
    good_at: datetime | None = None
    failures: int = 0
    trouble: str | None = None

    def failed(self, reason: str) -> FeedState:
        """The state after one more failure; what is known stays."""
        return replace(self, failures=self.failures + 1, trouble=reason)

    def is_alarming(self, now: datetime) -> bool:
        """Whether somebody should look: the feed has had nothing good to say for too long."""
        return self.good_at is not None and now - self.good_at > STALE_AFTER


async def refresh_prices(ports: Ports, feed: PriceFeed, zone: str) -> FeedState:
    """Ask the feed, and import what it says. Returns the state after it.

    Raises PeerFault and Refused; nothing is imported then. Code `repeated_day`: a day's prices are those of the day
    before; `stale`: nothing it says reaches beyond now.
    """
    now = ports.clock.now()
    today_at = now.replace(hour=0, minute=0, second=0, microsecond=0)
    currency, slots = await feed.fetch(today_at - BACK, today_at + FORWARD)
    end_at = max((slot.end_at for slot in slots), default=None)
    if end_at is None or end_at <= now:
        raise Refused.because(Fault(field="$", message="no price beyond now"), code=STALE)

    async def look(reader: Reader) -> PriceCurve | None:
        return await reader.curve(zone, today_at - BACK - DAY, today_at + FORWARD)

    same = repeated_day(slots, await ports.store.read(look))
    if same is not None:
        message = f"the prices from {write_instant(same)} are those of the day before, one by one"
        raise Refused.because(Fault(field="$", message=message), code=REPEATED)
    await import_prices(ports, zone, currency, slots)
    return FeedState(known_until=end_at, good_at=now)
