"""Electricity Maps: the hourly CSV of a zone and a year. The life-cycle intensity is taken, not the direct one."""

from __future__ import annotations

from dwell.protocols.carbon.rows import Format

_LIFE_CYCLE = "carbon intensity gco₂eq/kwh (lca)"

FORMAT = Format(
    name="electricity-maps",
    columns=frozenset({"datetime (utc)", "zone id", _LIFE_CYCLE}),
    start="datetime (utc)",
    intensity_of=lambda row: row[_LIFE_CYCLE],
    zone_column="zone id",
    is_utc=True,
    source="Electricity Maps",
    note="life-cycle intensities were taken",
)
