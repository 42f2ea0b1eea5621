"""What a fleet driver pays at an EVSE. Never the same thing as what the location pays for its power."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal

import msgspec

from dwell.domain.units import MINUTE_S, WH_PER_KWH

_EXACT = Context(prec=60)
_CENT = Decimal("0.01")


class TimeBand(msgspec.Struct, frozen=True):
    """A price per minute from a minute of the session on, until the next band replaces it."""

    starting_at_minute: int
    minute_price: Decimal


class DriverTariff(msgspec.Struct, frozen=True, kw_only=True):
    """Prices net, in `currency`; `vat` as a fraction. A session keeps the tariff that was in force at its start."""

    kwh_price: Decimal = Decimal(0)
    session_price: Decimal = Decimal(0)
    time_bands: tuple[TimeBand, ...] = ()
    vat: Decimal = Decimal(0)
    currency: str = "EUR"
    max_charging_minutes: int | None = None

    def __post_init__(self) -> None:
        starts = [band.starting_at_minute for band in self.time_bands]
        if starts != sorted(set(starts)) or any(start < 0 for start in starts):
            raise ValueError("time bands start at minute 0 or later, each after the one before")


def amount_of(tariff: DriverTariff, energy_wh: int, start_at: datetime, end_at: datetime) -> Decimal:
    """Net, unrounded: session price + kWh × kWh price + Σ minute price × minutes in each band, whole µs counted."""
    amount = _EXACT.multiply(Decimal(energy_wh), tariff.kwh_price) / WH_PER_KWH + tariff.session_price
    minutes = max(_minutes(end_at - start_at), Decimal(0))
    for index, band in enumerate(tariff.time_bands):
        following = tariff.time_bands[index + 1 : index + 2]
        until = min([minutes, *(Decimal(one.starting_at_minute) for one in following)])
        inside = max(until - band.starting_at_minute, Decimal(0))
        amount += _EXACT.multiply(inside, band.minute_price)
    return amount


def rounded(amount: Decimal) -> Decimal:
    """As an invoice shows it: two decimals, half up, once."""
    return amount.quantize(_CENT, ROUND_HALF_UP)


def _minutes(elapsed: timedelta) -> Decimal:
    micros = elapsed // timedelta(microseconds=1)
    return Decimal(micros) / (MINUTE_S * 1_000_000)
