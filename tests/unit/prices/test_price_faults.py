"""What is wrong with a price document is said, all at once and by path (IN6, TM6, TM8, TM9, TM10)."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from dwell.protocols.prices import LIMIT_BYTES, read_prices

from .price_builders import NOON_AT, NOON_S, energy_charts, faults_of, hours, refused


@pytest.mark.parametrize(
    "literal",
    [
        *("NaN", "Infinity", "-Infinity", "1e309", "1e999999999999999999", "1e-400000", "5001", "-500.01"),
        *('"1,5"', '""', '" 12 "', "true", "[1]", "1" + "0" * 400, "9" * 5000),
    ],
)
def test_a_price_that_is_none_is_refused_by_its_path(literal: str) -> None:
    faults = faults_of(energy_charts(hours(3), ["1.5", literal, "2"]))

    assert list(faults) == ["price[1]"]


@pytest.mark.parametrize("literal", ["-500", "5000", "-0.0", "0", "-0", "1e-3", "12"])
def test_a_price_within_the_bounds_is_taken(literal: str) -> None:
    document = read_prices("document", energy_charts(hours(2), [literal, "1"]), zone=None)

    assert len(document.slots) == 2
    assert not document.slots[0].price_per_kwh.is_signed() or literal == "-500"


def test_all_faults_are_named_at_once() -> None:
    content = energy_charts(
        [NOON_S, NOON_S * 1000, 12, NOON_S + 3600], ["NaN", "1", "2", '"x"'], unit="GBP/MWh"
    )

    faults = faults_of(content)

    assert set(faults) == {"unit", "price[0]", "unix_seconds[1]", "unix_seconds[2]", "price[3]"}
    assert "milliseconds" in faults["unix_seconds[1]"]


def test_a_wrong_unit_is_what_an_implausible_price_is_put_down_to() -> None:
    faults = faults_of(energy_charts(hours(2), ["30", "31"], unit="EUR/kWh"))

    assert set(faults) == {"price[0]", "price[1]"}
    assert "unit is probably wrong" in faults["price[0]"]


def test_many_faults_are_counted_after_the_first_hundred() -> None:
    refusal = refused(energy_charts(hours(500), ["NaN"] * 500))

    assert len(refusal.faults) == 101
    assert "400 more" in refusal.faults[-1].message


def test_a_document_of_nothing_but_faults_is_not_read_to_its_end() -> None:
    refusal = refused(energy_charts(hours(20_000), ["NaN"] * 20_000))

    assert "9900 more" in refusal.faults[-1].message


def test_a_null_is_a_gap_and_noted() -> None:
    document = read_prices("document", energy_charts(hours(4), ["1", "null", "3", "4"]), zone=None)

    assert [slot.start_at for slot in document.slots] == [NOON_AT + timedelta(hours=n) for n in (0, 2, 3)]
    assert "1 slots without a price" in document.notes


def test_a_missing_quarter_is_a_gap_and_not_a_longer_slot() -> None:
    stamps = [NOON_S + 900 * n for n in (0, 1, 2, 4, 5, 6)]

    document = read_prices("document", energy_charts(stamps, ["1"] * 6), zone=None)

    assert {slot.end_at - slot.start_at for slot in document.slots} == {timedelta(minutes=15)}
    assert any("gaps" in note for note in document.notes)


def test_hours_followed_by_quarters_keep_their_lengths() -> None:
    stamps = hours(3) + [NOON_S + 3 * 3600 + 900 * n for n in range(4)]

    document = read_prices("document", energy_charts(stamps, ["1"] * 7), zone=None)

    assert [(slot.end_at - slot.start_at).seconds // 60 for slot in document.slots] == [60] * 3 + [15] * 4


def test_quarters_followed_by_hours_keep_their_lengths() -> None:
    stamps = [NOON_S + 900 * n for n in range(4)] + [NOON_S + 3600 * n for n in range(1, 5)]

    document = read_prices("document", energy_charts(stamps, ["1"] * 8), zone=None)

    assert [(slot.end_at - slot.start_at).seconds // 60 for slot in document.slots] == [15] * 4 + [60] * 4


def test_identical_duplicates_are_merged_and_contradicting_ones_refused() -> None:
    stamps = [NOON_S, NOON_S, NOON_S + 3600, NOON_S + 7200]

    merged = read_prices("document", energy_charts(stamps, ["1", "1.0", "2", "3"]), zone=None)
    faults = faults_of(energy_charts(stamps, ["1", "9", "2", "3"]))

    assert len(merged.slots) == 3
    assert "1 identical duplicates merged" in merged.notes
    assert "stated before" in faults["unix_seconds[1]"]


def test_points_out_of_order_are_refused() -> None:
    faults = faults_of(energy_charts([NOON_S, NOON_S + 7200, NOON_S + 3600], ["1", "2", "3"]))

    assert list(faults) == ["unix_seconds[2]"]
    assert "out of order" in faults["unix_seconds[2]"]


@pytest.mark.parametrize(
    ("stamps", "message"),
    [([NOON_S], "one point alone"), ([NOON_S, NOON_S + 60], "spacing of 60 s")],
)
def test_a_resolution_that_cannot_be_told_is_refused(stamps: list[int], message: str) -> None:
    assert message in faults_of(energy_charts(stamps, ["1"] * len(stamps)))["unix_seconds"]


@pytest.mark.parametrize("prices", [[], ["null"] * 3])
def test_a_document_without_any_price_has_a_code_of_its_own(prices: list[str]) -> None:
    assert refused(energy_charts(hours(len(prices)), prices)).code == "no_prices"


def test_long_noughts_are_noted_but_taken() -> None:
    document = read_prices("document", energy_charts(hours(8), ["1"] + ["0.0"] * 7), zone=None)

    assert len(document.slots) == 8
    assert any("exactly 0 from 2025-10-09T13:00:00Z" in note for note in document.notes)


def test_a_day_of_tiny_prices_raises_the_question_of_the_unit() -> None:
    document = read_prices("document", energy_charts(hours(24), ["0.31"] * 24), zone=None)

    assert any("is the unit right" in note for note in document.notes)


def awattar(*items: tuple[int, int, object], unit: str = "Eur/MWh") -> bytes:
    data = [
        {"start_timestamp": start, "end_timestamp": end, "marketprice": price, "unit": unit}
        for start, end, price in items
    ]
    return json.dumps({"object": "list", "data": data, "url": "/de/v1/marketdata"}).encode()


NOON_MS = NOON_S * 1000
HOUR_MS = 3_600_000


def test_items_that_overlap_are_refused_with_the_slot_named() -> None:
    content = awattar((NOON_MS, NOON_MS + HOUR_MS, 1.0), (NOON_MS + 900_000, NOON_MS + HOUR_MS, 2.0))

    assert "2025-10-09T12:15:00Z overlaps" in faults_of(content)["data[1]"]


def test_an_end_one_second_before_the_hour_is_the_hour() -> None:
    content = awattar(
        (NOON_MS, NOON_MS + HOUR_MS - 1000, 1.0), (NOON_MS + HOUR_MS, NOON_MS + 2 * HOUR_MS - 1, 2)
    )

    document = read_prices("document", content, zone=None)

    assert document.zone == "DE-LU"
    assert [slot.end_at for slot in document.slots] == [NOON_AT + timedelta(hours=n) for n in (1, 2)]


@pytest.mark.parametrize("end", [NOON_MS, NOON_MS - 1, NOON_MS + 60_000, NOON_MS + 26 * HOUR_MS])
def test_an_item_of_no_or_odd_length_is_refused(end: int) -> None:
    assert list(faults_of(awattar((NOON_MS, end, 1.0)))) == ["data[0]"]


def test_each_fault_of_an_item_has_its_path() -> None:
    content = b'{"url": "/at/v1/marketdata", "data": [{"start_timestamp": 1.5, "end_timestamp": null, "unit": 3}, 7]}'

    assert set(faults_of(content)) == {
        "data[0].start_timestamp",
        "data[0].end_timestamp",
        "data[0].unit",
        "data[1]",
    }


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff\xfe",
        b"<html>error</html>",
        b"[]",
        b"{}",
        b"start;end\n",
        b"PK\x03\x04",
        b"null",
        b"# only: remarks\n",
    ],
)
def test_what_is_no_price_document_is_refused(content: bytes) -> None:
    assert refused(content).code == "unknown_format"


@pytest.mark.parametrize(
    "content",
    [
        b'{"unix_seconds": [',
        b'{"unix_seconds": ' + b"[" * 100_000,
        b'{"unix_seconds": [1], "unix_seconds": [1]}',
        b'{"unix_seconds": {}, "price": []}',
        b'{"unix_seconds": [1], "price": []}',
        b'{"unix_seconds": "\xff"}',
        b'{"data": 1, "url": "/at/v1/marketdata"}',
        b"start,price\n\xff,1\n",
        b'start,price\n"2025,1\n',
    ],
)
def test_a_hostile_document_is_refused_and_nothing_else_is_raised(content: bytes) -> None:
    assert refused(content).faults


def test_a_document_over_the_limit_is_not_even_looked_at() -> None:
    assert refused(b" " * (LIMIT_BYTES + 1)).code == "too_large"


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("strat,price", "lacks start, and has unknown 'strat'"),
        ("start,prise,zone", "lacks price, and has unknown 'prise'"),
        ("begin,ende,zone", "lacks start and price, and has unknown 'begin', 'ende'"),
    ],
)
def test_a_header_that_is_nearly_one_of_ours_is_told_all_it_lacks_and_has(header: str, says: str) -> None:
    fault = refused(f"{header}\n1,2,3\n".encode()).faults[0]

    assert says in fault.message.replace('"', "'")
