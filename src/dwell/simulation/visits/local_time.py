"""Local wall clock times of recorded visits to instants, clock changes included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from dwell.domain.timezones import timezone_of

_SECOND = timedelta(seconds=1)


@cache
def zone_of(timezone: str) -> ZoneInfo:
    """The IANA zone of that name. Raises ValueError with a sentence for an unknown one."""
    return timezone_of(timezone)


def instants_of(local: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """The instants (UTC) at which clocks of `zone` show the naive `local`, earlier first.

    Two where clocks go back. Where they go forward over it: the one first instant after the gap.
    """
    first = (local - _offset(local, zone)).replace(tzinfo=UTC)
    second = (local - _offset(local.replace(fold=1), zone)).replace(tzinfo=UTC)
    if first == second:
        return (first,)
    if first < second:
        return first, second
    return (_change_between(second, first, zone),)


def is_odd(local: datetime, zone: ZoneInfo) -> bool:
    """Whether clocks of `zone` show the naive `local` twice, or never."""
    return _offset(local, zone) != _offset(local.replace(fold=1), zone)


def _offset(local: datetime, zone: ZoneInfo) -> timedelta:
    return zone.utcoffset(local) or timedelta(0)


def _change_between(earlier: datetime, later: datetime, zone: ZoneInfo) -> datetime:
    """The first instant, to the second, that has the offset of `later`; `earlier` has another."""
    after = later.astimezone(zone).utcoffset()
    while later - earlier > _SECOND:
        middle = earlier + (later - earlier) // _SECOND // 2 * _SECOND
        if middle.astimezone(zone).utcoffset() == after:
            later = middle
        else:
            earlier = middle
    return later
