"""One vehicle's charging plan: state the problem, solve it, verify the answer, explain it.

    grid = PriceGrid.of(curve)                  # once per curve; shared by all problems on it
    problem = Problem(now_at=…, vehicle=VehicleLimits(…), target=RegularTarget(…), prices=grid, timezone=zone)
    plan = solve(problem)                       # Plan with blocks
    faults = verify(problem, plan)              # () when the plan is sound; shares no code with the solver
    words = explain(problem, plan)              # words.summary, words.reasons[i] for plan.blocks[i]

For many vehicles at once: `plan_many(problems)`, or `plan_fleet(Fleet.of(columns, curves))` with arrays in and out.

Nothing here waits, reads a clock or keeps a log.
"""

from dwell.domain.planning.explain import Explanation, explain
from dwell.domain.planning.fleet import Fleet, RowFault, faults_in
from dwell.domain.planning.many import FleetPlans, plan_fleet, plan_many
from dwell.domain.planning.plan import Block, BlockType, Plan
from dwell.domain.planning.prices import PriceGrid
from dwell.domain.planning.problem import (
    Ceiling,
    Control,
    ImmediateStart,
    Problem,
    RegularTarget,
    Target,
    VehicleLimits,
    Window,
)
from dwell.domain.planning.solve import solve
from dwell.domain.planning.verify import verify
from dwell.domain.planning.warm import warm_up

__all__ = [
    "Block",
    "BlockType",
    "Ceiling",
    "Control",
    "Explanation",
    "Fleet",
    "FleetPlans",
    "ImmediateStart",
    "Plan",
    "PriceGrid",
    "Problem",
    "RegularTarget",
    "RowFault",
    "Target",
    "VehicleLimits",
    "Window",
    "explain",
    "faults_in",
    "plan_fleet",
    "plan_many",
    "solve",
    "verify",
    "warm_up",
]
