"""A fleet with a station on a real socket: what a driver's app sees of it, and a charge point of the `ocpp` package."""

from __future__ import annotations

import asyncio
import base64
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result
from websockets.asyncio.client import ClientConnection, connect

from contract.serving import DEADLINE_S, Serving
from dwell.application.credentials import create_organization
from dwell.application.stations.registry import StationSpecification, add_station, set_driver_tariff
from dwell.domain.ids import OrganizationId
from dwell.domain.instants import write_instant
from dwell.domain.station.equipment import Connector, Evse
from dwell.domain.station.registry import Site
from dwell.domain.tariff.driver import DriverTariff, TimeBand

BASE = "/public/charging/1"
TARIFF = DriverTariff(
    kwh_price=Decimal("0.88"), time_bands=(TimeBand(45, Decimal("0.12")),), vat=Decimal("0.19")
)
PLUG = Connector(number=1, plug_type="TYPE_2", power_max_w=22_000, current_max_a=32)
BERLIN = Site(
    operator="Acme",
    latitude=52.52,
    longitude=13.405,
    zip="10178",
    city="Berlin",
    street="Platz 1",
    country_code="DEU",
    hotline="+49 30 1",
)
_numbers = itertools.count(1)


@dataclass(slots=True, kw_only=True)
class Depot:
    """An organization, one station of two EVSEs, and its app."""

    serving: Serving
    owner: OrganizationId
    api_key: str
    name: str
    key: str
    station_id: str
    app: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        url, headers = self.serving.url + BASE, {"x-api-key": self.api_key}
        self.app = httpx.AsyncClient(base_url=url, headers=headers, timeout=DEADLINE_S)

    @property
    def evse(self) -> str:
        return f"DE*DWL*{self.name}*1"

    def ago(self, minutes: float) -> str:
        """The instant so long before the server's present."""
        return write_instant(self.serving.clock.now() - timedelta(minutes=minutes))

    def later(self, minutes: float) -> None:
        """Let time pass."""
        self.serving.clock.move_to(self.serving.clock.now() + timedelta(minutes=minutes))

    async def get(self, path: str, status: int = 200, /, **query: Any) -> Any:
        """The JSON at the path."""
        answer = await self.app.get(path, params=query)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def start(self, user: str = "anna", status: int = 200, **changes: Any) -> Any:
        """What a start is answered."""
        body = {"evse": self.evse, "user_reference": user, **changes}
        answer = await self.app.post("/sessions/start", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def stop(self, session_id: str, status: int = 200) -> Any:
        """What a stop is answered."""
        answer = await self.app.post(f"/sessions/{session_id}/stop")
        assert answer.status_code == status, answer.text
        return answer.json()

    @asynccontextmanager
    async def connected(self, state: str = "Available") -> AsyncIterator[Post]:
        """The station on its socket, up and ready."""
        shown = base64.b64encode(f"{self.name}:{self.key}".encode()).decode()
        async with connect(
            f"ws://127.0.0.1:{self.serving.station_port}/ocpp/{self.name}",
            subprotocols=["ocpp1.6"],  # type: ignore[list-item]  # a name is one of these words
            additional_headers={"Authorization": f"Basic {shown}"},
        ) as socket:
            post = Post(self, socket)
            reading = asyncio.create_task(post.start())
            try:
                await post.call(call.BootNotification(charge_point_model="M", charge_point_vendor="V"))
                await post.says(state)
                yield post
            finally:
                reading.cancel()
                with suppress(asyncio.CancelledError):
                    await reading


class Post(ChargePoint):  # type: ignore[misc]  # the package shows no types
    """A station of OCPP 1.6 that answers as it is set to."""

    def __init__(self, depot: Depot, socket: ClientConnection) -> None:
        super().__init__(depot.name, socket)
        self.depot = depot
        self.told = asyncio.Queue[tuple[str, Any]]()
        self.verdict = "Accepted"
        self.is_silent = False

    @on("RemoteStartTransaction")  # type: ignore[untyped-decorator]  # the package shows no types
    async def on_start(self, id_tag: str, **_: Any) -> Any:
        self.told.put_nowait(("start", id_tag))
        return call_result.RemoteStartTransaction(status=self.verdict)

    @on("RemoteStopTransaction")  # type: ignore[untyped-decorator]  # the package shows no types
    async def on_stop(self, transaction_id: int) -> Any:
        self.told.put_nowait(("stop", transaction_id))
        if self.is_silent:
            await asyncio.Event().wait()
        return call_result.RemoteStopTransaction(status=self.verdict)

    async def says(self, status: str, *, connector: int = 1) -> None:
        """Tell the state of a connector."""
        await self.call(call.StatusNotification(connector_id=connector, error_code="NoError", status=status))

    async def begins(self, tag: str, *, ago: float = 0, meter: int = 1000) -> int:
        """Begin a transaction; returns its number."""
        begun = await self.call(
            call.StartTransaction(
                connector_id=1, id_tag=tag, meter_start=meter, timestamp=self.depot.ago(ago)
            )
        )
        return int(begun.transaction_id)

    async def ends(self, number: int, *, ago: float = 0, meter: int = 21_000) -> None:
        """End the transaction."""
        await self.call(
            call.StopTransaction(transaction_id=number, meter_stop=meter, timestamp=self.depot.ago(ago))
        )


def depot_of(server: Serving, *, site: Site = BERLIN, tariff: DriverTariff | None = TARIFF) -> Depot:
    """A new organization with a registered station."""
    name = f"FLEET-{next(_numbers)}"

    async def make() -> Depot:
        made = await create_organization(server.ports, server.keyring, name)
        owner = OrganizationId(made.organization_id)
        evses = [Evse(number=n, evse=f"DE*DWL*{name}*{n}", connectors=(PLUG,)) for n in (1, 2)]
        wanted = StationSpecification(name=name, evses=evses, site=site)
        record, key = await add_station(server.ports, server.keyring, owner, wanted)
        if tariff is not None:
            await set_driver_tariff(server.ports, owner, tariff)
        return Depot(
            serving=server, owner=owner, api_key=made.api_key, name=name, key=key, station_id=record.id
        )

    return server.run(make())
