"""Boost: charge at once and full, now or at the next plug-in. What it is worth at a moment, and why it is refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from dwell.domain.errors import Conflict
from dwell.domain.policy.override import Immediate
from dwell.domain.registry import Vehicle
from dwell.domain.session.record import Session
from dwell.domain.session.track import Seen
from dwell.domain.session.visit import IMMEDIATE_START

BoostState = Literal["available", "requested", "ongoing", "unavailable"]
Refusal = Literal["already_charging", "fully_charged", "no_active_session", "internal_error"]

FULL_PERCENT = 100.0
"""What a boost asks for; the vehicle's own charge limit caps it."""
_ENOUGH = 1e-9


class BoostRefused(Conflict):
    """A boost that cannot be had now: the state that shows, and the reason."""

    default_code = "boost_refused"

    def __init__(self, state: BoostState, reason: Refusal) -> None:
        super().__init__(f"The vehicle cannot be boosted: {reason}.")
        self.state = state
        self.reason = reason


def boost_state(
    vehicle: Vehicle, seen: Seen, *, active: Session | None, waiting: Sequence[Session], now: datetime
) -> BoostState:
    """What a boost is worth at `now`; `active` is the running session, `waiting` the vehicle's UPCOMING ones.

    Requested: asked for, and not yet seen to charge; also armed for the next plug-in.
    """
    if _is_steerable(vehicle):
        if active is not None and is_boosting(active):
            return "ongoing" if active.charging else "requested"
        if active is None and any(is_armed(session, now) for session in waiting):
            return "requested"
    return "available" if refusal_of(vehicle, seen, active=active, waiting=waiting) is None else "unavailable"


def refusal_of(
    vehicle: Vehicle, seen: Seen, *, active: Session | None, waiting: Sequence[Session]
) -> Refusal | None:
    """Why a boost would be refused, first reason first; None where it would not."""
    if not _is_steerable(vehicle):
        return "internal_error"
    if active is None:
        return None if waiting else "no_active_session"
    if not active.managed:
        return "no_active_session"
    if active.charging:
        return "already_charging"
    limit = min(FULL_PERCENT, seen.charge_limit_percent or FULL_PERCENT)
    level = active.soc_to_percent
    if seen.fully_charged or (level is not None and level >= limit - _ENOUGH):
        return "fully_charged"
    return None


def is_boosting(active: Session) -> bool:
    """Whether the running session starts at once, and has not got what that asks for."""
    reached = active.outcome is not None and active.outcome.reached_at is not None
    return active.target is not None and active.target.type == IMMEDIATE_START and not reached


def is_armed(waiting: Session, now: datetime) -> bool:
    """Whether the waiting session will start at once at its plug-in."""
    return isinstance(waiting.terms.override_at(max(now, waiting.updated_at), None), Immediate)


def _is_steerable(vehicle: Vehicle) -> bool:
    """Whether orders are given to the vehicle at all, and a plan can be made for it."""
    optimised = vehicle.smart_charging and vehicle.charging_mode == "optimized"
    able = vehicle.control != "none" and vehicle.battery_capacity_wh is not None
    return optimised and able and vehicle.link_valid and vehicle.deleted_at is None
