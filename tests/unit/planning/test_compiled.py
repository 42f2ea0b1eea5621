"""Planner: compiled code runs from a place where nothing can be written, and as plain Python."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numba
import pytest

from dwell.domain.planning.compiled import compiled

PLAIN = """
import sys
from datetime import UTC, datetime, timedelta
from dwell.domain.planning import PriceGrid, Problem, RegularTarget, VehicleLimits, solve
from dwell.domain.planning.kernel import least_cost
assert type(least_cost).__name__ == "function"
now = datetime(2026, 1, 10, tzinfo=UTC)
hour = timedelta(hours=1)
plan = solve(Problem(
    now_at=now, vehicle=VehicleLimits(battery_capacity_kwh=50, soc_percent=40, power_max_kw=11),
    target=RegularTarget(minimum_charge_percent=80, ready_by_at=now + 9 * hour),
    prices=PriceGrid.from_slots((now + i * hour, now + (i + 1) * hour, 0.1 + i % 4 / 100) for i in range(9)),
))
sys.stdout.write(f"{plan.energy_kwh:.3f} {plan.starts}")
"""


def test_without_a_place_to_keep_code_the_planner_stays_plain_python(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(**_: object) -> Any:
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr(numba, "njit", nowhere)

    def double(value: int) -> int:
        return 2 * value

    assert compiled(double) is double


def test_the_name_that_code_is_kept_under_tells_what_was_compiled_before() -> None:
    def named(value: int) -> Any:
        def double(number: int) -> int:
            return 2 * number

        return compiled(double).__qualname__, value

    assert named(1) != named(2)


def test_the_planner_runs_as_plain_python() -> None:
    run = subprocess.run(
        [sys.executable, "-c", PLAIN],
        env={"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert run.stdout == "22.222 2", run.stderr
