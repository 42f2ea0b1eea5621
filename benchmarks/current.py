"""The current session of one vehicle out of very many, over HTTP: `python -m benchmarks.current [--vehicles N]`.

One `dwell serve` on an SQLite file, and callers in this process on connections that stay open, each sending its next
request when the last is answered; server and callers share the machine. Prints requests a second at full load and the
latency at half of that, sent evenly. Every vehicle is at some user's, every second one in a session.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

from dwell.adapters.clock import SystemClock
from dwell.adapters.ids import SystemIds
from dwell.adapters.storage import open_store, schema
from dwell.application.credentials import Keyring, create_organization, issue_token
from dwell.application.ports import Ports, Transaction
from dwell.domain.ids import OrganizationId, SessionId, UserId, VehicleId
from dwell.domain.policy.terms import VisitTerms
from dwell.domain.registry import Information, Vehicle
from dwell.domain.session.record import ACTIVE, Session

KEY = "ab" * 32
CHUNK = 2_000
PATH = "/api/partners/v2.0/org/{}/users/{}/electric-vehicles/{}/sessions/current"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: its token, and the requests it may send."""

    requests: Sequence[bytes]


def name(kind: int, number: int) -> str:
    """A UUID made of what it names."""
    return f"0198{kind:04x}-0000-7000-8000-{number:012x}"


async def filled(url: str, vehicles: int) -> Caller:
    """A store with so many vehicles, and a caller who may ask for each of them."""
    await schema.upgrade(url)
    store = await open_store(url)
    try:
        ports = Ports(store, SystemClock(), SystemIds())
        keyring = Keyring(bytes.fromhex(KEY))
        new = await create_organization(ports, keyring, "Acme")
        token = await issue_token(
            ports,
            keyring,
            client_id=new.client_id,
            client_secret=new.client_secret,
            dialect="partner",
            lifetime=timedelta(hours=10),
        )
        for first in track(range(0, vehicles, CHUNK), "Vehicles", console=Console(stderr=True)):
            numbers = range(first, min(first + CHUNK, vehicles))

            async def work(tx: Transaction, numbers: range = numbers) -> None:
                await _save(tx, new.organization_id, ports, numbers)

            await store.write(work)
    finally:
        await store.close()
    chance = random.Random(1)
    asked = [chance.randrange(vehicles) for _ in range(20_000)]
    return Caller([_request(new.organization_id, n, token or "") for n in asked])


def _request(organization_id: str, number: int, token: str) -> bytes:
    path = PATH.format(organization_id, name(2, number), name(3, number))
    return f"GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n".encode()


async def _save(tx: Transaction, owner: OrganizationId, ports: Ports, numbers: range) -> None:
    now = ports.clock.now()
    for number in numbers:
        await tx.save_vehicle(
            Vehicle(
                id=VehicleId(name(3, number)),
                organization_id=owner,
                user_id=UserId(name(2, number)),
                vendor="ACME",
                information=Information(brand="Acme", model="One"),
                battery_capacity_wh=60_000,
                power_max_w=11_000,
                created_at=now,
                updated_at=now,
            )
        )
    await tx.save_sessions([_session(owner, number, ports) for number in numbers if number % 2])


def _session(owner: OrganizationId, number: int, ports: Ports) -> Session:
    now = ports.clock.now()
    return Session(
        id=SessionId(name(1, number)),
        organization_id=owner,
        user_id=UserId(name(2, number)),
        vehicle_id=VehicleId(name(3, number)),
        policy_id=None,
        location_id=None,
        state=ACTIVE,
        created_at=now,
        updated_at=now,
        terms=VisitTerms(battery_capacity_wh=60_000),
        plugged_in_at=now,
    )


@contextmanager
def served(folder: Path, url: str) -> Iterator[int]:
    """The port of a server that runs meanwhile."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("DWELL_")}
    env = kept | {"DWELL_DATABASE_URL": url, "DWELL_SECRET_KEY": KEY, "DWELL_LOG_FORMAT": "json"}
    log = folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "dwell", "serve", "--port", "0"], env=env, stdout=out, stderr=out
        )
        try:
            yield _port(process, log)
        finally:
            process.terminate()
            process.wait(30)


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    """Where the server listens, as soon as its log says so. Raises RuntimeError where it ends instead."""
    while process.poll() is None:
        found = re.search(r"http://127\.0\.0\.1:(\d+)", log.read_text())
        if found is not None:
            return int(found[1])
        time.sleep(0.1)
    raise RuntimeError(log.read_text())


async def answered(reader: asyncio.StreamReader) -> None:
    """Read one answer. Raises RuntimeError for any but 200."""
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(head.decode("latin-1"))
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    await reader.readexactly(length)


async def full_load(port: int, caller: Caller, *, connections: int, for_s: float) -> float:
    """Requests a second with every connection always waiting for an answer."""
    end_s, done = time.perf_counter() + for_s, 0

    async def one(seed: int) -> None:
        nonlocal done
        chance = random.Random(seed)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < end_s:
            writer.write(chance.choice(caller.requests))
            await answered(reader)
            done += 1
        writer.close()

    started_s = time.perf_counter()
    await asyncio.gather(*(one(seed) for seed in range(connections)))
    return done / (time.perf_counter() - started_s)


async def even_load(
    port: int, caller: Caller, per_s: float, *, connections: int, for_s: float
) -> list[float]:
    """Latencies in s, counted from when each request was due, at so many a second."""
    latencies = list[float]()
    started_s, step_s = time.perf_counter() + 0.2, connections / per_s

    async def one(number: int) -> None:
        chance = random.Random(number)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        due_s = started_s + number / per_s
        while due_s < started_s + for_s:
            await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
            writer.write(chance.choice(caller.requests))
            await answered(reader)
            latencies.append(time.perf_counter() - due_s)
            due_s += step_s
        writer.close()

    await asyncio.gather(*(one(number) for number in range(connections)))
    return sorted(latencies)


async def measure(vehicles: int, connections: int, for_s: float) -> None:
    """Fill, serve, load, print."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/dwell.db"
        caller = await filled(url, vehicles)
        with served(Path(folder), url) as port:
            await full_load(port, caller, connections=connections, for_s=1)
            rate = await full_load(port, caller, connections=connections, for_s=for_s)
            latencies = await even_load(port, caller, rate / 2, connections=connections, for_s=for_s)
    table = Table("vehicles", "requests/s", "half load: p50 ms", "p99 ms", "requests")
    p50, p99 = (latencies[int(len(latencies) * part)] * 1000 for part in (0.5, 0.99))
    table.add_row(f"{vehicles:,}", f"{rate:,.0f}", f"{p50:.1f}", f"{p99:.1f}", f"{len(latencies):,}")
    Console().print(table)


@click.command()
@click.option("--vehicles", default=100_000, show_default=True)
@click.option("--connections", default=32, show_default=True)
@click.option("--seconds", default=10.0, show_default=True)
def main(vehicles: int, connections: int, seconds: float) -> None:
    """Measure, and print a table."""
    asyncio.run(measure(vehicles, connections, seconds))


if __name__ == "__main__":
    main()
