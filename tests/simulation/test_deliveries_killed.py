"""Webhooks under the worst of luck: servers that tell receivers are killed at random points, again and again.

Two servers on one database. Every event arrives at least once, each session's in order, none is lost. One kill for
every two seeds: `--seeds 100` kills fifty times.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from application.webhooks.mailroom import events_of, in_order
from dwell.domain.instants import write_instant
from dwell.domain.session.record import SETTLED
from dwell.domain.webhooks.subscription import SESSION_WITHDRAWN
from e2e.attacks import make_home, until
from e2e.processes import Process, dwell, environment, served
from e2e.test_serving import signed_in
from receiver import Answer, Receiver

SECRET = "whsec_YSBrZXkgb2YgdHdlbnR5LWZvdXIgYnl0ZQ=="
HOMES, WEBHOOKS = 8, 4
TAKEN = 204
ANSWERS = 200
"""So many tries meet a receiver that is slow, and now and then refuses or hangs up; kills find tries under way."""
PACE_S = 0.4
"""Between two rounds of facts: their day lasts for more than fifty kills then."""


class Servers:
    """Two servers, either of which may be killed; another takes its place."""

    def __init__(self, env: dict[str, str], stack: ExitStack) -> None:
        self._env = env
        self._stack = stack
        self._living = [stack.enter_context(served(env)) for _ in range(2)]

    def any(self) -> Process:
        """One that was not killed yet."""
        return self._living[-1]

    def kill(self) -> None:
        """Kill the elder without a warning, and start one in its place."""
        self._living.pop(0).process.kill()
        self._living.append(self._stack.enter_context(served(self._env)))


@dataclass(frozen=True)
class Mailbox:
    """What one of the webhooks was told, and took."""

    receiver: Receiver
    path: str

    def events(self) -> list[dict[str, Any]]:
        """Every event of a session so far, in order of arrival."""
        return events_of(
            [one for one in self.receiver.requests if one.path == self.path and one.status == TAKEN]
        )


@contextmanager
def two_servers(folder: Path, url: str) -> Iterator[tuple[Servers, dict[str, str]]]:
    env = environment(folder, url)
    env |= {"DWELL_SECRET_KEY": "cd" * 32, "DWELL_WEBHOOKS_ALLOW_HTTP": "true"}
    env |= {"DWELL_WEBHOOKS_ALLOWED_NETWORKS": "127.0.0.0/8"}
    dwell("db", "upgrade", env=env)
    organization = json.loads(dwell("org", "create", "Acme", "--json", env=env))
    with ExitStack() as stack:
        yield Servers(env, stack), organization


class Sender(threading.Thread):
    """Facts without end until told: vehicles come, charge, and leave, every few minutes of a day that is over."""

    def __init__(self, servers: Servers, organization: dict[str, str], vehicles: list[str]) -> None:
        super().__init__(daemon=True)
        self._servers = servers
        self._organization = organization
        self._vehicles = vehicles
        self.enough = threading.Event()

    def run(self) -> None:
        at = datetime.now(UTC) - timedelta(hours=22)
        turn = 0
        while not self.enough.is_set():
            step = turn % 6
            fact = {"at": write_instant(at), "plugged_in": step < 5, "soc_percent": 40 + step}
            fact |= {"latitude": 48.1, "longitude": 11.5, "charging": 0 < step < 5}
            self._send([fact | {"vehicle_id": vehicle} for vehicle in self._vehicles])
            at += timedelta(minutes=2)
            turn += 1
            self.enough.wait(PACE_S)

    def _send(self, facts: list[dict[str, Any]]) -> None:
        """Until they are taken, by whichever server lives."""
        key = {"x-api-key": self._organization["api_key"]}
        while True:
            try:
                url = self._servers.any().url + "/v1/observations"
                if httpx.post(url, json=facts, headers=key, timeout=10).status_code == 202:
                    return
            except httpx.HTTPError:
                continue


def test_servers_killed_at_random_points_lose_no_event_and_no_order(
    request: pytest.FixtureRequest, tmp_path: Path, postgres_database: str, receiver: Receiver
) -> None:
    kills, chance = max(2, request.config.getoption("seeds") // 2), random.Random(20261121)
    busy = (Answer(status=503, delay_s=0.2), Answer(hang_up=True, delay_s=0.2))
    receiver.answer(*chance.choices((Answer(delay_s=0.05), *busy), (12, 1, 1), k=ANSWERS))
    with two_servers(tmp_path, postgres_database) as (servers, organization):
        with signed_in(servers.any(), organization) as client:
            homes = [make_home(client) for _ in range(HOMES)]
            for number in range(WEBHOOKS):
                made = client.post("/webhooks", json={"url": f"{receiver.url}/{number}", "secret": SECRET})
                assert made.status_code == 201
        sender = Sender(servers, organization, [vehicle for vehicle, _ in homes])
        sender.start()
        for _ in range(kills):
            told = len(receiver.requests)
            receiver.wait_for(told + chance.randrange(1, 12), timeout_s=60)
            servers.kill()
        sender.enough.set()
        sender.join(60)
        with signed_in(servers.any(), organization) as client:
            for number in range(WEBHOOKS):
                mailbox = Mailbox(receiver, f"/{number}")
                until(partial(_is_told_all, client, homes, mailbox))
                in_order(mailbox.events())


def _is_told_all(client: httpx.Client, homes: list[tuple[str, str]], mailbox: Mailbox) -> bool:
    """Whether the last event of each session is what the server serves, and there are some of every vehicle."""
    last = {event["session"]["id"]: event for event in mailbox.events()}
    told = {event["session"]["vehicleId"] for event in last.values()}
    return told == {vehicle for vehicle, _ in homes} and all(_is_served(client, e) for e in last.values())


def _is_served(client: httpx.Client, event: dict[str, Any]) -> bool:
    session = event["session"]
    policy = f"/flex/vehicle-policies/{session['policyId']}"
    if event["event"] == SESSION_WITHDRAWN:
        return client.get(f"{policy}/sessions/{session['id']}").status_code == 404
    where = f"/sessions/{session['id']}" if session["state"] == SETTLED else "/session"
    return bool(client.get(policy + where).json() == session)
