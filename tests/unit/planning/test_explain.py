"""Planner: every block and every plan has a sentence that a customer can read."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from dwell.domain.planning import (
    Care,
    Ceiling,
    Control,
    ImmediateStart,
    RegularTarget,
    careful,
    explain,
    solve,
)
from unit.planning.plan_builders import at, car, hourly, problem

BERLIN = ZoneInfo("Europe/Berlin")


def reasons(**changes: object) -> tuple[str, ...]:
    asked = problem(*changes.pop("prices_by_hour", (0.3, 0.1, 0.2)), timezone=BERLIN, **changes)  # type: ignore[misc, arg-type]  # words of the builder
    return explain(asked, solve(asked)).reasons


def test_the_cheapest_time_is_named_with_the_local_deadline() -> None:
    assert reasons(wanted=72.5 - 10) == ("cheapest 1 h 15 min before 00:00",)


def test_several_blocks_are_parts_of_it() -> None:
    assert (
        reasons(prices_by_hour=(0.1, 0.3, 0.1), wanted=70) == ("part of the cheapest 2 h before 00:00",) * 2
    )


def test_the_reserve_says_its_level() -> None:
    assert reasons(wanted=52, reserve=52) == ("battery below 52 %",)


def test_a_negative_price_earns_money() -> None:
    assert reasons(prices_by_hour=(0.1, -0.2), wanted=60) == ("price below zero: charging earns money",)


def test_a_price_that_is_not_below_zero_throughout_is_not_said_to_be() -> None:
    # 11 kW from −0.50 on and into +0.02: the block earns money, its second hour does not.
    [reason] = reasons(prices_by_hour=(-0.5, 0.02, 0.4), wanted=65)
    assert reason == "prices below zero for most of it: charging earns money"


def test_a_target_that_only_the_reserve_would_bring_and_does_not_is_said() -> None:
    asked = problem(0.3, 0.1, 0.2, timezone=BERLIN, wanted=90, reserve=90)
    assert "90 % cannot be reached by 00:00" in explain(asked, solve(asked)).summary


def test_too_little_time_is_said() -> None:
    assert reasons(wanted=90) == ("too little time before 00:00: full power until 90 % is in",)


def test_an_immediate_start_says_how_far() -> None:
    assert reasons(target=ImmediateStart(minimum_charge_percent=65)) == (
        "immediate start: full power until 65 %",
    )


def test_low_power_that_no_run_goes_on_from_is_only_cheap() -> None:
    asked = problem(
        *(0.2, 0.5, 0.2),
        wanted=52,
        ceilings=(Ceiling(start_at=at(0), end_at=at(3), power_kw=2),),
        vehicle=car(control=Control.MODULATING),
    )
    spread = replace(asked, target=replace(asked.target, minimum_charge_percent=54))

    assert explain(asked, solve(asked)).reasons == ("cheapest 1 h before 23:00",)
    assert explain(spread, solve(spread)).reasons == ("part of the cheapest 2 h before 23:00",) * 2


def test_low_power_between_two_runs_has_its_reason() -> None:
    asked = problem(
        0.10, 0.12, 0.10, 0.12, wanted=72, start_cost=0.3, vehicle=car(control=Control.MODULATING)
    )

    assert "low power" in explain(asked, solve(asked)).reasons[1]


def test_the_summary_warns_of_what_is_missing() -> None:
    asked = problem(0.1, 0.2, wanted=90, prices=hourly(0.1))
    words = explain(asked, solve(asked)).summary

    assert "90 % cannot be reached by 22:00, 70 % can." in words
    assert "Prices are known for" in words


def test_the_summary_of_an_idle_plan_says_why() -> None:
    asked = problem(0.1, wanted=50)

    assert explain(asked, solve(asked)).summary == "Nothing to charge: the battery is at 50 %."


def test_a_far_deadline_has_its_day() -> None:
    asked = problem(*[0.1] * 30, wanted=60)

    assert at(30).strftime("%H:%M on %Y-%m-%d") in explain(asked, solve(asked)).reasons[0]


def test_what_is_known_of_prices_is_said_and_until_when() -> None:
    asked = problem(*[0.0] * 4, wanted=70, prices=hourly(0.1, 0.5), timezone=BERLIN)
    words = explain(asked, solve(asked))
    assert (
        "Prices are known for 50 % of the time (until 23:00); the rest is judged by the days before"
        in words.summary
    )
    assert words.reasons[-1] == "part of the cheapest 2 h before 01:00 by the prices of the days before"
    assert "days before" not in words.reasons[0]


def test_without_any_price_it_says_so() -> None:
    asked = problem(0.1, 0.1, wanted=60, prices=hourly())
    assert "No prices are known: charged as if all were equal" in explain(asked, solve(asked)).summary


@pytest.mark.parametrize(
    ("share", "prices", "said", "reason"),
    [
        (
            1.0,
            (0.3, 0.2, 0.1),
            "The last 20 min before 00:00 are kept free",
            "cheapest 1 h 7 min before 00:00",
        ),
        (1.0, (0.1, 0.2, 0.3), None, "cheapest 1 h before 00:00"),
        (
            0.8,
            (0.1, 0.2, 0.3),
            "Counted on: 80 % of the vehicle's full power.",
            "part of the cheapest 1 h 15 min before",
        ),
        (1.0, (0.1,), None, "no time to spare before 22:00: full power until 60 % is in"),
    ],
)
def test_what_is_kept_in_hand_is_said_where_it_matters(
    share: float, prices: tuple[float, ...], said: str | None, reason: str
) -> None:
    asked = problem(*prices, wanted=60, timezone=BERLIN)
    words = careful(asked, share, Care()).words(asked)
    if said is None:
        assert "kept free" not in words.summary and "Counted on" not in words.summary
    else:
        assert said in words.summary
    assert reason.removeprefix("part of the ") in words.reasons[0]


def test_what_is_owed_after_a_deadline_is_called_so() -> None:
    asked = problem(0.1, wanted=60, timezone=BERLIN)
    owed = replace(asked, target=RegularTarget(minimum_charge_percent=60, ready_by_at=at(-0.5)))
    words = careful(owed, 1.0, Care()).words(owed)
    assert words.reasons == ("missed at 20:30: full power until 60 % is in",)
    assert "cannot be reached" not in words.summary
