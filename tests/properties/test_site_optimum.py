"""Joint planner: its plans are what linear programs, written apart from it, find to be the optimum."""

from __future__ import annotations

import numpy as np

from dwell.domain.planning.site import solve_site
from properties.site_reference import deadline_of, energies, grained, optimum
from properties.sites import DrawnSite, draw_site

A_SEED = 80  # drawn sites for each seed: 240 as the tests come


def compare(drawn: DrawnSite) -> None:
    best = optimum(drawn)
    problem, plan = drawn.problem, solve_site(drawn.problem)
    slots = len(best.edges) - 1
    totals, target = np.zeros(slots), np.zeros(len(plan.vehicles))
    for v, (vehicle, found) in enumerate(zip(problem.vehicles, plan.vehicles, strict=True)):
        reserve = energies(found, best.edges, reserve=True)
        np.testing.assert_allclose(reserve, best.reserve[v], atol=1e-6, err_msg=f"reserve of {v}")
        by_deadline = energies(found, best.edges, reserve=False)
        until = deadline_of(vehicle, problem)
        by_deadline[[start >= until for start in best.edges[:-1]]] = 0.0
        totals += by_deadline
        target[v] = by_deadline.sum()
        short = best.need[v] - best.target[v]
        assert found.reachable == (short <= 1e-6) or abs(short) <= 1e-6, v
    needy = best.need > 1e-9
    share = np.minimum(target, best.need)[needy] / best.need[needy]
    np.testing.assert_allclose(share, (best.target / np.maximum(best.need, 1e-9))[needy], atol=1e-6)
    np.testing.assert_allclose(np.array(plan.fractions)[needy], share, atol=1e-6)
    assert abs(totals @ best.price - best.cost) <= 1e-6
    assert totals @ grained(best.price) <= best.grained_cost + 1e-6


def test_plans_are_the_linear_optimum(seed: int) -> None:
    for number in range(A_SEED):
        name = f"{seed}/{number}"
        try:
            compare(draw_site(name))
        except AssertionError as error:
            raise AssertionError(f"site {name}: {error}") from error
