"""Visits laid on priced days: weekday and local time kept, nobody in two places, every one in one run of prices."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from dwell.data import DE_LU, shipped_prices, shipped_visits
from dwell.domain.tariff.coverage import coverage
from dwell.domain.tariff.curve import PriceCurve, PriceSlot
from dwell.domain.tariff.replacement import layered
from dwell.protocols.prices import read_prices
from dwell.simulation.visits import Reason, Visit, keep_priced, lay_on, read_visit_contents

BERLIN = ZoneInfo("Europe/Berlin")


def berlin(year: int, month: int, day: int, *time: int) -> datetime:
    hour, minute = (*time, 0, 0)[:2]
    return datetime(year, month, day, hour, minute, tzinfo=BERLIN).astimezone(UTC)


def priced(*runs: tuple[datetime, datetime]) -> PriceCurve:
    slots = []
    for start_at, end_at in runs:
        hour_count = (end_at - start_at) // timedelta(hours=1)
        edges = [start_at + timedelta(hours=n) for n in range(hour_count + 1)]
        slots += [PriceSlot(a, b, Decimal("0.1")) for a, b in pairwise(edges)]
    return PriceCurve.of("EUR", slots)


def visit(plugged_in_at: datetime, plugged_out_at: datetime, **changes: object) -> Visit:
    facts: dict[str, object] = {
        "visit_id": f"{changes.get('user_reference', 'a')}-{plugged_in_at:%Y%m%d%H%M}",
        "user_reference": "a",
        "plugged_in_at": plugged_in_at,
        "plugged_out_at": plugged_out_at,
        "timezone": "Europe/Berlin",
        "energy_wh": 5_000,
    }
    return Visit(**(facts | changes))  # type: ignore[arg-type] # facts of many types, by name


# 2025-10-20 was a Monday; two whole weeks, the first ends with a night of 25 hours.
FORTNIGHT = priced((berlin(2025, 10, 20), berlin(2025, 11, 3)))


def test_a_visit_of_another_year_keeps_weekday_and_local_times() -> None:
    wednesday = visit(berlin(2019, 7, 10, 18, 30), berlin(2019, 7, 11, 7, 15))

    (laid,) = lay_on([wednesday], FORTNIGHT, timezone="Europe/Berlin").visits

    start, end = laid.plugged_in_at.astimezone(BERLIN), laid.plugged_out_at.astimezone(BERLIN)
    assert (start.strftime("%a %H:%M"), end.strftime("%a %H:%M")) == ("Wed 18:30", "Thu 07:15")
    assert (start.year, laid.visit_id, laid.energy_wh) == (2025, wednesday.visit_id, 5_000)
    assert laid.user_reference.startswith("a~")


def test_the_night_on_which_clocks_go_back_is_an_hour_longer() -> None:
    saturdays = [visit(berlin(2019, 7, day, 22, 0), berlin(2019, 7, day + 1, 8, 0)) for day in (6, 13)]

    laid = lay_on(saturdays, FORTNIGHT, timezone="Europe/Berlin").visits

    lengths = {v.plugged_in_at.astimezone(BERLIN).day: v.plugged_out_at - v.plugged_in_at for v in laid}
    assert lengths == {25: timedelta(hours=11), 1: timedelta(hours=10)}


def test_a_visit_on_priced_days_stays() -> None:
    there = visit(berlin(2025, 10, 22, 18, 0), berlin(2025, 10, 23, 7, 0))

    assert lay_on([there], FORTNIGHT, timezone="Europe/Berlin").visits == (there,)


def test_weeks_follow_each_other_and_each_turn_has_its_own_copy() -> None:
    mondays = [
        visit(berlin(2019, 7, 1, 18, 0) + timedelta(weeks=n), berlin(2019, 7, 1, 23, 0) + timedelta(weeks=n))
        for n in range(6)
    ]

    laid = lay_on(mondays, FORTNIGHT, timezone="Europe/Berlin").visits

    by_copy: dict[str, list[int]] = {}
    for one in laid:
        by_copy.setdefault(one.user_reference, []).append(one.plugged_in_at.astimezone(BERLIN).day)
    assert len(laid) == 6
    assert all(days in ([20, 27], [20], [27]) for days in by_copy.values())
    assert 3 <= len(by_copy) <= 4


def test_a_night_at_the_end_of_the_run_is_put_where_it_fits() -> None:
    sundays = [
        visit(
            berlin(2019, 7, 7, 20, 0) + timedelta(weeks=n),
            berlin(2019, 7, 8, 6, 0) + timedelta(weeks=n),
        )
        for n in range(4)
    ]

    laid = lay_on(sundays, FORTNIGHT, timezone="Europe/Berlin")

    assert {v.plugged_in_at.astimezone(BERLIN).day for v in laid.visits} == {26}
    assert len({v.user_reference for v in laid.visits}) == 4
    assert not laid.left_out


def test_nights_that_do_not_fit_their_week_are_spread_over_the_weeks_that_hold_them() -> None:
    four_weeks = priced((berlin(2025, 9, 29), berlin(2025, 10, 27)))
    sundays = [
        visit(berlin(2019, 7, 7, 20, 0) + timedelta(weeks=n), berlin(2019, 7, 8, 6, 0) + timedelta(weeks=n))
        for n in range(12)
    ]

    laid = lay_on(sundays, four_weeks, timezone="Europe/Berlin").visits

    days = [one.plugged_in_at.astimezone(BERLIN).day for one in laid]
    assert {day: days.count(day) for day in days} == {5: 4, 12: 4, 19: 4}


def test_a_visit_that_no_run_can_hold_is_left_out_with_the_reason() -> None:
    short = priced((berlin(2025, 10, 25), berlin(2025, 10, 27)))
    weekday = visit(berlin(2019, 7, 10, 18, 0), berlin(2019, 7, 11, 7, 0))
    sunday_night = visit(berlin(2019, 7, 7, 20, 0), berlin(2019, 7, 8, 6, 0))
    saturday_night = visit(berlin(2019, 7, 6, 20, 0), berlin(2019, 7, 7, 6, 0))

    laid = lay_on([weekday, sunday_night, saturday_night], short, timezone="Europe/Berlin")

    assert [v.visit_id for v in laid.visits] == [saturday_night.visit_id]
    assert {(one.visit_id, one.reason) for one in laid.left_out} == {
        (weekday.visit_id, Reason.NO_PRICES),
        (sunday_night.visit_id, Reason.CROSSES_END_OF_PRICES),
    }


def test_a_visit_in_the_hour_that_spring_skips_goes_elsewhere() -> None:
    spring = priced((berlin(2026, 3, 23), berlin(2026, 4, 6)))
    tight = visit(berlin(2019, 7, 7, 2, 0), berlin(2019, 7, 7, 2, 50), energy_wh=3_000, power_w=3_700)

    laid = lay_on([tight], spring, timezone="Europe/Berlin").visits

    assert [v.plugged_in_at.astimezone(BERLIN).strftime("%d %H:%M") for v in laid] == ["05 02:00"]


def test_times_are_those_of_the_visits_own_zone() -> None:
    angeles = ZoneInfo("America/Los_Angeles")
    start_at = datetime(2019, 7, 10, 8, 0, tzinfo=angeles).astimezone(UTC)
    stated_at = start_at + timedelta(hours=9)
    there = visit(
        start_at, start_at + timedelta(hours=8), timezone="America/Los_Angeles", stated_departure_at=stated_at
    )

    (laid,) = lay_on([there], FORTNIGHT, timezone="Europe/Berlin").visits

    assert laid.timezone == "Europe/Berlin"
    assert laid.plugged_in_at.astimezone(BERLIN).strftime("%a %H:%M") == "Wed 08:00"
    assert laid.stated_departure_at is not None
    assert laid.stated_departure_at.astimezone(BERLIN).strftime("%a %H:%M") == "Wed 17:00"


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="IANA time zone"):
        lay_on([], FORTNIGHT, timezone="Mars/Olympus")


def test_unmoved_visits_need_one_run_from_end_to_end() -> None:
    inside = visit(berlin(2025, 10, 22, 18, 0), berlin(2025, 10, 23, 7, 0))
    across = visit(berlin(2025, 11, 2, 20, 0), berlin(2025, 11, 3, 7, 0))
    outside = visit(berlin(2019, 11, 2, 20, 0), berlin(2019, 11, 3, 7, 0))

    kept = keep_priced([inside, across, outside], FORTNIGHT)

    assert kept.visits == (inside,)
    assert [one.reason for one in kept.left_out] == [Reason.CROSSES_END_OF_PRICES, Reason.NO_PRICES]


def test_the_shipped_visits_fit_the_shipped_prices() -> None:
    curve = layered("EUR", [read_prices(n, c, zone=None).slots for n, c in shipped_prices(DE_LU)])
    visits = read_visit_contents(shipped_visits()).visits

    laid = lay_on(visits, curve, timezone="Europe/Berlin")

    assert len(laid.visits) + len(laid.left_out) == len(visits)
    assert len(laid.visits) >= 0.99 * len(visits)
    assert len({v.visit_id for v in laid.visits}) == len(laid.visits)
    last: dict[str, datetime] = {}
    for one in laid.visits:
        earlier = last.get(one.user_reference)
        assert earlier is None or one.plugged_in_at - earlier > timedelta(seconds=60)
        assert one.power_w is None or one.energy_wh <= one.power_w * one.duration_s / 3600
        last[one.user_reference] = one.plugged_out_at
    assert all(coverage(curve, v.plugged_in_at, v.plugged_out_at) == 1.0 for v in laid.visits[::50])
    assert lay_on(visits[:500], curve, timezone="Europe/Berlin") == lay_on(
        visits[:500], curve, timezone="Europe/Berlin"
    )
