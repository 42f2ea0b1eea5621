"""Documents and curves for the tests of prices."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from dwell.domain.errors import Refused
from dwell.domain.ids import Zone
from dwell.domain.tariff.curve import PriceSlot
from dwell.protocols.prices import PriceDocument, read_prices

CAPTURES = Path(__file__).parents[2] / "data" / "prices"
NOON_S = 1_760_011_200  # 2025-10-09T12:00:00Z
NOON_AT = datetime(2025, 10, 9, 12, tzinfo=UTC)


def capture(name: str, *, zone: str | None = None) -> PriceDocument:
    """The document read from a capture."""
    return read_prices(name, (CAPTURES / name).read_bytes(), zone=None if zone is None else Zone(zone))


def energy_charts(stamps: list[int], prices: list[str], *, unit: str = "EUR / MWh") -> bytes:
    """An Energy-Charts answer; `prices` are JSON literals."""
    return (
        f'{{"unix_seconds": {json.dumps(stamps)}, "price": [{", ".join(prices)}], "unit": {json.dumps(unit)}}}'
    ).encode()


def hours(count: int) -> list[int]:
    """Hourly stamps from noon."""
    return [NOON_S + 3600 * n for n in range(count)]


def faults_of(content: bytes) -> dict[str, str]:
    """Path to message of every fault for which `content` is refused."""
    return {fault.field: fault.message for fault in refused(content).faults}


def refused(content: bytes, *, zone: str | None = None) -> Refused:
    """The refusal of `content`."""
    with pytest.raises(Refused) as caught:
        read_prices("document", content, zone=None if zone is None else Zone(zone))
    return caught.value


def slot(start_minutes: int, end_minutes: int, price: str) -> PriceSlot:
    """A slot that many minutes after noon."""
    return PriceSlot(
        NOON_AT + timedelta(minutes=start_minutes), NOON_AT + timedelta(minutes=end_minutes), Decimal(price)
    )
