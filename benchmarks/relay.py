"""How long a remote start takes to the station whose socket another process holds.

    python -m benchmarks.relay [--starts 200]

Two `dwell serve` on one PostgreSQL, a station at the first, orders over HTTP to either. Measured from the request's
sending to the order's arrival at the station; nothing but the store's own work is in between.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from statistics import median

import aiohttp
import click
from rich.console import Console
from rich.table import Table
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from benchmarks.ingest import _free_port
from scripts.private_postgres import private_cluster

DWELL = [sys.executable, "-m", "dwell"]
EVSES = 50
"""Of each station; every start is at one that is free."""
READY_WITHIN_S = 120.0


@contextmanager
def served(environment: dict[str, str]) -> Iterator[tuple[str, str]]:
    """A server while the block runs: where it is reached by callers, and by stations."""
    web, stations = _free_port(), _free_port()
    process = subprocess.Popen(
        [*DWELL, "serve", "--port", str(web)], env={**environment, "DWELL_GATEWAY_PORT": str(stations)}
    )
    try:
        yield f"http://127.0.0.1:{web}", f"ws://127.0.0.1:{stations}/ocpp"
    finally:
        process.terminate()
        process.wait(30)


async def ready(http: aiohttp.ClientSession, url: str) -> None:
    """Wait until the server answers."""
    async with asyncio.timeout(READY_WITHIN_S):
        while True:
            with suppress(aiohttp.ClientConnectionError):
                async with http.get(f"{url}/health/ready") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.1)


class Station:
    """A station that accepts every start, and notes when it came."""

    def __init__(self, name: str, socket: ClientConnection) -> None:
        self.name = name
        self.socket = socket
        self.came_s: asyncio.Queue[float] = asyncio.Queue()

    async def read(self) -> None:
        """Until the socket ends."""
        boot = {"chargePointVendor": "V", "chargePointModel": "M"}
        await self.socket.send(json.dumps([2, "boot", "BootNotification", boot]))
        async for text in self.socket:
            frame = json.loads(text)
            if frame[0] == 2:
                self.came_s.put_nowait(time.perf_counter())
                await self.socket.send(json.dumps([3, frame[1], {"status": "Accepted"}]))


@asynccontextmanager
async def connected(http: aiohttp.ClientSession, url: str, gate: str, name: str) -> AsyncIterator[Station]:
    """A new station on its socket."""
    evses = [{"number": n, "evse": f"{name}*{n}"} for n in range(1, EVSES + 1)]
    async with http.post(f"{url}/v1/stations", json={"name": name, "evses": evses}) as answer:
        answer.raise_for_status()
        key = (await answer.json())["key"]
    shown = base64.b64encode(f"{name}:{key}".encode()).decode()
    async with connect(
        f"{gate}/{name}",
        subprotocols=[Subprotocol("ocpp1.6")],
        additional_headers={"Authorization": f"Basic {shown}"},
    ) as socket:
        station = Station(name, socket)
        reading = asyncio.create_task(station.read())
        try:
            yield station
        finally:
            reading.cancel()


async def started(http: aiohttp.ClientSession, url: str, station: Station, number: int) -> float:
    """Order a start; seconds until it is at the station."""
    body = {"evse": f"{station.name}*{number}", "user_reference": "anna"}
    began_s = time.perf_counter()
    async with http.post(f"{url}/public/charging/1/sessions/start", json=body) as answer:
        answer.raise_for_status()
    async with asyncio.timeout(READY_WITHIN_S):
        return await station.came_s.get() - began_s


async def measured(environment: dict[str, str], api_key: str, starts: int) -> dict[str, list[float]]:
    """Seconds of each start, by where it was ordered."""
    with ExitStack() as stack:
        (here, gate), (there, _) = (stack.enter_context(served(environment)) for _ in range(2))
        took: dict[str, list[float]] = {}
        async with aiohttp.ClientSession(headers={"x-api-key": api_key}) as http:
            await asyncio.gather(ready(http, here), ready(http, there))
            for where, url in (("at the station's process", here), ("at the other", there)):
                found = took[where] = []
                for batch in range(-(-starts // EVSES)):
                    async with connected(http, here, gate, f"S{len(took)}-{batch}") as station:
                        for number in range(1, min(EVSES, starts - len(found)) + 1):
                            found.append(await started(http, url, station, number))
        return took


@click.command()
@click.option("--starts", default=200, show_default=True)
def main(*, starts: int) -> None:
    """Measure and print."""
    with private_cluster() as cluster:
        environment = {
            **os.environ,
            "DWELL_DATABASE_URL": cluster.create_database("bench"),
            "DWELL_SECRET_KEY": "ab" * 32,
            "DWELL_LOG_LEVEL": "error",
        }
        subprocess.run([*DWELL, "db", "upgrade"], check=True, env=environment, stdout=subprocess.DEVNULL)
        made = subprocess.run(
            [*DWELL, "org", "create", "Bench", "--json"], check=True, env=environment, stdout=subprocess.PIPE
        )
        took = asyncio.run(measured(environment, json.loads(made.stdout)["api_key"], starts))
    table = Table(title=f"{starts} remote starts, ms from the request to the station")
    for column in ("ordered", "median", "worst"):
        table.add_column(column, justify="right")
    for where, seconds in took.items():
        table.add_row(where, f"{median(seconds) * 1000:.1f}", f"{max(seconds) * 1000:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
