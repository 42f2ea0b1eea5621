"""From nothing to a session, by the commands an operator types; a stop and a kill lose nothing."""

from __future__ import annotations

import gzip
import json
import re
import signal
import stat
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from contract.serving import LOCATION, VEHICLE
from dwell.domain.instants import write_instant
from e2e.processes import Process, dwell, environment, served


@pytest.fixture(params=["sqlite", "postgres"])
def env(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """The environment of an operator, on each database."""
    if request.param == "sqlite":
        return environment(tmp_path, f"sqlite:///{tmp_path}/data/dwell.sqlite3")
    return environment(tmp_path, request.getfixturevalue("postgres_database"))


@pytest.fixture
def file_env(tmp_path: Path) -> dict[str, str]:
    """The environment of an operator on the embedded default, for what does not depend on the database."""
    return environment(tmp_path, f"sqlite:///{tmp_path}/data/dwell.sqlite3")


def minutes_ago(minutes: float) -> str:
    return write_instant(datetime.now(UTC) - timedelta(minutes=minutes))


def signed_in(process: Process, organization: dict[str, str]) -> httpx.Client:
    auth = (organization["client_id"], organization["client_secret"])
    answer = httpx.post(f"{process.url}/oauth2/token", auth=auth, data={"grant_type": "client_credentials"})
    headers = {"authorization": f"Bearer {answer.json()['access_token']}"}
    return httpx.Client(base_url=process.url, headers=headers, timeout=30)


def make_home(client: httpx.Client) -> tuple[str, str]:
    """A vehicle and its policy, by their ids."""
    location = client.post("/users/anna/locations", json=LOCATION).json()["id"]
    vehicle = client.post("/users/anna/vehicles", json=VEHICLE).json()["id"]
    pair = {"vehicleId": vehicle, "locationId": location}
    return vehicle, client.post("/flex/vehicle-policies", json=pair).json()["id"]


def test_from_nothing_to_a_settled_session_and_on_after_a_stop(env: dict[str, str]) -> None:
    if env["DWELL_DATABASE_URL"].startswith("postgresql"):
        assert "dwell db upgrade" in dwell("serve", "--port", "0", env=env, status=1)
        dwell("db", "upgrade", env=env)
    with served(env) as process:
        created = dwell("org", "create", "Acme GmbH", "--json", env=env)
        organization: dict[str, str] = json.loads(created)
        with signed_in(process, organization) as client:
            vehicle, policy = make_home(client)
            here: dict[str, Any] = {"vehicle_id": vehicle, "latitude": 48.1, "longitude": 11.5}
            facts = [
                {**here, "at": minutes_ago(90), "plugged_in": True, "soc_percent": 40},
                {**here, "at": minutes_ago(80), "charging": True, "energy_register_kwh": 100},
                {
                    **here,
                    "at": minutes_ago(50),
                    "charging": False,
                    "energy_register_kwh": 105,
                    "soc_percent": 48,
                },
                {**here, "at": minutes_ago(30), "plugged_in": False},
            ]
            key = {"x-api-key": organization["api_key"]}
            sent = httpx.post(f"{process.url}/v1/observations", json=facts[:2], headers=key)
            assert sent.json() == {"accepted": 2, "duplicates": 0, "rejected": [], "flagged": []}
            active = client.get(f"/flex/vehicle-policies/{policy}/session").json()
            assert active["state"] == "ACTIVE:REGULAR"
        assert process.end() == 0
        assert [event["event"] for event in process.events][-2:] == ["server_stopping", "server_stopped"]
    with served(env) as process, signed_in(process, organization) as client:
        assert client.get(f"/flex/vehicle-policies/{policy}/session").json()["id"] == active["id"]
        client.post("/v1/observations", json=facts[2:])
        [settled] = client.get("/flex/vehicle-policies/sessions").json()["data"]
        assert (settled["id"], settled["statistics"]["aggregated"]["kwhSum"]) == (active["id"], 5.0)
        assert process.end(signal.SIGINT) == 0


def test_what_was_answered_survives_a_kill(env: dict[str, str]) -> None:
    dwell("db", "upgrade", env=env)
    organization = json.loads(dwell("org", "create", "Acme", "--json", env=env))
    with served(env) as process, signed_in(process, organization) as client:
        vehicle, policy = make_home(client)
        fact = {
            "vehicle_id": vehicle,
            "at": minutes_ago(9),
            "plugged_in": True,
            "latitude": 48.1,
            "longitude": 11.5,
        }
        assert client.post("/v1/observations", json=[fact]).json()["accepted"] == 1
        process.end(signal.SIGKILL)
    with served(env) as process, signed_in(process, organization) as client:
        assert client.get(f"/flex/vehicle-policies/{policy}/session").json()["state"] == "ACTIVE:REGULAR"
        assert client.post("/v1/observations", json=[fact]).json()["duplicates"] == 1


def test_requests_under_way_are_answered_before_a_stop(file_env: dict[str, str]) -> None:
    organization = json.loads(dwell("org", "create", "Acme", "--json", env=file_env))
    with served(file_env) as process, signed_in(process, organization) as client:
        vehicle, _ = make_home(client)
        half_sent, go_on = threading.Event(), threading.Event()
        fact = {"vehicle_id": vehicle, "at": minutes_ago(9), "plugged_in": True}

        def body() -> Any:
            yield b"["
            half_sent.set()
            assert go_on.wait(20)
            yield json.dumps(fact).encode() + b"]"

        answers = list[httpx.Response]()
        headers = {"content-type": "application/json"}
        sender = threading.Thread(
            target=lambda: answers.append(client.post("/v1/observations", content=body(), headers=headers))
        )
        sender.start()
        assert half_sent.wait(20)
        process.process.send_signal(signal.SIGTERM)
        while not any(event["event"] == "server_stopping" for event in process.events):
            assert process.process.poll() is None
        go_on.set()
        sender.join(20)
        assert answers[0].json() == {"accepted": 1, "duplicates": 0, "rejected": [], "flagged": []}
        assert process.process.wait(20) == 0


def test_an_organization_is_printed_as_published(file_env: dict[str, str]) -> None:
    printed = dwell("org", "create", "Acme", "--json", env=file_env)
    assert printed.count("\n") == 1
    organization = json.loads(printed)
    assert list(organization) == ["organization_id", "client_id", "client_secret", "api_key"]
    assert str(UUID(organization["organization_id"])) == organization["organization_id"]
    secrets = [organization[name] for name in ("client_id", "client_secret", "api_key")]
    assert all(re.fullmatch(r"dwell_(cid|sec|key)_[0-9A-Za-z]{28,}", secret) for secret in secrets)
    again = json.loads(dwell("org", "create", "Acme", "--json", env=file_env))
    assert not set(secrets) & set(again.values())
    key = dwell("org", "add-key", organization["organization_id"], env=file_env).strip()
    dwell("org", "revoke", env=file_env, stdin=key + "\n")
    assert "no such" in dwell("org", "revoke", env=file_env, stdin="dwell_key_x\n", status=1)


def test_a_file_is_imported_as_over_http(env: dict[str, str], tmp_path: Path) -> None:
    dwell("db", "upgrade", env=env)
    organization = json.loads(dwell("org", "create", "Acme", "--json", env=env))
    with served(env) as process, signed_in(process, organization) as client:
        vehicle, policy = make_home(client)
        facts = [
            {
                "vehicle_id": vehicle,
                "at": minutes_ago(200 - n / 120),
                "plugged_in": True,
                "latitude": 48.1,
                "longitude": 11.5,
            }
            for n in range(10_500)
        ]
        facts[10_200]["soc_percent"] = 300
        file = tmp_path / "facts.json"
        file.write_text(json.dumps(facts))
        words = ("observations", "import", str(file), "--org", organization["organization_id"])
        receipt = json.loads(dwell(*words, "--json", env=env, status=3))
        assert receipt == {
            "accepted": 10_499,
            "duplicates": 0,
            "rejected": [{"index": 10_200, "field": "soc_percent", "message": "must be from 0 to 100"}],
            "flagged": [],
        }
        assert dwell(*words, env=env, status=3).startswith("0 accepted, 10499 known already, 1 rejected")
        session = client.get(f"/flex/vehicle-policies/{policy}/session").json()
        assert session["state"].startswith("ACTIVE")
    nobody = "00000000-0000-7000-8000-000000000000"
    assert "no such organization" in dwell(
        "observations", "import", str(file), "--org", nobody, env=env, status=1
    )


@pytest.mark.parametrize(
    ("changes", "words", "said"),
    [
        ({"DWELL_HTTP_PROT": "1"}, ("serve",), "DWELL_HTTP_PROT is not a setting"),
        ({"DWELL_DATABASE_URL": "mysql://u:geheim@h/d"}, ("serve",), "DWELL_DATABASE_URL must be"),
        ({"DWELL_DATABASE_URL": "postgresql://u:geheim@127.0.0.1:1/d"}, ("serve",), ""),
        ({}, ("--config", "/nowhere.toml", "serve"), "/nowhere.toml cannot be read"),
        ({}, ("serve", "--host", "192.0.2.1"), "cannot listen on 192.0.2.1"),
        ({}, ("org", "create", ""), "name: must be"),
        ({"DWELL_DATABASE_URL": "sqlite:////proc/x/dwell.sqlite3"}, ("serve",), "/proc/x"),
    ],
)
def test_what_is_expected_to_go_wrong_is_a_short_message(
    tmp_path: Path, changes: dict[str, str], words: tuple[str, ...], said: str
) -> None:
    env = environment(tmp_path, f"sqlite:///{tmp_path}/dwell.sqlite3") | changes
    message = dwell(*words, env=env, status=1)
    assert said in message
    assert len(message.splitlines()) <= 3
    assert "geheim" not in message


def test_the_key_file_is_its_owners_alone(tmp_path: Path) -> None:
    env = environment(tmp_path, f"sqlite:///{tmp_path}/deep/er/dwell.sqlite3")
    dwell("org", "create", "Acme", env=env)
    key = tmp_path / "deep" / "er" / "dwell.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_text()
    dwell("org", "create", "Acme", env=env)
    assert key.read_text() == before
    key.write_text("zz")
    assert "key file" in dwell("org", "create", "Acme", env=env, status=1)


def test_help_does_not_load_the_house() -> None:
    loaded = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "dwell", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "serve" in loaded.stdout
    for heavy in ("litestar", "uvicorn", "sqlalchemy", "numpy", "msgspec", "asyncpg", "rich"):
        assert f"| {heavy}\n" not in loaded.stderr.replace("|   ", "| "), heavy


def test_no_secret_reaches_the_log(file_env: dict[str, str]) -> None:
    organization = json.loads(dwell("org", "create", "Acme", "--json", env=file_env))
    with served(file_env) as process, signed_in(process, organization) as client:
        token = client.headers["authorization"].removeprefix("Bearer ")
        client.get("/vehicles", params={"access_token": token})
        client.get("/flex/vehicle-policies", params={"userId": "anna-the-user"})
        client.post("/v1/observations", json=[{"at": "x", "id": "said-by-a-caller"}])
        assert process.end() == 0
        log = json.dumps(process.events)
    assert "listVehicles" in log
    for secret in (*organization.values(), token, "anna-the-user", "said-by-a-caller"):
        assert secret not in log


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (gzip.compress(b"[]" * 99)[:-9], "not a sound gzip file"),
        (gzip.compress(b"[]" * 99)[:12] + b"\xff" * 20, "not a sound gzip file"),
    ],
)
def test_a_damaged_file_of_observations_is_refused_in_one_line(
    tmp_path: Path, content: bytes, said: str
) -> None:
    env = environment(tmp_path, f"sqlite:///{tmp_path}/dwell.sqlite3")
    file = tmp_path / "facts.json.gz"
    file.write_bytes(content)
    nobody = "00000000-0000-7000-8000-000000000000"
    told = dwell("observations", "import", str(file), "--org", nobody, env=env, status=1)
    assert said in told and len(told.splitlines()) == 1


def test_keys_are_listed_with_their_use_and_their_end(file_env: dict[str, str]) -> None:
    organization = json.loads(dwell("org", "create", "Acme", "--json", env=file_env))
    with served(file_env) as process:
        headers = {"x-api-key": organization["api_key"]}
        assert httpx.post(f"{process.url}/v1/observations", json=[], headers=headers).status_code == 202
        assert any(event["event"] == "no_way_to_vehicles" for event in process.events)
    dwell("org", "revoke", env=file_env, stdin=organization["client_id"])
    words = ("org", "keys", organization["organization_id"])
    client, key = sorted(json.loads(dwell(*words, "--json", env=file_env)), key=lambda row: str(row["kind"]))[
        ::-1
    ]
    assert (client["kind"], client["name"]) == ("client", organization["client_id"])
    assert client["revoked_at"] is not None and key["revoked_at"] is None
    text = dwell(*words, env=file_env)
    assert "never used" in text and ", revoked 2" in text
    assert organization["api_key"] not in text
