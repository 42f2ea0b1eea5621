"""How fast receivers are told: `python -m benchmarks.webhooks [--events N] [--store sqlite|postgres]`; a table.

A receiver in a process of its own shares the two cores. `single`: one event after the other goes to 1,000 endpoints,
one event a request. `batched`: all go to two endpoints, a hundred a request, the time of committing them included.
`hanging`: of 1,000 endpoints 30 % take the request and never answer; the time is that of the healthy ones, from the
commit to the arrival.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from dwell.adapters.clock import SystemClock
from dwell.adapters.ids import SystemIds
from dwell.adapters.storage import open_store, schema
from dwell.adapters.webhooks import HttpDeliver
from dwell.api.flex.events import render_event
from dwell.application.credentials import Keyring
from dwell.application.ports import Ports, Transaction
from dwell.application.records import Event
from dwell.application.webhooks import Office, Wanted, add_webhook
from dwell.domain.ids import OrganizationId, PolicyId, SessionId, UserId, VehicleId
from dwell.domain.policy.terms import VisitTerms
from dwell.domain.registry import Organization, User
from dwell.domain.session.record import UPCOMING, Session
from dwell.domain.webhooks.targets import TargetRules
from dwell.workers.delivery import DeliveryDesk, run_delivery
from scripts.private_postgres import private_cluster

SECRET = "a secret of ours"
WITHIN_S = 120.0
SINGLE_ENDPOINTS = 1_000
GOALS = {"single": "≥ 1,500", "batched": "≥ 20,000"}
_OK = b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n"


def receive(pipe: Connection) -> None:
    """The receiver's process: counts events and notes when each request came; paths under /hang get no answer."""
    asyncio.run(_receive(pipe))


async def _receive(pipe: Connection) -> None:
    events, delays = 0, list[float]()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal events
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                body = json.loads(await reader.readexactly(length))
                if b"/hang" in head[:40]:
                    continue
                events += len(body)
                delays.append(time.time())
                writer.write(_OK)

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    pipe.send(server.sockets[0].getsockname()[1])
    loop = asyncio.get_running_loop()
    async with server:
        while (asked := await loop.run_in_executor(None, pipe.recv)) != "end":
            pipe.send((events, list(delays)) if asked == "tell" else None)
            if asked == "clear":
                events, delays = 0, []


class Post:
    """The office, its organization, and the receiver."""

    def __init__(self, office: Office, port: int, pipe: Connection) -> None:
        self.office, self.port, self.pipe = office, port, pipe
        self.organization_id = OrganizationId(office.ports.ids.new_id())
        self.user_id = UserId(office.ports.ids.new_id())

    async def subscribe(self, path: str) -> None:
        wanted = Wanted(url=f"http://127.0.0.1:{self.port}/{path}", secret=SECRET)
        await add_webhook(self.office, self.organization_id, wanted)

    async def begin(self) -> None:
        """A new organization, so that what was before is out of the way."""
        ports = self.office.ports
        self.organization_id, self.user_id = OrganizationId(ports.ids.new_id()), UserId(ports.ids.new_id())
        now = ports.clock.now()
        await ports.store.write(
            lambda tx: tx.add_organization(Organization(id=self.organization_id, name="b", created_at=now))
        )
        user = User(id=self.user_id, organization_id=self.organization_id, reference="u", created_at=now)
        await ports.store.write(lambda tx: tx.add_user(user))
        self.ask("clear")

    async def happen(self, count: int, sessions: int) -> None:
        """So many significant events are committed, dealt out to the sessions."""
        ports, now = self.office.ports, self.office.ports.clock.now()
        ids = [ports.ids.new_id() for _ in range(sessions)]
        events = [self._event(ids[number % sessions], now) for number in range(count)]
        for first in range(0, count, 500):
            batch = events[first : first + 500]

            async def work(tx: Transaction, batch: list[Event] = batch) -> None:
                await tx.add_events(batch)

            await ports.store.write(work)

    def _event(self, session_id: str, now: Any) -> Event:
        session = Session(
            id=SessionId(session_id),
            organization_id=self.organization_id,
            user_id=self.user_id,
            vehicle_id=VehicleId(session_id),
            policy_id=PolicyId(session_id),
            location_id=None,
            state=UPCOMING,
            created_at=now,
            updated_at=now,
            terms=VisitTerms(
                timezone="Europe/Berlin",
                zone=None,
                power_max_w=11_000,
                power_min_w=1_400,
                battery_capacity_wh=60_000,
            ),
        )
        return Event(
            id=self.office.ports.ids.new_id(),
            organization_id=self.organization_id,
            session=session,
            created_at=now,
            significant=True,
        )

    def ask(self, what: str) -> Any:
        self.pipe.send(what)
        return self.pipe.recv()

    async def told(self, count: int) -> float:
        """Seconds until so many events arrived."""
        began_s = time.perf_counter()
        while time.perf_counter() - began_s < WITHIN_S:
            events, _ = self.ask("tell")
            if events >= count:
                return time.perf_counter() - began_s
            await asyncio.sleep(0.02)
        raise SystemExit(f"only {self.ask('tell')[0]} of {count} events came within {WITHIN_S:.0f} s")


@asynccontextmanager
async def a_post(database_url: str) -> AsyncIterator[Post]:
    await schema.upgrade(database_url)
    store = await open_store(database_url)
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=receive, args=(theirs,), daemon=True)
    process.start()
    rules = TargetRules(networks=(ip_network("127.0.0.0/8"),), plain_http=True)
    try:
        async with HttpDeliver(rules) as deliver, asyncio.TaskGroup() as tasks:
            ports = Ports(store, SystemClock(), SystemIds())
            post = Post(Office(ports=ports, keyring=Keyring(b"k" * 32), deliver=deliver), ours.recv(), ours)
            desk = DeliveryDesk(office=post.office, render=render_event, news=asyncio.Event())
            worker = tasks.create_task(run_delivery(desk))
            yield post
            worker.cancel()
    finally:
        ours.send("end")
        process.join(10)
        process.kill()
        await store.close()


def _row(table: Table, what: str, *, endpoints: int, heard: tuple[int, list[float]], took_s: float) -> None:
    events, arrivals = heard
    rate = f"{events / took_s:,.0f}"
    table.add_row(what, f"{endpoints:,}", f"{events:,}", f"{len(arrivals):,}", rate, GOALS[what], "")


async def measure(database_url: str, count: int, table: Table) -> None:
    async with a_post(database_url) as post:
        await post.begin()
        for number in range(SINGLE_ENDPOINTS):
            await post.subscribe(f"single/{number}")
        rounds = max(1, count // SINGLE_ENDPOINTS)
        began_s = time.perf_counter()
        for done in range(1, rounds + 1):
            await post.happen(1, 1)
            await post.told(done * SINGLE_ENDPOINTS)
        took_s = time.perf_counter() - began_s
        _row(table, "single", endpoints=SINGLE_ENDPOINTS, heard=post.ask("tell"), took_s=took_s)
        await post.begin()
        for number in range(2):
            await post.subscribe(f"batched/{number}")
        began_s = time.perf_counter()
        await post.happen(2 * count, 50)
        await post.told(4 * count)
        took_s = time.perf_counter() - began_s
        _row(table, "batched", endpoints=2, heard=post.ask("tell"), took_s=took_s)
        await post.begin()
        for number in range(1_000):
            await post.subscribe(f"{'hang' if number % 10 < 3 else 'fine'}/{number}")
        await post.happen(1, 1)
        await asyncio.sleep(0)
        committed_s = time.time()
        await post.told(700)
        delays = sorted(at - committed_s for at in post.ask("tell")[1])
        table.add_row(
            "hanging",
            "1,000",
            "700",
            f"{len(delays):,}",
            "",
            "< 1 s",
            f"{delays[int(len(delays) * 0.99)]:.2f}",
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.webhooks")
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--store", choices=["sqlite", "postgres"], default="sqlite")
    given = parser.parse_args()
    table = Table(title=f"events to receivers, {given.store}", title_justify="left")
    for name in ("what", "endpoints", "events told", "requests", "events/s", "goal", "p99 s"):
        table.add_column(name, justify="left" if name == "what" else "right")
    with tempfile.TemporaryDirectory(prefix="dwell-benchmark-") as folder:
        if given.store == "sqlite":
            asyncio.run(measure(f"sqlite:///{Path(folder)}/d.sqlite3", given.events, table))
        else:
            with private_cluster() as cluster:
                asyncio.run(measure(cluster.create_database("webhooks"), given.events, table))
    Console().print(table)


if __name__ == "__main__":
    main()
