"""When a delivery is tried again, and what each answer means."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)

DELAYS = (
    timedelta(seconds=5),
    timedelta(seconds=10),
    timedelta(seconds=20),
    timedelta(seconds=40),
    1 * MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    20 * MINUTE,
    30 * MINUTE,
    1 * HOUR,
    1.5 * HOUR,
    2 * HOUR,
    3 * HOUR,
    4 * HOUR,
    5 * HOUR,
    8 * HOUR,
)
"""The wait before each of the 17 further tries: 25 h 39 min in all, before jitter."""
JITTER = 0.1
"""A wait is longer by up to this share of it, so that what failed together does not come again together."""
RETRY_AFTER_AT_MOST = 1 * HOUR
"""A receiver may ask for a longer wait than the schedule's, not for a longer one than this."""
HEARTBEAT_EVERY = 1 * HOUR
BATCH_EVENTS, BATCH_BYTES = 100, 1_000_000
TIMEOUT = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What became of a request: the status, or the fault without one; the body's beginning."""

    status: int | None
    fault: str | None = None
    body: str = ""
    retry_after: timedelta | None = None
    duration: timedelta

    @property
    def is_success(self) -> bool:
        """2xx, in time, and nothing else: a redirect is not followed and not believed."""
        return self.fault is None and self.status is not None and 200 <= self.status < 300


def wait_after(attempt: int, retry_after: timedelta | None, chance: float) -> timedelta | None:
    """How long to wait after the failed try number `attempt`, from 1; None after the last. `chance` is in [0, 1)."""
    if attempt > len(DELAYS):
        return None
    wait = DELAYS[attempt - 1] * (1 + JITTER * chance)
    if retry_after is not None:
        wait = max(wait, min(retry_after, RETRY_AFTER_AT_MOST))
    return wait


def read_retry_after(text: str | None) -> timedelta | None:
    """The wait that a Retry-After header asks for in seconds; None for a date (clocks disagree on it) or nonsense."""
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 9:
        return None
    return timedelta(seconds=int(text))
