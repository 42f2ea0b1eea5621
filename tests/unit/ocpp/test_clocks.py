"""IN5: a clock that is hours off, drifts, or is put right in the middle."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell.protocols.ocpp.quirks.clocks import TRUSTED, ClockOffset, dated

AT = datetime(2026, 3, 25, 12, 0, tzinfo=UTC)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


@pytest.mark.parametrize("latency_s", [0.0, 0.2, 3.0])
def test_a_right_clock_is_believed(latency_s: float) -> None:
    clock, at = dated(ClockOffset(), AT, AT + latency_s * SECOND, live=True)
    assert at.at == AT and at.moved == timedelta(0)
    _, replay = dated(clock, AT - 5 * HOUR, AT + HOUR)
    assert replay.at == AT - 5 * HOUR, "what happened offline keeps its time"


@pytest.mark.parametrize("offset_h", [-3, -0.5, 0.5, 3])
def test_a_clock_that_is_off_is_corrected_and_a_duration_is_right_to_the_second(offset_h: float) -> None:
    offset = offset_h * HOUR
    clock, _ = dated(ClockOffset(), AT + offset, AT + 0.1 * SECOND, live=True)
    clock, start = dated(clock, AT + offset + HOUR, AT + HOUR + 0.2 * SECOND)
    clock, stop = dated(clock, AT + offset + 2 * HOUR, AT + 2 * HOUR + 0.9 * SECOND)
    assert abs((stop.at - start.at) - HOUR) <= SECOND
    assert abs(start.at - (AT + HOUR)) <= SECOND


def test_a_clock_ahead_needs_no_live_message_to_be_found_out() -> None:
    _, at = dated(ClockOffset(), AT + 2 * HOUR, AT)
    assert at.at == AT


def test_a_replay_on_a_clock_that_is_off_is_moved_by_the_same() -> None:
    clock, _ = dated(ClockOffset(), AT + 2 * HOUR, AT, live=True)
    _, replay = dated(clock, AT + 2 * HOUR - 5 * HOUR, AT + SECOND)
    assert abs(replay.at - (AT - 5 * HOUR)) <= SECOND


def test_a_clock_put_right_is_believed_again() -> None:
    clock, _ = dated(ClockOffset(), AT + 2 * HOUR, AT, live=True)
    clock, after = dated(clock, AT + HOUR, AT + HOUR)
    assert after.at == AT + HOUR
    assert clock.offset == timedelta(0)


@pytest.mark.parametrize("stamp", [None, datetime(1970, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)])
def test_an_unset_clock_says_nothing(stamp: datetime | None) -> None:
    clock, at = dated(ClockOffset(), stamp, AT, live=True)
    assert (at.at, at.stamp_is_usable, clock.offset) == (AT, False, None)


@given(
    st.floats(-10_800, 10_800),
    st.floats(-0.05, 0.05),
    st.lists(st.floats(1.0, 3_600), min_size=2, max_size=20),
    st.floats(0.0, 0.5),
)
def test_live_messages_keep_their_distances_whatever_the_clock_does(
    offset_s: float, drift: float, gaps_s: list[float], latency_s: float
) -> None:
    clock, now, found = ClockOffset(), AT, list[tuple[datetime, datetime]]()
    for gap_s in gaps_s:
        now += gap_s * SECOND
        stamp = now + (offset_s + drift * ((now - AT) / SECOND)) * SECOND
        clock, at = dated(clock, stamp, now + latency_s * SECOND, live=True)
        found.append((now, at.at))
    for (true_before, before), (true_after, after) in itertools.pairwise(found):
        assert after >= before
        assert abs((after - before) - (true_after - true_before)) <= 2 * TRUSTED + SECOND
