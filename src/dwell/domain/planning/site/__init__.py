"""Many vehicles behind one connection: state the problem, solve it, verify the answer, explain it.

    problem = SiteProblem(now_at=…, vehicles=(SiteVehicle(vehicle=…, target=…), …), prices=grid, limit_kw=43.5)
    plan = solve_site(problem)                  # SitePlan: a Plan for each vehicle, and totals by slot
    faults = verify_site(problem, plan)         # () when the plan is sound; shares no code with the solver
    words = explain_site(problem, plan)         # words[v].reasons[i] for plan.vehicles[v].blocks[i]

Nothing here waits, reads a clock or keeps a log.
"""

from dwell.domain.planning.site.explain import explain_site
from dwell.domain.planning.site.plan import SitePlan, SlotTotal
from dwell.domain.planning.site.problem import BaseLoad, SiteProblem, SiteVehicle
from dwell.domain.planning.site.solve import solve_site
from dwell.domain.planning.site.verify import verify_site

__all__ = [
    "BaseLoad",
    "SitePlan",
    "SiteProblem",
    "SiteVehicle",
    "SlotTotal",
    "explain_site",
    "solve_site",
    "verify_site",
]
