"""Norwegian residential charging (Sørensen et al. 2024, doi 10.1016/j.dib.2024.110883): sessions and users.

`;` between values, decimal commas, `NA` for nothing, naive Norwegian local time. Rules:

- A time in the hour that autumn repeats: the reading for which plug-out − plug-in is the stated `connection_time`,
  to the minute. Over a clock change some rows state the plain difference of the two clock times instead: there the
  clock times count. A row that agrees with neither is left out (`times_disagree`).
- Power and capacity are the authors' *predictions* per user (the companion file). Where the metered energy needs
  more power, up to three phases of 32 A, the power of that visit is raised; beyond that the row is left out.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from dwell.domain.units import HOUR_S
from dwell.simulation.visits.local_time import instants_of, zone_of
from dwell.simulation.visits.rows import (
    STRONGEST_HOME_W,
    Cells,
    Reading,
    Vehicle,
    capacity_wh,
    energy_wh,
    fitted,
    number,
    power_w,
    wall_clock,
)
from dwell.simulation.visits.visit import Reason, Rule, Unusable, Visit

NAME = "norway-residential"
COMPANION_NAMES = ("Dataset2_user_predictions.csv", "Dataset2_user_predictions.csv.gz")
_TIMEZONE = "Europe/Oslo"
_AGREES = timedelta(minutes=1)
COLUMNS = frozenset(
    {"user_id", "session_id", "plugin_time", "plugout_time", "connection_time", "energy_session"}
)
_COMPANION_COLUMNS = frozenset({"user_id", "charging_power", "battery_capacity"})


def recognises(header: list[str]) -> bool:
    """Whether `header` is that of the sessions."""
    return set(header) >= COLUMNS


def recognises_companion(header: list[str]) -> bool:
    """Whether `header` is that of the users' predicted power and capacity."""
    return set(header) >= _COMPANION_COLUMNS


def vehicle_of(cells: Cells) -> tuple[str, Vehicle]:
    """The user and vehicle of a row of the companion file. Raises Unusable."""
    vehicle = Vehicle(
        power_w=power_w(cells["charging_power"], decimal_comma=True),
        battery_capacity_wh=capacity_wh(cells["battery_capacity"], decimal_comma=True),
    )
    return cells["user_id"], vehicle


def visit_of(cells: Cells, reading: Reading) -> Visit:
    """The visit of a row. Raises Unusable."""
    plugged_in = wall_clock(cells["plugin_time"], Reason.NO_PLUG_IN)
    plugged_out = wall_clock(cells["plugout_time"], Reason.NO_PLUG_OUT)
    stated = timedelta(seconds=number(cells["connection_time"], decimal_comma=True) * HOUR_S)
    plugged_in_at, plugged_out_at = _instants(plugged_in, plugged_out, (stated, reading))
    vehicle = reading.vehicles.get(cells["user_id"])
    visit = Visit(
        visit_id=cells["session_id"],
        user_reference=cells["user_id"],
        plugged_in_at=plugged_in_at,
        plugged_out_at=plugged_out_at,
        timezone=_TIMEZONE,
        energy_wh=energy_wh(cells["energy_session"], decimal_comma=True),
        battery_capacity_wh=vehicle.battery_capacity_wh if vehicle else None,
        power_w=vehicle.power_w if vehicle else None,
    )
    return fitted(visit, reading, strongest_w=STRONGEST_HOME_W)


def _instants(
    plugged_in: datetime, plugged_out: datetime, known: tuple[timedelta, Reading]
) -> tuple[datetime, datetime]:
    """The two instants that agree best with the stated duration. Raises Unusable where none do."""
    stated, reading = known
    zone = zone_of(_TIMEZONE)
    pairs = [(a, b) for a in instants_of(plugged_in, zone) for b in instants_of(plugged_out, zone)]
    agreeing = [(a, b) for a, b in pairs if abs((b - a) - stated) <= _AGREES]
    if len(pairs) > 1 or not agreeing:
        reading.applied.add(Rule.CLOCK_CHANGE_RESOLVED)
    if agreeing:
        return agreeing[0]
    if abs((plugged_out - plugged_in) - stated) <= _AGREES:
        return pairs[0]
    raise Unusable(Reason.TIMES_DISAGREE, f"{plugged_out - plugged_in} by the clock, {stated} stated")
