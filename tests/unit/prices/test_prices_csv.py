"""Our own CSV of prices, as `docs/reference/prices-csv.md` says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from dwell.protocols.prices import read_prices

from .price_builders import faults_of


def rows(*lines: str) -> bytes:
    return "\n".join(lines).encode()


def test_rows_with_ends_offsets_and_a_unit_in_the_header() -> None:
    content = rows(
        "# source: our supplier",
        "# licence: for our own use",
        "start,end,price_eur_per_mwh,zone",
        "2026-01-10T00:00:00+01:00,2026-01-10T01:00:00+01:00,81.25,de_lu",
        "2026-01-10T01:00:00+01:00,2026-01-10T01:15:00+01:00,-3,DE-LU",
    )

    document = read_prices("ours.csv", content, zone=None)

    assert (document.zone, document.zone_stated, document.currency) == ("DE-LU", True, "EUR")
    assert (document.source, document.licence) == ("our supplier", "for our own use")
    assert document.slots[0].start_at == datetime(2026, 1, 9, 23, tzinfo=UTC)
    assert [slot.price_per_kwh for slot in document.slots] == [Decimal("0.08125"), Decimal("-0.003")]


def test_without_ends_a_row_lasts_to_the_next_and_the_last_as_long_as_the_one_before() -> None:
    content = rows(
        "start;price",
        "2026-01-10T00:00Z;0.10",
        "2026-01-10T06:00Z;0.30",
        "2026-01-10T22:00Z;0.10",
    )

    slots = read_prices("tou.csv", content, zone=None).slots

    assert [slot.end_at - slot.start_at for slot in slots] == [timedelta(hours=n) for n in (6, 16, 16)]


@pytest.mark.parametrize(
    ("header", "cell", "per_kwh", "currency"),
    [
        ("price", "0.25", "0.25", "EUR"),
        ("price_ct_per_kwh", "25.5", "0.255", "EUR"),
        ("price_nok_per_kwh", "1.25", "1.25", "NOK"),
        ("price_sek_per_mwh", "8000", "8.000", "SEK"),
        ("price_gbp_per_kwh", "-0.0882", "-0.0882", "GBP"),
    ],
)
def test_the_header_tells_the_unit(header: str, cell: str, per_kwh: str, currency: str) -> None:
    content = rows(f"start,end,{header}", f"2026-01-10T00:00Z,2026-01-10T00:30Z,{cell}")

    document = read_prices("document", content, zone=None)

    assert document.currency == currency
    assert document.zone is None
    assert document.slots[0].price_per_kwh == Decimal(per_kwh)


def test_an_empty_price_is_a_gap_and_an_inclusive_end_the_full_hour() -> None:
    content = rows(
        "start,end,price",
        "2026-01-10T00:00Z,2026-01-10T00:59:59Z,0.1",
        "2026-01-10T01:00Z,2026-01-10T01:59:59Z,",
        "2026-01-10T02:00Z,,0.3",
    )

    document = read_prices("document", content, zone=None)

    assert [(slot.start_at.hour, slot.end_at.hour) for slot in document.slots] == [(0, 1), (2, 3)]


def test_every_fault_is_named_by_its_line() -> None:
    content = rows(
        "start,end,price",
        "2026-01-10 00:00,2026-01-10T01:00Z,0.1",
        "2026-01-10T01:00Z,2026-01-10T02:00Z,NaN",
        "2026-01-10T02:00Z,2026-01-10T03:00Z",
        '2026-01-10T03:00Z,2026-01-10T04:00Z,"0,1"',
        "soon,2026-01-10T04:00Z, 12",
    )

    faults = faults_of(content)

    assert set(faults) == {
        "line[2].start",
        "line[3].price",
        "line[4]",
        "line[5].price",
        "line[6].start",
        "line[6].price",
    }
    assert "offset" in faults["line[2].start"]


@pytest.mark.parametrize(
    ("content", "path"),
    [
        ("start,price,colour\n2026-01-10T00:00Z,1,red\n", "header"),
        ("start,price,price\n2026-01-10T00:00Z,1,1\n", "header"),
        ("start,price\n2026-01-10T00:00Z,1\n", "line[2].end"),
        ("start,price,zone\n2026-01-10T00:00Z,1,AT\n2026-01-10T01:00Z,1,CH\n", "zone"),
        ("start,price_eur_per_kwh,currency\n2026-01-10T00:00Z,1,NOK\n2026-01-10T01:00Z,1,NOK\n", "currency"),
        ("start,price\n2026-01-10T00:00Z,1\n2026-01-12T00:00Z,1\n", "line[2]"),
        (
            "start,price_eur_per_kwh\n2026-01-10T00:00Z,81\n2026-01-10T01:00Z,0.1\n",
            "line[2].price_eur_per_kwh",
        ),
    ],
)
def test_a_contradiction_is_refused(content: str, path: str) -> None:
    assert path in faults_of(content.encode())


def test_a_repeated_row_is_merged() -> None:
    content = rows("start,price", "2026-01-10T00:00Z,1", "2026-01-10T00:00Z,1", "2026-01-10T01:00Z,2")

    assert len(read_prices("document", content, zone=None).slots) == 2
