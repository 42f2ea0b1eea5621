"""What the readers of all data sets share: a row's cells, its numbers and times, and the fit of energy to power."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from dwell.domain.units import HOUR_S, round_half_up, w_from_kw, wh_from_kwh
from dwell.simulation.visits.local_time import instants_of, is_odd, zone_of
from dwell.simulation.visits.visit import Reason, Rule, Unusable, Visit

CHARGING_EFFICIENCY = 0.9
"""Of what the meter at the plug counts, so much reaches the battery (domain.md, Energy and power)."""
STRONGEST_HOME_W = 22_000
"""Three phases of 32 A: the most that charging at home gives in Europe."""
STRONGEST_PUBLIC_W = 400_000

Cells = Mapping[str, str]
"""Column name to text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """What a companion file knows of a user's vehicle: power in W, capacity in Wh."""

    power_w: int | None
    battery_capacity_wh: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a reader has beside its row: the vehicles of companion files, and the rules it applied to this row."""

    vehicles: Mapping[str, Vehicle]
    applied: set[Rule] = field(default_factory=set)


def number(text: str, *, decimal_comma: bool = False) -> float:
    """The finite number in `text`. Raises Unusable."""
    try:
        value = float(text.replace(",", ".") if decimal_comma else text)
    except ValueError:
        raise Unusable(Reason.UNREADABLE, f"{text[:40]!r} is not a number") from None
    if not math.isfinite(value):
        raise Unusable(Reason.UNREADABLE, f"{text[:40]!r} is not a finite number")
    return value


def energy_wh(text: str, *, decimal_comma: bool = False) -> int:
    """The whole Wh of a text in kWh. Raises Unusable, also when that is none."""
    found = wh_from_kwh(number(text, decimal_comma=decimal_comma))
    if found <= 0:
        raise Unusable(Reason.NO_ENERGY, f"{text} kWh")
    return found


def power_w(text: str, *, decimal_comma: bool = False) -> int | None:
    """The whole W of a text in kW, None for blank or `NA`. Raises Unusable."""
    return None if text in {"", "NA"} else w_from_kw(number(text, decimal_comma=decimal_comma))


def capacity_wh(text: str, *, decimal_comma: bool = False) -> int | None:
    """The whole Wh of a text in kWh, None for blank or `NA`. Raises Unusable."""
    return None if text in {"", "NA"} else wh_from_kwh(number(text, decimal_comma=decimal_comma))


def wall_clock(text: str, missing: Reason) -> datetime:
    """The naive local time in `text`. Raises Unusable: `missing` for blank or `NA`."""
    if text in {"", "NA"}:
        raise Unusable(missing)
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        raise Unusable(Reason.UNREADABLE, f"{text[:40]!r} is not a time") from None
    if local.tzinfo is not None:
        raise Unusable(Reason.UNREADABLE, f"{text[:40]!r} has an offset; local time is expected")
    return local


def instant_of(local: datetime, timezone: str, reading: Reading) -> datetime:
    """The instant of a naive `local` time: the earlier of two, the first after a gap (then the rule is noted)."""
    zone = zone_of(timezone)
    if is_odd(local, zone):
        reading.applied.add(Rule.CLOCK_CHANGE_RESOLVED)
    return instants_of(local, zone)[0]


def fitted(visit: Visit, reading: Reading, *, strongest_w: int) -> Visit:
    """`visit` with a power and a capacity that its measured energy fits.

    Raises Unusable when it ends before it starts, or when no charger up to `strongest_w` gives that much.
    """
    if visit.plugged_out_at <= visit.plugged_in_at:
        raise Unusable(Reason.ENDS_BEFORE_IT_STARTS)
    needed_w = visit.least_power_w
    if needed_w > strongest_w:
        raise Unusable(
            Reason.ENERGY_EXCEEDS_POWER, f"{visit.energy_wh} Wh in {visit.duration_s / HOUR_S:.2f} h"
        )
    if visit.power_w is not None and needed_w > visit.power_w:
        reading.applied.add(Rule.POWER_RAISED)
        visit = replace(visit, power_w=needed_w)
    stored_wh = round_half_up(visit.energy_wh * CHARGING_EFFICIENCY)
    if visit.battery_capacity_wh is not None and stored_wh > visit.battery_capacity_wh:
        reading.applied.add(Rule.CAPACITY_RAISED)
        visit = replace(visit, battery_capacity_wh=stored_wh)
    return visit
