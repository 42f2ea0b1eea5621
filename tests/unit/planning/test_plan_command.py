"""`dwell plan`: answers in kind, errors in their place, exit status 2."""

from __future__ import annotations

import json
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
