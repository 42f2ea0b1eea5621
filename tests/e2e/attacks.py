"""What the attacks share: two servers on one database, homes, and senders who do not give up."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import httpx

from contract.serving import LOCATION, VEHICLE
from e2e.processes import DEADLINE_S, Process, dwell, environment, served
from e2e.test_serving import signed_in
from receiver import Receiver, running_receiver

Json = dict[str, Any]
SECRET = "whsec_YSBrZXkgb2YgdHdlbnR5LWZvdXIgYnl0ZQ=="
CLIENTS = 12
_users = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Twins:
    """Two servers, each with its engine, on one database; and where their orders go."""

    processes: Sequence[Process]
    clients: Sequence[httpx.Client]
    orders: Receiver
    env: dict[str, str]
    organization: dict[str, str]


@contextmanager
def twin_servers(folder: Path, url: str) -> Iterator[Twins]:
    """Two servers on the database while the block runs."""
    with running_receiver() as orders, ExitStack() as stack:
        env = environment(folder, url) | {"DWELL_ORDERS_URL": orders.url, "DWELL_ORDERS_SECRET": SECRET}
        env["DWELL_SECRET_KEY"] = "ab" * 32
        dwell("db", "upgrade", env=env)
        organization = json.loads(dwell("org", "create", "Acme", "--json", env=env))
        processes = [stack.enter_context(served(env)) for _ in range(2)]
        clients = [stack.enter_context(signed_in(process, organization)) for process in processes]
        yield Twins(processes=processes, clients=clients, orders=orders, env=env, organization=organization)


def make_home(client: httpx.Client) -> tuple[str, str]:
    """A user of its own with a location, a vehicle and a policy; the last two by their ids."""
    user = f"user-{next(_users)}"
    location = client.post(f"/users/{user}/locations", json=LOCATION).json()["id"]
    vehicle = client.post(f"/users/{user}/vehicles", json=VEHICLE).json()["id"]
    pair = {"vehicleId": vehicle, "locationId": location}
    return vehicle, client.post("/flex/vehicle-policies", json=pair).json()["id"]


def until(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds."""
    deadline, pause = monotonic() + DEADLINE_S, threading.Event()
    while not condition():
        assert monotonic() < deadline, "it did not come true in time"
        pause.wait(0.02)


def persistently(client: httpx.Client, batch: list[Json]) -> int:
    """Send until it is taken, as a sender should; how many facts were new."""
    while True:
        answer = client.post("/v1/observations", json=batch)
        if answer.status_code == 202:
            return int(answer.json()["accepted"])
        assert (answer.status_code, answer.headers.get("retry-after")) == (503, "1"), answer.text
