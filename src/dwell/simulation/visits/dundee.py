"""Public charging in Dundee (Dundee City Council): dates and times in columns of their own, UK local time.

Rule: the publisher's software read `dd/mm` as `mm/dd` wherever that is a date, so day and month are swapped back
whenever the day is at most 12 (`2018-02-03` is 2 March); `2018-02-28` stands as it is. The file names no user; the
connector stands for one. Power is what the model's name states.
"""

from __future__ import annotations

import re
from datetime import datetime

from dwell.domain.units import W_PER_KW
from dwell.simulation.visits.rows import (
    STRONGEST_PUBLIC_W,
    Cells,
    Reading,
    energy_wh,
    fitted,
    instant_of,
    wall_clock,
)
from dwell.simulation.visits.visit import Reason, Rule, Unusable, Visit

NAME = "dundee"
_TIMEZONE = "Europe/London"
COLUMNS = frozenset(
    {"charging event", "cp id", "connector", "start date", "start time", "end date", "total kwh"}
)
_POWER = re.compile(r"\b(\d+)kW\b", re.ASCII)


def recognises(header: list[str]) -> bool:
    """Whether `header` is that of this data set."""
    return set(header) >= COLUMNS


def visit_of(cells: Cells, reading: Reading) -> Visit:
    """The visit of a row. Raises Unusable."""
    plugged_in = _local(cells["start date"], cells["start time"], Reason.NO_PLUG_IN)
    plugged_out = _local(cells["end date"], cells["end time"], Reason.NO_PLUG_OUT)
    if plugged_in.day <= 12 or plugged_out.day <= 12:
        reading.applied.add(Rule.DAY_AND_MONTH_SWAPPED)
    named = _POWER.search(cells["model"])
    visit = Visit(
        visit_id=cells["charging event"],
        user_reference=f"{cells['cp id']}-{cells['connector']}",
        plugged_in_at=instant_of(_unswapped(plugged_in), _TIMEZONE, reading),
        plugged_out_at=instant_of(_unswapped(plugged_out), _TIMEZONE, reading),
        timezone=_TIMEZONE,
        energy_wh=energy_wh(cells["total kwh"]),
        power_w=int(named[1]) * W_PER_KW if named else None,
    )
    return fitted(visit, reading, strongest_w=STRONGEST_PUBLIC_W)


def _local(date: str, time: str, missing: Reason) -> datetime:
    midnight = wall_clock(date, missing)
    try:
        hour, minute = time.split(":")
        return midnight.replace(hour=int(hour), minute=int(minute))
    except ValueError:
        raise Unusable(Reason.UNREADABLE, f"{time[:40]!r} is not a time of day") from None


def _unswapped(local: datetime) -> datetime:
    return local.replace(month=local.day, day=local.month) if local.day <= 12 else local
