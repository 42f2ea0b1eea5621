"""Site plans in sentences that a customer can read, one explanation for each vehicle."""

from __future__ import annotations

from dataclasses import replace

from dwell.domain.planning.explain import Explanation, explain
from dwell.domain.planning.plan import Block, BlockType, Plan
from dwell.domain.planning.problem import Control, Problem
from dwell.domain.planning.site.plan import SitePlan
from dwell.domain.planning.site.problem import SiteProblem, SiteVehicle

FULL_KW = 1e-6  # a slot with less room left than this is full
_LEAST_KW = 0.001


def explain_site(problem: SiteProblem, plan: SitePlan) -> tuple[Explanation, ...]:
    """Each vehicle's part in words, as for one vehicle, and what it owes to the others."""
    full = any(slot.power_kw >= slot.room_kw - FULL_KW for slot in plan.slots)
    return tuple(
        _one(problem, vehicle, single, shared=full)
        for vehicle, single in zip(problem.vehicles, plan.vehicles, strict=True)
    )


def _one(problem: SiteProblem, vehicle: SiteVehicle, single: Plan, *, shared: bool) -> Explanation:
    """Explained as if it were planned alone, then corrected where the connection had its say."""
    limits = vehicle.vehicle
    power_min = max(limits.power_min_kw, min(_LEAST_KW, limits.power_max_kw))
    alone = Problem(
        now_at=problem.now_at,
        vehicle=replace(limits, power_min_kw=power_min, control=Control.ON_OFF),
        target=vehicle.target,
        prices=problem.prices,
        timezone=problem.timezone,
    )
    words = explain(alone, single)
    reasons = tuple(
        _reason(
            vehicle, single, block, reason if not shared else f"{reason}, as far as the connection allows"
        )
        for block, reason in zip(single.blocks, words.reasons, strict=True)
    )
    return Explanation(summary=words.summary, reasons=reasons)


def _reason(vehicle: SiteVehicle, single: Plan, block: Block, usual: str) -> str:
    if single.reachable or block.type is BlockType.BATTERY_RESERVE:
        return usual
    if vehicle.ready_by_at is None:
        return f"immediate start: what the connection allows until {vehicle.wanted_percent:g} %"
    if block.start_at >= vehicle.ready_by_at:
        return "after the deadline: what the others leave"
    return "too little room before the deadline: its fair share of the connection"
