"""What sellers of electricity answer: with tax, mostly without a market zone, newest first or with local offsets."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from dwell.protocols.prices import read_prices

from .price_builders import CAPTURES, capture, faults_of, refused


def edited(name: str, old: str, new: str) -> bytes:
    """A capture with one thing changed in it, which has to be there."""
    text = (CAPTURES / name).read_text(encoding="utf-8")
    assert old in text
    return text.replace(old, new, 1).encode()


def test_octopus_rates_are_put_in_order_and_paid_with_vat() -> None:
    document = capture("octopus_2020-05-23.json", zone="GB-AGILE-A")

    assert document.currency == "GBP"
    assert document.zone == "GB-AGILE-A"
    assert len(document.slots) == 11
    assert document.slots[0].start_at == datetime(2020, 5, 23, 0, tzinfo=UTC)
    assert document.slots[-1].price_per_kwh == Decimal("-0.05817")
    assert "prices include VAT" in document.notes


def test_an_octopus_rate_without_an_end_is_left_out_and_said_so() -> None:
    content = edited("octopus_2020-05-23.json", '"2020-05-23T05:30:00Z"', "null")

    document = read_prices("page", content, zone=None)

    assert len(document.slots) == 10
    assert "results[0] holds until further notice and was left out" in document.notes


def test_of_an_octopus_tariff_with_payment_methods_direct_debit_is_taken() -> None:
    rate = {"valid_from": "2025-01-01T00:00:00Z", "valid_to": "2025-01-01T12:00:00Z"}
    results = [
        rate | {"value_inc_vat": 25, "payment_method": "NON_DIRECT_DEBIT"},
        rate | {"value_inc_vat": 22, "payment_method": "DIRECT_DEBIT"},
    ]

    document = read_prices("page", json.dumps({"results": results}).encode(), zone=None)

    assert [slot.price_per_kwh for slot in document.slots] == [Decimal("0.22")]


def test_tibber_prices_are_those_of_the_home_with_tax_for_two_days() -> None:
    document = capture("tibber_2023-01-18_excerpt.json")

    assert (document.zone, document.currency) == ("TIBBER-SE3", "SEK")
    assert len(document.slots) == 48
    assert document.slots[0].start_at == datetime(2023, 1, 17, 23, tzinfo=UTC)
    assert document.slots[0].price_per_kwh == Decimal("0.6995")
    assert document.slots[-1].end_at == datetime(2023, 1, 19, 23, tzinfo=UTC)


def test_an_hour_that_tibber_leaves_out_is_a_gap_and_not_a_long_slot() -> None:
    document = json.loads((CAPTURES / "tibber_2023-01-18_excerpt.json").read_text(encoding="utf-8"))
    info = document["viewer"]["homes"][0]["currentSubscription"]["priceInfo"]
    del info["today"][5]

    read = read_prices("home", json.dumps({"data": document}).encode(), zone=None)

    assert len(read.slots) == 47
    assert {slot.end_at - slot.start_at for slot in read.slots} == {timedelta(hours=1)}
    assert any("1 gaps" in note for note in read.notes)


def test_a_home_without_prices_is_no_prices() -> None:
    content = b'{"viewer": {"homes": [{"currentSubscription": null}]}, "x": ["startsAt", "total"]}'

    assert refused(content).code == "no_prices"


@pytest.mark.parametrize(
    ("name", "count", "minutes", "first"),
    [
        ("energyzero_2025-12-16_quarters_excerpt.json", 96, 15, "0.2195908"),
        ("energyzero_2025-05-31_graph.json", 24, 60, "0.2862134"),
    ],
)
def test_energyzero_prices_are_what_is_paid(name: str, count: int, minutes: int, first: str) -> None:
    document = capture(name)

    assert len(document.slots) == count
    assert {slot.end_at - slot.start_at for slot in document.slots} == {timedelta(minutes=minutes)}
    assert document.slots[0].price_per_kwh == Decimal(first)


def test_every_fault_of_an_item_is_named() -> None:
    item = {"value_inc_vat": "NaN", "valid_from": "yesterday", "valid_to": "2025-01-01T12:00:00"}

    found = faults_of(json.dumps({"results": [item, 7]}).encode())

    assert set(found) == {
        "results[0].value_inc_vat",
        "results[0].valid_from",
        "results[0].valid_to",
        "results[1]",
    }
