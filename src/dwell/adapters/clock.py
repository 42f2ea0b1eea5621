"""The time of day as the machine tells it. The clock that a simulation sets is the simulation's own."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """The wall clock. `now` is aware UTC; it may jump when the machine's clock is set."""

    def now(self) -> datetime:
        return datetime.now(UTC)
