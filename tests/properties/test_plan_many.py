"""Planner: many vehicles at once get the plans that each would get alone, whoever they share a curve with."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from dwell.domain.planning import (
    Fleet,
    ImmediateStart,
    Plan,
    PriceGrid,
    Problem,
    plan_fleet,
    plan_many,
    solve,
    verify,
)
from dwell.domain.planning.compiled import Windows
from dwell.domain.planning.general import solved_by_highs
from dwell.domain.planning.kernel import least_cost
from dwell.domain.planning.many import Horizon, fleet_of
from dwell.domain.planning.rows import ahead_of, terms_of
from properties import test_plan_real_days as real_days
from properties.test_plan_optimum import draw

NEAR = 1e-9
QUARTER_US = 900_000_000


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


def hard(seed: int) -> tuple[PriceGrid, Windows, dict[str, float]]:
    """A hundred or more ceilings that all differ, and prices that hardly do: the labels run out."""
    rng = np.random.default_rng(seed)
    count = int(rng.choice([100, 150]))
    starts = np.arange(count) * QUARTER_US
    prices = np.round(rng.normal(0.2, 0.01, count), 2) if seed % 2 else rng.normal(0.2, 0.002, count)
    line = Windows(starts, starts + QUARTER_US, rng.uniform(1.5, 11, count))
    terms = {
        "ready_by_us": count * QUARTER_US,
        "need_kwh": float(rng.uniform(0.2, 0.8)) * float(line.value.sum()) / 4,
        "start_cost": float(rng.uniform(0.005, 0.25)),
        "modulating": bool(rng.random() < 0.7),
    }
    return PriceGrid.from_arrays(starts, starts + QUARTER_US, prices), line, terms


def test_who_takes_the_general_solver_is_planned_in_its_place_among_others() -> None:
    lot = [hard(seed) for seed in (2095, 3511, 3768)]
    vehicles = [{**terms, "curve": k, "ceiling": k} for k, (_, _, terms) in enumerate(lot)]
    easy = [{**vehicle, "need_kwh": 7.0 + k, "ceiling": -1} for k, vehicle in enumerate(vehicles)]
    late = [{**vehicle, "need_kwh": 900.0 + k} for k, vehicle in enumerate(vehicles)]
    rows = [row for three in zip(easy, vehicles, late, strict=True) for row in three]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    common = {"now_us": 0, "power_max_kw": 11.0, "power_min_kw": 1.4, "charge_when_negative": False}
    fleet = Fleet.of({**common, **columns}, [grid for grid, _, _ in lot], [line for _, line, _ in lot])
    (plans,) = plan_fleet(fleet)
    shared = Horizon(fleet).near

    assert plans.results.late.tolist() == [False, False, True] * 3
    assert plans.results.gap.tolist() == [0.0] * 9
    for row in range(9):
        runs = plans.runs_of(row)
        assert runs[:, 3].sum() == pytest.approx(columns["need_kwh"][row], abs=1e-6)
        assert runs[:, 4].sum() == pytest.approx(plans.results.cost[row], abs=NEAR)
    for row in (1, 4, 7):
        ahead = ahead_of(fleet.columns, row, int(columns["ready_by_us"][row]), shared)
        terms = terms_of(fleet.columns, row, ahead)
        theirs = solved_by_highs(ahead.slots, terms)
        ours = plans.results.cost[row] + columns["start_cost"][row] * plans.results.starts[row]
        assert least_cost(ahead.slots, terms)[3] > 0.0
        assert theirs is not None
        assert ours == pytest.approx(theirs.objective, abs=1e-6)
