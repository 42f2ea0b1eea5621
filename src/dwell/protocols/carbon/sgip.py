"""SGIP GHG Signal (California): marginal intensity by five minutes in kg per kWh; its forecasts are not read."""

from __future__ import annotations

from dwell.protocols.carbon.rows import Format

FORMAT = Format(
    name="sgip",
    columns=frozenset({"time", "moer", "f1"}),
    start="time",
    intensity_of=lambda row: row["moer"],
    g_per_unit=1_000,
    source="SGIP GHG Signal",
    note="intensities are marginal",
)
