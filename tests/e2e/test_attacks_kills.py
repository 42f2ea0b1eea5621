"""Attacks on one server's disk and life: a kill amid a flood of facts, and a disk that fills up."""

from __future__ import annotations

import json
import resource
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from dwell.domain.instants import write_instant
from e2e.attacks import CLIENTS, Json, make_home, until
from e2e.processes import DEADLINE_S, dwell, environment, served
from e2e.test_serving import minutes_ago, signed_in


@pytest.fixture(params=["sqlite", "postgres"])
def env(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """An operator's environment on each database."""
    if request.param == "sqlite":
        return environment(tmp_path, f"sqlite:///{tmp_path}/dwell.db")
    return environment(tmp_path, request.getfixturevalue("postgres_database"))


def test_a_kill_amid_ingest_loses_nothing_that_was_answered(env: dict[str, str]) -> None:
    dwell("db", "upgrade", env=env)
    organization = json.loads(dwell("org", "create", "Acme", "--json", env=env))
    answered, enough = list[Json](), threading.Event()
    since = datetime.now(UTC) - timedelta(hours=20)
    with served(env) as process, signed_in(process, organization) as client:
        vehicles = [make_home(client)[0] for _ in range(4)]

        def send(sender: int) -> None:
            for turn in range(1_000_000):
                at = write_instant(since + timedelta(seconds=sender + turn * 10))
                vehicle = vehicles[(sender + turn) % len(vehicles)]
                facts = [
                    {"vehicle_id": vehicle, "at": at, "id": f"{sender}-{turn}-{part}", "plugged_in": True}
                    for part in range(5)
                ]
                try:
                    taken = client.post("/v1/observations", json=facts).json()["accepted"]
                except httpx.HTTPError:
                    return  # the kill
                assert taken == 5
                answered.extend(facts)
                if len(answered) >= 500:
                    enough.set()

        with ThreadPoolExecutor(CLIENTS) as senders:
            jobs = [senders.submit(send, sender) for sender in range(CLIENTS)]
            assert enough.wait(DEADLINE_S)
            process.process.kill()
            for job in jobs:
                job.result()
    with served(env) as process, signed_in(process, organization) as client:
        again = client.post("/v1/observations", json=answered[:10_000]).json()
    assert again == {"accepted": 0, "duplicates": min(len(answered), 10_000), "rejected": [], "flagged": []}


def test_a_full_disk_takes_nothing_serves_on_and_heals(tmp_path: Path) -> None:
    env = environment(tmp_path, f"sqlite:///{tmp_path}/dwell.db")
    organization = json.loads(dwell("org", "create", "Acme", "--json", env=env))
    with served(env) as process, signed_in(process, organization) as client:
        vehicle, policy = make_home(client)
        number = process.process.pid
        _, hard = resource.prlimit(number, resource.RLIMIT_FSIZE)
        largest = max(file.stat().st_size for file in tmp_path.glob("dwell.db*"))
        resource.prlimit(number, resource.RLIMIT_FSIZE, (largest + 200_000, hard))
        accepted, sent, refused = 0, list[Json](), None
        for turn in range(500):
            facts = [
                {"vehicle_id": vehicle, "at": minutes_ago(900 - turn - part / 100), "plugged_in": True}
                for part in range(50)
            ]
            answer = client.post("/v1/observations", json=facts)
            if answer.status_code == 503:
                refused = answer
                break
            accepted += answer.json()["accepted"]
            sent += facts
        assert refused is not None
        assert refused.headers["retry-after"] == "1"
        assert client.get(f"/flex/vehicle-policies/{policy}/session").json()["state"] == "ACTIVE:REGULAR"
        resource.prlimit(number, resource.RLIMIT_FSIZE, (hard, hard))
        until(lambda: client.post("/v1/observations", json=facts).status_code == 202)
        again = client.post("/v1/observations", json=[*sent, *facts][-10_000:]).json()
        assert (again["accepted"], accepted) == (0, len(sent))
        assert process.process.poll() is None
