"""A station that speaks through npm's ocpp-rpc, strict by its own schemas, is started, metered and stopped."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from dwell.application.stations.orders import order_start, order_stop
from dwell.domain.station.transaction import AuthType, Status
from dwell.gateway.options import GatewayOptions
from e2e.test_stations import EVSE, NAME, Site, opened_site
from stores import AnyStore

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "tests/clients/ocpp_rpc"
WITHIN_S = 30.0


def node() -> str:
    """The interpreter; a test without it fails, for this is what it tests with."""
    found = shutil.which("node", path=f"{ROOT}/build/node/bin{os.pathsep}{os.environ.get('PATH', '')}")
    assert found is not None, "there is no Node: scripts/setup clients brings one"
    assert (CLIENT / "node_modules/ocpp-rpc").is_dir(), (
        "ocpp-rpc is missing: scripts/setup clients installs it"
    )
    return found


@asynccontextmanager
async def strict_station(site: Site, protocol: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        node(),
        str(CLIENT / "station.mjs"),
        f"ws://127.0.0.1:{site.port}/ocpp",
        NAME,
        protocol,
        env={"DWELL_KEY": site.key, "PATH": os.environ.get("PATH", "")},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def step(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """The next step that the station tells of; what it complains of, where it ended instead."""
    assert process.stdout is not None and process.stderr is not None
    async with asyncio.timeout(WITHIN_S):
        line = await process.stdout.readline()
        assert line, (await process.stderr.read()).decode()
    told: dict[str, Any] = json.loads(line)
    return told


def five_minutes_later(process: asyncio.subprocess.Process, site: Site) -> None:
    """Let time pass, and the station go on."""
    site.clock.later(5)
    assert process.stdin is not None
    process.stdin.write(b"\n")


@pytest.mark.parametrize("protocol", ["ocpp1.6", "ocpp2.0.1"])
async def test_a_strict_client_finds_no_fault_in_a_whole_charge(store: AnyStore, protocol: str) -> None:
    async with opened_site(store, GatewayOptions()) as site, strict_station(site, protocol) as station:
        booted = await step(station)
        assert (booted["step"], booted["status"]) == ("booted", "Accepted")
        five_minutes_later(station, site)
        assert (await step(station))["step"] == "ready"
        five_minutes_later(station, site)
        ordered = await order_start(site.ports, site.owner, evse=EVSE, user_reference="anna")
        begun = await step(station)
        assert (begun["step"], begun["verdict"]) == ("begun", "Accepted")
        five_minutes_later(station, site)
        charging = await step(station)
        running = await site.newest()
        assert (running.id, running.status, running.energy_wh) == (ordered.id, Status.ACTIVE, 500)
        assert (charging["step"], charging["name"]) == ("charging", running.reference)

        five_minutes_later(station, site)
        await order_stop(site.ports, site.owner, ordered.id)
        assert (await step(station))["step"] == "done"
        async with asyncio.timeout(WITHIN_S):
            assert await station.wait() == 0
        stored = await site.newest()
    assert (stored.status, stored.energy_wh, stored.auth_type) == (Status.CLOSED, 1200, AuthType.REMOTE)
