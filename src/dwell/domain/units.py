"""Factors between the units inside (Wh, W, whole seconds) and those at the edges (kWh, kW, minutes)."""

from __future__ import annotations

import math

WH_PER_KWH = 1000
W_PER_KW = 1000
MINUTE_S = 60
QUARTER_S = 900
HOUR_S = 3600
DAY_S = 86_400


def round_half_up(value: float) -> int:
    """The nearest integer, halves away from zero: one rule for energy and power everywhere."""
    return math.floor(value + 0.5) if value >= 0 else -math.floor(-value + 0.5)


def wh_from_kwh(energy_kwh: float) -> int:
    """Whole Wh of `energy_kwh`."""
    return round_half_up(energy_kwh * WH_PER_KWH)


def w_from_kw(power_kw: float) -> int:
    """Whole W of `power_kw`."""
    return round_half_up(power_kw * W_PER_KW)
