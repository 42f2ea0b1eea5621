"""A policy's weekly schedule: local deadlines, what to reach by them, and windows in which not to charge.

Local means the location's IANA zone. A deadline whose local time is skipped (clocks go forward) moves to the first
valid instant after the gap; one that occurs twice means the earlier of the two.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

_HORIZON_DAYS = 9
"""A weekly schedule with one day in it repeats within eight days; one more covers the zone's shift."""


class Deadline(msgspec.Struct, frozen=True):
    """A local wall time `HH:MM` (`24:00` is the end of the day) and the charge to reach by it."""

    deadline: str
    minimum_charge_percent: float


USUAL_DEADLINE = Deadline("07:00", 80)
"""What a day has of which nothing was said."""


class EveryDay(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of all days at once; a part that is None stays each day's own."""

    deadline: str | None = None
    minimum_charge_percent: float | None = None

    def over(self, week: tuple[Deadline | None, ...]) -> tuple[Deadline | None, ...]:
        """The week with this in it; a day without a deadline gets the usual one first. Nothing said changes nothing."""
        if self.deadline is None and self.minimum_charge_percent is None:
            return week
        return tuple(self._over(day or USUAL_DEADLINE) for day in week)

    def _over(self, day: Deadline) -> Deadline:
        least = self.minimum_charge_percent
        return Deadline(
            day.deadline if self.deadline is None else self.deadline,
            day.minimum_charge_percent if least is None else least,
        )


class Restriction(msgspec.Struct, frozen=True):
    """Local wall times between which, on these weekdays (0 = Monday), nothing is charged but the reserve."""

    weekdays: tuple[int, ...]
    start: str
    end: str


class Due(msgspec.Struct, frozen=True):
    """One deadline as an instant."""

    ready_by: datetime
    minimum_charge_percent: float


@lru_cache(maxsize=2048)
def minutes_of(wall: str) -> int:
    """Minutes after local midnight of `HH:MM`, 0 … 1440. Raises ValueError."""
    hour, colon, minute = wall.partition(":")
    if not (colon and len(hour) == 2 and len(minute) == 2 and wall.isascii() and (hour + minute).isdigit()):
        raise ValueError("not a local time HH:MM")
    total = int(hour) * 60 + int(minute)
    if int(minute) > 59 or total > 1440:
        raise ValueError("not a local time HH:MM")
    return total


_zone = lru_cache(maxsize=1024)(ZoneInfo)


@lru_cache(maxsize=8192)
def local_instant(day: date, minute: int, timezone: str) -> datetime:
    """The instant `minute` minutes of wall time into `day`; skipped times move to the first valid one."""
    zone = _zone(timezone)
    wall = datetime.combine(day, time()) + timedelta(minutes=minute)
    at = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) == wall:
        return at
    return _after_gap(at, zone)


def _after_gap(at: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which the clocks went forward, at or before `at`, whose wall time does not exist."""
    low, high = at - timedelta(hours=4), at
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)


def dues_after(
    schedule: tuple[Deadline | None, ...], at: datetime, timezone: str, *, days: int = _HORIZON_DAYS
) -> Iterator[Due]:
    """The deadlines after `at`, in order, for `days` local days ahead; none for an empty schedule."""
    first = at.astimezone(_zone(timezone)).date() - timedelta(days=1)
    for offset in range(days + 2):
        day = first + timedelta(days=offset)
        entry = schedule[day.weekday()]
        if entry is None:
            continue
        ready_by = local_instant(day, minutes_of(entry.deadline), timezone)
        if ready_by > at:
            yield Due(ready_by, entry.minimum_charge_percent)


def next_due(schedule: tuple[Deadline | None, ...], at: datetime, timezone: str) -> Due | None:
    """The next deadline strictly after `at`."""
    return next(dues_after(schedule, at, timezone), None)


def restricted_windows(
    restrictions: tuple[Restriction, ...], start_at: datetime, end_at: datetime, timezone: str
) -> Iterator[tuple[datetime, datetime]]:
    """The restriction windows that meet `[start_at, end_at)`; one that ends at or before its start ends next day."""
    zone = _zone(timezone)
    day = start_at.astimezone(zone).date() - timedelta(days=1)
    last = end_at.astimezone(zone).date()
    while day <= last:
        for window in restrictions:
            if day.weekday() in window.weekdays:
                opens, closes = minutes_of(window.start), minutes_of(window.end)
                closes += 1440 if closes <= opens else 0
                begin = local_instant(day, opens, timezone)
                finish = local_instant(day, closes, timezone)
                if begin < end_at and finish > start_at and begin < finish:
                    yield begin, finish
        day += timedelta(days=1)
