"""Several series and a formula make one: cut at every breakpoint, with gaps where one has none."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from dwell.domain.tariff.curve import PriceCurve, PriceSlot
from dwell.domain.tariff.formula import read_formula
from dwell.domain.tariff.resolution import Steps, resolve, slots_of

DAY = datetime(2026, 3, 25, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return DAY + timedelta(minutes=minutes)


def curve(*slots: tuple[int, int, str]) -> PriceCurve:
    return PriceCurve.of("EUR", [PriceSlot(at(low), at(high), Decimal(rate)) for low, high, rate in slots])


def resolved(formula: str, low: int, high: int, **curves: PriceCurve) -> list[PriceSlot]:
    of = {name: Steps.of(one) for name, one in curves.items()}
    return list(slots_of(resolve(read_formula(formula), of, at(low), at(high))))


def test_series_of_different_steps_are_cut_at_each_others_edges() -> None:
    spot = curve((0, 60, "0.10"), (60, 120, "0.20"))
    fee = curve((0, 90, "0.05"), (90, 180, "0.07"))

    assert resolved("spot * 2 + fee", 0, 180, spot=spot, fee=fee) == [
        PriceSlot(at(0), at(60), Decimal("0.25")),
        PriceSlot(at(60), at(90), Decimal("0.45")),
        PriceSlot(at(90), at(120), Decimal("0.47")),
    ]


def test_a_gap_of_one_is_a_gap_of_all_and_neighbours_of_one_rate_are_one() -> None:
    a = curve((0, 30, "0.1"), (30, 60, "0.1"), (90, 120, "0.1"))

    assert resolved("a", 0, 200, a=a) == [
        PriceSlot(at(0), at(60), Decimal("0.1")),
        PriceSlot(at(90), at(120), Decimal("0.1")),
    ]


def test_a_rate_beyond_all_prices_is_a_gap() -> None:
    a = curve((0, 30, "0.1"), (30, 60, "1000000"), (60, 90, "1000001"), (90, 120, "-1000001"))

    assert resolved("a", 0, 120, a=a) == [
        PriceSlot(at(0), at(30), Decimal("0.1")),
        PriceSlot(at(30), at(60), Decimal(1_000_000)),
    ]
    assert resolved("a * 999999999999 * 999999999999", 0, 120, a=a) == []


def test_only_the_window_is_resolved() -> None:
    assert resolved("a", 15, 45, a=curve((0, 60, "0.1"))) == [PriceSlot(at(15), at(45), Decimal("0.1"))]
    assert resolved("a", 60, 90, a=curve((0, 60, "0.1"))) == []


def test_drawn_series_resolve_to_what_each_minute_says() -> None:
    rng = random.Random(11)
    for _ in range(40):
        curves = {}
        for name in ("a", "b", "c"):
            edges = sorted(rng.sample(range(0, 240, 5), rng.randint(2, 12)))
            pairs = list(pairwise(edges))
            kept = [pair for pair in pairs if rng.random() < 0.8] or pairs[:1]
            curves[name] = curve(*((low, high, str(rng.randint(-40, 90) / 100)) for low, high in kept))
        found = PriceCurve.of("EUR", resolved("max(a, b) - c / 2", 0, 240, **curves))
        for minute in range(0, 240, 5):
            slots = [one.at(at(minute)) for one in curves.values()]
            got = found.at(at(minute))
            if any(slot is None for slot in slots):
                assert got is None
                continue
            x, y, z = (float(slot.price_per_kwh) for slot in slots if slot is not None)
            assert got is not None
            assert abs(float(got.price_per_kwh) - (max(x, y) - z / 2)) < 1e-9
