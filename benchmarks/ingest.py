"""Durable observations over HTTP beside the raw bulk insert of the same rows: `python -m benchmarks.ingest`.

A server of its own process, on SQLite and on PostgreSQL; a client beside it on the same cores keeps `--at-once` batches
under way. Every observation is new, in order for its vehicle, and moves a running visit on: parsed, folded, stored and
answered after the commit. The raw figure inserts the very rows that the server stored, 500 a transaction, by the
database's own fastest plain way, into a fresh table with the same key.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import asyncpg
import click
from rich.console import Console
from rich.table import Table

from dwell.adapters.storage.tables import facts
from scripts.private_postgres import private_cluster

RAW_BATCH = 500
READ = f"SELECT {', '.join(column.name for column in facts.columns)} FROM facts"  # noqa: S608 - our own names
SAMPLE_EVERY = timedelta(seconds=10)


@dataclass(frozen=True)
class Figures:
    """What one database did."""

    database: str
    observations: int
    seconds: float
    raw_per_s: float

    @property
    def per_s(self) -> float:
        return self.observations / self.seconds


@contextmanager
def served(url: str) -> Iterator[tuple[str, dict[str, str]]]:
    """A server on that database and the credentials of a new organization."""
    environment = {**os.environ, "DWELL_DATABASE_URL": url, "DWELL_LOG_LEVEL": "error"}
    dwell = [sys.executable, "-m", "dwell"]
    subprocess.run([*dwell, "db", "upgrade"], check=True, env=environment, stdout=subprocess.DEVNULL)
    made = subprocess.run(
        [*dwell, "org", "create", "bench", "--json"], check=True, env=environment, capture_output=True
    )
    port = _free_port()
    server = subprocess.Popen([*dwell, "serve", "--port", str(port)], env=environment)
    try:
        yield f"http://127.0.0.1:{port}", json.loads(made.stdout)
    finally:
        server.terminate()
        server.wait(30)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


async def _ready(http: aiohttp.ClientSession) -> None:
    """Wait, at most half a minute, until the server answers."""
    for _ in range(300):
        try:
            async with http.get("/health/ready") as answer:
                if answer.status == 200:
                    return
        except aiohttp.ClientConnectionError:
            pass
        await asyncio.sleep(0.1)
    raise RuntimeError("the server did not start")


async def send(address: str, credentials: dict[str, str], plan: Plan) -> tuple[int, float]:
    """Observations taken, and the seconds that it took."""
    headers = {"x-api-key": credentials["api_key"]}
    async with aiohttp.ClientSession(address, headers=headers) as http:
        await _ready(http)
        bearer = await _token(http, credentials)
        vehicles = [await _vehicle(http, bearer, number) for number in range(plan.vehicles)]
        bodies = list(_bodies(vehicles, plan))
        queue = iter(bodies)
        started = time.perf_counter()
        taken = await asyncio.gather(*(_sender(http, queue) for _ in range(plan.at_once)))
        return sum(taken), time.perf_counter() - started


async def _sender(http: aiohttp.ClientSession, queue: Iterator[bytes]) -> int:
    taken = 0
    for body in queue:
        async with http.post(
            "/v1/observations", data=body, headers={"content-type": "application/json"}
        ) as answer:
            said = await answer.json()
            if answer.status != 202 or said["rejected"]:
                raise RuntimeError(f"{answer.status} {said}")
            taken += said["accepted"]
    return taken


@dataclass(frozen=True)
class Plan:
    """How much is sent, and how."""

    observations: int
    vehicles: int
    batch: int
    at_once: int


def _bodies(vehicles: list[str], plan: Plan) -> Iterator[bytes]:
    """Batches of `batch` observations; one vehicle's are always in the same sender's order of time."""
    rounds = plan.observations // plan.batch
    per_vehicle = 5
    at_once = plan.batch // per_vehicle
    start_at = datetime.now(UTC) - timedelta(hours=20)
    clock = dict.fromkeys(vehicles, start_at)
    register = dict.fromkeys(vehicles, 100.0)
    groups = [vehicles[i : i + at_once] for i in range(0, len(vehicles), at_once)]
    for number in range(rounds):
        items = []
        for vehicle in groups[number % len(groups)]:
            for _ in range(per_vehicle):
                clock[vehicle] += SAMPLE_EVERY
                register[vehicle] += 7.4 * 10 / 3600
                items.append(_item(vehicle, clock[vehicle], register[vehicle]))
        yield json.dumps(items).encode()


def _item(vehicle: str, at: datetime, register_kwh: float) -> dict[str, object]:
    return {
        "vehicle_id": vehicle,
        "at": at.isoformat().replace("+00:00", "Z"),
        "plugged_in": True,
        "charging": True,
        "power_kw": 7.4,
        "soc_percent": 50,
        "energy_register_kwh": round(register_kwh, 3),
    }


async def _token(http: aiohttp.ClientSession, credentials: dict[str, str]) -> dict[str, str]:
    login = aiohttp.encode_basic_auth(credentials["client_id"], credentials["client_secret"])
    form, headers = {"grant_type": "client_credentials"}, {"authorization": login}
    async with http.post("/oauth2/token", headers=headers, data=form) as answer:
        return {"authorization": f"Bearer {(await answer.json())['access_token']}"}


async def _vehicle(http: aiohttp.ClientSession, bearer: dict[str, str], number: int) -> str:
    body = {
        "vendor": "BENCH",
        "information": {"brand": "a", "model": "b"},
        "batteryCapacity": 77,
        "maxPower": 11,
    }
    async with http.post(f"/users/u{number}/vehicles", json=body, headers=bearer) as answer:
        vehicle: str = (await answer.json())["id"]
        return vehicle


def raw_sqlite(path: Path) -> float:
    """Rows a second of the same rows into a fresh file."""
    with closing(sqlite3.connect(path)) as source:
        rows = source.execute(READ).fetchall()
    with closing(sqlite3.connect(path.with_name("raw.db"), isolation_level=None)) as raw:
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("PRAGMA synchronous=FULL")
        raw.execute(
            "CREATE TABLE facts (organization_id TEXT, vehicle_id TEXT, digest BLOB, at INTEGER, received_at INTEGER,"
            " body BLOB, PRIMARY KEY (organization_id, vehicle_id, digest)) WITHOUT ROWID"
        )
        started = time.perf_counter()
        for first in range(0, len(rows), RAW_BATCH):
            raw.execute("BEGIN IMMEDIATE")
            raw.executemany("INSERT INTO facts VALUES (?,?,?,?,?,?)", rows[first : first + RAW_BATCH])
            raw.execute("COMMIT")
        return len(rows) / (time.perf_counter() - started)


async def raw_postgres(url: str) -> float:
    """Rows a second of the same rows into a fresh table, by COPY."""
    connection = await asyncpg.connect(url)
    try:
        rows = [tuple(row) for row in await connection.fetch(READ)]
        await connection.execute("CREATE TABLE raw (LIKE facts INCLUDING ALL)")
        started = time.perf_counter()
        for first in range(0, len(rows), RAW_BATCH):
            await connection.copy_records_to_table("raw", records=rows[first : first + RAW_BATCH])
        return len(rows) / (time.perf_counter() - started)
    finally:
        await connection.close()


def measure_sqlite(plan: Plan) -> Figures:
    """The embedded default."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dwell.db"
        with served(f"sqlite:///{path}") as (address, credentials):
            taken, seconds = asyncio.run(send(address, credentials, plan))
        return Figures("SQLite", taken, seconds, raw_sqlite(path))


def measure_postgres(plan: Plan) -> Figures:
    """PostgreSQL with its own defaults of durability."""
    with private_cluster() as cluster:
        url = cluster.create_database("bench")
        with served(url) as (address, credentials):
            taken, seconds = asyncio.run(send(address, credentials, plan))
        return Figures("PostgreSQL", taken, seconds, asyncio.run(raw_postgres(url)))


@click.command()
@click.option("--observations", default=100_000, show_default=True)
@click.option("--vehicles", default=1_000, show_default=True)
@click.option("--batch", default=500, show_default=True, help="Observations in one request.")
@click.option("--at-once", default=4, show_default=True, help="Requests under way.")
def main(observations: int, vehicles: int, batch: int, at_once: int) -> None:
    """Measure and print."""
    plan = Plan(observations, vehicles, batch, at_once)
    table = Table(
        title=f"Durable observations, {batch} a request, {at_once} requests at once, {vehicles} vehicles"
    )
    for column in ("database", "observations", "over HTTP /s", "raw insert /s", "share of raw"):
        table.add_column(column, justify="right")
    for figures in (measure_sqlite(plan), measure_postgres(plan)):
        table.add_row(
            figures.database,
            f"{figures.observations:,}",
            f"{figures.per_s:,.0f}",
            f"{figures.raw_per_s:,.0f}",
            f"{figures.per_s / figures.raw_per_s:.0%}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
