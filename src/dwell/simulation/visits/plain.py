"""Dwell's own CSV of visits, documented in `docs/reference/visits-csv.md`."""

from __future__ import annotations

from datetime import UTC, datetime

from dwell.domain.instants import NoZone, read_instant
from dwell.simulation.visits.local_time import zone_of
from dwell.simulation.visits.rows import (
    STRONGEST_PUBLIC_W,
    Cells,
    Reading,
    capacity_wh,
    energy_wh,
    fitted,
    instant_of,
    power_w,
    wall_clock,
)
from dwell.simulation.visits.visit import Reason, Unusable, Visit

NAME = "plain"
COLUMNS = frozenset({"vehicle", "plugged_in_at", "plugged_out_at", "energy_kwh"})
OPTIONAL = frozenset(
    {
        "battery_capacity_kwh",
        "power_kw",
        "timezone",
        "visit_id",
        "stated_departure_at",
        "stated_energy_kwh",
    }
)


def recognises(header: list[str]) -> bool:
    """Whether `header` has the columns that are needed."""
    return set(header) >= COLUMNS


def visit_of(cells: Cells, reading: Reading) -> Visit:
    """The visit of a row. Raises Unusable."""
    timezone = cells.get("timezone", "")
    try:
        zone_of(timezone or "UTC")
    except ValueError as error:
        raise Unusable(Reason.UNREADABLE, f"timezone {timezone[:40]!r} {error}") from error
    plugged_in_at = _instant(cells["plugged_in_at"], Reason.NO_PLUG_IN, (timezone, reading))
    vehicle = cells["vehicle"]
    if not vehicle:
        raise Unusable(Reason.UNREADABLE, "no vehicle")
    departure = cells.get("stated_departure_at", "")
    visit = Visit(
        visit_id=cells.get("visit_id", "") or f"{vehicle}@{plugged_in_at.astimezone(UTC):%Y%m%dT%H%M%SZ}",
        user_reference=vehicle,
        plugged_in_at=plugged_in_at,
        plugged_out_at=_instant(cells["plugged_out_at"], Reason.NO_PLUG_OUT, (timezone, reading)),
        timezone=timezone or "UTC",
        energy_wh=energy_wh(cells["energy_kwh"]),
        battery_capacity_wh=_positive(capacity_wh(cells.get("battery_capacity_kwh", ""))),
        power_w=_positive(power_w(cells.get("power_kw", ""))),
        stated_departure_at=_instant(departure, Reason.UNREADABLE, (timezone, reading))
        if departure
        else None,
        stated_energy_wh=capacity_wh(cells.get("stated_energy_kwh", "")),
    )
    return fitted(visit, reading, strongest_w=STRONGEST_PUBLIC_W)


def _positive(value: int | None) -> int | None:
    if value is not None and value <= 0:
        raise Unusable(Reason.UNREADABLE, "power and capacity are above 0")
    return value


def _instant(text: str, missing: Reason, where: tuple[str, Reading]) -> datetime:
    """An instant with its offset, or a local time where the row names a time zone."""
    timezone, reading = where
    if text in {"", "NA"}:
        raise Unusable(missing)
    try:
        return read_instant(text)
    except NoZone:
        if not timezone:
            raise Unusable(Reason.UNREADABLE, f"{text[:40]!r} has neither offset nor time zone") from None
    except ValueError:
        raise Unusable(Reason.UNREADABLE, f"{text[:40]!r} is not a time") from None
    return instant_of(wall_clock(text, missing), timezone, reading)
