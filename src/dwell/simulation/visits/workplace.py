"""Workplace charging in the United States (Asensio, Harvard Dataverse doi 10.7910/DVN/NFPQLW).

Rules: the publisher wrote the years 2014 and 2015 as 0014 and 0015; years before 100 get 2000 added (the file's own
weekdays agree). The file names no time zone; US Eastern time is assumed.
"""

from __future__ import annotations

from datetime import datetime

from dwell.simulation.visits.rows import (
    STRONGEST_PUBLIC_W,
    Cells,
    Reading,
    energy_wh,
    fitted,
    instant_of,
    wall_clock,
)
from dwell.simulation.visits.visit import Reason, Rule, Visit

NAME = "workplace-us"
_TIMEZONE = "America/New_York"
COLUMNS = frozenset({"sessionid", "kwhtotal", "created", "ended", "userid", "stationid"})


def recognises(header: list[str]) -> bool:
    """Whether `header` is that of this data set."""
    return set(header) >= COLUMNS


def visit_of(cells: Cells, reading: Reading) -> Visit:
    """The visit of a row. Raises Unusable."""
    plugged_in = wall_clock(cells["created"], Reason.NO_PLUG_IN)
    plugged_out = wall_clock(cells["ended"], Reason.NO_PLUG_OUT)
    if plugged_in.year < 100:
        reading.applied.add(Rule.CENTURY_RESTORED)
    visit = Visit(
        visit_id=cells["sessionid"],
        user_reference=cells["userid"],
        plugged_in_at=instant_of(_in_our_century(plugged_in), _TIMEZONE, reading),
        plugged_out_at=instant_of(_in_our_century(plugged_out), _TIMEZONE, reading),
        timezone=_TIMEZONE,
        energy_wh=energy_wh(cells["kwhtotal"]),
    )
    return fitted(visit, reading, strongest_w=STRONGEST_PUBLIC_W)


def _in_our_century(local: datetime) -> datetime:
    return local.replace(year=local.year + 2000) if local.year < 100 else local
