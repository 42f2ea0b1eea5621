"""Documents as the services send them (TM1, TM8): days of 23, 24, 25, 92 and 100 slots, negative prices."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from dwell.data import AT, DE_LU, shipped_prices
from dwell.domain.tariff.coverage import Span, runs
from dwell.domain.tariff.replacement import layered, replace
from dwell.protocols.prices import _FORMATS, read_all_prices, read_prices

from .price_builders import CAPTURES, capture, refused


@pytest.mark.parametrize(
    ("name", "count", "minutes", "day_hours"),
    [
        ("energy-charts_2023-07-02.json", 24, 60, 24),
        ("energy-charts_2024-10-27.json", 25, 60, 25),
        ("energy-charts_2025-03-30.json", 23, 60, 23),
        ("energy-charts_2025-10-26.json", 100, 15, 25),
        ("energy-charts_2026-03-29.json", 92, 15, 23),
        ("awattar_15min_2025-09-30_hourly.json", 24, 60, 24),
        ("awattar_60min_2025-03-30.json", 24, 60, 24),
    ],
)
def test_a_day_has_its_slots_whatever_its_length(name: str, count: int, minutes: int, day_hours: int) -> None:
    document = capture(name)

    assert len(document.slots) == count
    assert {slot.end_at - slot.start_at for slot in document.slots} == {timedelta(minutes=minutes)}
    assert all(earlier.end_at == later.start_at for earlier, later in pairwise(document.slots))
    assert document.slots[-1].end_at - document.slots[0].start_at == timedelta(hours=day_hours)
    assert document.currency == "EUR"


def test_the_lowest_price_of_the_auction_is_read_exactly() -> None:
    document = capture("energy-charts_2023-07-02.json")

    lowest = min(document.slots, key=lambda slot: slot.price_per_kwh)

    assert lowest.price_per_kwh == Decimal("-0.5")
    assert lowest.start_at == datetime(2023, 7, 2, 12, tzinfo=UTC)


def test_digits_are_those_of_the_text_and_not_of_a_float() -> None:
    document = capture("energy-charts_2025-10-26.json")

    assert Decimal("0.0025700000000000003") in {slot.price_per_kwh for slot in document.slots}


def test_the_licence_that_a_document_states_is_kept() -> None:
    assert "CC BY 4.0" in (capture("energy-charts_2024-10-27.json").licence or "")
    assert capture("awattar_60min_2025-03-30.json").licence is None


@pytest.mark.parametrize(
    ("name", "zone", "is_stated"),
    [
        ("energy-charts_2024-10-27.json", "DE-LU", False),
        ("awattar_15min_2025-09-30_hourly.json", "AT", False),
        ("awattar_60min_2025-03-30.json", "AT", True),
        ("entsoe_SE3_2023_excerpt.csv", "SE3", True),
    ],
)
def test_a_zone_is_stated_or_said_to_be_assumed(name: str, zone: str, is_stated: bool) -> None:
    document = capture(name)

    assert document.zone == zone
    assert document.zone_stated is is_stated
    assert any("zone taken as" in note for note in document.notes) is not is_stated


def test_the_caller_names_the_zone_of_a_document_that_names_none() -> None:
    document = capture("energy-charts_2024-10-27.json", zone="AT")

    assert document.zone == "AT"
    assert not any("zone taken as" in note for note in document.notes)


def test_a_document_of_another_zone_than_asked_for_is_refused() -> None:
    refusal = refused((CAPTURES / "awattar_60min_2025-03-30.json").read_bytes(), zone="DE-LU")

    assert refusal.code == "zone_mismatch"


def test_the_hourly_window_of_a_short_day_reaches_into_the_next_document() -> None:
    first, second = capture("awattar_60min_2025-03-30.json"), capture("awattar_60min_2025-03-31.json")

    curve = layered("EUR", [first.slots, second.slots])

    assert first.slots[-1].start_at == second.slots[0].start_at
    assert len(curve.slots) == 47
    assert runs(curve) == (Span(first.slots[0].start_at, second.slots[-1].end_at),)


def test_the_export_of_a_year_knows_the_skipped_and_the_repeated_hour() -> None:
    document = capture("entsoe_SE3_2023_excerpt.csv")
    by_start = {slot.start_at: slot.price_per_kwh for slot in document.slots}

    assert len(document.slots) == 11
    assert by_start[datetime(2023, 3, 26, 0, tzinfo=UTC)] == Decimal("0.03923")
    assert by_start[datetime(2023, 3, 26, 1, tzinfo=UTC)] == Decimal("0.04012")
    assert by_start[datetime(2023, 10, 29, 0, tzinfo=UTC)] == Decimal("0.02534")
    assert by_start[datetime(2023, 10, 29, 1, tzinfo=UTC)] == Decimal("0.02235")
    assert by_start[datetime(2023, 10, 29, 2, tzinfo=UTC)] == Decimal("0.02115")


def test_the_shipped_days_make_five_runs_and_importing_them_again_changes_nothing() -> None:
    layers = [read_prices(name, content, zone=None).slots for name, content in shipped_prices(DE_LU)]
    curve = layered("EUR", layers)

    assert len(layers) == 89
    assert len(curve.slots) == 5520
    assert len(runs(curve)) == 5
    assert all(replace(curve.slots, layer) == (curve.slots, ()) for layer in layers)


def test_the_shipped_austrian_days_mix_hours_and_quarters() -> None:
    layers = [read_prices(name, content, zone=None).slots for name, content in shipped_prices(AT)]

    assert [len(layer) for layer in layers].count(100) == 1
    assert len(layered("EUR", layers).slots) == 1084


@pytest.mark.parametrize("path", sorted(CAPTURES.iterdir()), ids=lambda path: path.name)
def test_exactly_one_format_recognises_a_capture(path: Path) -> None:
    content = path.read_bytes()

    assert [row.name for row in _FORMATS if row.recognises(content)] == [
        read_all_prices("", content, zone=None)[0].format_name
    ]
