"""Planner: a problem is valid by construction, and a refusal names every fault."""

from __future__ import annotations

from datetime import datetime

import pytest

from dwell.domain.errors import Refused
from dwell.domain.planning import Ceiling, RegularTarget, VehicleLimits, Window
from unit.planning.plan_builders import at, car, problem


def fields(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [fault.field for fault in refused.value.faults]


def test_every_number_out_of_range_is_named() -> None:
    with pytest.raises(Refused) as refused:
        VehicleLimits(
            battery_capacity_kwh=-1, soc_percent=float("nan"), power_max_kw=float("inf"), efficiency=0
        )

    assert fields(refused) == ["battery_capacity_kwh", "soc_percent", "power_max_kw", "efficiency"]


def test_the_least_power_is_not_above_the_most() -> None:
    with pytest.raises(Refused) as refused:
        car(power_min_kw=11)

    assert fields(refused) == ["power_min_kw"]


def test_instants_have_a_zone_and_windows_have_length() -> None:
    with pytest.raises(Refused) as naive:
        RegularTarget(minimum_charge_percent=101, ready_by_at=datetime(2026, 1, 1))  # noqa: DTZ001  # a local time is what must be refused
    with pytest.raises(Refused) as empty:
        Window(start_at=at(1), end_at=at(1))
    with pytest.raises(Refused) as below:
        Ceiling(start_at=at(0), end_at=at(1), power_kw=-1)

    assert fields(naive) == ["minimum_charge_percent", "ready_by"]
    assert fields(empty) == ["end"]
    assert fields(below) == ["power_kw"]


def test_a_start_costs_nothing_or_something() -> None:
    with pytest.raises(Refused):
        problem(0.1, start_cost=-0.01)
