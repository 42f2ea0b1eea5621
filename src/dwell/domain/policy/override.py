"""What a person asks of one session in place of its policy, and the instants at which it was asked.

An override lives and dies with its session. It is kept as a timed statement beside the policy's terms, like an edit of
them, so that a visit means the same in whatever order its facts come in.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from dwell.domain.errors import Fault

READY_WITHIN = timedelta(days=7)
"""How far ahead a person may set a deadline; a week is what a policy can see."""


class Regular(msgspec.Struct, frozen=True, kw_only=True, tag="REGULAR"):
    """At least so much by an instant. The reserve is the policy's where it is None."""

    minimum_charge_percent: float
    ready_by: datetime
    battery_reserve_percent: float | None = None


class Immediate(msgspec.Struct, frozen=True, kw_only=True, tag="IMMEDIATE_START"):
    """So much at full power from now on, whatever the price."""

    minimum_charge_percent: float


Wanted = Regular | Immediate


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked at an instant; `wanted` None takes the override back.

    `waiting` tells that it was asked of a session that waited for its plug-in: only then does it hold for a visit that
    begins later.
    """

    at: datetime
    wanted: Regular | Immediate | None
    waiting: bool


def faults_of(wanted: Wanted, now: datetime) -> tuple[Fault, ...]:
    """Everything for which the override cannot be taken at `now`, by field."""
    found = [_percent("minimum_charge_percent", wanted.minimum_charge_percent)]
    if isinstance(wanted, Regular):
        reserve_percent = wanted.battery_reserve_percent
        if reserve_percent is not None:
            found.append(_percent("battery_reserve_percent", reserve_percent))
            if reserve_percent > wanted.minimum_charge_percent:
                message = "must not be above the minimum charge"
                found.append(Fault(field="battery_reserve_percent", message=message))
        found.append(_ready_by(wanted.ready_by, now))
    return tuple(fault for fault in found if fault is not None)


def _percent(field: str, value: float) -> Fault | None:
    return None if 0 <= value <= 100 else Fault(field=field, message="must be from 0 to 100")


def _ready_by(ready_by: datetime, now: datetime) -> Fault | None:
    if ready_by <= now:
        return Fault(field="ready_by", message="must lie ahead")
    if ready_by > now + READY_WITHIN:
        return Fault(field="ready_by", message=f"must be at most {READY_WITHIN.days} days ahead")
    return None
