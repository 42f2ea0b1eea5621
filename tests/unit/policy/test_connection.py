"""What a connection leaves over time, and how long a charge takes within it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dwell.domain.policy.connection import BaseLoad, rooms
from dwell.domain.policy.terms import VisitTerms

BERLIN = "Europe/Berlin"
DAY = (BaseLoad("06:30", 2_000), BaseLoad("18:00", 8_000))
NOON = datetime(2026, 1, 14, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def left(start_at: datetime, hours: float, limit_w: int = 11_000) -> list[tuple[float, float, int]]:
    """The rooms as hours after `start_at`."""
    span = (start_at, start_at + hours * HOUR)
    return [
        ((a - start_at) / HOUR, (b - start_at) / HOUR, w) for a, b, w in rooms(limit_w, DAY, BERLIN, span)
    ]


def test_each_entry_holds_until_the_next_and_overnight() -> None:
    assert left(NOON, 24) == [(0, 5, 9_000), (5, 17.5, 3_000), (17.5, 24, 9_000)]


def test_a_load_above_the_limit_leaves_nothing() -> None:
    assert [power_w for _, _, power_w in left(NOON, 24, limit_w=5_000)] == [3_000, 0, 3_000]


def test_days_of_23_and_25_hours_keep_the_wall_time() -> None:
    spring, autumn = datetime(2026, 3, 28, 17, tzinfo=UTC), datetime(2026, 10, 24, 16, tzinfo=UTC)
    assert left(spring, 12) == [(0, 11.5, 3_000), (11.5, 12, 9_000)]
    assert left(autumn, 14) == [(0, 13.5, 3_000), (13.5, 14, 9_000)]


def test_the_time_of_a_charge_follows_the_room() -> None:
    """From 17:00 UTC on 3 kW, from 5:30 on 9 kW: 46.5 kWh take 12.5 h and one hour more."""
    terms = VisitTerms(timezone=BERLIN, grid_limit_w=11_000, base_load=DAY)
    evening = NOON + 5 * HOUR
    assert terms.done_at(evening, 46_500) == evening + 13.5 * HOUR
    assert terms.latest_start(evening + 13.5 * HOUR, 46_500) == evening
    assert terms.done_at(evening, 0) == evening


@given(
    st.lists(st.tuples(st.integers(0, 1_439), st.integers(0, 13_000)), min_size=1, max_size=6),
    st.integers(0, 3_000_000),
    st.integers(10, 90_000),
)
def test_full_power_from_the_latest_start_is_done_in_time_and_not_before(
    profile: list[tuple[int, int]], second: int, energy_wh: int
) -> None:
    loads = tuple(BaseLoad(f"{minute // 60:02}:{minute % 60:02}", power_w) for minute, power_w in profile)
    terms = VisitTerms(timezone=BERLIN, grid_limit_w=11_000, base_load=loads)
    start_at = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=second)
    span = (start_at, start_at + timedelta(days=3))
    found = [*rooms(11_000, loads, BERLIN, span)]
    assert (found[0].start_at, found[-1].end_at) == span
    assert all(one.end_at == other.start_at for one, other in pairwise(found))
    done_at = terms.done_at(start_at, energy_wh)
    if done_at < start_at + timedelta(days=13):
        latest_at = terms.latest_start(done_at, energy_wh)
        assert latest_at >= start_at - timedelta(milliseconds=1)
        assert abs(terms.done_at(latest_at, energy_wh) - done_at) < timedelta(milliseconds=1)
