"""Two servers on one PostgreSQL: an order to either reaches the station by its one socket, once, or is refused.

The station is a charge point of the `ocpp` package on a real socket; orders go the way of a driver's app.
"""

from __future__ import annotations

import asyncio
import base64
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx
import pytest
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from dwell.adapters.relay.postgres import LEASE_S
from dwell.api.fleet.paths import BASE
from dwell.domain.instants import write_instant
from e2e.processes import DEADLINE_S, Process, dwell, environment, served

pytestmark = pytest.mark.anyio

NAME, EVSE = "CP-1", "DE*DWL*E1"
ROUTED_S = 1.0
"""Within this an order is at the station's process, or refused."""
BUSY = 5
"""How much longer everything may take on a busy machine."""


@dataclass(slots=True)
class Server:
    """One of the processes, as a driver's app sees it."""

    process: Process
    app: httpx.AsyncClient

    @property
    def station_port(self) -> int:
        return int(next(one["port"] for one in self.process.events if one["event"] == "stations_welcome"))

    def signal(self, number: signal.Signals) -> None:
        self.process.process.send_signal(number)

    async def post(self, path: str, **body: Any) -> httpx.Response:
        return await self.app.post(f"{BASE}{path}", json=body)

    async def start(self) -> httpx.Response:
        return await self.post("/sessions/start", evse=EVSE, user_reference="anna")

    async def session(self, session_id: str) -> Any:
        answer = await self.app.get(f"{BASE}/sessions/{session_id}")
        return answer.json()["session"]


@dataclass(slots=True)
class Pair:
    """Two servers on one database, with one station registered."""

    first: Server
    second: Server
    key: str

    @asynccontextmanager
    async def connected(self, server: Server) -> AsyncIterator[Post]:
        """The station on a socket of that server, up and ready."""
        async with self.socket(server) as socket:
            post = Post(NAME, socket)
            reading = asyncio.create_task(post.start())
            try:
                await post.call(call.BootNotification(charge_point_model="M", charge_point_vendor="V"))
                ready = call.StatusNotification(connector_id=1, error_code="NoError", status="Available")
                await post.call(ready)
                yield post
            finally:
                reading.cancel()
                with suppress(asyncio.CancelledError, Exception):  # it may have ended with its socket
                    await reading

    @asynccontextmanager
    async def moved(self, server: Server) -> AsyncIterator[Post]:
        """The station on a socket of that server, as soon as it is let in."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                try:
                    async with self.connected(server) as post:
                        yield post
                    return
                except InvalidStatus as refused:
                    assert refused.response.status_code == 503

    def socket(self, server: Server) -> Any:
        shown = base64.b64encode(f"{NAME}:{self.key}".encode()).decode()
        return connect(
            f"ws://127.0.0.1:{server.station_port}/ocpp/{NAME}",
            subprotocols=["ocpp1.6"],  # type: ignore[list-item]  # a name is one of these words
            additional_headers={"Authorization": f"Basic {shown}"},
            ping_interval=None,
        )


class Post(ChargePoint):  # type: ignore[misc]  # the package shows no types
    """A station that does as it is told, and keeps what that was."""

    def __init__(self, name: str, socket: ClientConnection) -> None:
        super().__init__(name, socket)
        self.socket = socket
        self.told = list[tuple[str, Any]]()

    @on("RemoteStartTransaction")  # type: ignore[untyped-decorator]  # the package shows no types
    async def on_start(self, id_tag: str, **_: Any) -> Any:
        self.told.append(("start", id_tag))
        return call_result.RemoteStartTransaction(status="Accepted")

    @on("RemoteStopTransaction")  # type: ignore[untyped-decorator]  # the package shows no types
    async def on_stop(self, transaction_id: int) -> Any:
        self.told.append(("stop", transaction_id))
        return call_result.RemoteStopTransaction(status="Accepted")

    async def begin(self) -> int:
        """Start the transaction that was ordered; returns its number."""
        started = await self.call(
            call.StartTransaction(
                connector_id=1,
                id_tag=self.told[-1][1],
                meter_start=0,
                timestamp=write_instant(datetime.now(UTC)),
            )
        )
        return int(started.transaction_id)


@contextmanager
def two_servers(folder: Path, url: str) -> Iterator[list[Process]]:
    env = environment(folder, url) | {"DWELL_SECRET_KEY": "ab" * 32}
    dwell("db", "upgrade", env=env)
    with ExitStack() as stack:
        yield [stack.enter_context(served(env)) for _ in range(2)]


@pytest.fixture
async def pair(tmp_path: Path, postgres_database: str) -> AsyncIterator[Pair]:
    with two_servers(tmp_path, postgres_database) as processes:
        env = environment(tmp_path, postgres_database) | {"DWELL_SECRET_KEY": "ab" * 32}
        key = json.loads(dwell("org", "create", "Acme", "--json", env=env))["api_key"]
        async with (
            httpx.AsyncClient(
                base_url=processes[0].url, headers={"x-api-key": key}, timeout=DEADLINE_S
            ) as one,
            httpx.AsyncClient(
                base_url=processes[1].url, headers={"x-api-key": key}, timeout=DEADLINE_S
            ) as other,
        ):
            body = {"name": NAME, "evses": [{"number": 1, "evse": EVSE}]}
            made = await one.post("/v1/stations", json=body)
            assert made.status_code == 201, made.text
            yield Pair(Server(processes[0], one), Server(processes[1], other), made.json()["key"])


async def until(condition: Callable[[], Awaitable[bool]]) -> float:
    """How long it took until the condition held, in s."""
    began_s, pause = perf_counter(), asyncio.Event()
    async with asyncio.timeout(DEADLINE_S):
        while not await condition():
            with suppress(TimeoutError):
                await asyncio.wait_for(pause.wait(), 0.005)
    return perf_counter() - began_s


async def told(post: Post, count: int) -> float:
    async def enough() -> bool:
        return len(post.told) >= count

    return await until(enough)


async def is_offline(server: Server) -> bool:
    answer = await server.start()
    return answer.status_code == 409 and "offline" in answer.text


async def is_connected(server: Server) -> bool:
    [station] = (await server.app.get("/v1/stations")).json()["stations"]
    return bool(station["connected"])


async def is_gone(server: Server) -> bool:
    return not await is_connected(server)


async def test_orders_at_the_other_server_reach_the_station_once(
    pair: Pair, record_property: Callable[[str, object], None]
) -> None:
    async with pair.connected(pair.first) as post:
        with pytest.raises(InvalidStatus) as refused:  # its socket at the first lives
            await pair.socket(pair.second).__aenter__()
        assert refused.value.response.status_code == 409
        began_s = perf_counter()
        started = await pair.second.start()
        assert started.status_code == 200, started.text
        await told(post, 1)
        start_s = perf_counter() - began_s
        number = await post.begin()
        began_s = perf_counter()
        stopped = await pair.second.post(f"/sessions/{started.json()['session']['id']}/stop")
        stop_s = perf_counter() - began_s
        assert stopped.status_code == 200, stopped.text
        assert post.told == [("start", post.told[0][1]), ("stop", number)]
    record_property("start_ms", round(start_s * 1000))
    record_property("stop_ms", round(stop_s * 1000))
    assert max(start_s, stop_s) < BUSY * ROUTED_S
    await until(lambda: is_gone(pair.second))  # it has left the first


async def test_what_a_stopped_server_was_to_pass_on_is_refused_and_never_sent(
    pair: Pair, record_property: Callable[[str, object], None]
) -> None:
    async with pair.connected(pair.first) as post:
        started = await pair.second.start()
        await told(post, 1)
        await post.begin()
        stop = f"/sessions/{started.json()['session']['id']}/stop"
        pair.first.signal(signal.SIGSTOP)
        began_s = perf_counter()
        refused = await pair.second.post(stop)
        took_s = perf_counter() - began_s
        assert refused.status_code == 504 and "does not answer" in refused.text, refused.text
        record_property("refused_ms", round(took_s * 1000))
        assert took_s < BUSY * ROUTED_S
        async with pair.moved(pair.second) as moved:  # once the lease of the first is over
            pair.first.signal(signal.SIGCONT)
            answer = await pair.first.start()  # it believes in its socket still, or knows better by now
            assert answer.status_code == 200, answer.text
            await told(moved, 1)
            await post.socket.wait_closed()
            assert [kind for kind, _ in moved.told] == ["start"]
            assert [kind for kind, _ in post.told] == ["start"]


async def test_a_station_of_a_killed_server_is_offline_once_the_lease_is_over(
    pair: Pair, record_property: Callable[[str, object], None]
) -> None:
    async with pair.connected(pair.first) as post:
        await until(lambda: is_connected(pair.second))
        pair.first.signal(signal.SIGKILL)
        took_s = await until(lambda: is_offline(pair.second))
        record_property("offline_ms", round(took_s * 1000))
        assert took_s < BUSY * (LEASE_S + ROUTED_S)
        assert post.told == []
    async with pair.connected(pair.second) as post:
        assert (await pair.second.start()).status_code == 200
        await told(post, 1)
        assert [kind for kind, _ in post.told] == ["start"]
