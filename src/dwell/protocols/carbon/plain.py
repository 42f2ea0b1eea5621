"""Dwell's own CSV: `start[,end],carbon_intensity_g_per_kwh[,zone]`, instants with their offset."""

from __future__ import annotations

from dwell.protocols.carbon.rows import Format

_INTENSITY = "carbon_intensity_g_per_kwh"

FORMAT = Format(
    name="csv",
    columns=frozenset({"start", _INTENSITY}),
    start="start",
    end="end",
    intensity_of=lambda row: row[_INTENSITY],
    zone_column="zone",
)
