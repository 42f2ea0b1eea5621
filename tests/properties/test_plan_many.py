"""Planner: many vehicles at once get the plans that each would get alone, whoever they share a curve with."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from dwell.domain.planning import ImmediateStart, Plan, Problem, plan_fleet, plan_many, solve, verify
from dwell.domain.planning.many import fleet_of
from properties import test_plan_real_days as real_days
from properties.test_plan_optimum import draw

NEAR = 1e-9


def assert_same(problem: Problem, ours: Plan, theirs: Plan) -> None:
    """Both say the same, sums within rounding; the words and instants exactly."""
    assert [b.type for b in ours.blocks] == [b.type for b in theirs.blocks]
    assert [(b.start_at, b.end_at) for b in ours.blocks] == [(b.start_at, b.end_at) for b in theirs.blocks]
    for name in ("starts", "reachable", "target_reached_at", "gap"):
        assert getattr(ours, name) == getattr(theirs, name), name
    for name in (
        "energy_kwh",
        "cost",
        "baseline_cost",
        "reachable_soc_percent",
        "soc_at_ready_by_percent",
        "price_coverage",
    ):
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name), abs=NEAR), name
    assert verify(problem, ours) == ()


def shared(rng: random.Random, lot: list[Problem]) -> Problem:
    """A problem with its vehicle and target, and with the curve and windows of another."""
    one, other = rng.choice(lot), rng.choice(lot)
    early = one.now_at - timedelta(hours=rng.choice([0, 0, 1, 30, 24 * 9]))  # time without a price
    return replace(other, vehicle=one.vehicle, target=one.target, now_at=early, start_cost=one.start_cost)


@pytest.mark.parametrize("batch", range(4))
def test_a_plan_is_the_same_alone_and_among_many(batch: int) -> None:
    rng = random.Random(batch)
    lot = [draw(5000 * (batch + 7) + k).problem for k in range(500)]
    lot += [shared(rng, lot) for _ in range(500)]
    for i in rng.sample(range(len(lot)), 20):
        wanted = ImmediateStart(minimum_charge_percent=rng.uniform(0, 100), battery_reserve_percent=30)
        lot[i] = replace(lot[i], target=wanted)
    plans = plan_many(lot)

    for problem, plan in zip(lot, plans, strict=True):
        assert_same(problem, plan, solve(problem))
    late = sum(not plan.reachable for plan in plans)
    assert 20 < late < 900
    assert any(plan.price_coverage < 1 for plan in plans)


@pytest.mark.parametrize("path", real_days.FILES, ids=lambda path: path.stem)
def test_a_real_day_is_planned_alike(path: Path) -> None:
    rng = random.Random(path.name)
    lot = [real_days.drawn(path, rng).problem for _ in range(20)]

    for problem, plan in zip(lot, plan_many(lot), strict=True):
        assert_same(problem, plan, solve(problem))


def test_chunks_and_threads_change_nothing() -> None:
    fleet = fleet_of([draw(k).problem for k in range(700)])
    (whole,) = plan_fleet(fleet, chunk=700)
    with ThreadPoolExecutor(4) as pool:
        parts = list(plan_fleet(fleet, spread=pool.map, chunk=7))

    assert [part.first for part in parts] == list(range(0, 700, 7))
    assert np.array_equal(np.concatenate([part.runs for part in parts]), whole.runs)
    for k, column in enumerate(whole.results):
        assert np.array_equal(np.concatenate([part.results[k] for part in parts]), column)
    for row in range(700):
        assert np.array_equal(parts[row // 7].runs_of(row % 7), whole.runs_of(row))
