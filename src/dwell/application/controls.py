"""How a person's word takes effect: on one vehicle's case, at once, with plan, order and event in one transaction."""

from __future__ import annotations

from dwell.application.case import Case, Moment, close_cases, load_cases
from dwell.application.charging import Grids
from dwell.application.queries import NO_VEHICLE
from dwell.application.sharing import plan_running
from dwell.application.steer import is_fresh, steer, wants_plan
from dwell.application.upkeep import look_again, next_look
from dwell.application.visits import end_by_time
from dwell.domain.errors import NotFound
from dwell.domain.ids import OrganizationId, VehicleId
from dwell.domain.planning import Care


async def case_now(moment: Moment, organization_id: OrganizationId, vehicle_id: VehicleId) -> Case:
    """The vehicle's case with what time has ended by now. Raises NotFound."""
    cases = await load_cases(moment, organization_id, [vehicle_id])
    if vehicle_id not in cases:
        raise NotFound(NO_VEHICLE)
    await end_by_time(moment, cases[vehicle_id])
    return cases[vehicle_id]


async def take_effect(moment: Moment, case: Case) -> None:
    """Bring the case up to now, plan anew if that is wanted, and write it. The engine hands out the order."""
    await look_again(moment, case)
    if case.plan_wanted and case.visit is not None and is_fresh(moment, case.visit):
        unsound = await plan_running(moment, case, Grids(), moment.care or Care())
        steer(moment, case)
        # A plan that was refused is made again by the engine, which tells of it.
        case.plan_wanted = bool(unsound) or wants_plan(case, moment.now)
    await close_cases(moment, [case], {case.vehicle.id: next_look(moment, case)})
