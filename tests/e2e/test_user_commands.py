"""`dwell user` as an operator runs it: add, password, role, list; and what the server makes of it, at once."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from dwell.cli import dwell
from e2e.processes import environment, served

PASSWORD = "correct horse battery"
URL = "/api/partners/v2.0/auth/token"


@pytest.fixture
def owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of an organization in a new database."""
    monkeypatch.setenv("DWELL_DATABASE_URL", f"sqlite:///{tmp_path}/dwell.db")
    return str(json.loads(run("org", "create", "Acme", "--json").stdout)["organization_id"])


def run(*words: str, given: str | None = None, status: int = 0) -> Result:
    done = CliRunner().invoke(dwell, words, input=given)
    assert done.exit_code == status, done.output
    return done


def listed(owner: str, *words: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in run("user", "list", owner, "--json", *words).stdout.splitlines()]


def test_a_user_is_made_listed_and_changed(owner: str) -> None:
    names = ("--role", "staff", "--first-name", "Anna", "--reference", "a-1")
    made = run("user", "add", owner, "anna@example.com", *names, given=f"{PASSWORD}\n").stdout.strip()
    run("user", "add", owner, "bert@example.com", "--no-password")
    anna = {
        "id": made,
        "login": "anna@example.com",
        "role": "staff",
        "reference": "a-1",
        "email": "anna@example.com",
    }
    assert listed(owner) == [anna]
    assert [user["reference"] for user in listed(owner, "--all")] == ["a-1", "bert@example.com"]
    assert made in run("user", "list", owner).stdout
    run("user", "role", owner, "a-1", "guest")
    run("user", "password", owner, made, "--login", "anna", given=f"{PASSWORD}!\n")
    assert listed(owner) == [anna | {"role": "guest", "login": "anna"}]
    run("user", "password", owner, "a-1", "--remove")
    assert listed(owner) == []
    entries = [json.loads(line) for line in run("audit", "list", owner).stdout.splitlines()]
    assert {entry["actor"]["kind"] for entry in entries} == {"cli"}
    assert {entry["thing"] for entry in entries} >= {"user", "password"}
    assert "argon2" not in json.dumps(entries)


def test_what_is_wrong_is_one_line_and_nothing_is_half_done(owner: str) -> None:
    short = run("user", "add", owner, "a b", given="short\n", status=1)
    assert all(word in short.stderr for word in ("login: ", "password: "))
    stranger = "0198f5a0-0000-7000-8000-000000000001"
    assert "no such organization" in run("user", "add", stranger, "a@b", given=PASSWORD, status=1).stderr
    run("user", "add", owner, "a@b", given=PASSWORD)
    taken = run("user", "add", owner, "A@B", "--reference", "other", given=PASSWORD, status=1)
    assert taken.stderr.strip() == "Error: Another user signs in by this name."
    again = run("user", "add", owner, "a@b", "--no-password", status=1)
    assert again.stderr.strip() == "Error: Another user has this external id."
    assert "no such user" in run("user", "role", owner, "nobody", "guest", status=1).stderr
    assert "no such user" in run("user", "password", stranger, "a@b", given=PASSWORD, status=1).stderr
    run("user", "role", owner, "a@b", "king", status=2)
    assert len(listed(owner, "--all")) == 1


def test_a_server_that_runs_knows_it_at_once(owner: str, tmp_path: Path) -> None:
    run("user", "add", owner, "anna@example.com", "--role", "admin", given=PASSWORD)
    grant = {"grant_type": "password", "username": "anna@example.com", "password": PASSWORD}
    users = f"/api/partners/v2.0/org/{owner}/users"
    with (
        served(environment(tmp_path, f"sqlite:///{tmp_path}/dwell.db")) as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        token = client.post(URL, json=grant).json()["access_token"]
        other = client.post("/oauth2/token/", data=grant).json()["access_token"]
        client.headers["authorization"] = f"Bearer {token}"
        assert client.post(users, json={}).status_code == 201
        run("user", "role", owner, "anna@example.com", "guest")
        assert client.post(users, json={}).status_code == 403
        run("org", "revoke", given=token)
        assert client.get(users).status_code == 401
        client.headers["authorization"] = f"Bearer {other}"
        assert client.get(users).status_code == 200
        run("user", "password", owner, "anna@example.com", given=f"{PASSWORD}!")
        assert client.get(users).status_code == 401
        assert client.post(URL, json=grant).status_code == 400
    log = json.dumps(server.events)
    assert not [secret for secret in (PASSWORD, token, other) if secret in log]
