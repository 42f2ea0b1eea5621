"""Problems for the planner's tests: one car, one price curve by the hour, everything else by name."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from dwell.domain.planning import PriceGrid, Problem, RegularTarget, VehicleLimits

NOW_AT = datetime(2026, 1, 10, 20, 0, tzinfo=UTC)


def at(hours: float) -> datetime:
    """The instant `hours` after now."""
    return NOW_AT + timedelta(hours=hours)


def hourly(*prices: float, start_at: datetime = NOW_AT) -> PriceGrid:
    """A curve of one price an hour."""
    hour = timedelta(hours=1)
    return PriceGrid.from_slots(
        (start_at + i * hour, start_at + (i + 1) * hour, p) for i, p in enumerate(prices)
    )


def car(**changes: Any) -> VehicleLimits:
    """A battery of 100 kWh at 50 %, 10 kW, no losses: an hour is 10 %."""
    usual = VehicleLimits(
        battery_capacity_kwh=100, soc_percent=50, power_max_kw=10, power_min_kw=2, efficiency=1.0
    )
    return replace(usual, **changes)


def problem(*prices: float, wanted: float = 60, reserve: float = 0, **changes: Any) -> Problem:
    """To `wanted` % by the end of the prices."""
    usual = Problem(
        now_at=NOW_AT,
        vehicle=car(),
        target=RegularTarget(
            minimum_charge_percent=wanted, ready_by_at=at(len(prices)), battery_reserve_percent=reserve
        ),
        prices=hourly(*prices),
        start_cost=0.0,
    )
    return replace(usual, **changes)
