"""Planner: on real price days its plans cost what a mixed-integer program finds to be the least.

Days with 23 and 25 hours, hours and quarters, and the day of -500 €/MWh; prices in €/kWh.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from dwell.domain.planning import Control, PriceGrid, Problem, RegularTarget, VehicleLimits, plan_many
from properties.test_plan_optimum import Drawn, Slot, assert_least

DAYS = Path(__file__).parents[1] / "data" / "prices"
FILES = sorted(DAYS.glob("energy-charts_*.json"))


def slots_of(path: Path) -> Iterator[Slot]:
    document = json.loads(path.read_text())
    starts = [datetime.fromtimestamp(second, UTC) for second in document["unix_seconds"]]
    step = starts[1] - starts[0]
    for start_at, price in zip(starts, document["price"], strict=True):
        yield start_at, start_at + step, price / 1000


def drawn(path: Path, rng: random.Random) -> Drawn:
    slots = list(slots_of(path))
    soc, start_at, end_at = rng.uniform(5, 60), slots[0][0], slots[-1][1]
    vehicle = VehicleLimits(
        battery_capacity_kwh=rng.choice([40, 77]),
        soc_percent=soc,
        power_max_kw=rng.choice([3.7, 11, 22]),
        power_min_kw=1.4,
        control=rng.choice(list(Control)),
        charging_now=rng.random() < 0.3,
    )
    target = RegularTarget(
        minimum_charge_percent=rng.uniform(soc, 90),
        ready_by_at=end_at,
        battery_reserve_percent=rng.choice([0, 20]),
    )
    problem = Problem(
        now_at=start_at + timedelta(minutes=rng.uniform(0, 300)),
        vehicle=vehicle,
        target=target,
        prices=PriceGrid.from_slots(slots),
        timezone=ZoneInfo("Europe/Berlin"),
        start_cost=rng.choice([0.0, 0.02, 0.1, 0.25]),
    )
    return Drawn(problem=problem, slots=slots)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_real_day_is_planned_at_the_least_cost(path: Path) -> None:
    rng = random.Random(path.name)

    lot = [drawn(path, rng) for _ in range(8)]
    plans = plan_many([one.problem for one in lot])

    assert sum(assert_least(*pair) for pair in zip(lot, plans, strict=True)) >= 4


def test_the_days_hold_what_they_are_here_for() -> None:
    counts = {len(list(slots_of(path))) for path in FILES}

    assert {23, 25} & counts
    assert any(price <= -0.499 for path in FILES for _, _, price in slots_of(path))
