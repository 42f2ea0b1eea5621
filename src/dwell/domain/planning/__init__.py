"""One vehicle's charging plan: state the problem, solve it, verify the answer, explain it.

    grid = PriceGrid.of(curve)                  # once per curve; shared by all problems on it
    problem = Problem(now_at=…, vehicle=VehicleLimits(…), target=RegularTarget(…), prices=grid, timezone=zone)
    plan = solve(problem)                       # Plan with blocks
    faults = verify(problem, plan)              # () when the plan is sound; shares no code with the solver
    words = explain(problem, plan)              # words.summary, words.reasons[i] for plan.blocks[i]

For many vehicles at once: `plan_many(problems)`, or `plan_fleet(Fleet.of(columns, curves))` with arrays in and out.

Nothing here waits, reads a clock or keeps a log.
"""

from dwell.domain.planning.care import AfterDeadline, Care, Careful, careful, spare_of
from dwell.domain.planning.explain import Explanation, InHand, explain
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
from dwell.domain.planning.steady import Favour, at_true_prices, calmer, favoured, starts_too_often
from dwell.domain.planning.verify import verify
from dwell.domain.planning.warm import warm_up

__all__ = [
    "AfterDeadline",
    "Block",
    "BlockType",
    "Care",
    "Careful",
    "Ceiling",
    "Control",
    "Explanation",
    "Favour",
    "Fleet",
    "FleetPlans",
    "ImmediateStart",
    "InHand",
    "Plan",
    "PriceGrid",
    "Problem",
    "RegularTarget",
    "RowFault",
    "Target",
    "VehicleLimits",
    "Window",
    "at_true_prices",
    "calmer",
    "careful",
    "explain",
    "faults_in",
    "favoured",
    "plan_fleet",
    "plan_many",
    "solve",
    "spare_of",
    "starts_too_often",
    "verify",
    "warm_up",
]
