"""`dwell serve` tells receivers and live streams what happens; killed at any moment it loses nothing."""

from __future__ import annotations

import json
import random
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract.serving import LOCATION, VEHICLE
from dwell.domain.instants import write_instant
from e2e.processes import Process, dwell, environment, served
from receiver import Receiver

VEHICLES = 6
SECRET = "a secret of ours"


@pytest.fixture(params=["sqlite", "postgres"])
def env(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """The environment of an operator who allows receivers on loopback, on each database."""
    url = f"sqlite:///{tmp_path}/data/dwell.sqlite3"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_database")
    found = environment(tmp_path, url)
    dwell("db", "upgrade", env=found)
    return found | {
        "DWELL_WEBHOOKS_ALLOWED_NETWORKS": "127.0.0.0/8",
        "DWELL_WEBHOOKS_ALLOW_HTTP": "true",
    }


class Depot:
    """Vehicles that charge, told of one quarter hour after the other."""

    def __init__(self, env: dict[str, str]) -> None:
        self.env = env
        self.organization = json.loads(dwell("org", "create", "Acme", "--json", env=env))
        self.vehicles: list[str] = []
        self.began_at = datetime.now(UTC) - timedelta(hours=12)
        self.step = 0

    def calling(self, process: Process) -> httpx.Client:
        auth = (self.organization["client_id"], self.organization["client_secret"])
        form = {"grant_type": "client_credentials"}
        token = httpx.post(f"{process.url}/oauth2/token", auth=auth, data=form).json()["access_token"]
        headers = {"authorization": f"Bearer {token}"}
        return httpx.Client(base_url=process.url, headers=headers, timeout=30)

    def build(self, client: httpx.Client) -> None:
        for number in range(VEHICLES):
            user = f"/users/user-{number}"
            location = client.post(f"{user}/locations", json=LOCATION).json()["id"]
            vehicle = client.post(f"{user}/vehicles", json=VEHICLE).json()["id"]
            pair = {"vehicleId": vehicle, "locationId": location}
            assert client.post("/flex/vehicle-policies", json=pair).status_code == 201
            self.vehicles.append(vehicle)

    def charge_on(self, client: httpx.Client) -> None:
        """One more quarter hour of all: 1 kWh each, acknowledged."""
        self.step += 1
        at = write_instant(self.began_at + self.step * timedelta(minutes=15))
        facts = [
            {
                "vehicle_id": vehicle,
                "at": at,
                "plugged_in": True,
                "charging": True,
                "energy_register_kwh": 100 + self.step,
                "latitude": 48.1,
                "longitude": 11.5,
            }
            for vehicle in self.vehicles
        ]
        assert client.post("/v1/observations", json=facts).json()["accepted"] == VEHICLES


def test_a_server_killed_again_and_again_tells_everything_in_order(
    env: dict[str, str], receiver: Receiver, request: pytest.FixtureRequest
) -> None:
    kills = request.config.getoption("--seeds") // 2 + 1  # 51 when searching
    depot, rng = Depot(env), random.Random(5)
    with served(env) as process, depot.calling(process) as client:
        depot.build(client)
        client.post("/webhooks", json={"url": receiver.url, "secret": SECRET})
        process.end(signal.SIGKILL)
    for _ in range(kills):
        with served(env) as process, depot.calling(process) as client:
            for _ in range(rng.randint(1, 4)):
                depot.charge_on(client)
            heard = len(receiver.requests)
            receiver.wait_for(heard + rng.randint(0, 1), timeout_s=60)
            process.end(signal.SIGKILL)
    with served(env) as process, depot.calling(process) as client:
        depot.charge_on(client)
        events = until_told(receiver, depot)
        process.end()

    by_session: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        known = by_session.setdefault(event["session"]["id"], [])
        if event["id"] not in [one["id"] for one in known]:
            known.append(event)
    for known in by_session.values():
        assert [event["sequence"] for event in known] == list(range(1, len(known) + 1))


def until_told(receiver: Receiver, depot: Depot) -> list[dict[str, Any]]:
    """Every session event, once the last told of each vehicle is where it is now. A lease may have to end first."""
    count = 0
    while True:
        events = [
            event
            for request in receiver.wait_for(count, timeout_s=90)
            for event in request.json()
            if "session" in event
        ]
        last = {event["session"]["vehicleId"]: event["session"] for event in events}
        sums = [session["statistics"]["aggregated"] for session in last.values()]
        if len(sums) == VEHICLES and all(one and one["kwhSum"] == depot.step - 1 for one in sums):
            return events
        count = len(receiver.requests) + 1


def test_a_stream_goes_on_where_it_was_left(env: dict[str, str]) -> None:
    depot = Depot(env)
    with served(env) as process, depot.calling(process) as client:
        depot.build(client)
        ids = read_stream(client, {"last-event-id": "0"}, VEHICLES)
        assert ids == list(range(1, VEHICLES + 1))
        depot.charge_on(client)
        assert read_stream(client, {"last-event-id": str(ids[2])}, 6)[:3] == [4, 5, 6]
        assert client.get("/v1/events", headers={"last-event-id": "x"}).status_code == 400
        other = json.loads(dwell("org", "create", "Other", "--json", env=env))
        key = {"x-api-key": other["api_key"], "authorization": "", "last-event-id": "0"}
        foreign = httpx.Client(base_url=process.url, headers={"x-api-key": key["x-api-key"]}, timeout=30)
        with foreign, foreign.stream("GET", "/v1/events?after=0") as answer:
            assert next(answer.iter_lines()) == "retry: 2000"
        assert process.end() == 0


def read_stream(client: httpx.Client, headers: dict[str, str], count: int) -> list[int]:
    """The ids of so many events of the live stream."""
    ids = list[int]()
    with client.stream("GET", "/v1/events", headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            if name == "id":
                ids.append(int(value))
            if name == "data":
                assert json.loads(value)["session_id"]
                if len(ids) == count:
                    return ids
    raise AssertionError("the stream ended too soon")
