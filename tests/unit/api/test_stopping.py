"""The server and what runs beside it end together, and in order."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from dwell.adapters.clock import SystemClock
from dwell.adapters.ids import SystemIds
from dwell.adapters.storage.memory import MemoryStore
from dwell.api.server import listen
from dwell.application.credentials import Keyring
from dwell.application.ports import Ports
from dwell.bootstrap import build_app, run_app
from dwell.settings import Settings

pytestmark = pytest.mark.anyio


async def serve(beside: object, started: asyncio.Event, stop: asyncio.Event, urls: list[str]) -> None:
    ports = Ports(MemoryStore(), SystemClock(), SystemIds())
    app = build_app(ports, Settings(), keyring=Keyring(b"k" * 32))

    def on_started(url: str) -> None:
        urls.append(url)
        started.set()

    listener = listen("127.0.0.1", 0)
    await run_app(app, Settings(), listener, beside=beside, started=on_started, stop=stop)


async def test_a_stop_ends_what_runs_beside() -> None:
    started, stop, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def beside() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        tasks.create_task(serve(beside(), started, stop, []))
        await started.wait()
        stop.set()
    assert ended.is_set()


async def test_a_fault_beside_ends_the_server_in_order_and_is_raised_as_it_is() -> None:
    started, stop, break_now = asyncio.Event(), asyncio.Event(), asyncio.Event()
    urls = list[str]()

    async def beside() -> None:
        await break_now.wait()
        raise ZeroDivisionError("the engine broke")

    async with asyncio.timeout(20):
        server = asyncio.create_task(serve(beside(), started, stop, urls))
        await started.wait()
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{urls[0]}/health/live")).status_code == 200
            break_now.set()
        with pytest.raises(ZeroDivisionError):
            await server


async def test_a_port_that_is_taken_is_named() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1 port {port}"):
            listen("127.0.0.1", port)
