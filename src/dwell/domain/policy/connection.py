"""What a grid connection leaves for charging: its limit less the load of everything else behind it.

The base load is a daily profile in local wall time; before a day's first entry the last one of the day before holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from dwell.domain.policy.schedule import local_instant, minutes_of


class BaseLoad(msgspec.Struct, frozen=True):
    """Load of the rest of a connection, W, from a local wall time `HH:MM` on, every day."""

    start: str
    power_w: int


class Room(NamedTuple):
    """At most `power_w` for charging in `[start_at, end_at)`."""

    start_at: datetime
    end_at: datetime
    power_w: int


def rooms(
    limit_w: int, base_load: tuple[BaseLoad, ...], timezone: str, span: tuple[datetime, datetime]
) -> Iterator[Room]:
    """What the connection leaves over the half-open `span`, without gaps: max(0, limit − base load)."""
    start_at, end_at = span
    if not base_load:
        yield Room(start_at, end_at, max(0, limit_w))
        return
    for (begin, load_w), (finish, _) in pairwise(_steps(base_load, timezone, start_at, end_at)):
        opens, closes = max(begin, start_at), min(finish, end_at)
        if opens < closes:
            yield Room(opens, closes, max(0, limit_w - load_w))


def less(rooms: Iterable[Room], taken: Sequence[Room]) -> Iterator[Room]:
    """The rooms with what is taken of them, at whatever times, taken off: never below 0."""
    if not taken:
        yield from rooms
        return
    edges = sorted({edge for one in taken for edge in (one.start_at, one.end_at)})
    for room in rooms:
        inner = [edge for edge in edges if room.start_at < edge < room.end_at]
        for start_at, end_at in pairwise([room.start_at, *inner, room.end_at]):
            gone_w = sum(one.power_w for one in taken if one.start_at <= start_at < one.end_at)
            yield Room(start_at, end_at, max(0, room.power_w - gone_w))


def _steps(
    base_load: tuple[BaseLoad, ...], timezone: str, start_at: datetime, end_at: datetime
) -> list[tuple[datetime, int]]:
    """The instants at which the base load changes, from one at or before `start_at` to one after `end_at`."""
    zone = ZoneInfo(timezone)
    # Two days each way: a day is at most one off where the zone is a day from UTC, and one more holds the step before.
    day = start_at.astimezone(zone).date() - timedelta(days=2)
    last = end_at.astimezone(zone).date() + timedelta(days=2)
    daily = sorted((minutes_of(load.start), load.power_w) for load in base_load)
    steps = list[tuple[datetime, int]]()
    while day <= last:
        # Of two that a skipped hour moves to one instant, the later one is left with all the time.
        steps += [(local_instant(day, minute, timezone).astimezone(UTC), load_w) for minute, load_w in daily]
        day += timedelta(days=1)
    return steps
