"""What a driver pays, against an account that looks at every second of the charge by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from dwell.domain.tariff.driver import DriverTariff, TimeBand, amount_of, rounded

START = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
PRICES = st.decimals(0, 5, places=4)
BANDS = st.dictionaries(st.integers(0, 90), PRICES, max_size=4)
TARIFFS = st.builds(
    lambda kwh, session, bands: DriverTariff(
        kwh_price=kwh,
        session_price=session,
        time_bands=tuple(TimeBand(minute, bands[minute]) for minute in sorted(bands)),
    ),
    PRICES,
    PRICES,
    BANDS,
)


def by_seconds(tariff: DriverTariff, energy_wh: int, length_s: int) -> Fraction:
    """Each second at the price of the last band that has begun."""
    amount = Fraction(tariff.session_price) + Fraction(energy_wh, 1000) * Fraction(tariff.kwh_price)
    for second in range(length_s):
        begun = [band for band in tariff.time_bands if band.starting_at_minute * 60 <= second]
        if begun:
            amount += Fraction(begun[-1].minute_price) / 60
    return amount


def paid(tariff: DriverTariff, energy_wh: int, length_s: int) -> Decimal:
    return amount_of(tariff, energy_wh, START, START + timedelta(seconds=length_s))


@given(TARIFFS, st.integers(0, 100_000), st.integers(0, 7_000))
def test_the_amount_is_that_of_every_second_together(
    tariff: DriverTariff, energy_wh: int, length_s: int
) -> None:
    amount, account = paid(tariff, energy_wh, length_s), by_seconds(tariff, energy_wh, length_s)
    assert abs(Fraction(amount) - account) < Fraction(1, 10**18)
    assert abs(Fraction(rounded(amount)) - account) <= Fraction(1, 200) + Fraction(1, 10**18)


@given(TARIFFS, st.integers(0, 100_000), st.integers(0, 7_000), st.integers(0, 600))
def test_nobody_pays_less_for_more(tariff: DriverTariff, energy_wh: int, length_s: int, more: int) -> None:
    assert paid(tariff, energy_wh + more, length_s + more) >= paid(tariff, energy_wh, length_s)


def test_the_check_value() -> None:
    tariff = DriverTariff(kwh_price=Decimal("0.88"), time_bands=(TimeBand(45, Decimal("0.12")),))
    assert paid(tariff, 20_000, 3600) == Decimal("19.40")
