"""`dwell station` as an operator runs it, and a station that comes in at `dwell serve` with the key it printed."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from e2e.processes import Process, dwell, environment, served


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
