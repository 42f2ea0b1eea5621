"""What a visit teaches of its vehicle, kept with the vehicle's track for the plans to come."""

from __future__ import annotations

from dwell.application.case import Case
from dwell.domain.session.power_share import learned_share


def learn(case: Case) -> None:
    """Before a plan gives way to another, or the visit ends: remember what the vehicle gave under it."""
    session, visit = case.active, case.visit
    if session is None or visit is None or session.promise is None:
        return
    available_w = session.terms.available_power_w
    case.power_share = learned_share(case.power_share, session.promise, visit, available_w=available_w)
