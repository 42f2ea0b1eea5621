"""Strangers at the listener, where they may wait: charge points of the `ocpp` package over real sockets."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from ocpp.exceptions import OCPPError, SecurityError
from ocpp.v16 import call as call16
from ocpp.v201 import call as call201
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from dwell.adapters.clock import SystemClock
from dwell.adapters.ids import SystemIds
from dwell.application.credentials import create_organization
from dwell.application.ports import Ports
from dwell.application.stations.pending import KEPT, PER_ADDRESS, approve_station, pending_of, refuse_station
from dwell.application.stations.registry import StationSpecification, add_station, stations_of
from dwell.domain.errors import NotFound
from dwell.domain.ids import OrganizationId
from dwell.domain.station.equipment import Evse
from dwell.domain.station.pending import PendingStation
from dwell.gateway.hub import StationHub
from dwell.gateway.options import GatewayOptions
from dwell.gateway.server import open_gateway
from dwell.gateway.waiting import SAID_PER_MINUTE
from e2e.test_stations import KEYRING, HandClock, New, Old, listening
from stores import AnyStore

pytestmark = pytest.mark.anyio
KEY = "a key of twenty-two ch."
BOOT_16 = call16.BootNotification(
    charge_point_model="M", charge_point_vendor="V", charge_point_serial_number="S-1"
)
BOOT_201 = call201.BootNotification(charging_station={"model": "M", "vendor_name": "V"}, reason="PowerUp")


@dataclass(frozen=True, slots=True)
class Door:
    """A listener that lets strangers wait for the organization's word."""

    ports: Ports
    clock: HandClock
    port: int
    owner: OrganizationId

    def socket(self, protocol: str = "ocpp1.6", *, name: str = "CP-1", key: str | None = KEY) -> Any:
        shown = base64.b64encode(f"{name}:{key}".encode()).decode()
        return connect(
            f"ws://127.0.0.1:{self.port}/ocpp/{name}",
            subprotocols=[protocol],  # type: ignore[list-item]  # a name is one of these words
            additional_headers={"Authorization": f"Basic {shown}"} if key is not None else {},
        )

    async def refused(self, *, name: str = "CP-1", key: str | None = KEY) -> int:
        """The status by which a knock is refused."""
        with pytest.raises(InvalidStatus) as refused:
            await self.socket(name=name, key=key).__aenter__()
        return int(refused.value.response.status_code)

    async def boot(self, *, name: str = "CP-1", key: str | None = KEY) -> str:
        """The word that answers the boot of a socket that comes for it alone."""
        async with self.socket(name=name, key=key) as socket, listening(Old(socket)) as station:
            return str((await station.call(BOOT_16)).status)

    async def waiting(self) -> list[PendingStation]:
        return await pending_of(self.ports, self.owner)

    async def approve(self, *, renew_key: bool = False) -> str | None:
        wanted = StationSpecification(name="CP-1", evses=[Evse(number=1, evse="DE*ONE")])
        _, key = await approve_station(self.ports, KEYRING, self.owner, wanted, renew_key=renew_key)
        return key


@asynccontextmanager
async def opened(store: AnyStore, *, lets_wait: bool = True, **options: Any) -> AsyncIterator[Door]:
    hub, clock = StationHub(), HandClock(SystemClock().now())
    ports = Ports(store, clock, SystemIds(), stations=hub)
    owner = OrganizationId((await create_organization(ports, KEYRING, "Depot")).organization_id)
    chosen = GatewayOptions(pending_organization=owner if lets_wait else "", **options)
    async with open_gateway(ports, KEYRING, hub, options=chosen) as port:
        yield Door(ports, clock, port, owner)


@pytest.fixture
async def door(store: AnyStore) -> AsyncIterator[Door]:
    async with opened(store) as door:
        yield door


STATIONS = {
    "ocpp1.6": (Old, BOOT_16, call16.Heartbeat()),
    "ocpp2.0.1": (New, BOOT_201, call201.Heartbeat()),
}


@pytest.mark.parametrize("protocol", STATIONS)
async def test_a_stranger_waits_and_boots_once_approved(door: Door, protocol: str) -> None:
    kind, boot, beat = STATIONS[protocol]
    async with door.socket(protocol) as socket, listening(kind(socket)) as station:
        answer = await station.call(boot)
        assert (answer.status, answer.interval) == ("Pending", 60)
        with pytest.raises(SecurityError):
            await station.call(beat, suppress=False)
        assert await stations_of(door.ports, door.owner) == []
        [pending] = await door.waiting()
        assert (pending.vendor, pending.model, pending.protocol) == ("V", "M", protocol)
        assert (await station.call(boot)).status == "Pending"
        assert await door.approve() is None
        assert (await station.call(boot)).status == "Accepted"
        await station.call(beat, suppress=False)
        [record] = await stations_of(door.ports, door.owner)
        assert door.ports.stations.is_connected(record.id)
        assert record.boot is not None
    assert await door.waiting() == []
    assert await door.boot() == "Accepted"
    assert await door.refused(key="another key of its own") == 401


async def test_nothing_of_a_stranger_is_taken(door: Door) -> None:
    async with door.socket() as socket, listening(Old(socket)) as station:
        started = call16.StartTransaction(
            connector_id=1, id_tag="CARD", meter_start=1, timestamp=door.clock.later(1)
        )
        with pytest.raises(OCPPError):
            await station.call(started, suppress=False)
        assert await door.waiting() == []
        await station.call(BOOT_16)
        with pytest.raises(SecurityError):
            await station.call(started, suppress=False)
    kept = await door.ports.store.read(lambda reader: reader.newest_transactions(door.owner))
    assert kept == []
    assert not await stations_of(door.ports, door.owner)


async def test_a_stranger_is_refused_where_none_may_wait(store: AnyStore) -> None:
    async with opened(store, lets_wait=False) as door:
        assert await door.refused() == 401
        assert await door.waiting() == []


async def test_whoever_shows_another_key_is_not_who_waits(door: Door) -> None:
    assert await door.boot() == "Pending"
    assert await door.refused(key="the key of somebody else") == 401
    assert await door.refused(key=None) == 401
    assert await door.approve() is None
    assert await door.refused(key="the key of somebody else") == 401
    assert await door.boot() == "Accepted"


async def test_a_key_that_is_too_short_is_replaced(door: Door) -> None:
    assert await door.boot(key="admin") == "Pending"
    key = await door.approve()
    assert key is not None
    assert await door.refused(key="admin") == 401
    assert await door.boot(key=key) == "Accepted"


async def test_an_operator_may_want_a_new_key(door: Door) -> None:
    said = {"chargePointModel": "M", "chargePointVendor": "V"}
    async with door.socket() as socket:
        await socket.send(json.dumps([2, "1", "BootNotification", said]))
        assert json.loads(await socket.recv())[2]["status"] == "Pending"
        key = await door.approve(renew_key=True)
        assert key is not None
        await socket.send(json.dumps([2, "2", "BootNotification", said]))
        assert json.loads(await socket.recv())[2]["status"] == "Rejected"
        with pytest.raises(ConnectionClosed, match="refused"):
            await socket.recv()
    assert await door.refused() == 401
    assert await door.boot(key=key) == "Accepted"


async def test_without_a_key_only_where_that_is_allowed(store: AnyStore) -> None:
    async with opened(store) as door:
        assert await door.refused(key=None) == 401
    async with opened(store, without_key=True) as door:
        assert await door.boot(key=None) == "Pending"
        assert await door.refused() == 401
        key = await door.approve()
        assert key is not None
        assert await door.boot(key=key) == "Accepted"


async def test_a_refused_name_stays_refused_until_approved(door: Door) -> None:
    async with door.socket() as socket, listening(Old(socket)) as station:
        await station.call(BOOT_16)
        await refuse_station(door.ports, door.owner, "CP-1")
        assert await door.refused() == 409
    assert await door.refused() == 401
    [held] = await door.waiting()
    assert held.refused_at is not None
    assert await door.approve() is None
    assert await door.boot() == "Accepted"
    with pytest.raises(NotFound):
        await refuse_station(door.ports, door.owner, "CP-1")


async def test_registering_a_station_ends_its_waiting(door: Door) -> None:
    assert await door.boot() == "Pending"
    _, key = await add_station(door.ports, KEYRING, door.owner, StationSpecification(name="CP-1"))
    assert await door.waiting() == []
    assert await door.refused() == 401
    assert await door.boot(key=key) == "Accepted"


async def test_only_so_many_wait(store: AnyStore) -> None:
    async with opened(store, pending_at_most=2) as door:
        assert [await door.boot(name=f"CP-{number}") for number in range(2)] == ["Pending", "Pending"]
        assert await door.refused(name="CP-2") == 401
        assert await door.boot(name="CP-1") == "Pending"
        door.clock.at += KEPT + timedelta(seconds=1)
        assert await door.boot(name="CP-2") == "Pending"
        assert [one.name for one in await door.waiting()] == ["CP-2"]


async def test_only_so_many_wait_from_one_address(door: Door) -> None:
    for number in range(PER_ADDRESS):
        assert await door.boot(name=f"CP-{number}") == "Pending"
    assert await door.refused(name="CP-10") == 401
    assert len(await door.waiting()) == PER_ADDRESS


async def test_an_address_may_try_only_so_often(store: AnyStore) -> None:
    async with opened(store, failures_per_minute=3) as door:
        for _ in range(3):
            assert await door.boot() == "Pending"
        assert await door.refused() == 429
        _, key = await add_station(door.ports, KEYRING, door.owner, StationSpecification(name="CP-2"))
        assert await door.boot(name="CP-2", key=key) == "Accepted"


async def test_a_name_that_no_station_can_have_does_not_wait(door: Door) -> None:
    assert await door.refused(name="CP%20" + "1" * 60) == 401


async def test_a_stranger_that_never_stops_talking_is_let_go_of(door: Door) -> None:
    said = {"chargePointModel": "M", "chargePointVendor": "V"}
    async with door.socket() as socket:
        with pytest.raises(ConnectionClosed, match="too much said"):
            for number in range(SAID_PER_MINUTE + 1):
                await socket.send(json.dumps([2, str(number), "BootNotification", said]))
                assert json.loads(await socket.recv())[2]["status"] == "Pending"
    assert number == SAID_PER_MINUTE
    assert await door.boot() == "Pending"
