"""`dwell prices`: documents come in once, a second time nothing changes, and every fault is named."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dwell.cli import dwell
from dwell.data import shipped_prices


@pytest.fixture(autouse=True)
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database of the test's own."""
    path = tmp_path / "data" / "dwell.sqlite3"
    monkeypatch.setenv("DWELL_DATABASE_URL", f"sqlite:///{path}")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three shipped days of DE-LU, one of them packed."""
    folder = tmp_path / "prices"
    folder.mkdir()
    for number, (name, content) in enumerate(shipped_prices()[:3]):
        path = folder / Path(name).name
        if number == 1:
            path.with_suffix(".json.gz").write_bytes(gzip.compress(content))
        else:
            path.write_bytes(content)
    return folder


def run(*args: str) -> Result:
    return CliRunner().invoke(dwell, ["prices", *args])


def test_importing_twice_changes_nothing(folder: Path) -> None:
    first, second = run("import", str(folder)), run("import", str(folder))

    assert first.exit_code == 0, first.output
    assert "DE-LU: 3 documents, 72 slots in EUR per kWh; new or changed:" in first.stdout
    assert "2023-06-29T22:00:00Z … 2023-07-02T22:00:00Z" in first.stdout
    assert second.stdout == "DE-LU: 3 documents, 72 slots in EUR per kWh; nothing changed\n"
    assert "note: zone taken as DE-LU" in second.stderr


def test_a_correction_changes_its_span_only(folder: Path, tmp_path: Path) -> None:
    run("import", str(folder))
    correction = tmp_path / "correction.csv"
    correction.write_text(
        "start,end,price_eur_per_kwh,zone\n2023-07-01T10:00:00Z,2023-07-01T10:15:00Z,0.123,DE-LU\n"
    )

    result = run("import", str(correction), "--json")

    (done,) = json.loads(result.stdout)
    assert done["changed"] == [["2023-07-01T10:00:00Z", "2023-07-01T10:15:00Z"]]


def test_every_fault_of_every_file_is_named_and_nothing_is_stored(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "no.txt").write_text("no prices")
    (tmp_path / "broken.json.gz").write_bytes(gzip.compress(b"{}")[:-4])
    (tmp_path / "bad.csv").write_text("start,price_eur_per_kwh\nyesterday,0.1\n2026-01-01T00:00:00Z,cheap\n")

    names = ("no.txt", "broken.json.gz", "bad.csv")
    result = run("import", str(folder), *(str(tmp_path / name) for name in names))

    assert result.exit_code == 1
    assert all(name in result.output for name in names)
    assert "line[2]" in result.output and "line[3]" in result.output
    assert run("list", "--json").stdout.strip() == "[]"


def test_documents_without_a_zone_need_one(tmp_path: Path) -> None:
    path = tmp_path / "unnamed.csv"
    path.write_text("start,end,price_eur_per_kwh\n2026-01-01T00:00:00Z,2026-01-01T01:00:00Z,0.1\n")

    without, given = run("import", str(path)), run("import", str(path), "--zone", "at")

    assert without.exit_code == 1
    assert "--zone" in without.output and "unnamed.csv" in without.output
    assert given.stdout.startswith("AT: 1 document, 1 slot in")
    assert run("import", str(path), "--zone", "!").exit_code == 2


def test_a_document_of_another_zone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "no1.csv"
    path.write_text("start,end,price_eur_per_kwh,zone\n2026-01-01T00:00:00Z,2026-01-01T01:00:00Z,0.1,NO1\n")

    result = run("import", str(path), "--zone", "NO2")

    assert result.exit_code == 1
    assert "prices of NO1, not of NO2" in result.output


def test_list_shows_what_is_there(folder: Path) -> None:
    assert "No prices yet" in run("list").stderr
    run("import", str(folder))

    text, (kept,) = run("list").stdout, json.loads(run("list", "--json").stdout)

    assert "slots of 60 min" in text
    assert kept == {
        "zone": "DE-LU",
        "currency": "EUR",
        "start_at": "2023-06-29T22:00:00Z",
        "end_at": "2023-07-02T22:00:00Z",
        "spans": [["2023-06-29T22:00:00Z", "2023-07-02T22:00:00Z"]],
        "resolutions_min": [60.0],
    }


def test_list_shows_each_span_that_has_prices(tmp_path: Path) -> None:
    for day in (1, 2, 5):
        path = tmp_path / f"day-{day}.csv"
        path.write_text(f"start,end,price\n2026-01-0{day}T00:00:00Z,2026-01-0{day + 1}T00:00:00Z,0.1\n")
    run("import", str(tmp_path), "--zone", "AT")

    lines, (kept,) = run("list").stdout.splitlines(), json.loads(run("list", "--json").stdout)

    assert kept["spans"] == [
        ["2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z"],
        ["2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z"],
    ]
    assert len(lines) == 2
    assert "2026-01-03T00:00:00Z" in lines[0] and "2026-01-05T00:00:00Z" in lines[1]


def test_carbon_intensities_are_kept_beside_the_prices(tmp_path: Path) -> None:
    file = tmp_path / "carbon.csv"
    file.write_text(
        "start,carbon_intensity_g_per_kwh\n2026-01-10T00:00:00Z,100\n2026-01-10T00:30:00Z,90\n2026-01-10T02:00:00Z,80\n"
    )

    def carbon(*args: str) -> Result:
        return CliRunner().invoke(dwell, ["carbon", *args])

    assert carbon("import", str(file)).exit_code == 1
    assert carbon("import", str(file), "--zone", "AT").exit_code == 0
    assert "nothing changed" in carbon("import", str(file), "--zone", "AT").stdout
    [kept] = json.loads(carbon("list", "--json").stdout)
    assert (kept["zone"], kept["currency"], kept["resolutions_min"]) == ("AT", "gCO2", [30.0])
    assert kept["spans"] == [
        ["2026-01-10T00:00:00Z", "2026-01-10T01:00:00Z"],
        ["2026-01-10T02:00:00Z", "2026-01-10T02:30:00Z"],
    ]
    assert json.loads(run("list", "--json").stdout) == []
