"""`dwell backtest`: what it reads, leaves out, lives, prints and writes."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dwell.cli.backtest import backtest
from dwell.simulation.report_page import days_shown

MONDAY = datetime(2026, 1, 12, tzinfo=UTC)
DAYS = 4
HEADER = "vehicle,plugged_in_at,plugged_out_at,energy_kwh,battery_capacity_kwh,power_kw,timezone"


def at(hours: float) -> str:
    return (MONDAY + timedelta(hours=hours)).isoformat()


def price_of(hour: int) -> Decimal:
    """Dear in the evening, cheap in the small hours."""
    return Decimal(200 if 16 <= hour % 24 < 22 else 40 + hour % 24) / 1000


def awattar(hours: range) -> str:
    stamps = [int((MONDAY + timedelta(hours=hour)).timestamp()) * 1000 for hour in (*hours, hours.stop)]
    entries = [
        {
            "start_timestamp": stamps[index],
            "end_timestamp": stamps[index + 1],
            "marketprice": float(price_of(hour) * 1000),
            "unit": "Eur/MWh",
        }
        for index, hour in enumerate(hours)
    ]
    return json.dumps({"object": "list", "data": entries, "url": "/at/v1/marketdata"})


@pytest.fixture
def prices(tmp_path: Path) -> list[str]:
    """A document for each of four days."""
    paths = []
    for day in range(DAYS):
        path = tmp_path / f"day-{day}.json"
        path.write_text(awattar(range(24 * day, 24 * day + 24)))
        paths.append(str(path))
    return paths


@pytest.fixture
def visits(tmp_path: Path) -> str:
    """Two vehicles, three evenings each; one visit outlasts the prices, one lies outside, one is no visit."""
    rows = [HEADER]
    for name, power_kw in (("van-1", 11), ("van-2", 7.4)):
        for day in range(3):
            start = 24 * day + 17
            rows.append(f"{name},{at(start)},{at(start + 14)},{18.25 + day},60,{power_kw},Europe/Berlin")
    rows.append(f"van-3,{at(24 * DAYS - 6)},{at(24 * DAYS + 6)},10,60,11,Europe/Berlin")
    rows.append(f"van-4,{at(24 * 30)},{at(24 * 30 + 10)},10,60,11,Europe/Berlin")
    rows.append(f"van-5,{at(10)},{at(9)},10,60,11,Europe/Berlin")
    path = tmp_path / "visits.csv"
    path.write_text("\n".join(rows) + "\n")
    return str(path)


def run(*args: str) -> Result:
    return CliRunner().invoke(backtest, args)


def run_json(*args: str) -> dict[str, Any]:
    result = run(*args, "--json")
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def test_visits_are_lived_and_evening_prices_avoided(visits: str, prices: list[str]) -> None:
    found = run_json(visits, "--prices", *prices, "--processes", "1")

    assert found["visits"] == 6
    assert found["vehicles"] == 2
    assert found["targets_reached"] == 6
    assert found["energy_kwh"] == pytest.approx(2 * (18.25 + 19.25 + 20.25), abs=0.02)
    assert found["outcomes"] == {"optimized": 6}
    assert found["savings"] == pytest.approx(found["baseline_cost"] - found["cost"])
    assert found["savings_percent"] > 50
    assert found["currency"] == "EUR"


def test_a_visit_that_outlasts_the_prices_is_left_out_with_the_reason(visits: str, prices: list[str]) -> None:
    found = run_json(visits, "--prices", *prices, "--processes", "1")

    assert found["left_out"] == {
        "crosses_end_of_prices": 1,
        "ends_before_it_starts": 1,
        "no_prices": 1,
    }
    assert found["rows_read"] == 9


def test_the_rows_left_out_can_be_listed(visits: str, prices: list[str], tmp_path: Path) -> None:
    file = tmp_path / "left-out.csv"
    result = run(visits, "--prices", *prices, "--processes", "1", "--left-out", str(file))

    assert result.exit_code == 0, result.output
    head, *rows = file.read_text().splitlines()
    assert head == "source,row,visit_id,reason,detail"
    assert sorted(row.split(",")[3] for row in rows) == [
        "crosses_end_of_prices",
        "ends_before_it_starts",
        "no_prices",
    ]
    assert [row.split(",")[1].isdigit() for row in sorted(rows, key=lambda row: row.split(",")[3])] == [
        False,
        True,
        False,
    ]


def test_the_calendar_finds_a_place_for_visits_of_other_days(visits: str, prices: list[str]) -> None:
    found = run_json(visits, "--prices", *prices, "--processes", "1", "--calendar")

    assert "no_prices" not in found["left_out"]
    assert found["visits"] == 7


def test_limit_lives_the_first_visits_and_counts_the_others(visits: str, prices: list[str]) -> None:
    found = run_json(visits, "--prices", *prices, "--processes", "1", "--limit", "2")

    assert (found["visits"], found["beyond_limit"]) == (2, 4)


def test_a_folder_of_prices_is_as_good_as_its_files(visits: str, prices: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "prices"
    folder.mkdir()
    for path in prices:
        Path(path).rename(folder / Path(path).name)

    assert run_json(visits, "--prices", str(folder), "--limit", "1")["visits"] == 1


def test_the_table_names_what_was_found(visits: str, prices: list[str]) -> None:
    result = run(visits, "--prices", *prices, "--processes", "1")

    assert result.exit_code == 0, result.output
    for text in (
        "6 of 9 read",
        "crosses end of prices",
        "Savings",
        "100.0 % (6)",
        "visits/s",
        "MB in 1 process",
    ):
        assert text in result.stdout


def test_sqlite_gives_the_same_figures_as_memory(visits: str, prices: list[str]) -> None:
    volatile = {"settings", "run_time_s", "visits_per_s", "peak_memory_mb"}
    found = [
        run_json(visits, "--prices", *prices, "--processes", "1", "--store", store)
        for store in ("memory", "sqlite")
    ]
    memory, sqlite = ({k: v for k, v in one.items() if k not in volatile} for one in found)

    assert memory == sqlite


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ((), "no VISITS"),
        (("{visits}",), "no prices"),
        (("--prices", "{prices}"), "before --prices"),
        (("{visits}", "--prices", "{prices}", "--ready-by", "25:00"), "HH:MM"),
        (("{visits}", "--prices", "{prices}", "--timezone", "Mars/Olympus"), "IANA time zone"),
        (("{visits}", "--prices", "{prices}", "--zone", "FR"), "these zones: AT; pick one"),
        (("{visits}", "--prices", "{visits}"), "not a price document"),
        (("{prices}", "--prices", "{prices}"), "not a file of visits"),
    ],
)
def test_what_cannot_be_run_is_refused_plainly(
    args: tuple[str, ...], says: str, visits: str, prices: list[str]
) -> None:
    result = run(*(arg.format(visits=visits, prices=prices[0]) for arg in args))

    assert result.exit_code != 0
    assert says in result.output
    assert "Traceback" not in result.output


def test_several_zones_are_named_and_one_is_to_be_picked(
    visits: str, prices: list[str], tmp_path: Path
) -> None:
    other = tmp_path / "other.csv"
    rows = [f"{at(hour)},{at(hour + 1)},{price_of(hour) * 2},NL" for hour in range(24 * DAYS)]
    other.write_text("\n".join(["start,end,price_eur_per_kwh,zone", *rows]))
    refused = run(visits, "--prices", *prices, str(other))
    picked = run_json(visits, "--prices", *prices, str(other), "--zone", "NL", "--processes", "1")

    assert refused.exit_code == 2
    assert "AT, NL" in refused.output
    assert picked["settings"]["zone"] == "NL"


class _Outward(HTMLParser):
    """Collects whatever a browser would fetch to show the page."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in {"src", "srcset", "data", "poster", "background"} or tag in {
                "link",
                "script",
                "iframe",
            }:
                self.fetched.append(f"<{tag} {name}={value}>")
            if name.endswith("href") and tag != "a" and not (value or "").startswith("#"):
                self.fetched.append(f"<{tag} {name}={value}>")


def test_the_report_needs_nothing_from_elsewhere(visits: str, prices: list[str], tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    result = run(visits, "--prices", *prices, "--processes", "1", "--html", str(page))

    assert result.exit_code == 0, result.output
    text = page.read_text()
    outward = _Outward()
    outward.feed(text)
    assert outward.fetched == []
    assert re.findall(r"@import|url\((?!#)", text) == []
    assert text.count("<svg ") == 8  # four drawings, each for wide and for narrow pages
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    for words in (
        "Savings per visit",
        "Load by hour of day",
        "Prices, and the energy charged on top",
        "aWATTar",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("days", "words"), [(7, "The seven days"), (5, "The five days"), (1, "The day with the most energy.")]
)
def test_the_report_names_as_many_days_as_it_shows(days: int, words: str) -> None:
    start_at = datetime(2026, 3, 27, tzinfo=UTC)
    assert days_shown(start_at, start_at + timedelta(days=days) - timedelta(hours=1)).startswith(words)


@pytest.mark.parametrize("extra", [(), ("--json",), ("--calendar",)])
def test_no_visit_at_all_is_no_success(prices: list[str], tmp_path: Path, extra: tuple[str, ...]) -> None:
    path = tmp_path / "none.csv"
    path.write_text(f"{HEADER}\nvan-5,{at(10)},{at(9)},10,60,11,Europe/Berlin\n")

    done = run(str(path), "--prices", *prices, *extra)

    assert done.exit_code == 3, done.output
    assert "ends_before_it_starts" in done.stdout.replace(" ", "_")
    assert "No visit could be lived" in done.stderr
