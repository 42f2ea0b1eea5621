"""Planner: time without a price takes the mean of the same local hour of the last 7 days, else of all known ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from dwell.domain.instants import micros_of
from dwell.domain.planning import PriceGrid, solve, verify
from dwell.domain.tariff.curve import PriceCurve, PriceSlot
from unit.planning.plan_builders import at, hourly, problem

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)


def made_up(grid: PriceGrid, start_at: datetime) -> float:
    """The price that the hour from `start_at` gets."""
    priced = grid.between(micros_of(start_at), micros_of(start_at + HOUR), BERLIN)
    assert priced.known_us == 0
    (value,) = set(priced.windows.value.tolist())
    return float(value)


def test_a_missing_hour_takes_the_mean_of_that_local_hour_of_seven_days() -> None:
    noon = datetime(2026, 1, 10, 11, 0, tzinfo=UTC)
    rows = [(noon - timedelta(days=d), noon - timedelta(days=d) + HOUR, float(d)) for d in range(1, 10)]

    assert made_up(PriceGrid.from_slots(rows), noon) == pytest.approx(sum(range(1, 8)) / 7)


def test_the_local_hour_is_the_same_across_a_clock_change() -> None:
    summer = datetime(2026, 10, 24, 10, 0, tzinfo=UTC)  # noon in Berlin
    winter = datetime(2026, 10, 25, 11, 0, tzinfo=UTC)  # noon a day later
    rows = [(summer, summer + HOUR, 0.5), (summer + HOUR, summer + 2 * HOUR, 9.0)]

    assert made_up(PriceGrid.from_slots(rows), winter) == pytest.approx(0.5)


def test_an_hour_of_quarters_counts_by_time() -> None:
    noon = datetime(2026, 1, 9, 11, 0, tzinfo=UTC)
    quarters = [(noon + i * HOUR / 4, noon + (i + 1) * HOUR / 4, float(i)) for i in range(4)]

    assert made_up(PriceGrid.from_slots(quarters), noon + timedelta(days=1)) == pytest.approx(1.5)


def test_without_that_hour_the_mean_of_all_known_prices_stands_in() -> None:
    assert made_up(hourly(0.1, 0.3), at(5)) == pytest.approx(0.2)


def test_a_horizon_of_decades_is_one_made_up_price_after_a_week() -> None:
    grid = hourly(0.1, 0.3)
    priced = grid.between(micros_of(at(0)), micros_of(at(24 * 365 * 50)), BERLIN)

    assert len(priced.windows.value) < 250
    assert priced.windows.value[-1] == pytest.approx(0.2)
    assert priced.windows.end_us[-1] == micros_of(at(24 * 365 * 50))


def test_coverage_says_how_much_of_the_horizon_was_known() -> None:
    asked = problem(0.1, 0.2, 0.3, 0.4, prices=hourly(0.1, 0.2, 0.3))
    plan = solve(asked)

    assert plan.price_coverage == pytest.approx(0.75)
    assert verify(asked, plan) == ()


def test_a_curve_of_the_tariff_gives_the_same_grid() -> None:
    curve = PriceCurve.of(
        "EUR", [PriceSlot(at(1), at(2), Decimal("0.2")), PriceSlot(at(0), at(1), Decimal("0.1"))]
    )

    assert PriceGrid.of(curve).slots.value.tolist() == [0.1, 0.2]


def test_slots_that_overlap_or_are_empty_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        PriceGrid.from_slots([(at(0), at(2), 0.1), (at(1), at(3), 0.1)])
    with pytest.raises(ValueError, match="empty"):
        PriceGrid.from_slots([(at(0), at(0), 0.1)])
    with pytest.raises(ValueError, match="finite"):
        PriceGrid.from_arrays(np.array([0]), np.array([1]), np.array([np.nan]))
