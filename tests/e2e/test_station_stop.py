"""The listener stops while the store is away: nobody waits for what will not come, and nothing is acknowledged."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from dwell.domain.errors import Unavailable
from dwell.gateway.options import GatewayOptions
from e2e.test_stations import opened_site
from stores import AnyStore

pytestmark = pytest.mark.anyio
STOPS_WITHIN_S = 20.0
"""Far less than a message waits for a store."""


@dataclass(slots=True)
class Leaving:
    """A store that can go away, and says when somebody met it so."""

    store: AnyStore
    away: bool = False
    met: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self, work: Any, **options: Any) -> Any:
        if self.away:
            self.met.set()
            raise Unavailable("away")
        return await self.store.write(work, **options)

    async def read(self, work: Any) -> Any:
        return await self.store.read(work)


async def test_a_listener_that_stops_waits_for_no_store(store: AnyStore) -> None:
    leaving = Leaving(store)
    async with asyncio.timeout(STOPS_WITHIN_S):
        async with opened_site(leaving, GatewayOptions()) as site:  # type: ignore[arg-type]  # it is passed through
            socket = await site.socket()
            boot = {"chargePointVendor": "V", "chargePointModel": "M"}
            await socket.send(json.dumps([2, "1", "BootNotification", boot]))
            assert json.loads(await socket.recv())[2]["status"] == "Accepted"
            leaving.away = True
            said = {"connectorId": 1, "meterValue": []}
            await socket.send(json.dumps([2, "2", "MeterValues", said]))
            await leaving.met.wait()
        with pytest.raises(ConnectionClosed, match=r"restarts|store is away"):
            await socket.recv()
