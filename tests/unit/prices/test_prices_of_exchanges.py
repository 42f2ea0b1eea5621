"""What exchanges and the transparency platform publish: several zones, auctions and resolutions in one document."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from dwell.domain.ids import Zone
from dwell.protocols.prices import read_all_prices, read_prices
from dwell.protocols.prices.eic import ZONE_OF_CODE

from .price_builders import CAPTURES, capture, faults_of, refused

NOK_DAY = "nord_pool_2024-09-22_NOK.json"
OLD_PAGE = "nord_pool_page_2022-10-30_excerpt.json"


def series(
    points: str, *, start: str = "2025-11-01T23:00Z", end: str = "2025-11-02T23:00Z", more: str = ""
) -> bytes:
    """A publication document of one hourly series of DE-LU; `more` stands among the series' members."""
    return (
        '<Publication_MarketDocument xmlns="urn:iec62325.351:tc57wg16:451-3:publicationdocument:7:3">'
        f"<type>A44</type><TimeSeries>{more}<in_Domain.mRID>10Y1001A1001A82H</in_Domain.mRID>"
        "<currency_Unit.name>EUR</currency_Unit.name><price_Measure_Unit.name>MWH</price_Measure_Unit.name>"
        f"<Period><timeInterval><start>{start}</start><end>{end}</end></timeInterval>"
        f"<resolution>PT60M</resolution>{points}</Period></TimeSeries></Publication_MarketDocument>"
    ).encode()


def point(position: object, price: object) -> str:
    return f"<Point><position>{position}</position><price.amount>{price}</price.amount></Point>"


CURVE_A03, CURVE_A01 = "<curveType>A03</curveType>", "<curveType>A01</curveType>"


@pytest.mark.parametrize(
    ("name", "zone", "count", "minutes"),
    [
        ("entsoe_SE3_2024-10-18_omitted.xml", "SE3", 24, 60),
        ("entsoe_NO1_2025-02-25_quarters_omitted.xml", "NO1", 96, 15),
        ("entsoe_DE-LU_2022-11-04_two_resolutions.xml", "DE-LU", 48, 60),
        ("entsoe_DE-LU_2025-02-25_two_auctions.xml", "DE-LU", 24, 60),
    ],
)
def test_a_publication_document_gives_one_price_for_each_slot_of_its_days(
    name: str, zone: str, count: int, minutes: int
) -> None:
    document = capture(name)

    assert document.zone == zone
    assert len(document.slots) == count
    assert {slot.end_at - slot.start_at for slot in document.slots} == {timedelta(minutes=minutes)}
    assert all(earlier.end_at == later.start_at for earlier, later in pairwise(document.slots))


def test_an_omitted_point_repeats_the_one_before_also_at_the_end() -> None:
    document = read_prices("a03", series(point(1, 50) + point(3, -10), more=CURVE_A03), zone=None)

    assert [slot.price_per_kwh for slot in document.slots[:4]] == [
        Decimal("0.05"),
        Decimal("0.05"),
        Decimal("-0.01"),
        Decimal("-0.01"),
    ]
    assert document.slots[-1].end_at == datetime(2025, 11, 2, 23, tzinfo=UTC)


def test_an_omitted_point_of_the_other_curve_type_is_a_gap() -> None:
    document = read_prices("a01", series(point(1, 50) + point(3, -10), more=CURVE_A01), zone=None)

    assert len(document.slots) == 2
    assert any("gap" in note for note in document.notes)


def test_days_of_23_and_25_hours_have_as_many_positions() -> None:
    autumn = series(point(1, 50), start="2025-10-25T22:00Z", end="2025-10-26T23:00Z", more=CURVE_A03)
    spring = series(point(1, 50), start="2026-03-28T23:00Z", end="2026-03-29T22:00Z", more=CURVE_A03)

    assert len(read_prices("autumn", autumn, zone=None).slots) == 25
    assert len(read_prices("spring", spring, zone=None).slots) == 23


def test_intraday_series_are_left_out_and_said_so() -> None:
    content = series(point(1, 50), more="<contract_MarketAgreement.type>A07</contract_MarketAgreement.type>")

    assert refused(content).code == "no_prices"


def test_the_second_auction_is_left_out_and_said_so() -> None:
    document = capture("entsoe_DE-LU_2025-02-25_two_auctions.xml")

    assert "auction sequence 2 was left out" in document.notes
    assert document.slots[-1].end_at == datetime(2025, 2, 25, 23, tzinfo=UTC)


def test_the_platforms_refusal_is_a_clear_error_with_its_words() -> None:
    content = (
        b'<?xml version="1.0"?><Acknowledgement_MarketDocument xmlns="urn:x"><Reason><code>999</code>'
        b"<text>No matching data found</text></Reason></Acknowledgement_MarketDocument>"
    )

    refusal = refused(content)

    assert refusal.code == "no_prices"
    assert "999 No matching data found" in refusal.faults[0].message


def test_every_fault_of_a_publication_document_is_named() -> None:
    points = point(0, 50) + point(25, 50) + point("x", 50) + point(4, "NaN") + point(5, 1) + point(5, 2)

    assert set(faults_of(series(points, more=CURVE_A03))) == {
        "TimeSeries[1].Period[1].Point[1].position",
        "TimeSeries[1].Period[1].Point[2].position",
        "TimeSeries[1].Period[1].Point[3].position",
        "TimeSeries[1].Period[1].Point[4].price.amount",
        "TimeSeries[1].Period[1].Point[6].position",
    }


def test_a_period_of_a_thousand_years_is_refused_before_it_is_filled() -> None:
    content = series(point(1, 50), start="2000-01-01T00:00Z", end="3000-01-01T00:00Z", more=CURVE_A03)

    assert set(faults_of(content)) == {"TimeSeries[1].Period[1].timeInterval"}


@pytest.mark.parametrize(
    "prologue",
    [
        '<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>',
        '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd">',
    ],
)
def test_entities_and_document_types_are_refused(prologue: str) -> None:
    content = prologue.encode() + series(point(1, 50))

    assert faults_of(content) == {"$": "a document type or an entity is not taken"}


def test_bottomless_and_broken_documents_are_refused() -> None:
    deep = b"<Publication_MarketDocument>" + b"<a>" * 200_000

    assert "not XML" in faults_of(deep)["$"]
    assert "not XML" in faults_of(series(point(1, 50))[:-30])["$"]


def test_every_zone_code_has_its_right_check_character() -> None:
    letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-"

    for code in ZONE_OF_CODE:
        weighted = sum(
            letters.index(letter) * weight for letter, weight in zip(code[:15], range(16, 1, -1), strict=True)
        )
        assert code[15] == letters[36 - (weighted - 1) % 37], code


def test_a_nord_pool_answer_gives_each_of_its_areas() -> None:
    documents = read_all_prices("day", (CAPTURES / NOK_DAY).read_bytes(), zone=None)

    assert [(d.zone, d.currency, len(d.slots)) for d in documents] == [("DK1", "NOK", 24), ("NO3", "NOK", 24)]
    assert documents[1].slots[0].price_per_kwh == Decimal("0.182")
    assert documents[1].slots[0].start_at == datetime(2024, 9, 21, 22, tzinfo=UTC)


def test_a_choice_among_areas_is_asked_for_and_taken() -> None:
    content = (CAPTURES / NOK_DAY).read_bytes()

    assert read_prices("day", content, zone=Zone("NO3")).zone == "NO3"
    assert refused(content).code == "several_zones"
    assert "DK1, NO3" in refused(content, zone="SE3").faults[0].message


def test_the_index_shape_reads_as_the_area_shape_and_before_the_auction_there_are_no_prices() -> None:
    content = (
        (CAPTURES / NOK_DAY).read_text(encoding="utf-8").replace("multiAreaEntries", "multiIndexEntries")
    )
    empty = (
        b'{"market":"DayAhead","indexNames":["FI"],"currency":"EUR","areaStates":[],"multiIndexEntries":[]}'
    )

    assert len(read_prices("index", content.encode(), zone=Zone("DK1")).slots) == 24
    assert refused(empty).code == "no_prices"


def test_an_old_page_of_25_hours_has_them_all_in_order() -> None:
    documents = {d.zone: d for d in read_all_prices("page", (CAPTURES / OLD_PAGE).read_bytes(), zone=None)}

    assert set(documents) == {"SE1", "NO1", "NO3"}
    slots = documents[Zone("SE1")].slots
    assert len(slots) == 25
    assert slots[0].start_at == datetime(2022, 10, 29, 22, tzinfo=UTC)
    assert [slot.price_per_kwh for slot in slots[2:4]] == [Decimal("0.15932"), Decimal("0.16766")]
    assert slots[-1].price_per_kwh == Decimal("1.0903")
    assert all(earlier.end_at == later.start_at for earlier, later in pairwise(slots))
