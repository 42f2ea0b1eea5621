"""The bodies about day-ahead prices."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

from dwell.api.partner.schemas import Instant


class DayAheadPrice(msgspec.Struct, frozen=True):
    """A price per MWh from `start` to before `end`."""

    start: Instant
    end: Instant
    price: Decimal


class DayAheadPrices(msgspec.Struct, frozen=True, kw_only=True):
    """A zone's prices in a window. `state`: all of it is known, some of it, or nothing."""

    price_zone: str
    currency: str | None
    unit: str | None
    state: Literal["complete", "partial", "missing"]
    prices: list[DayAheadPrice]


class DayAheadFields(msgspec.Struct, frozen=True, kw_only=True):
    """Prices per MWh to lay over what is known."""

    price_zone: str
    currency: str = "EUR"
    prices: list[DayAheadPrice]
