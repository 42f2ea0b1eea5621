"""OC9, OC10, IN2: energy from registers, whatever they do and in whatever order they come."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell.domain.metering.registers import (
    ENDS_WH,
    ROUNDING_WH,
    Register,
    RegisterPoint,
    between_sessions_wh,
    metered,
    most_between,
)

START_AT = datetime(2026, 3, 25, 12, 0, tzinfo=UTC)
POWER_MAX_W = 22_000


def points_of(*values: int, step_s: int = 900) -> list[RegisterPoint]:
    return [RegisterPoint(START_AT + timedelta(seconds=step_s * i), value) for i, value in enumerate(values)]


def energy_wh(*values: int, step_s: int = 900) -> int:
    return metered(points_of(*values, step_s=step_s), POWER_MAX_W).energy_wh


any_points = st.lists(
    st.builds(
        RegisterPoint,
        st.integers(0, 86_400).map(lambda second: START_AT + timedelta(seconds=second)),
        st.integers(0, 10**11),
    ),
    max_size=30,
)
rises_wh = st.lists(st.integers(0, 5_000), min_size=1, max_size=30)


@given(rises_wh, st.integers(0, 10**9))
def test_a_register_that_only_rises_counts_its_difference(rises: list[int], first_wh: int) -> None:
    values = [first_wh]
    for rise in rises:
        values.append(values[-1] + rise)
    assert energy_wh(*values) == values[-1] - values[0]


@given(any_points, st.randoms(use_true_random=False))
def test_order_and_repeats_do_not_matter(points: list[RegisterPoint], chance: Random) -> None:
    shuffled = points * 2
    chance.shuffle(shuffled)
    assert metered(shuffled) == metered(points)


@given(any_points)
def test_points_in_order_cost_one_step_each(points: list[RegisterPoint]) -> None:
    register = Register()
    for point in sorted(set(points)):
        register = register.take(point)
    assert register == metered(points) and not register.recount_wanted


@given(any_points)
def test_energy_is_never_negative_and_never_more_than_the_power_allows(points: list[RegisterPoint]) -> None:
    register = metered(points, POWER_MAX_W)
    in_order = sorted({point.at for point in points})
    possible = sum(most_between(a, b, POWER_MAX_W) for a, b in itertools.pairwise(in_order))
    same_instant = len(set(points)) * (POWER_MAX_W // 60 + ROUNDING_WH)
    assert 0 <= register.energy_wh <= possible + same_instant


@given(st.lists(rises_wh, min_size=1, max_size=5), st.integers(100_000, 10**8))
def test_energy_is_the_sum_of_the_segments_between_resets(runs: list[list[int]], first_wh: int) -> None:
    values, total = list[int](), 0
    for number, rises in enumerate(runs):
        values.append(first_wh if number == 0 else 0)
        for rise in rises:
            values.append(values[-1] + rise)
        total += sum(rises)
    found = metered(points_of(*values), POWER_MAX_W)
    resets = [value for value, after in itertools.pairwise(values) if after < value - ROUNDING_WH]
    climbs_back = any(before <= after for before, after in after_zeros(values))
    # a run that hardly moved cannot be told from rounding, nor one that climbs back from a meter without an answer
    if len(resets) == len(runs) - 1 and not climbs_back:
        assert found.energy_wh == total and found.falls == len(runs) - 1


def after_zeros(values: list[int]) -> list[tuple[int, int]]:
    """Of each fall to 0 what was before it, and the first that came after it and was more than 0."""
    found, before = [], 0
    for value, after in itertools.pairwise(values):
        before = value or before
        if value == 0 and after > 0:
            found.append((before, after))
    return found


def test_a_zero_between_two_registers_was_no_register() -> None:
    found = metered(points_of(5_000, 0, 0, 6_000, 7_500), POWER_MAX_W)
    assert (found.energy_wh, found.falls, found.fell_wh) == (2_500, 0, 0)


def test_a_zero_from_which_the_register_goes_on_was_a_reset() -> None:
    found = metered(points_of(5_000_000, 0, 6_000, 7_500), POWER_MAX_W)
    assert (found.energy_wh, found.falls, found.fell_wh) == (7_500, 1, 5_000_000)


@pytest.mark.parametrize("end_wh", ENDS_WH)
def test_a_rollover_goes_on_counting(end_wh: int) -> None:
    found = metered(points_of(end_wh - 2_000, end_wh - 500, 1_000), POWER_MAX_W)
    assert (found.energy_wh, found.rollovers, found.falls) == (3_000, 1, 0)


def test_a_start_of_0_before_a_lifetime_register_is_not_energy() -> None:
    found = metered(points_of(0, 3_051_113, 3_053_113), POWER_MAX_W)
    assert (found.energy_wh, found.refused) == (2_000, 1)


def test_a_lifetime_start_before_a_register_of_the_transaction() -> None:
    found = metered(points_of(3_051_113, 0, 2_000, 3_053_113), POWER_MAX_W)
    assert (found.energy_wh, found.falls, found.refused) == (2_000, 1, 1)


def test_a_coarser_print_of_the_same_register_is_not_a_fall() -> None:
    found = metered(points_of(3_051_113, 3_051_110, 3_051_220, 3_051_361), POWER_MAX_W)
    assert (found.energy_wh, found.falls) == (248, 0)
    assert energy_wh(50_900, 50_000, 51_000, 52_100) == 1_200, "whole kWh between Wh"


def test_a_point_from_the_past_asks_for_a_recount_and_a_repeat_does_not() -> None:
    first, second = points_of(100, 200)
    register = Register().take(first).take(second)
    assert register.take(second) == register
    assert register.take(first).recount_wanted


def test_what_moved_between_sessions_is_told() -> None:
    assert between_sessions_wh(1_000, 1_012) == 12
