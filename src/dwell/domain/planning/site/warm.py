"""Have the joint planner's code compiled now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dwell.domain.planning.prices import PriceGrid
from dwell.domain.planning.problem import (
    Ceiling,
    ImmediateStart,
    RegularTarget,
    VehicleLimits,
    Window,
)
from dwell.domain.planning.site.problem import BaseLoad, SiteProblem, SiteVehicle
from dwell.domain.planning.site.solve import solve_site

_AT = datetime(2026, 1, 1, tzinfo=UTC)
_PRICES = (0.31, 0.12, 0.33, -0.05, 0.29, 0.11, 0.30, 0.28)


def warm_up_site() -> None:
    """Solve a site with too little room, with and without least powers."""
    hour = timedelta(hours=1)
    grid = PriceGrid.from_slots((_AT + n * hour, _AT + (n + 1) * hour, p) for n, p in enumerate(_PRICES))
    regular = RegularTarget(minimum_charge_percent=60, ready_by_at=_AT + 8 * hour, battery_reserve_percent=35)
    for power_min in (0.0, 1.4):
        limits = VehicleLimits(
            battery_capacity_kwh=60, soc_percent=30, power_max_kw=11, power_min_kw=power_min
        )
        vehicle = SiteVehicle(
            vehicle=limits,
            target=regular,
            ceilings=(Ceiling(start_at=_AT, end_at=_AT + hour, power_kw=5),),
            restrictions=(Window(start_at=_AT + hour, end_at=_AT + 2 * hour),),
        )
        at_once = SiteVehicle(vehicle=limits, target=ImmediateStart(minimum_charge_percent=50))
        load = BaseLoad(start_at=_AT, end_at=_AT + hour, power_kw=2)
        for limit in (6.0, 20.0):
            solve_site(
                SiteProblem(
                    now_at=_AT,
                    vehicles=(vehicle, vehicle, at_once),
                    prices=grid,
                    limit_kw=limit,
                    base_load=(load,),
                )
            )
