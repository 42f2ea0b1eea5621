"""The verdict on a visit, in both vocabularies: the Flex state and the Partner reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from dwell.domain.policy.terms import VisitTerms
from dwell.domain.session.record import OutcomeState, SessionError
from dwell.domain.session.visit import Target, Visit

SLACK = timedelta(minutes=15)
"""A target that would be met with less slack than this at full power is at risk."""
COVERED_ENOUGH = 0.5
A_HAIR = timedelta(minutes=1)
_ENOUGH = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the reason is decided by; `coverage` is the real share of prices from plug-in to the deadline."""

    visit: Visit
    terms: VisitTerms
    managed: bool
    active: bool
    vehicle_deleted: bool
    coverage: float
    judged: Target | None
    reached: bool
    error: SessionError | None


def full_power_done_at(visit: Visit, terms: VisitTerms, now: datetime, share: float = 1.0) -> datetime | None:
    """When the target would be met at full power from `now`; None where level, capacity or target are unknown.

    `share` is what the vehicle is known to give of the power it is told.
    """
    soc_percent, target = visit.soc_at_percent(now), visit.target
    if soc_percent is None or target is None or terms.battery_capacity_wh is None:
        return None
    missing_wh = _missing_wh(soc_percent, target, terms.battery_capacity_wh, terms.efficiency)
    return terms.done_at(now, missing_wh / share)


def at_risk_from(visit: Visit, terms: VisitTerms, now: datetime, share: float = 1.0) -> datetime | None:
    """The first second at which the target would be met with less than SLACK; None where that cannot be told."""
    soc_percent, target = visit.soc_at_percent(now), visit.target
    if soc_percent is None or target is None or target.ready_by is None or visit.reached_at is not None:
        return None
    if terms.battery_capacity_wh is None:
        return None
    missing_wh = _missing_wh(soc_percent, target, terms.battery_capacity_wh, terms.efficiency)
    return terms.latest_start(target.ready_by - SLACK, missing_wh / share) + timedelta(seconds=1)


def _missing_wh(soc_percent: float, target: Target, battery_wh: int, efficiency: float) -> float:
    """What the target asks for at the meter, 0 if it is met."""
    return max(0.0, target.minimum_charge_percent - soc_percent) / 100 * battery_wh / efficiency


def reached_by(visit: Visit, terms: VisitTerms, now: datetime) -> datetime | None:
    """When the target will be in at the power that flows, to the second after; None where that cannot be told."""
    soc_percent, target, power_w = visit.soc_at_percent(now), visit.target, visit.ledger.power_w
    if soc_percent is None or target is None or not power_w or terms.battery_capacity_wh is None:
        return None
    if visit.reached_at is not None or soc_percent >= target.minimum_charge_percent:
        return None
    missing_wh = (target.minimum_charge_percent - soc_percent) / 100 * terms.battery_capacity_wh
    return now + timedelta(hours=missing_wh / terms.efficiency / power_w, seconds=1)


def reserve_lacks_percent(terms: VisitTerms, visit: Visit, target: Target | None = None) -> float | None:
    """How far the level is below the reserve, 0 where no more than A_HAIR of charging is missing; None unknown.

    `target` is the one that counts now, where that is younger than the newest fact. A reserve that ends a rounding
    short is there: a start for some seconds does a vehicle more harm than good.
    """
    soc_percent, target = visit.soc_now_percent(), target or visit.target
    if soc_percent is None or target is None or terms.battery_capacity_wh is None:
        return None
    lacks_percent = target.battery_reserve_percent - soc_percent
    hair_wh = terms.available_power_w * (A_HAIR / timedelta(hours=1)) * terms.efficiency
    return lacks_percent if lacks_percent > hair_wh / terms.battery_capacity_wh * 100 else 0.0


def live_outcome(
    visit: Visit,
    terms: VisitTerms,
    now: datetime,
    *,
    expected_soc_percent: float | None,
    share: float = 1.0,
) -> OutcomeState | None:
    """The verdict on a running visit; None when unmanaged. `expected_soc_percent` is the plan's, at the deadline."""
    target = visit.target
    if target is None:
        return None
    if visit.reached_at is not None:
        return OutcomeState("REACHED", target.number, visit.soc_now_percent(), visit.reached_at)
    done_at = full_power_done_at(visit, terms, now, share)
    late = done_at is not None and target.ready_by is not None and done_at > target.ready_by - SLACK
    level = expected_soc_percent if expected_soc_percent is not None else visit.soc_now_percent()
    return OutcomeState("AT_RISK" if late else "ON_TRACK", target.number, level, None)


def final_outcome(visit: Visit) -> tuple[Target | None, OutcomeState | None]:
    """The judged target and the verdict: the last deadline that passed in the visit, else the target in force."""
    verdict = visit.verdict
    if verdict is not None:
        state = "REACHED" if verdict.reached_at is not None else "MISSED"
        number = verdict.target.number
        return verdict.target, OutcomeState(state, number, verdict.soc_percent, verdict.reached_at)
    target = visit.target
    if target is None:
        return None, None
    state = "REACHED" if visit.reached_at is not None else "MISSED"
    return target, OutcomeState(state, target.number, visit.soc_now_percent(), visit.reached_at)


def reason_of(evidence: Evidence) -> str:
    """The Partner outcome: the first rule that matches."""
    return next((reason for reason, applies in RULES if applies(evidence)), "other")


def is_gate(reason: str) -> bool:
    """Whether `reason` is one for which the visit was not optimised at all."""
    return reason in GATES


def _inflexible(evidence: Evidence) -> bool:
    visit, terms, target = evidence.visit, evidence.terms, evidence.judged
    if target is None or target.ready_by is None or visit.soc_from_percent is None:
        return False
    if terms.battery_capacity_wh is None:
        return False
    missing_wh = _missing_wh(visit.soc_from_percent, target, terms.battery_capacity_wh, terms.efficiency)
    return missing_wh > 0 and terms.done_at(visit.plugged_in_at, missing_wh) >= target.ready_by - SLACK


def _was_full_at_plug_in(evidence: Evidence) -> bool:
    level, target = evidence.visit.soc_from_percent, evidence.judged
    return level is not None and target is not None and level >= target.minimum_charge_percent - _ENOUGH


def _left_early(evidence: Evidence) -> bool:
    return not evidence.reached and evidence.visit.verdict is None


ORDERS_FAILED = frozenset({"START_FAILED", "STOP_FAILED", "CHARGE_INTERRUPTED"})
Rule = tuple[str, Callable[[Evidence], bool]]
GATE_RULES: tuple[Rule, ...] = (
    ("ev_not_found", lambda e: e.vehicle_deleted),
    ("not_authenticated", lambda e: not e.terms.link_valid),
    ("not_at_home", lambda e: not e.terms.at_home),
    ("smart_optimization_disabled", lambda e: not e.managed or not e.terms.smart_charging),
    ("hems_only_mode", lambda e: e.terms.charging_mode == "solar_only"),
    ("oem_not_capable", lambda e: e.terms.control == "none"),
    ("no_battery_capacity", lambda e: e.terms.battery_capacity_wh is None),
    ("already_at_target", _was_full_at_plug_in),
    ("insufficient_price_coverage", lambda e: e.coverage < COVERED_ENOUGH),
)
GATES = frozenset(reason for reason, _ in GATE_RULES)
RULES: tuple[Rule, ...] = (
    *GATE_RULES,
    ("in_progress", lambda e: e.active),
    ("boosted", lambda e: e.visit.boosted),
    ("immediate_start", _inflexible),
    ("commands_failed", lambda e: e.error is not None and e.error.type in ORDERS_FAILED),
    ("oem_reported_full", lambda e: e.visit.fully_charged_at is not None and not e.reached),
    ("unknown", lambda e: e.visit.soc_from_percent is None and not e.reached),
    ("user_unplugged_early", _left_early),
    ("optimized", lambda e: e.reached),
)
