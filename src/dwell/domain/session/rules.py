"""The spans of time by which an operator may let sessions be judged."""

from __future__ import annotations

from datetime import timedelta

import msgspec


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """How old a word may be, and how long is waited for the next; each longer than nothing.

    `fresh_within`: how old the newest plugged fact may be for a plan to be made and an order to be given.
    `silent_after`: a visit that nothing was heard of for this long has ended, where no deadline of it lies ahead.
    `late_after`: a settled session takes no more facts this long after its settlement.
    """

    fresh_within: timedelta = timedelta(minutes=30)
    silent_after: timedelta = timedelta(hours=24)
    late_after: timedelta = timedelta(days=7)

    def __post_init__(self) -> None:
        if min(self.fresh_within, self.silent_after, self.late_after) <= timedelta(0):
            raise ValueError("every span of the rules must be longer than nothing")

    @property
    def look_back(self) -> timedelta:
        """How far before a late fact a session may have ended and still be touched: only silence ends that early."""
        return self.silent_after + self.late_after + _LOOK_BACK_MORE


_LOOK_BACK_MORE = timedelta(days=22)
"""Facts may be told long after they were true: what they settled is open to others for `late_after` from then on."""
