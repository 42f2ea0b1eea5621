"""`dwell plan`: answers in kind, errors in their place, exit status 2."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dwell.cli.plan import plan
from unit.planning.test_plan_json import GOOD, changed

BAD = changed(("vehicle.soc_percent", 140))


def run(text: str | bytes, *options: str) -> Result:
    return CliRunner().invoke(plan, ["-", *options], input=text)


def test_an_object_is_answered_by_an_object() -> None:
    result = run(json.dumps(GOOD, indent=1))

    assert result.exit_code == 0
    assert json.loads(result.stdout)["reachable"] is True


def test_a_list_is_answered_by_a_list_with_errors_in_their_place() -> None:
    result = run(json.dumps([GOOD, BAD, GOOD]))
    answers = json.loads(result.stdout)

    assert result.exit_code == 2
    assert ["error" in answer for answer in answers] == [False, True, False]
    assert answers[1]["error"]["field"] == "vehicle.soc_percent"


def test_lines_are_answered_by_lines_and_a_broken_one_by_its_error() -> None:
    result = run("\n".join([json.dumps(GOOD), '{"now": ', "", json.dumps(GOOD)]))
    answers = [json.loads(line) for line in result.stdout.splitlines()]

    assert result.exit_code == 2
    assert ["error" in answer for answer in answers] == [False, True, False]


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"nonsense", b"3"])
def test_what_is_no_problem_gets_an_error(text: bytes) -> None:
    result = run(text)
    error: Any = json.loads(result.stdout)["error"]

    assert result.exit_code == 2
    assert error["field"] == ""


@pytest.mark.parametrize("options", [[], ["--explain"]])
def test_half_a_character_in_a_name_is_answered(options: list[str]) -> None:
    result = run(r'{"\ud800": 1, "timezone": "\u0000"}', *options)

    assert result.exit_code == 2
    assert "timezone" in result.stdout


def test_an_empty_list_is_answered_by_one() -> None:
    assert json.loads(run("[]").stdout) == []


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(GOOD))

    assert CliRunner().invoke(plan, [str(path)]).exit_code == 0


def test_explain_prints_sentences() -> None:
    result = run(json.dumps([GOOD, BAD]), "--explain")

    assert "cheapest" in result.stdout
    assert "error: vehicle.soc_percent: must be at least 0 and at most 100" in result.stdout


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_plot_draws_a_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"plan.{suffix}"
    immediate = changed(("target", {"type": "IMMEDIATE_START", "minimum_charge_percent": 60}), ("prices", []))
    result = run(json.dumps([GOOD, immediate]), "--plot", str(path))

    assert result.exit_code == 0
    assert path.stat().st_size > 5000


def test_plot_draws_a_location_with_its_vehicles(tmp_path: Path) -> None:
    path = tmp_path / "site.svg"
    vehicle = {"battery_capacity_kwh": 60, "soc_percent": 30, "power_max_kw": 11}
    target = {"minimum_charge_percent": 80, "ready_by": "2026-01-11T06:00:00Z"}
    site = {"limit_kw": 15}
    document = {"now": "2026-01-10T17:00:00Z", "prices": [], "site": site}
    result = run(
        json.dumps(document | {"vehicles": [{"vehicle": vehicle, "target": target}] * 3}), "--plot", str(path)
    )

    assert result.exit_code == 0, result.output
    assert "kW, all vehicles" not in result.stdout
    assert path.read_text(encoding="utf-8").count("FillBetweenPolyCollection") == 3


def quarters(count: int) -> list[dict[str, Any]]:
    """That many quarter hours from the good problem's first price on, cheap ones between dear ones."""
    first_at, quarter = datetime(2026, 1, 10, 17, tzinfo=UTC), timedelta(minutes=15)
    return [
        {
            "start": (first_at + i * quarter).isoformat(),
            "end": (first_at + (i + 1) * quarter).isoformat(),
            "price": (7 * i * i % 101) / 300 - 0.05,
        }
        for i in range(count)
    ]


def answered(document: object) -> Any:
    result = run(json.dumps(document))
    assert result.exit_code == 0, result.stdout
    return json.loads(result.stdout)


def test_a_deadline_that_has_passed_means_at_once_and_too_late() -> None:
    answer = answered(changed(("target.ready_by", "2026-01-09T06:00:00Z")))

    assert answer["reachable"] is False
    assert answer["blocks"][0]["start"] == "2026-01-10T17:07:00Z"
    assert answer["reachable_soc_percent"] == answer["soc_at_ready_by_percent"] == 35


def test_without_any_price_the_car_is_charged_all_the_same() -> None:
    answer = answered(changed(("prices", [])))

    assert (answer["reachable"], answer["price_coverage"], answer["cost"]) == (True, 0, 0)
    assert answer["energy_kwh"] == pytest.approx(45 / 100 * 77 / 0.9)


def test_a_gap_in_the_prices_is_judged_and_owned_up_to() -> None:
    answer = answered(changed(("prices.1.start", "2026-01-10T20:00:00Z")))

    assert answer["reachable"] is True
    assert answer["price_coverage"] == pytest.approx(1 - 120 / (12 * 60 + 53))


@pytest.mark.parametrize("control", ["on_off", "modulating"])
def test_ten_thousand_prices_are_planned_to_the_end(control: str) -> None:
    rows = quarters(10_000)
    late = ("target.ready_by", rows[-1]["end"])
    answer = answered(changed(("prices", rows), late, ("vehicle.control", control)))

    assert (answer["reachable"], answer["price_coverage"]) == (True, 1)
    assert answer["energy_kwh"] >= 45 / 100 * 77 / 0.9 - 1e-6


def test_every_fault_among_ten_thousand_prices_is_named_at_once() -> None:
    rows = quarters(10_000)
    rows[1]["price"], rows[5000]["price"] = float("nan"), float("-inf")
    rows[7000]["start"] = rows[6999]["start"]
    rows[9999]["end"] = rows[9999]["start"]
    bad = changed(
        ("prices", rows), ("vehicle.battery_capacity_kwh", -77), ("vehicle.power_max_kw", float("inf"))
    )
    result = run(json.dumps(bad))

    assert result.exit_code == 2
    assert {fault["field"] for fault in json.loads(result.stdout)["error"]["faults"]} == {
        "prices[1].price",
        "prices[5000].price",
        "prices[7000].start",
        "prices[9999].end",
        "vehicle.battery_capacity_kwh",
        "vehicle.power_max_kw",
    }
