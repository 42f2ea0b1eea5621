"""After a missed deadline: what was promised for it is still charged, unless the operator wants otherwise."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from dwell.domain.planning import AfterDeadline, RegularTarget
from dwell.domain.policy.terms import VisitTerms
from dwell.domain.session.visit import Visit, pass_time


def owed_target(visit: Visit, terms: VisitTerms, now: datetime, after: AfterDeadline) -> RegularTarget | None:
    """The missed target, its deadline past, while its energy is still owed; None where the next one rules.

    CONTINUE: until the level that was asked for is in. UNTIL_UNPLUGGED: until the vehicle is full or gone.
    A policy edited since the deadline asks for something else: nothing is owed any more.
    """
    if visit.target is not None and visit.target.ready_by is not None and visit.target.ready_by <= now:
        visit = visit.copy()  # no fact has come since the deadline: time passes all the same
        pass_time(visit, now, terms)
    verdict = visit.verdict
    if verdict is None or verdict.reached_at is not None or verdict.target.ready_by is None:
        return None
    told_at = terms.told_after(verdict.target.ready_by)
    if told_at is not None and told_at <= now:
        return None
    match after:
        case AfterDeadline.STOP:
            return None
        case AfterDeadline.CONTINUE:
            wanted_percent = verdict.target.minimum_charge_percent
        case AfterDeadline.UNTIL_UNPLUGGED:
            wanted_percent = 100.0
        case _:
            assert_never(after)
    limit_percent = 100.0 if visit.charge_limit_percent is None else visit.charge_limit_percent
    soc_percent = visit.soc_at_percent(now)
    if soc_percent is None or soc_percent >= min(wanted_percent, limit_percent):
        return None
    return RegularTarget(
        minimum_charge_percent=wanted_percent,
        ready_by_at=verdict.target.ready_by,
        battery_reserve_percent=verdict.target.battery_reserve_percent,
    )
