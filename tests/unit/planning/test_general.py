"""Planner: past the labels' limit the general solver finds the same optimum."""

from __future__ import annotations

import random

import numpy as np
import pytest

from dwell.domain.planning.compiled import Slots, Terms
from dwell.domain.planning.general import MOST_SLOTS, Found, least_cost_by_solver
from dwell.domain.planning.kernel import least_cost
from dwell.domain.planning.slots import runs_of


def drawn(seed: int, count: int = 24) -> tuple[Slots, Terms]:
    rng = random.Random(seed)
    hours = np.array([rng.choice([0.25, 0.5, 1.0]) for _ in range(count)])
    powers = np.array([rng.choice([0.0, 4.0, 11.0, rng.uniform(2, 11)]) for _ in range(count)])
    ends = np.cumsum(hours)
    need = rng.uniform(0.1, 0.9) * float(np.dot(hours, powers))
    prices = np.array([rng.gauss(0.2, 0.1) for _ in range(count)])
    slots = Slots(ends - hours, ends, prices, powers, powers)
    return slots, Terms(need, need, rng.uniform(0.01, 0.25), 1.4, rng.random() < 0.5, rng.random() < 0.3)


def objective(slots: Slots, terms: Terms, found: Found) -> float:
    """Of the runs that the steps stand for, starts counted by their edges."""
    runs = runs_of(slots, terms, found[0], (found[1], found[2]))
    edge = 0.0 if terms.charging else -1.0
    starts = 0
    for start, end, *_ in runs.tolist():
        starts += abs(start - edge) > 1e-9
        edge = end
    assert float(runs[:, 3].sum()) == pytest.approx(terms.need_kwh, abs=1e-6)
    return float(runs[:, 4].sum()) + terms.start_cost * starts


def everything(slots: Slots, terms: Terms) -> Found:
    """A poor plan to begin with: each slot from the first on, as if the labels had found nothing better."""
    full = slots.allowed_kw * (slots.end_h - slots.start_h)
    steps, total = np.zeros(len(full), np.int8), 0.0
    for i, energy in enumerate(full.tolist()):
        if total + energy > terms.need_kwh:
            return steps, i, terms.need_kwh - total, 100.0
        steps[i], total = 1 if energy > 0 else 0, total + energy
    return steps, -1, 0.0, 100.0


@pytest.mark.parametrize("number", range(25))
def test_it_finds_what_the_labels_find(number: int) -> None:
    slots, terms = drawn(number)
    ours = least_cost(slots, terms)
    found = least_cost_by_solver(slots, terms, everything(slots, terms))

    assert ours[3] == 0.0
    assert found[3] == 0.0
    assert objective(slots, terms, found) == pytest.approx(objective(slots, terms, ours), abs=1e-6)


def test_a_better_plan_that_is_known_stays() -> None:
    slots, terms = drawn(3)
    known = least_cost(slots, terms)
    found = least_cost_by_solver(slots, terms, (*known[:3], 0.5))

    assert objective(slots, terms, found) == pytest.approx(objective(slots, terms, known), abs=1e-9)


def test_problems_beyond_its_size_keep_their_plan_and_their_gap() -> None:
    slots, terms = drawn(1, MOST_SLOTS + 1)
    known: Found = (np.zeros(MOST_SLOTS + 1, np.int8), -1, 0.0, 0.5)

    assert least_cost_by_solver(slots, terms, known) is known


@pytest.mark.parametrize(("number", "start_cost"), [(1, 0.02), (3, 0.25), (4, 0.25), (5, 0.02)])
def test_months_of_slots_that_all_differ_get_a_plan_and_an_honest_gap(number: int, start_cost: float) -> None:
    rng = np.random.default_rng(number)
    ends, powers = np.arange(1, 3001) / 4, rng.uniform(2, 11, 3000)
    slots = Slots(ends - 0.25, ends, np.round(rng.normal(0.2, 0.01, 3000), 2), powers, powers)
    need = float(rng.uniform(0.02, 0.5)) * float(powers.sum()) / 4
    terms = Terms(need, need, start_cost, 1.4, True, False)
    found = least_cost(slots, terms)
    cheapest_first = np.argsort(slots.price, kind="stable")
    rest = np.clip(need - np.cumsum(powers[cheapest_first] / 4) + powers[cheapest_first] / 4, 0, None)
    bound = float(np.dot(np.minimum(powers[cheapest_first] / 4, rest), slots.price[cheapest_first]))
    ours = objective(slots, terms, found)

    assert 0.0 <= found[3] < 0.5
    assert bound <= ours <= bound + start_cost * 3000
