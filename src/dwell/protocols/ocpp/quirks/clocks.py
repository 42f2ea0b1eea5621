"""How far a station's clock is off, estimated from what it stamps, one estimate for each connection (IN5).

A message can be late but never early: `station's stamp − our receipt` is at most the clock's offset. So a stamp from
the future proves an offset at once, while one from the past may only be a replay of what happened offline. It proves
an offset only where the message cannot have waited (`live`). While an offset stands, live messages are dated by their
receipt, which no drift can spoil, and replays by their stamp less the offset.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

TRUSTED = timedelta(seconds=3)
"""Clocks this close are right: latency explains the rest."""
LARGEST = timedelta(hours=26)
"""A clock further off is not skewed but unset: its stamps are worth nothing (IN4)."""
LIVE = timedelta(seconds=30)
"""A stamp this close to the offset's was made just now."""


class ClockOffset(msgspec.Struct, frozen=True):
    """What is known of a clock on this connection. `offset` is station minus us, None while nothing proves one."""

    offset: timedelta | None = None
    latest_at: datetime | None = None


class Dated(msgspec.Struct, frozen=True):
    """An instant as it will be used, how far it was moved, and whether the stamp could be used at all."""

    at: datetime
    moved: timedelta = timedelta(0)
    stamp_is_usable: bool = True


def dated(
    clock: ClockOffset, stamp: datetime | None, received_at: datetime, *, live: bool = False
) -> tuple[ClockOffset, Dated]:
    """The clock as now known and the instant of a message stamped `stamp` (None: not readable).

    A replay is never dated later than its receipt. Instants of live messages never go backwards.
    """
    if stamp is None or (abs(stamp - received_at) > LARGEST and (live or stamp > received_at)):
        return clock, Dated(received_at, stamp_is_usable=False)
    clock = _learned(clock, stamp - received_at, live=live)
    offset = clock.offset or timedelta(0)
    is_live = live or abs((stamp - received_at) - offset) <= LIVE
    if abs(offset) <= TRUSTED:
        at = min(stamp, received_at + TRUSTED)
    elif is_live:
        at = received_at
    else:
        at = min(stamp - offset, received_at)
    if is_live:
        at = max(at, clock.latest_at or at)
        clock = msgspec.structs.replace(clock, latest_at=at)
    return clock, Dated(at, at - stamp)


def _learned(clock: ClockOffset, offset: timedelta, *, live: bool) -> ClockOffset:
    known = clock.offset
    ahead = offset > TRUSTED and (known is None or offset > known)
    came_right = known is not None and known > TRUSTED and abs(offset) <= TRUSTED
    drifts = known is not None and abs(offset - known) <= LIVE
    if live or ahead or came_right or drifts:
        return msgspec.structs.replace(clock, offset=offset)
    return clock
