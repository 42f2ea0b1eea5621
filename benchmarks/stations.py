"""How many stations a gateway holds, and how fast it stores what they say.

    python -m benchmarks.stations [--seconds 8] [--sockets 50] [--hold 5000] [--drain 150000]

The stations share the machine's cores with the server. A call is counted when its answer is there, which is after the
durable commit. `ocpp package`: the same load at a minimal central system on that package, which stores nothing.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from benchmarks.ingest import _free_port
from dwell.application.credentials import create_organization
from dwell.application.stations.registry import StationSpecification, add_station, add_token
from dwell.bootstrap import load_keyring, opened_ports
from dwell.domain.ids import OrganizationId
from dwell.domain.station.equipment import Evse
from dwell.settings import load_settings
from dwell.simulation.stations.telling import TOKEN, stamp
from scripts.private_postgres import private_cluster

CONNECTS_AT_ONCE = 64
BACK_WITHIN_S = 60.0
KEPT_ALIVE_S = 60.0
PER_DRAIN = 50
WARM_S = 6.0


@dataclass(frozen=True, slots=True)
class Served:
    """A server's listener, its process, and the keys of its stations by name."""

    url: str
    process: subprocess.Popen[bytes]
    keys: dict[str, str]
    start: Callable[[], subprocess.Popen[bytes]]


@contextmanager
def served(database: str, stations: int) -> Iterator[Served]:
    """`dwell serve` on that database, with so many stations registered."""
    port, web = _free_port(), _free_port()
    environment = {
        **os.environ,
        "DWELL_DATABASE_URL": database,
        "DWELL_LOG_LEVEL": "error",
        "DWELL_GATEWAY_PORT": str(port),
        "DWELL_GATEWAY_CONNECTIONS_PER_ADDRESS": "20000",
    }
    dwell = [sys.executable, "-m", "dwell"]
    subprocess.run([*dwell, "db", "upgrade"], check=True, env=environment, stdout=subprocess.DEVNULL)
    keys = asyncio.run(_registered(environment, stations))

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen([*dwell, "serve", "--port", str(web)], env=environment)

    process = start()
    found = Served(f"ws://127.0.0.1:{port}/ocpp", process, keys, start)
    try:
        yield found
    finally:
        process.terminate()
        process.wait(30)


async def _registered(environment: dict[str, str], stations: int) -> dict[str, str]:
    settings = load_settings(environment)
    keyring = load_keyring(settings)
    keys = {}
    async with opened_ports(settings, create=True) as ports:
        owner = OrganizationId((await create_organization(ports, keyring, "Bench")).organization_id)
        await add_token(ports, owner, TOKEN)
        for number in range(stations):
            name = f"B{number}"
            evses = [Evse(number=1, evse=f"XX*BEN*E{number}")]
            _, keys[name] = await add_station(
                ports, keyring, owner, StationSpecification(name=name, evses=evses)
            )
    return keys


class Station:
    """One socket, one call at a time."""

    def __init__(self, url: str, name: str, key: str) -> None:
        self._address, self._number = f"{url}/{name}", 0
        shown = base64.b64encode(f"{name}:{key}".encode()).decode()
        self._headers = {"Authorization": f"Basic {shown}"}
        self._socket: ClientConnection | None = None
        self.transaction = 0
        self.register_wh = 100_000
        self.latencies_s: list[float] = []

    async def open(self, patience_s: float = 30.0) -> None:
        """Connect, again and again with growing pauses. Raises TimeoutError."""
        lots, pause_s = Random(self._address), 0.2
        async with asyncio.timeout(patience_s):
            while True:
                try:
                    self._socket = await connect(
                        self._address,
                        subprotocols=[Subprotocol("ocpp1.6")],
                        additional_headers=self._headers,
                        compression=None,
                        ping_interval=None,
                    )
                except (OSError, WebSocketException):
                    await asyncio.sleep(pause_s * lots.uniform(0.5, 1.5))
                    pause_s = min(pause_s * 2, 5.0)
                else:
                    return

    async def call(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        if self._socket is None:
            raise RuntimeError("not connected")
        self._number += 1
        started_s = time.perf_counter()
        await self._socket.send(json.dumps([2, str(self._number), action, payload]))
        answer = json.loads(await self._socket.recv())
        self.latencies_s.append(time.perf_counter() - started_s)
        if answer[0] != 3:
            raise RuntimeError(f"{action}: {answer}")
        payload_of_answer: dict[str, Any] = answer[2]
        return payload_of_answer

    async def begin(self) -> None:
        await self.call("BootNotification", {"chargePointVendor": "B", "chargePointModel": "B"})
        start = {"connectorId": 1, "idTag": TOKEN, "meterStart": self.register_wh, "timestamp": _now()}
        self.transaction = (await self.call("StartTransaction", start))["transactionId"]

    async def meter(self) -> None:
        self.register_wh += 1
        samples = [
            {"value": str(self.register_wh), "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
            {"value": "7360", "measurand": "Power.Active.Import", "unit": "W"},
        ]
        value = {"timestamp": _now(), "sampledValue": samples}
        await self.call(
            "MeterValues", {"connectorId": 1, "transactionId": self.transaction, "meterValue": [value]}
        )

    async def close(self) -> None:
        if self._socket is not None:
            await self._socket.close()


def _now() -> str:
    return stamp(datetime.now(UTC))


async def opened(url: str, keys: dict[str, str], patience_s: float = 120.0) -> list[Station]:
    """All stations, connected; some at a time."""
    gate = asyncio.Semaphore(CONNECTS_AT_ONCE)

    async def one(name: str, key: str) -> Station:
        station = Station(url, name, key)
        async with gate:
            await station.open(patience_s)
        return station

    return list(await asyncio.gather(*(one(name, key) for name, key in keys.items())))


@dataclass(frozen=True, slots=True)
class Rate:
    """Calls answered in a time, and the latency that 99 of 100 do not pass."""

    calls: int
    seconds: float
    worst_ms: float

    @property
    def per_s(self) -> float:
        return self.calls / self.seconds


async def metering(url: str, keys: dict[str, str], seconds: float) -> Rate:
    """MeterValues as fast as they are answered."""
    stations = await opened(url, keys)
    await asyncio.gather(*(one.begin() for one in stations))
    for one in stations:
        one.latencies_s.clear()
    started_s = time.perf_counter()

    async def until_end(station: Station) -> None:
        while time.perf_counter() - started_s < seconds:
            await station.meter()

    await asyncio.gather(*(until_end(one) for one in stations))
    rate = _rate(stations, time.perf_counter() - started_s)
    await asyncio.gather(*(one.close() for one in stations))
    return rate


def _rate(stations: list[Station], seconds: float) -> Rate:
    latencies_s = sorted(one for station in stations for one in station.latencies_s)
    worst_ms = latencies_s[len(latencies_s) * 99 // 100] * 1000 if latencies_s else 0.0
    return Rate(len(latencies_s), seconds, worst_ms)


def _memory_mb(process: subprocess.Popen[bytes]) -> float:
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def holding(server: Served, minutes: float) -> list[str]:
    """All stations with a heartbeat, a status and meter values each minute; then the server is killed."""
    half = len(server.keys) // 2
    names = list(server.keys.items())
    first = await opened(server.url, dict(names[:half]))
    before_mb = _memory_mb(server.process)
    stations = first + await opened(server.url, dict(names[half:]))
    further = (_memory_mb(server.process) - before_mb) * 1e6 / max(1, len(stations) - half)
    gate = asyncio.Semaphore(CONNECTS_AT_ONCE)

    async def begun(station: Station) -> None:
        async with gate:
            await station.begin()

    await asyncio.gather(*(begun(one) for one in stations))
    for one in stations:
        one.latencies_s.clear()
    started_s = time.perf_counter()
    await asyncio.gather(
        *(_minute(one, place / len(stations), minutes) for place, one in enumerate(stations))
    )
    rate = _rate(stations, time.perf_counter() - started_s)
    said = [
        f"{len(stations):,} stations held: {rate.per_s:,.0f} calls/s, 99 of 100 within {rate.worst_ms:,.0f} ms",
        f"server {_memory_mb(server.process):,.0f} MB, {further:,.0f} bytes for a further station",
    ]
    return [*said, await _killed(server, stations)]


async def _minute(station: Station, share: float, minutes: float) -> None:
    await asyncio.sleep(share * minutes * KEPT_ALIVE_S)
    await station.call("Heartbeat", {})
    status = {"connectorId": 1, "errorCode": "NoError", "status": "Charging", "timestamp": _now()}
    await station.call("StatusNotification", status)
    await station.meter()


async def _killed(server: Served, stations: list[Station]) -> str:
    """The server is killed without a word; every station comes again with growing pauses."""
    server.process.send_signal(signal.SIGKILL)
    server.process.wait(30)
    started_s = time.perf_counter()
    again = server.start()
    try:
        backs = await asyncio.gather(*(_back(one, started_s) for one in stations))
    finally:
        again.terminate()
        again.wait(30)
    seconds = sorted(one for one in backs if one is not None)
    last = f", the last after {seconds[-1]:.1f} s" if seconds else ""
    return f"killed: {len(seconds):,} of {len(stations):,} are back within {BACK_WITHIN_S:.0f} s{last}"


async def _back(station: Station, started_s: float) -> float | None:
    try:
        await station.open(BACK_WITHIN_S)
        await station.call("Heartbeat", {})
    except (TimeoutError, WebSocketException):
        return None
    return time.perf_counter() - started_s


async def draining(server: Served, messages: int) -> str:
    """What waited in stations comes at once."""
    stations = await opened(server.url, server.keys)
    await asyncio.gather(*(one.begin() for one in stations))
    each = messages // len(stations)

    async def drain(station: Station) -> None:
        for _ in range(each):
            await station.meter()

    started_s = time.perf_counter()
    await asyncio.gather(*(drain(one) for one in stations))
    seconds = time.perf_counter() - started_s
    return f"{each * len(stations):,} messages of {len(stations)} stations drained in {seconds:.1f} s"


@asynccontextmanager
async def package_running() -> AsyncIterator[str]:
    """A minimal central system on the `ocpp` package, in a process of its own."""
    port = _free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.stations_package", str(port)
    )
    try:
        yield f"ws://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


async def _of_package(sockets: int, seconds: float) -> Rate:
    async with package_running() as url:
        return await metering(url, {f"B{number}": "x" for number in range(sockets)}, seconds)


@contextmanager
def database(store: str) -> Iterator[str]:
    """A fresh database of that kind."""
    if store == "postgres":
        with private_cluster() as cluster:
            yield cluster.create_database("bench")
        return
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{folder}/dwell.db"


@click.command()
@click.option("--seconds", default=8.0, show_default=True, help="Of metering, at each store.")
@click.option("--sockets", default=50, show_default=True)
@click.option("--hold", default=5_000, show_default=True, help="Stations held; 0 leaves it out.")
@click.option("--minutes", default=1.0, show_default=True, help="How long they are held.")
@click.option("--drain", default=150_000, show_default=True, help="Offline messages; 0 leaves it out.")
def main(*, seconds: float, sockets: int, hold: int, minutes: float, drain: int) -> None:
    """Measure and print."""
    console = Console()
    table = Table(title=f"MeterValues calls over {sockets} sockets, answered after the commit")
    for column in ("central system", "calls", "calls /s", "99 of 100 within ms"):
        table.add_column(column, justify="right")
    for store in ("sqlite", "postgres"):
        with database(store) as url, served(url, sockets) as server:
            asyncio.run(metering(server.url, server.keys, WARM_S))  # the planner is compiled beside it
            _row(table, store, asyncio.run(metering(server.url, server.keys, seconds)))
    _row(table, "ocpp package, not durable", asyncio.run(_of_package(sockets, seconds)))
    console.print(table)
    if hold:
        with database("sqlite") as url, served(url, hold) as server:
            console.print("\n".join(asyncio.run(holding(server, minutes))))
    if drain:
        with database("sqlite") as url, served(url, PER_DRAIN) as server:
            console.print(asyncio.run(draining(server, drain)))


def _row(table: Table, name: str, rate: Rate) -> None:
    table.add_row(name, f"{rate.calls:,}", f"{rate.per_s:,.0f}", f"{rate.worst_ms:,.1f}")


if __name__ == "__main__":
    main()
