"""Carbon intensities of three publishers and of our own form, in g of CO2 per kWh."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from dwell.domain.errors import Refused
from dwell.domain.ids import Zone
from dwell.protocols.carbon import UNIT, read_carbon
from dwell.protocols.prices.document import PriceDocument

NESO = Path(__file__).parents[2] / "data" / "carbon" / "neso_2023-01-01_excerpt.csv"
HOURLY = (
    "Datetime (UTC),Country,Zone Name,Zone Id,Carbon Intensity gCO₂eq/kWh (direct),"
    "Carbon Intensity gCO₂eq/kWh (LCA),Data Source\n"
    "2024-05-01 00:00:00,Norway,Norway,NO,31.5,60.25,entsoe.eu\n"
    "2024-05-01 01:00:00,Norway,Norway,NO,30,58.5,entsoe.eu,\n"
)


def read(text: str, zone: str | None = None) -> PriceDocument:
    [document] = read_carbon("file", text.encode(), zone=Zone(zone) if zone else None)
    return document


def faults(text: str, zone: str | None = None) -> dict[str, str]:
    with pytest.raises(Refused) as caught:
        read(text, zone)
    return {fault.field: fault.message for fault in caught.value.faults}


def test_of_neso_the_actual_intensity_counts_and_the_forecast_where_there_is_none() -> None:
    text = NESO.read_text()
    document = read(text, "GB")
    assert (document.format_name, document.zone, document.currency) == ("neso", "GB", UNIT)
    assert [slot.price_per_kwh for slot in document.slots[:3]] == [65, 72, 80]
    assert {slot.end_at - slot.start_at for slot in document.slots} == {timedelta(minutes=30)}
    blank = read(text.replace(",63,80.0,", ",63,,"), "GB")
    assert blank.slots[2].price_per_kwh == 63


def test_of_electricity_maps_the_life_cycle_counts_and_stamps_are_utc() -> None:
    document = read(HOURLY)
    assert (document.format_name, document.zone, document.zone_stated) == ("electricity-maps", "NO", True)
    first, last = document.slots
    assert (first.start_at, first.price_per_kwh) == (datetime(2024, 5, 1, tzinfo=UTC), Decimal("60.25"))
    assert last.end_at == datetime(2024, 5, 1, 2, tzinfo=UTC)


def test_of_sgip_kilograms_become_grams_and_forecasts_are_left() -> None:
    document = read(
        "time,moer,f1,f2\n2019-10-01 00:00:00+00:00,0.1367895497,0.19,0.18\n2019-10-01 00:05:00+00:00,-0.01,0.2,0.2\n",
        "CAISO-PGE",
    )
    assert [slot.price_per_kwh for slot in document.slots] == [Decimal("136.78955"), Decimal(-10)]
    assert document.slots[-1].end_at == datetime(2019, 10, 1, 0, 10, tzinfo=UTC)


def test_a_hole_stays_a_hole() -> None:
    text = "start,carbon_intensity_g_per_kwh,zone\n" + "".join(
        f"2026-01-10T{hour:02}:00:00+01:00,{value},AT\n"
        for hour, value in ((0, 100), (1, ""), (2, 90), (5, 80))
    )
    document = read(text)
    assert document.zone == "AT"
    assert [slot.start_at.hour for slot in document.slots] == [23, 1, 4]
    assert {slot.end_at - slot.start_at for slot in document.slots} == {timedelta(hours=1)}


def test_every_fault_is_named_by_its_line() -> None:
    named = faults(
        "start,carbon_intensity_g_per_kwh\n"
        "2026-01-10T00:00:00,100\n"
        "2026-01-10T01:00:00Z,ten\n"
        "2026-01-10T02:00:00Z,250000\n"
        "2026-01-10T03:00:00Z\n"
    )
    assert set(named) == {"line[2].start", "line[3]", "line[4]", "line[5]"}
    assert "unit" in named["line[4]"]


def test_a_zone_that_is_not_the_documents_is_refused() -> None:
    assert "of NO, not of SE3" in faults(HOURLY, "SE3")["zone"]
    assert "one zone per document" in faults(HOURLY.replace("Norway,NO,30", "Norway,SE,30"))["zone"]


@pytest.mark.parametrize("text", ["", "{}", "a,b\n1,2\n", "start,price\n2026-01-10T00:00:00Z,1\n"])
def test_what_is_no_such_document_is_refused(text: str) -> None:
    assert "known format" in faults(text)["$"]
