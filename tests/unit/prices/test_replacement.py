"""Later prices over earlier ones."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell.domain.tariff.coverage import Span, coverage, runs
from dwell.domain.tariff.curve import PriceCurve, PriceSlot
from dwell.domain.tariff.replacement import layered, replace

from .price_builders import NOON_AT, slot


def span(start_minutes: int, end_minutes: int) -> Span:
    return Span(NOON_AT + timedelta(minutes=start_minutes), NOON_AT + timedelta(minutes=end_minutes))


def test_a_correction_replaces_exactly_its_span_and_cuts_its_neighbours() -> None:
    present = (slot(0, 60, "1"), slot(60, 120, "2"))

    result = replace(present, [slot(45, 75, "9")])

    assert result.slots == (slot(0, 45, "1"), slot(45, 75, "9"), slot(75, 120, "2"))
    assert result.changed == (span(45, 75),)


def test_a_slot_within_another_divides_it() -> None:
    result = replace((slot(0, 60, "1"),), [slot(15, 30, "9")])

    assert result.slots == (slot(0, 15, "1"), slot(15, 30, "9"), slot(30, 60, "1"))


def test_quarters_replace_the_hour_only_where_they_say_something_new() -> None:
    quarters = [slot(0, 15, "1"), slot(15, 30, "2"), slot(30, 45, "3"), slot(45, 60, "1.0")]

    result = replace((slot(0, 60, "1"),), quarters)

    assert result.changed == (span(15, 45),)
    assert result.slots == (slot(0, 15, "1"), slot(15, 30, "2"), slot(30, 45, "3"), slot(45, 60, "1"))


def test_an_hour_replaces_its_quarters() -> None:
    quarters = (slot(0, 15, "1"), slot(15, 30, "2"), slot(30, 45, "3"), slot(45, 60, "4"))

    assert replace(quarters, [slot(0, 60, "5")]) == ((slot(0, 60, "5"),), (span(0, 60),))


def test_what_touches_is_one_change_and_what_does_not_is_two() -> None:
    result = replace((), [slot(0, 60, "1"), slot(60, 120, "2"), slot(180, 240, "3")])

    assert result.changed == (span(0, 120), span(180, 240))


def test_incoming_prices_that_overlap_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="overlaps"):
        replace((), [slot(0, 60, "1"), slot(30, 90, "2")])


slots = st.builds(
    lambda edges, prices: tuple(
        slot(5 * start, 5 * end, str(price))
        for (start, end), price in zip(pairwise(edges), prices, strict=False)
        if price
    ),
    st.lists(st.integers(0, 60), min_size=2, max_size=12, unique=True).map(sorted),
    # Few prices, so that equal ones meet; nought stands for a gap.
    st.lists(st.integers(0, 3), min_size=11, max_size=11),
)


def prices_by_minute(given_slots: tuple[PriceSlot, ...]) -> dict[int, Decimal]:
    """The meaning of slots, computed the slow way."""
    return {
        minute: price.price_per_kwh
        for price in given_slots
        for minute in range(
            int((price.start_at - NOON_AT).total_seconds() // 60),
            int((price.end_at - NOON_AT).total_seconds() // 60),
        )
    }


@given(slots, slots)
def test_every_minute_has_the_later_price_or_else_the_earlier(
    present: tuple[PriceSlot, ...], incoming: tuple[PriceSlot, ...]
) -> None:
    result = replace(present, incoming)

    before, after = prices_by_minute(present), prices_by_minute(result.slots)
    assert after == before | prices_by_minute(incoming)
    PriceCurve.of("EUR", result.slots)  # refuses overlaps
    assert tuple(sorted(result.slots, key=lambda s: s.start_at)) == result.slots
    changed = {
        minute
        for s in result.changed
        for minute in prices_by_minute((PriceSlot(s.start_at, s.end_at, Decimal(1)),))
    }
    assert changed == {minute for minute, price in after.items() if before.get(minute) != price}


@given(slots, slots)
def test_replacing_twice_is_replacing_once(
    present: tuple[PriceSlot, ...], incoming: tuple[PriceSlot, ...]
) -> None:
    once = replace(present, incoming)

    assert replace(once.slots, incoming) == (once.slots, ())


@given(st.lists(slots, max_size=4))
def test_layers_cover_the_union_of_their_time(layers: list[tuple[PriceSlot, ...]]) -> None:
    curve = layered("EUR", layers)

    minutes = {minute for layer in layers for minute in prices_by_minute(layer)}
    assert sum(((r.end_at - r.start_at) // timedelta(minutes=1) for r in runs(curve)), 0) == len(minutes)
    assert coverage(curve, NOON_AT, NOON_AT + timedelta(hours=5)) == pytest.approx(len(minutes) / 300)


def test_coverage_is_the_share_of_the_window_that_has_prices() -> None:
    curve = PriceCurve.of("EUR", [slot(0, 60, "1"), slot(90, 120, "1")])

    assert coverage(curve, NOON_AT - timedelta(hours=1), NOON_AT + timedelta(hours=2)) == pytest.approx(0.5)
    assert coverage(curve, NOON_AT, NOON_AT) == 1.0
    assert coverage(curve, NOON_AT + timedelta(hours=5), NOON_AT + timedelta(hours=6)) == 0.0
