"""Balancer: who gives way, by how much, and how power comes back."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest

from dwell.domain.errors import Refused
from dwell.domain.planning.balance import (
    Balance,
    Charger,
    Reading,
    SetPoint,
    Site,
    divide,
    step,
)

SITE = Site(limit_kw=20)


def charger(name: str = "a", **changes: object) -> Charger:
    """11 kW wanted and drawn, an hour to spare."""
    usual = Charger(id=name, wanted_kw=11, laxity_h=1, drawn_kw=11)
    return replace(usual, **changes)  # type: ignore[arg-type]  # words of the builder


def running(**powers_kw: float) -> Balance:
    """Set-points that have stood for an hour, with nothing else on the connection."""
    points = {name: SetPoint(power_kw=power, since_s=3600) for name, power in powers_kw.items()}
    return Balance(set_points=points, envelope_kw=0.0, calm_s=3600)


def test_the_missing_power_is_taken_in_proportion_to_laxity() -> None:
    lax, tight = charger("lax", laxity_h=3), charger("tight", laxity_h=1)

    after = step(SITE, running(lax=11, tight=11), Reading(load_kw=24, seconds=10), (lax, tight))

    assert after.power_kw("lax") == pytest.approx(11 - 3)  # 4 kW too much: 2 of others, 22 of 18 free
    assert after.power_kw("tight") == pytest.approx(11 - 1)


def test_who_cannot_wait_gives_last() -> None:
    given = divide(14, [charger("lax", laxity_h=9), charger("late", laxity_h=-1)])
    assert given == pytest.approx({"lax": 3, "late": 11})

    given = divide(
        6, [charger("lax", laxity_h=9), charger("late", laxity_h=0), charger("later", laxity_h=-5)]
    )
    assert given == pytest.approx({"lax": 0, "late": 3, "later": 3})


def test_equals_give_equally() -> None:
    given = divide(15, [charger(name, laxity_h=2) for name in "abc"])
    assert given == pytest.approx({"a": 5, "b": 5, "c": 5})


def test_below_its_least_a_charger_pauses_and_the_others_share_what_it_frees() -> None:
    six_amperes = [
        charger(name, laxity_h=hours, power_min_kw=4.2) for name, hours in (("a", 1), ("b", 2), ("c", 3))
    ]
    given = divide(12, six_amperes)
    assert given["c"] == 0
    assert sum(given.values()) == pytest.approx(12)
    assert min(given["a"], given["b"]) >= 4.2


def test_no_room_at_all_is_no_power_at_all() -> None:
    after = step(SITE, running(a=11), Reading(load_kw=40, seconds=10), (charger(),))
    assert after.power_kw("a") == 0


def test_power_comes_back_slowly_and_only_after_a_calm() -> None:
    state = step(SITE, running(a=11), Reading(load_kw=26, seconds=10), (charger(),))
    assert state.power_kw("a") == pytest.approx(5)  # others draw 15
    seen = []
    for _ in range(400):
        drawn = state.power_kw("a")
        state = step(SITE, state, Reading(load_kw=drawn, seconds=10), (charger(drawn_kw=drawn),))
        seen.append(state.power_kw("a"))
    assert seen[4] == pytest.approx(5)
    steps = [after - before for before, after in itertools.pairwise(seen)]
    assert max(steps) <= 11 * 10 / 300 + 1e-9
    assert min(steps) >= 0
    assert seen[-1] == pytest.approx(11)


def test_a_peak_that_comes_again_finds_its_room() -> None:
    state, lows = running(a=11), list[float]()
    for n in range(720):
        others = 14.0 if n % 30 == 0 else 4.0  # a boiler for 10 s in every 5 min
        drawn = state.power_kw("a")
        before = drawn
        state = step(SITE, state, Reading(load_kw=others + drawn, seconds=10), (charger(drawn_kw=drawn),))
        if n > 60 and state.power_kw("a") < before - 0.001:
            lows.append(before - state.power_kw("a"))
    assert max(lows, default=0.0) < 5  # 8 kW would be lost and found each time without an envelope


def test_a_paused_charger_waits_and_comes_back_with_room_to_spare() -> None:
    small = charger(wanted_kw=7, power_min_kw=6, drawn_kw=0)
    state = Balance(set_points={"a": SetPoint(power_kw=0, since_s=0)}, envelope_kw=13.0, calm_s=3600)
    after_s = []
    for n in range(90):
        state = step(
            SITE,
            state,
            Reading(load_kw=13.0 + state.power_kw("a"), seconds=10),
            (replace(small, drawn_kw=state.power_kw("a")),),
        )
        if state.power_kw("a") > 0:
            after_s.append(10 * (n + 1))
    assert after_s and after_s[0] >= 300

    def crowded(off_s: float) -> float:
        before = Balance(set_points={"a": SetPoint(power_kw=0, since_s=off_s)}, envelope_kw=13.9, calm_s=3600)
        return step(SITE, before, Reading(load_kw=13.9, seconds=10), (small,)).power_kw("a")

    assert crowded(600) == 0  # 6.1 kW are free: its least, and nothing to spare
    assert crowded(3600) == 6  # it has waited for an hour: rather that than nothing all night


def test_power_moves_to_who_can_wait_less_slowly_and_within_the_limit() -> None:
    state, seen = running(a=11, b=9), list[tuple[float, float]]()
    for _ in range(120):
        drawn = {name: state.power_kw(name) for name in "ab"}
        both = (charger("a", laxity_h=9, drawn_kw=drawn["a"]), charger("b", laxity_h=1, drawn_kw=drawn["b"]))
        state = step(SITE, state, Reading(load_kw=sum(drawn.values()), seconds=10), both)
        seen.append((state.power_kw("a"), state.power_kw("b")))
        assert state.total_kw <= 20 + 1e-9
    assert seen[0][0] > 10.5  # 9.2 is fair: not at once
    assert seen[-1] == pytest.approx((9.2, 10.8))


def test_a_charger_that_runs_is_not_paused_for_anothers_sake_before_it_has_run_a_while() -> None:
    lax = charger("lax", laxity_h=9, power_min_kw=8, wanted_kw=9)
    tight = charger("tight", laxity_h=0, power_min_kw=8, drawn_kw=0, wanted_kw=16)
    young = Balance(set_points={"lax": SetPoint(power_kw=9, since_s=60)}, envelope_kw=0.0, calm_s=3600)
    off_after = []
    for n in range(200):
        drawn = young.power_kw("lax"), young.power_kw("tight")
        both = (replace(lax, drawn_kw=drawn[0]), replace(tight, drawn_kw=drawn[1]))
        young = step(SITE, young, Reading(load_kw=sum(drawn), seconds=10), both)
        if young.power_kw("lax") == 0:
            off_after.append(60 + 10 * (n + 1))
    assert off_after and off_after[0] >= 900
    assert young.power_kw("tight") == pytest.approx(16)


def test_what_the_plan_no_longer_wants_is_off_at_once_and_who_is_gone_is_forgotten() -> None:
    after = step(SITE, running(a=11, b=5), Reading(load_kw=16, seconds=10), (charger(wanted_kw=0),))
    assert dict(after.set_points) == {"a": SetPoint(power_kw=0, since_s=0.0)}


def test_a_silent_meter_lets_nothing_go_up() -> None:
    state = replace(running(a=5), envelope_kw=8.0)
    for _ in range(100):
        state = step(SITE, state, Reading(load_kw=None, seconds=60), (charger(drawn_kw=5),))
    assert (state.power_kw("a"), state.envelope_kw) == (5, 8.0)
    never_heard = step(SITE, Balance(), Reading(load_kw=None, seconds=60), (charger(drawn_kw=0),))
    assert never_heard.power_kw("a") == 0


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (lambda: Site(limit_kw=-1), "limit_kw"),
        (lambda: charger(wanted_kw=math.nan), "wanted_kw"),
        (lambda: charger(laxity_h=math.nan), "laxity_h"),
        (lambda: Reading(load_kw=math.inf, seconds=1), "load_kw"),
        (lambda: Reading(load_kw=1, seconds=-1), "seconds"),
        (lambda: step(SITE, Balance(), Reading(load_kw=1, seconds=1), (charger(), charger())), "chargers"),
    ],
)
def test_what_cannot_be_is_refused(wrong: object, field: str) -> None:
    with pytest.raises(Refused) as refused:
        wrong()  # type: ignore[operator]  # each is a function of no argument
    assert [fault.field for fault in refused.value.faults] == [field]
