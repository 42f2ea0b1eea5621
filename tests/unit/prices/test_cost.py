"""Cost = Σ energy in interval × price of interval, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from dwell.domain.tariff.cost import cost_of
from dwell.domain.tariff.curve import PriceCurve

from .price_builders import NOON_AT, slot


@dataclass(frozen=True, slots=True)
class Drawn:
    start_at: datetime
    end_at: datetime
    energy_wh: int


def drawn(start_minutes: int, end_minutes: int, energy_wh: int) -> Drawn:
    return Drawn(
        NOON_AT + timedelta(minutes=start_minutes), NOON_AT + timedelta(minutes=end_minutes), energy_wh
    )


CURVE = PriceCurve.of("EUR", [slot(0, 60, "0.10"), slot(60, 75, "-0.0257"), slot(90, 120, "0.30")])


def test_energy_within_a_slot_costs_its_price() -> None:
    assert cost_of([drawn(0, 15, 1234), drawn(15, 30, 766)], CURVE) == Decimal("0.2")


def test_a_negative_price_earns() -> None:
    assert cost_of([drawn(60, 75, 3000)], CURVE) == Decimal("-0.0771")


def test_energy_across_a_change_of_price_is_spread_evenly() -> None:
    assert cost_of([drawn(45, 75, 2000)], CURVE) == Decimal("0.0743")


def test_no_energy_costs_nothing_wherever_it_falls() -> None:
    assert cost_of([drawn(75, 90, 0)], CURVE) == Decimal(0)
    assert cost_of([], CURVE) == Decimal(0)


def test_energy_where_no_price_is_known_has_no_cost() -> None:
    for unpriced in (
        drawn(75, 90, 1),
        drawn(-15, 0, 1),
        drawn(70, 95, 10),
        drawn(110, 130, 5),
        drawn(-5, 5, 1),
    ):
        assert cost_of([drawn(0, 15, 10), unpriced], CURVE) is None


@given(st.integers(0, 100_000), st.integers(0, 74), st.integers(1, 75))
def test_spreading_loses_no_energy(energy_wh: int, start: int, length: int) -> None:
    flat = PriceCurve.of("EUR", [slot(m, m + 5, "0.123456789") for m in range(0, 150, 5)])

    cost = cost_of([drawn(start, start + length, energy_wh)], flat)

    assert cost is not None
    assert Fraction(cost) == Fraction("0.123456789") * energy_wh / 1000


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50_000)), max_size=20))
def test_the_cost_of_rows_adds_up_to_the_cost_of_all(parts: list[tuple[int, int]]) -> None:
    rows = [drawn(15 * quarter, 15 * quarter + 15, energy) for quarter, energy in parts]
    each = [cost_of([row], CURVE) for row in rows]

    assert cost_of(rows, CURVE) == sum((cost for cost in each if cost is not None), Decimal(0))
