"""The balancer's laws: never above the limit, an overload gone in one interval, least or nothing, and no swinging."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from dwell.domain.planning.balance import Balance, Charger, Reading, Site, divide, step

NEAR = 1e-6
powers = st.floats(0, 50, allow_nan=False)
chargers = st.lists(
    st.builds(
        Charger,
        id=st.uuids().map(str),
        wanted_kw=powers,
        laxity_h=st.floats(-5, 48),
        drawn_kw=powers,
        power_min_kw=st.sampled_from([0.0, 1.4, 4.2]),
    ),
    max_size=8,
    unique_by=lambda c: c.id,
)


@given(room_kw=st.floats(0, 100), those=chargers)
def test_a_division_fits_the_room_and_gives_least_or_nothing(room_kw: float, those: list[Charger]) -> None:
    given_kw = divide(room_kw, those)
    assert sum(given_kw.values()) <= room_kw + NEAR
    for charger in those:
        power_kw = given_kw[charger.id]
        assert power_kw == 0 or charger.power_min_kw - NEAR <= power_kw <= charger.wanted_kw + NEAR


@given(room_kw=st.floats(0, 100), those=chargers)
def test_the_laxer_of_two_gives_at_least_as_much(room_kw: float, those: list[Charger]) -> None:
    alike = [Charger(id=c.id, wanted_kw=11, laxity_h=c.laxity_h, drawn_kw=0) for c in those]
    given_kw = divide(room_kw, alike)
    for one in alike:
        for other in alike:
            if one.laxity_h >= other.laxity_h:
                assert given_kw[one.id] <= given_kw[other.id] + NEAR


@given(
    limit_kw=st.floats(0, 60),
    those=chargers,
    others_kw=st.lists(st.tuples(st.floats(-20, 80), st.floats(1, 300)), min_size=1, max_size=30),
    obedience=st.floats(0, 1),
)
def test_whatever_is_measured_the_limit_is_kept_from_the_next_interval_on(
    limit_kw: float, those: list[Charger], others_kw: list[tuple[float, float]], obedience: float
) -> None:
    site, state = Site(limit_kw=limit_kw), Balance()
    for load_kw, seconds in others_kw:
        drawn = {c.id: obedience * state.power_kw(c.id) for c in those}
        now = [_drawing(c, drawn[c.id]) for c in those]
        state = step(site, state, Reading(load_kw=load_kw + sum(drawn.values()), seconds=seconds), now)
        assert state.total_kw <= max(0.0, limit_kw - max(0.0, load_kw)) + NEAR
        for charger in those:
            power_kw = state.power_kw(charger.id)
            assert power_kw == 0 or charger.power_min_kw - NEAR <= power_kw <= charger.wanted_kw + NEAR


def _drawing(charger: Charger, drawn_kw: float) -> Charger:
    return Charger(
        id=charger.id,
        wanted_kw=charger.wanted_kw,
        laxity_h=charger.laxity_h,
        power_min_kw=charger.power_min_kw,
        drawn_kw=drawn_kw,
    )


def test_a_noisy_load_makes_nothing_swing(seed: int) -> None:
    """Six chargers, a base load with noise: settled after half an hour, the sum moves by no more than the noise."""
    chance = random.Random(seed)
    noise_kw, base_kw = chance.uniform(0.5, 4), chance.uniform(5, 15)
    names = [f"c{n}" for n in range(6)]
    wanted = {name: chance.choice([3.7, 7.4, 11.0, 22.0]) for name in names}
    laxity = {name: chance.uniform(0, 8) for name in names}
    site, state = Site(limit_kw=43.5), Balance()
    totals, switches = list[float](), dict.fromkeys(names, 0)
    for n in range(6 * 60 * 3):
        others_kw = base_kw + chance.uniform(-noise_kw, noise_kw)
        drawn = {name: state.power_kw(name) for name in names}
        those = [
            Charger(id=x, wanted_kw=wanted[x], laxity_h=laxity[x], drawn_kw=drawn[x], power_min_kw=1.4)
            for x in names
        ]
        after = step(site, state, Reading(load_kw=others_kw + sum(drawn.values()), seconds=10), those)
        if n > 6 * 30:
            totals.append(after.total_kw)
            for name in names:
                switches[name] += (after.power_kw(name) > 0) != (drawn[name] > 0)
        state = after
    assert max(totals) - min(totals) <= 2 * noise_kw + NEAR
    assert min(totals) >= min(sum(wanted.values()), 43.5 - base_kw - noise_kw) - 2 * noise_kw
    assert max(switches.values()) <= 5  # in two and a half hours: two an hour at most


def test_on_a_steady_load_all_room_is_used_and_equals_are_equal(seed: int) -> None:
    chance = random.Random(seed)
    base_kw = chance.uniform(2, 30)
    names, site, state = [f"c{n}" for n in range(4)], Site(limit_kw=40), Balance()
    first_kw = {name: chance.uniform(0, 11) for name in names}
    for n in range(6 * 60):
        drawn = {name: state.power_kw(name) for name in names}
        wanted = {x: first_kw[x] if n < 90 else 11.0 for x in names}  # they begin unequal
        those = [Charger(id=x, wanted_kw=wanted[x], laxity_h=2, drawn_kw=drawn[x]) for x in names]
        state = step(site, state, Reading(load_kw=base_kw + sum(drawn.values()), seconds=10), those)
    expected = min(11, (40 - base_kw) / 4)
    assert all(abs(state.power_kw(name) - expected) < 0.01 for name in names)
