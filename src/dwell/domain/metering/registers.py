"""Energy from an import register that may fall back, roll over, start late or be read in coarse steps (OC9, OC10).

Points are taken in the order of time. `metered` of a set of points in that order is the law; `Register.take` is its one
step, so that what comes in order costs nothing to keep up. A point from the past is not taken but asks for a recount.

| from one point to the next | what it is |
|---|---|
| up, by no more than the most power in that time | energy |
| up, by more | another meter, or a start that was not known (0 for one of MWh): the count goes on from there |
| down by little | the coarser of two ways to print one register (kWh with two decimals beside Wh): nothing |
| down to exactly 0, and then on from before | nothing: a meter that did not answer was read as 0 |
| down, from just below where counters end | a rollover: energy up to the end and on from 0 |
| down | a reset or another meter: what was counted stands, the count goes on from there |
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from dwell.domain.units import HOUR_S

POWER_MAX_W = 500_000
"""No connector gives more, where the connector itself is not known."""
ROUNDING_WH = 1_000
"""The coarsest step in which registers are printed (whole kWh)."""
CLOCK_SLACK_S = 60.0
"""By how much the instants of two points may be wrong against each other."""
ENDS_WH = (2**31, 2**32, 10**9, 10**10, 2**31 * 10, 2**32 * 10)
"""Where counters end: 32 bits of Wh or of 10 Wh, six digits of kWh with or without a decimal that is not shown."""


class RegisterPoint(msgspec.Struct, frozen=True, order=True, gc=False):
    """A register, Wh, at an instant."""

    at: datetime
    register_wh: int


class Register(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What has been counted: energy so far, the last point, and what was seen on the way.

    `level_wh` is what the next point is measured against: the last register, or a little more where that was the
    coarser print. `fell_wh` sums the falls that no rollover explains, `refused_wh` the jumps that no
    power could make. `before_zero` is what the last point, a fall to 0, was measured against: the next one may show
    that there was no fall.
    """

    energy_wh: int = 0
    first: RegisterPoint | None = None
    last: RegisterPoint | None = None
    level_wh: int = 0
    falls: int = 0
    fell_wh: int = 0
    rollovers: int = 0
    refused: int = 0
    refused_wh: int = 0
    recount_wanted: bool = False
    before_zero: RegisterPoint | None = None

    def take(self, point: RegisterPoint, power_max_w: int = POWER_MAX_W) -> Register:
        """The count with `point` in it; one from the past changes nothing and asks for a recount."""
        if self.last is None:
            return msgspec.structs.replace(self, first=point, last=point, level_wh=point.register_wh)
        if point <= self.last:
            return self if point == self.last else msgspec.structs.replace(self, recount_wanted=True)
        if self.before_zero is not None and point.register_wh > 0:
            return self._with_zero_explained(self.before_zero, point, power_max_w).take(point, power_max_w)
        step_wh = point.register_wh - self.level_wh
        possible_wh = most_between(self.last.at, point.at, power_max_w)
        if step_wh < 0:
            return self._after_fall(point, -step_wh, possible_wh)
        moved = msgspec.structs.replace(self, last=point, level_wh=point.register_wh)
        if step_wh <= possible_wh:
            return msgspec.structs.replace(moved, energy_wh=self.energy_wh + step_wh)
        return msgspec.structs.replace(moved, refused=self.refused + 1, refused_wh=self.refused_wh + step_wh)

    def _with_zero_explained(self, before: RegisterPoint, point: RegisterPoint, power_max_w: int) -> Register:
        """The count once `point` shows what the fall to 0 was: a new beginning, or a meter that did not answer."""
        settled = msgspec.structs.replace(self, before_zero=None)
        if not 0 <= point.register_wh - before.register_wh <= most_between(before.at, point.at, power_max_w):
            return settled
        return msgspec.structs.replace(
            settled,
            last=before,
            level_wh=before.register_wh,
            falls=self.falls - 1,
            fell_wh=self.fell_wh - before.register_wh,
        )

    def _after_fall(self, point: RegisterPoint, fall_wh: int, possible_wh: int) -> Register:
        moved = msgspec.structs.replace(self, last=point, level_wh=point.register_wh)
        for end_wh in ENDS_WH:
            over_wh = end_wh - self.level_wh + point.register_wh
            if self.level_wh < end_wh and over_wh <= possible_wh:
                return msgspec.structs.replace(
                    moved, energy_wh=self.energy_wh + over_wh, rollovers=self.rollovers + 1
                )
        if fall_wh <= ROUNDING_WH and point.register_wh * 2 >= self.level_wh:
            return msgspec.structs.replace(self, last=point)
        fallen = msgspec.structs.replace(moved, falls=self.falls + 1, fell_wh=self.fell_wh + fall_wh)
        if point.register_wh > 0 or self.last is None:
            return fallen
        return msgspec.structs.replace(fallen, before_zero=RegisterPoint(self.last.at, self.level_wh))


def most_between(start_at: datetime, end_at: datetime, power_max_w: int) -> int:
    """The most that could have been drawn, Wh, with some slack for clocks and coarse registers."""
    elapsed_s = (end_at - start_at) / timedelta(seconds=1) + CLOCK_SLACK_S
    return int(power_max_w * elapsed_s / HOUR_S) + ROUNDING_WH


def metered(points: Iterable[RegisterPoint], power_max_w: int = POWER_MAX_W) -> Register:
    """The count of a set of points, whatever their order and however often they came."""
    register = Register()
    for point in sorted(set(points)):
        register = register.take(point, power_max_w)
    return register


def between_sessions_wh(stop_wh: int, next_start_wh: int) -> int:
    """What the register moved while nobody charged: counted in neither session, but shown (OC11)."""
    return next_start_wh - stop_wh
