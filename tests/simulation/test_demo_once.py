"""`dwell demo --once`: two virtual days, the same each time, with figures that hold together."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dwell.cli.demo import demo
from dwell.simulation.demo import write_script
from scripts.smoke import find_depot_faults, find_faults


def run_once(*args: str) -> list[dict[str, Any]]:
    result = CliRunner().invoke(demo, ["--once", "--json", *args])
    assert result.exit_code == 0, result.output
    sessions: list[dict[str, Any]] = json.loads(result.stdout)
    return sessions


@pytest.fixture(scope="module")
def sessions() -> list[dict[str, Any]]:
    return run_once()


def test_the_smoke_test_finds_no_fault(sessions: list[dict[str, Any]]) -> None:
    assert find_faults(sessions) == []
    assert len(sessions) >= 12


def test_every_vehicle_has_settled_sessions_under_its_policy(sessions: list[dict[str, Any]]) -> None:
    assert len({session["vehicleId"] for session in sessions}) == 12 + 8
    assert all(session["policyId"] and session["locationId"] for session in sessions)


def test_targets_are_met_and_something_is_saved(sessions: list[dict[str, Any]]) -> None:
    states = [session["outcome"]["latest"]["state"] for session in sessions]
    saved = sum(session["valuation"]["tariffCost"]["savings"] for session in sessions)

    assert states.count("REACHED") == len(states)
    assert saved > 1
    assert [session["id"] for session in sessions if session["error"]["latest"]] == []


def test_the_depot_stays_below_its_connection(sessions: list[dict[str, Any]]) -> None:
    visits = Counter(session["locationId"] for session in sessions)
    assert visits.most_common(1)[0][1] == 10
    assert find_depot_faults(sessions) == []


def test_the_same_seed_gives_the_same_days(sessions: list[dict[str, Any]]) -> None:
    assert run_once() == sessions


def test_another_seed_draws_other_vehicles() -> None:
    one, other = write_script(1), write_script(2)

    assert one.visits != other.visits
    assert len(one.visits) == len(other.visits) == 12


def test_without_json_it_is_a_table_and_nothing_stays_in_the_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    result = CliRunner().invoke(demo, ["--once"])

    assert result.exit_code == 0, result.output
    assert "plugged in" in result.stdout
    assert "optimized" in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_json_without_once_is_refused() -> None:
    assert CliRunner().invoke(demo, ["--json"]).exit_code == 2
