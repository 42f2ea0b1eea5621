"""Care: plans that leave room for weak vehicles and lost orders, and say when there is none."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from dwell.domain.errors import Refused
from dwell.domain.planning import Care, Careful, Ceiling, Problem, RegularTarget, careful, solve, verify
from dwell.domain.planning.care import taper_allowance, weakened
from unit.planning.plan_builders import at, car, problem

SPARE = timedelta(minutes=20)
NO_TAPER = Care(taper=False)


def planned(asked: Problem, share: float = 1.0, care: Care = NO_TAPER) -> Careful:
    """The careful plan, which the verifier finds sound."""
    answer = careful(asked, share, care)
    assert verify(answer.asked, answer.made) == ()
    return answer


def hours(answer: Careful) -> list[tuple[float, float]]:
    return [
        ((b.start_at - at(0)) / timedelta(hours=1), (b.end_at - at(0)) / timedelta(hours=1))
        for b in answer.plan.blocks
    ]


def test_where_there_is_time_the_plan_is_done_before_the_deadline() -> None:
    falling = problem(0.4, 0.3, 0.2, 0.1, wanted=60)
    answer = planned(falling)
    assert answer.plan.blocks[-1].end_at <= at(4) - SPARE
    assert answer.plan.reachable and answer.plan.soc_at_ready_by_percent == pytest.approx(60)
    assert solve(falling).blocks[-1].end_at == at(4)  # the exact plan takes the last hour


def test_a_last_start_is_no_later_than_a_weak_vehicle_allows() -> None:
    falling = problem(0.9, 0.8, 0.7, 0.2, 0.1, 0.05, 0.04, 0.03, wanted=90)
    brave, wary = planned(falling, care=replace(NO_TAPER, least_share=1.0)), planned(falling)
    for answer, keeps in ((brave, False), (wary, True)):
        first_at = answer.plan.blocks[0].start_at
        weak_done_at = first_at + timedelta(hours=40 / 9)
        assert (weak_done_at <= at(8) - SPARE + timedelta(seconds=1)) is keeps


def test_a_cheap_early_hour_is_taken_at_the_full_power_that_is_known() -> None:
    answer = planned(problem(0.1, 0.2, 0.3, 0.4, wanted=60))
    assert answer.assumed == 1.0
    assert hours(answer) == [(0.0, 1.0)]


def test_a_vehicle_known_to_be_weak_is_planned_so_and_told_its_full_power() -> None:
    answer = planned(problem(0.1, 0.2, 0.3, 0.4, wanted=60), share=0.8)
    [block] = [b for b in answer.plan.blocks if b.start_at == at(0)]
    assert block.power_kw / answer.assumed == pytest.approx(10)
    assert sum(b.energy_kwh for b in answer.plan.blocks) == pytest.approx(10)
    assert answer.plan.blocks[-1].end_at == at(1.25)


def test_what_is_told_never_passes_a_ceiling() -> None:
    limits = tuple(
        Ceiling(start_at=at(n), end_at=at(n + 1), power_kw=p) for n, p in enumerate((9.5, 3, 12, 9.9))
    )
    answer = planned(problem(0.1, 0.1, 0.1, 0.1, wanted=70, ceilings=limits), share=0.9)
    for block in answer.plan.blocks:
        told_kw = block.power_kw / answer.assumed
        open_kw = [c.power_kw for c in limits if c.start_at < block.end_at and c.end_at > block.start_at]
        assert told_kw <= min([10, *open_kw]) + 1e-9


def test_with_no_time_to_spare_it_is_charged_at_once_and_still_called_reachable() -> None:
    tight = problem(0.4, 0.1, wanted=68)  # 1.8 h of 2
    answer = planned(tight)
    assert answer.hurried and answer.plan.reachable
    [only] = hours(answer)
    assert only == pytest.approx((0.0, 1.8))
    assert answer.plan.soc_at_ready_by_percent == pytest.approx(68)
    assert answer.plan.cost == pytest.approx(10 * 0.4 + 8 * 0.1)


def test_what_cannot_be_reached_is_said_with_what_can() -> None:
    answer = planned(problem(0.4, 0.1, wanted=90))
    assert not answer.plan.reachable and not answer.hurried
    assert answer.plan.reachable_soc_percent == pytest.approx(70)
    known_weak = planned(problem(0.4, 0.1, wanted=69), share=0.8)
    assert not known_weak.plan.reachable
    assert known_weak.plan.reachable_soc_percent == pytest.approx(66)


def test_near_full_time_is_allowed_for_the_taper_and_it_is_bounded() -> None:
    assert taper_allowance(problem(0.1, wanted=80)) == timedelta(0)
    assert taper_allowance(problem(0.1, wanted=97)) == timedelta(minutes=12)  # 2 kWh at 10 kW
    assert taper_allowance(problem(0.1, wanted=100)) == timedelta(minutes=15)
    quick = problem(0.1, wanted=100, vehicle=car(power_max_kw=150))
    assert taper_allowance(quick) == timedelta(minutes=8)  # from 80 % on
    slow = problem(0.1, wanted=100, vehicle=car(power_max_kw=50, battery_capacity_kwh=300))
    assert taper_allowance(slow) == timedelta(minutes=30)

    falling = problem(*[0.9 - n / 10 for n in range(9)], wanted=100)
    allowed, not_allowed = planned(falling, care=Care()), planned(falling)
    assert not_allowed.plan.blocks[-1].end_at == at(9) - SPARE
    assert allowed.plan.blocks[-1].end_at <= at(9) - SPARE - timedelta(minutes=15)


def test_without_care_the_plan_is_the_exact_one() -> None:
    asked = problem(0.4, 0.3, 0.2, 0.1, wanted=60)
    assert planned(asked, care=Care.none()).plan == solve(asked)


def test_coverage_is_told_for_the_true_deadline() -> None:
    asked = problem(0.1, 0.2, wanted=60)
    target = RegularTarget(minimum_charge_percent=60, ready_by_at=at(4))
    assert planned(replace(asked, target=target)).plan.price_coverage == pytest.approx(0.5)


def test_a_weakened_problem_keeps_what_it_may_do_in_proportion() -> None:
    limits = (Ceiling(start_at=at(0), end_at=at(1), power_kw=4),)
    weak = weakened(problem(0.1, ceilings=limits), 0.5)
    assert (weak.vehicle.power_max_kw, weak.vehicle.power_min_kw, weak.ceilings[0].power_kw) == (5, 1, 2)


def test_care_that_cannot_be_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        Care(spare=timedelta(hours=5), least_share=0.4)
    assert [fault.field for fault in refused.value.faults] == ["spare", "least_share"]
