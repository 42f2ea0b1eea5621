"""Have everything that compiles on first use compiled now: seconds on a machine that never planned, none after that."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from dwell.domain.planning.many import plan_many
from dwell.domain.planning.prices import PriceGrid
from dwell.domain.planning.problem import Control, Problem, RegularTarget, VehicleLimits
from dwell.domain.planning.solve import solve

_AT = datetime(2026, 1, 1, tzinfo=UTC)
_PRICES = (0.31, 0.12, 0.33, -0.05, 0.29, 0.11, 0.30, 0.28)


def warm_up(*, many: bool = False) -> None:
    """Solve one small problem of each kind; with `many` as a fleet and at a location too, compiled apart."""
    from dwell.domain.planning.site.warm import warm_up_site  # not loaded by who plans one vehicle only

    hour = timedelta(hours=1)
    grid = PriceGrid.from_slots((_AT + n * hour, _AT + (n + 1) * hour, p) for n, p in enumerate(_PRICES))
    vehicle = VehicleLimits(battery_capacity_kwh=60, soc_percent=30, power_max_kw=11, power_min_kw=1.4)
    target = RegularTarget(minimum_charge_percent=60, ready_by_at=_AT + 8 * hour, battery_reserve_percent=35)
    problem = Problem(now_at=_AT, vehicle=vehicle, target=target, prices=grid)
    for control in Control:
        for start_cost in (0.0, 0.02):
            solve(replace(problem, vehicle=replace(vehicle, control=control), start_cost=start_cost))
    if many:
        plan_many([problem, replace(problem, target=replace(target, ready_by_at=_AT))])
        warm_up_site()
