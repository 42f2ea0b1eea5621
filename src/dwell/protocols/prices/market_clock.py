"""The wall clock of Central European market documents (CET/CEST), by the rule of the European Union.

Wall clock times are datetimes marked UTC only for want of a zone. The rule is spelled out, not looked up: these
documents keep it whatever a time zone data base says of a country.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

HOUR = timedelta(hours=1)


def _last_sunday_at_one(year: int, month: int) -> datetime:
    """When the European Union's clocks change, in UTC (Directive 2000/84/EC)."""
    last = datetime(year, month, 31, 1, tzinfo=UTC)
    return last - timedelta(days=(last.weekday() + 1) % 7)


def is_skipped(wall: datetime) -> bool:
    """Whether spring skips this time."""
    gap = _last_sunday_at_one(wall.year, 3) + HOUR
    return gap <= wall < gap + HOUR


def is_repeated(wall: datetime) -> bool:
    """Whether this time occurs twice, in autumn."""
    fold = _last_sunday_at_one(wall.year, 10) + HOUR
    return fold <= wall < fold + HOUR


def utc_of(wall: datetime) -> datetime:
    """The instant of a Central European wall clock time, the earlier one where it occurs twice."""
    is_summer = (
        _last_sunday_at_one(wall.year, 3) + 2 * HOUR <= wall < _last_sunday_at_one(wall.year, 10) + 2 * HOUR
    )
    return wall - (2 * HOUR if is_summer else HOUR)
