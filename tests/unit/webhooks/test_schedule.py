"""When a delivery is tried again."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from dwell.domain.webhooks.schedule import DELAYS, JITTER, read_retry_after, wait_after


def test_there_are_seventeen_further_tries_over_about_26_hours_at_growing_distances() -> None:
    assert len(DELAYS) == 17
    assert timedelta(hours=25) < sum(DELAYS, timedelta(0)) < timedelta(hours=27)
    assert all(later > earlier for earlier, later in pairwise(DELAYS))


def test_after_the_last_try_there_is_no_wait() -> None:
    assert wait_after(len(DELAYS), None, 0.0) == DELAYS[-1]
    assert wait_after(len(DELAYS) + 1, None, 0.0) is None


@pytest.mark.parametrize("chance", [0.0, 0.3, 0.999])
def test_jitter_makes_a_wait_a_little_longer_and_never_shorter(chance: float) -> None:
    for attempt, delay in enumerate(DELAYS, start=1):
        wait = wait_after(attempt, None, chance)
        assert wait is not None
        assert delay <= wait <= delay * (1 + JITTER)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30),
        ("0", 0),
        (None, None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", None),
    ],
)
def test_only_seconds_are_read(text: str | None, seconds: int | None) -> None:
    assert read_retry_after(text) == (None if seconds is None else timedelta(seconds=seconds))
