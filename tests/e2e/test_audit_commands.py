"""`dwell audit` as an operator runs it: list, verify, a head kept outside, and a database that somebody edited."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dwell.cli import dwell


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the database is; two organizations' worth of changes are in it."""
    monkeypatch.setenv("DWELL_DATABASE_URL", f"sqlite:///{tmp_path}/dwell.db")
    return tmp_path


def run(*words: str, given: str | None = None) -> Result:
    return CliRunner().invoke(dwell, words, input=given)


def test_what_is_done_by_command_is_noted_and_can_be_verified(folder: Path) -> None:
    new = json.loads(run("org", "create", "Acme", "--json").stdout)
    owner = new["organization_id"]
    key = run("org", "add-key", owner).stdout.strip()
    assert run("org", "revoke", given=key).exit_code == 0
    entries = [json.loads(line) for line in run("audit", "list", owner).stdout.splitlines()]
    assert [(e["thing"], e["action"]) for e in entries][:2] == [
        ("api_key", "revoked"),
        ("api_key", "created"),
    ]
    assert {entry["actor"]["kind"] for entry in entries} == {"cli"}
    verified = run("audit", "verify", owner)
    assert (verified.exit_code, verified.stdout.partition(":")[0]) == (0, "5")
    head = verified.stdout.strip()
    run("org", "add-key", owner)
    assert run("audit", "verify", owner, "--head", head).exit_code == 0
    for secret in (new["client_secret"], new["api_key"], key):
        assert secret not in json.dumps(entries)
    _edit(folder, "DELETE FROM audit_log WHERE number > 4")
    assert run("audit", "verify", owner).exit_code == 0
    cut = run("audit", "verify", owner, "--head", head)
    assert (cut.exit_code, "broken at number 5" in cut.stderr) == (1, True)
    _edit(folder, "UPDATE audit_log SET number = -number WHERE number IN (2, 3)")
    _edit(folder, "UPDATE audit_log SET number = 5 + number WHERE number < 0")
    moved = run("audit", "verify", owner)
    assert (moved.exit_code, "broken at number 2" in moved.stderr) == (1, True)


def test_prices_by_hand_are_in_the_installations_own_log(folder: Path) -> None:
    (folder / "prices.csv").write_text(
        "start,end,price,currency\n2026-01-10T00:00:00Z,2026-01-10T01:00:00Z,0.12,EUR\n"
    )
    done = run("prices", "import", str(folder / "prices.csv"), "--zone", "FR")
    assert done.exit_code == 0, done.output
    [entry] = [json.loads(line) for line in run("audit", "list").stdout.splitlines()]
    assert (entry["thing"], entry["thing_id"], entry["after"]["slots"]) == ("prices", "FR", 1)
    assert run("audit", "verify").exit_code == 0


def test_an_empty_log_is_whole_and_a_head_must_be_one(folder: Path) -> None:
    assert run("audit", "verify").stdout.strip() == f"0:{'0' * 64}"
    assert run("audit", "verify", "--head", "nonsense").exit_code == 2


def _edit(folder: Path, statement: str) -> None:
    """As somebody who can write the file would."""
    connection = sqlite3.connect(folder / "dwell.db")
    with connection:
        connection.execute(statement)
    connection.close()
