"""Many vehicles behind one connection: state the problem, solve it, verify the answer, explain it.

    problem = SiteProblem(now_at=…, vehicles=(SiteVehicle(vehicle=…, target=…), …), prices=grid, limit_kw=43.5)
    plan = solve_site(problem)                  # SitePlan: a Plan for each vehicle, and totals by slot

Nothing here waits, reads a clock or keeps a log.
"""

from dwell.domain.planning.site.plan import SitePlan, SlotTotal
from dwell.domain.planning.site.problem import BaseLoad, SiteProblem, SiteVehicle
from dwell.domain.planning.site.solve import solve_site

__all__ = ["BaseLoad", "SitePlan", "SiteProblem", "SiteVehicle", "SlotTotal", "solve_site"]
