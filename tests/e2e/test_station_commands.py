"""`dwell station` as an operator runs it, and a station that comes in at `dwell serve` with the key it printed."""

from __future__ import annotations

import base64
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from dwell.adapters.storage import bodies
from e2e.processes import DEADLINE_S, Process, dwell, environment, served


def port_of(process: Process) -> int:
    return next(int(one["port"]) for one in process.events if one["event"] == "stations_welcome")


def boot(port: int, key: str) -> list[object]:
    shown = base64.b64encode(f"CP-1:{key}".encode()).decode()
    with connect(
        f"ws://127.0.0.1:{port}/ocpp/CP-1",
        subprotocols=[Subprotocol("ocpp1.6")],
        additional_headers={"Authorization": f"Basic {shown}"},
    ) as socket:
        booted = {"chargePointVendor": "V", "chargePointModel": "M"}
        socket.send(json.dumps([2, "1", "BootNotification", booted]))
        answer: list[object] = json.loads(socket.recv(timeout=30))
        return answer


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_registered_station_boots_at_the_server(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/dwell.db"
    if kind == "postgres":
        url = request.getfixturevalue("postgres_database")
    env = environment(tmp_path, url)
    dwell("db", "upgrade", env=env)
    owner = json.loads(dwell("org", "create", "Depot", "--json", env=env))["organization_id"]
    made = json.loads(dwell("station", "add", owner, "CP-1", "--evse", "1=DE*DWL*E1", "--json", env=env))
    with served(env) as process:
        assert boot(port_of(process), made["key"])[:2] == [3, "1"]
        assert process.end() == 0
    listed = json.loads(dwell("station", "list", owner, "--json", env=env))
    assert (listed["id"], listed["model"], listed["protocol"]) == (made["id"], "V M", "ocpp1.6")
    key = dwell("station", "key", owner, "CP-1", env=env).strip()
    assert key != made["key"]


def test_tokens_are_taken_and_wrong_lines_refused(tmp_path: Path) -> None:
    env = environment(tmp_path, f"sqlite:///{tmp_path}/dwell.db")
    owner = json.loads(dwell("org", "create", "Depot", "--json", env=env))["organization_id"]
    assert "NUMBER=ID" in dwell("station", "add", owner, "CP-1", "--evse", "x", env=env, status=2)
    assert dwell("token", "add", owner, "CARD", "--user", "anna", env=env) == "It may charge.\n"
    assert "printable" in dwell("token", "add", owner, " ", env=env, status=1)
    assert "letters" in dwell("station", "add", owner, "CP 1/", env=env, status=1)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_the_journal_gives_what_is_stored(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = f"sqlite:///{tmp_path}/dwell.db"
    if kind == "postgres":
        url = request.getfixturevalue("postgres_database")
    env = environment(tmp_path, url)
    dwell("db", "upgrade", env=env)
    owner = json.loads(dwell("org", "create", "Depot", "--json", env=env))["organization_id"]
    with served(env) as process:
        at = f"ws://127.0.0.1:{port_of(process)}/ocpp"
        simulated = ("--organization", owner, "--stations", "4", "--samples", "3", "--every", "0.2")
        dwell("simulate", *simulated, "--quirks", "--url", at, env=env)
        shown = dwell("replay", env=env)
        assert process.end() == 0
    assert "transactions that differ                               0" in shown
    found = json.loads(dwell("replay", "--organization", owner, "--json", env=env))
    assert (found["is_same"], found["stations"], found["same"], found["unread"]) == (True, 4, 4, 0)
    assert "no such station" in dwell("replay", "--station", "CP-9", env=env, status=1)
    if kind == "sqlite":
        change_an_energy(tmp_path / "dwell.db")
        named = differing(env)
        assert [one["field"] for one in named["differences"]] == ["energy_wh", "register"]
        assert (named["different"], named["same"]) == (1, 3)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_stranger_waits_for_the_operators_word(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/dwell.db"
    if kind == "postgres":
        url = request.getfixturevalue("postgres_database")
    env = environment(tmp_path, url)
    dwell("db", "upgrade", env=env)
    owner = json.loads(dwell("org", "create", "Depot", "--json", env=env))["organization_id"]
    key = "a key of twenty-two ch."
    with served(env | {"DWELL_GATEWAY_PENDING_ORGANIZATION": owner}) as process:
        port = port_of(process)
        assert registration(boot(port, key)) == "Pending"
        [listed] = dwell("station", "list", owner, "--json", env=env).splitlines()
        waits = json.loads(listed)
        assert (waits["state"], waits["model"], waits["key"]) == ("PENDING", "V M", "kept")
        assert "would keep its key" in dwell("station", "list", owner, env=env)
        assert dwell("station", "refuse", owner, "CP-1", env=env) == "It is refused.\n"
        with pytest.raises(InvalidStatus):
            boot(port, key)
        approved = json.loads(dwell("station", "approve", owner, "CP-1", "--json", env=env))
        assert approved["key"] is None
        assert registration(boot(port, key)) == "Accepted"
        assert process.end() == 0
    assert json.loads(dwell("station", "list", owner, "--json", env=env))["state"] == "REGISTERED"
    assert "No station" in dwell("station", "approve", owner, "CP-1", env=env, status=1)


def registration(answer: list[object]) -> str:
    """The word that answers a boot."""
    return str(msgspec.convert(answer[2], dict[str, Any])["status"])


def differing(env: dict[str, str]) -> dict[str, Any]:
    """What `dwell replay` prints where something differs: its exit status is 1."""
    command = [sys.executable, "-m", "dwell", "replay", "--json"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 1, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def change_an_energy(path: Path) -> None:
    """Behind the product's back."""
    with closing(sqlite3.connect(path)) as file, file:
        [(name, body)] = file.execute("SELECT id, body FROM transactions LIMIT 1")
        kept = bodies.decode_transaction(body)
        register = msgspec.structs.replace(kept.register, energy_wh=kept.register.energy_wh + 1)
        changed = bodies.encode(msgspec.structs.replace(kept, register=register))
        file.execute("UPDATE transactions SET body = ? WHERE id = ?", (changed, name))
