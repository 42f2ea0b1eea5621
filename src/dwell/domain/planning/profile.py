"""A plan as a charging profile, so that a station keeps to it when nobody can reach it. The planner's fifth job.

A profile is a ceiling. Limits are rounded down, so that a station which draws all it may never draws more than was
planned. Where a plan has more steps than a station takes, the profile ends early and `is_whole` says so: the rest
follows with the next one, in good time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import NamedTuple

from dwell.domain.station.profile import ChargingProfile, ProfilePeriod, Purpose, RateUnit
from dwell.domain.units import W_PER_KW

PERIODS_AT_MOST = 24
"""What stations take that do not say (ChargingScheduleMaxPeriods)."""
_TENTH = Decimal("0.1")
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """How a station counts: in `unit`; amperes are per phase, at `voltage_v` from phase to neutral."""

    unit: RateUnit = RateUnit.AMPERE
    phases: int = 3
    voltage_v: int = 230
    periods_at_most: int = PERIODS_AT_MOST

    def __post_init__(self) -> None:
        if self.phases not in {1, 2, 3} or self.voltage_v <= 0 or self.periods_at_most < 2:
            raise ValueError("wiring has 1 to 3 phases, a voltage, and room for 2 periods")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expressed:
    """The profile, whether it holds the whole plan, and until when it is good."""

    profile: ChargingProfile
    is_whole: bool
    good_until: datetime | None


class Step(NamedTuple):
    """At most `power_kw` in `[start_at, end_at)`."""

    start_at: datetime
    end_at: datetime
    power_kw: float


def express(
    plan: Sequence[Step],
    wiring: Wiring,
    *,
    profile_id: int,
    now: datetime,
    purpose: Purpose = Purpose.TRANSACTION,
    stack_level: int = 0,
    transaction_reference: str | None = None,
) -> Expressed:
    """The steps of `plan` from `now` on. Between them, and when the last one is over, the limit is 0.

    `now` is cut to the second, block edges are rounded to it: stations count in seconds.
    """
    start_at = now.replace(microsecond=0)
    steps = _steps(plan, start_at, wiring)
    kept = steps[: wiring.periods_at_most]
    cut_at_s = steps[wiring.periods_at_most].start_s if len(steps) > len(kept) else None
    good_until = None if cut_at_s is None else start_at + timedelta(seconds=cut_at_s)
    profile = ChargingProfile(
        id=profile_id,
        purpose=purpose,
        unit=wiring.unit,
        start_at=start_at,
        periods=tuple(kept),
        stack_level=stack_level,
        duration_s=cut_at_s,
        valid_until=good_until,
        transaction_reference=transaction_reference,
    )
    return Expressed(profile=profile, is_whole=cut_at_s is None, good_until=good_until)


def _steps(plan: Sequence[Step], start_at: datetime, wiring: Wiring) -> list[ProfilePeriod]:
    """Every change of the limit, the first at 0 s."""
    edges: dict[int, Decimal] = {0: Decimal(0)}
    for block in plan:
        if block.end_at <= start_at:
            continue
        edges[max(_seconds(block.start_at - start_at), 0)] = limit_of(block.power_kw, wiring)
        edges[_seconds(block.end_at - start_at)] = Decimal(0)
    steps: list[ProfilePeriod] = []
    for start_s, limit in sorted(edges.items()):
        if not steps or steps[-1].limit != limit:
            phases = wiring.phases if wiring.unit is RateUnit.AMPERE else None
            steps.append(ProfilePeriod(start_s, limit, phases))
    return steps


def limit_of(power_kw: float, wiring: Wiring) -> Decimal:
    """`power_kw` in the station's unit, rounded down to a tenth."""
    power_w = round(Decimal(power_kw) * W_PER_KW, 6)  # binary dust of 7.4 must not cost a tenth
    if wiring.unit is RateUnit.WATT:
        return power_w.quantize(_TENTH, ROUND_DOWN)
    return (power_w / (wiring.voltage_v * wiring.phases)).quantize(_TENTH, ROUND_DOWN)


def _seconds(elapsed: timedelta) -> int:
    return round(elapsed / _SECOND)
