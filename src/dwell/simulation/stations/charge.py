"""What happens at a connector during one visit: the truth that every telling of it is judged by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from dwell.domain.units import HOUR_S

NOMINAL_V = 230
LEAST_A = 6.0
TAPER_FROM_SHARE = 0.8
"""From this share of the energy on, the battery takes less and less."""
REGISTER_FROM_WH = 20_000
"""Below this a first register 0 and the true one a second later could be a charge: what is true nobody can tell."""
NOISE_SHARE = 0.01
"""How far a meter's power is from the true one; registers are exact."""


@dataclass(frozen=True, slots=True)
class Point:
    """The meter at an instant. `power_w` is read with noise, `register_wh` is exact."""

    at: datetime
    register_wh: int
    power_w: int
    current_a: float


@dataclass(frozen=True, slots=True)
class Charge:
    """One visit. The first point is the transaction's start, the last its end."""

    plugged_at: datetime
    unplugged_at: datetime
    phases: int
    points: tuple[Point, ...]

    @property
    def energy_wh(self) -> int:
        """What the vehicle took."""
        return self.points[-1].register_wh - self.points[0].register_wh


def drawn_charge(
    lots: Random,
    plugged_at: datetime,
    *,
    every: timedelta = timedelta(minutes=15),
    samples: int = 5,
    register_wh: int | None = None,
) -> Charge:
    """A charge of `samples` intervals: 1 or 3 phases, 6 to 32 A, a taper above the least current, meter noise."""
    phases = lots.choice((1, 3))
    most_a = lots.choice((10.0, 16.0, 32.0))
    register_wh = lots.randrange(REGISTER_FROM_WH, 5_000_000) if register_wh is None else register_wh
    at = plugged_at + every * lots.uniform(0.02, 0.2)
    points = [Point(at, register_wh, 0, 0.0)]
    for number in range(1, samples + 1):
        current_a = _tapered_a(most_a, number / samples)
        power_w = current_a * NOMINAL_V * phases
        at += every
        register_wh += round(power_w * every.total_seconds() / HOUR_S)
        shown_w = round(power_w * lots.gauss(1.0, NOISE_SHARE))
        points.append(Point(at, register_wh, shown_w, round(current_a, 1)))
    gone_at = at + every * lots.uniform(0.02, 0.5)
    return Charge(plugged_at, gone_at, phases, tuple(points))


def _tapered_a(most_a: float, share: float) -> float:
    over = max(0.0, share - TAPER_FROM_SHARE) / (1 - TAPER_FROM_SHARE)
    return max(LEAST_A, most_a * (1 - 0.7 * over))
