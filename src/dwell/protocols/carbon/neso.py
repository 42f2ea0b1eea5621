"""National Energy System Operator (Great Britain): national intensity by the half hour, forecast and actual.

The actual intensity is taken, the forecast where there is none: both are the operator's word, the newest is the best.
"""

from __future__ import annotations

from dwell.protocols.carbon.rows import Format

FORMAT = Format(
    name="neso",
    columns=frozenset({"from", "to", "forecast", "actual"}),
    start="from",
    end="to",
    intensity_of=lambda row: row["actual"] or row["forecast"],
    source="National Energy System Operator",
    note="forecasts were taken where there is no actual intensity",
)
