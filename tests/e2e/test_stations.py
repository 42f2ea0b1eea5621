"""Stations of others' making (the charge points of the `ocpp` package) at our listener, over real sockets."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from ocpp.routing import on
from ocpp.v16 import ChargePoint as ChargePoint16
from ocpp.v16 import call as call16
from ocpp.v16 import call_result as result16
from ocpp.v201 import ChargePoint as ChargePoint201
from ocpp.v201 import call as call201
from ocpp.v201 import call_result as result201
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from application.storage.builders import user as user_of
from application.storage.builders import vehicle as vehicle_of
from dwell.adapters.clock import SystemClock
from dwell.adapters.ids import SystemIds
from dwell.application.credentials import Keyring, create_organization
from dwell.application.engine import Engine, run_due
from dwell.application.ports import Ports
from dwell.application.queries import settled_sessions
from dwell.application.records import SessionFilter
from dwell.application.stations.orders import order_start, order_stop
from dwell.application.stations.registry import StationSpecification, add_station, add_token
from dwell.bootstrap import NoVehicles
from dwell.domain.errors import Conflict
from dwell.domain.ids import OrganizationId, VehicleId
from dwell.domain.station.equipment import Evse
from dwell.domain.station.transaction import AuthType, Status, Transaction
from dwell.gateway.hub import StationHub
from dwell.gateway.options import GatewayOptions
from dwell.gateway.server import open_gateway
from stores import AnyStore

pytestmark = pytest.mark.anyio
KEYRING = Keyring(bytes(32))
NAME = "CP-1"
EVSE = "DE*DWL*E1"


@dataclass(slots=True)
class HandClock:
    """Time that goes on when it is told to."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def later(self, minutes: float) -> str:
        """Let the minutes pass; returns the instant, as stations write it."""
        self.at += timedelta(minutes=minutes)
        return self.at.isoformat()


@dataclass(frozen=True, slots=True)
class Site:
    """A listener with one registered station."""

    ports: Ports
    clock: HandClock
    port: int
    owner: OrganizationId
    key: str
    hub: StationHub

    def socket(self, protocol: str = "ocpp1.6", *, name: str = NAME, key: str | None = None) -> Any:
        shown = base64.b64encode(f"{name}:{key or self.key}".encode()).decode()
        return connect(
            f"ws://127.0.0.1:{self.port}/ocpp/{name}",
            subprotocols=[protocol],  # type: ignore[list-item]  # a name is one of these words
            additional_headers={"Authorization": f"Basic {shown}"},
        )

    async def newest(self) -> Transaction:
        return (await self.ports.store.read(lambda reader: reader.newest_transactions(self.owner)))[0]


@asynccontextmanager
async def opened_site(
    store: AnyStore, options: GatewayOptions, vehicle: str | None = None
) -> AsyncIterator[Site]:
    hub = StationHub()
    clock = HandClock(SystemClock().now())
    ports = Ports(store, clock, SystemIds(), stations=hub)
    owner = OrganizationId((await create_organization(ports, KEYRING, "Depot")).organization_id)
    car = VehicleId(vehicle) if vehicle is not None else None
    if car is not None:
        now = clock.now()
        made = msgspec.structs.replace(vehicle_of(), id=car, organization_id=owner, created_at=now)
        await store.write(lambda tx: tx.add_user(msgspec.structs.replace(user_of(), organization_id=owner)))
        await store.write(lambda tx: tx.save_vehicle(made))
    wanted = StationSpecification(name=NAME, evses=[Evse(number=1, evse=EVSE, vehicle_id=car)])
    _, key = await add_station(ports, KEYRING, owner, wanted)
    async with open_gateway(ports, KEYRING, hub, options=options) as port:
        yield Site(ports, clock, port, owner, key, hub)


@pytest.fixture
async def site(store: AnyStore) -> AsyncIterator[Site]:
    async with opened_site(store, GatewayOptions()) as opened:
        yield opened


@asynccontextmanager
async def listening(station: Any) -> AsyncIterator[Any]:
    task = asyncio.create_task(station.start())
    try:
        yield station
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class Old(ChargePoint16):  # type: ignore[misc]  # the package shows no types
    """A station of OCPP 1.6 that does as it is told."""

    def __init__(self, socket: ClientConnection) -> None:
        super().__init__(NAME, socket)
        self.told = asyncio.Queue[tuple[str, Any]]()

    @on("RemoteStartTransaction")  # type: ignore[untyped-decorator]  # the package shows no types
    async def on_start(self, id_tag: str, **_: Any) -> Any:
        self.told.put_nowait(("start", id_tag))
        return result16.RemoteStartTransaction(status="Accepted")

    @on("RemoteStopTransaction")  # type: ignore[untyped-decorator]  # the package shows no types
    async def on_stop(self, transaction_id: int) -> Any:
        self.told.put_nowait(("stop", transaction_id))
        return result16.RemoteStopTransaction(status="Accepted")


class New(ChargePoint201):  # type: ignore[misc]  # the package shows no types
    """A station of OCPP 2.0.1 that does as it is told."""

    def __init__(self, socket: ClientConnection) -> None:
        super().__init__(NAME, socket)
        self.told = asyncio.Queue[tuple[str, Any]]()

    @on("RequestStartTransaction")  # type: ignore[untyped-decorator]  # the package shows no types
    async def on_start(self, id_token: Any, remote_start_id: int, **_: Any) -> Any:
        self.told.put_nowait(("start", (id_token, remote_start_id)))
        return result201.RequestStartTransaction(status="Accepted")

    @on("RequestStopTransaction")  # type: ignore[untyped-decorator]  # the package shows no types
    async def on_stop(self, transaction_id: str) -> Any:
        self.told.put_nowait(("stop", transaction_id))
        return result201.RequestStopTransaction(status="Accepted")


async def test_a_station_of_1_6_is_started_metered_and_stopped(site: Site) -> None:
    async with site.socket() as socket, listening(Old(socket)) as station:
        booted = await station.call(call16.BootNotification(charge_point_model="M", charge_point_vendor="V"))
        assert booted.status == "Accepted"
        await station.call(
            call16.StatusNotification(connector_id=1, error_code="NoError", status="Preparing")
        )
        ordered = await order_start(site.ports, site.owner, evse="dedwle1", user_reference="anna")
        _, tag = await station.told.get()
        started = await station.call(
            call16.StartTransaction(
                connector_id=1, id_tag=tag, meter_start=1000, timestamp=site.clock.later(0.1)
            )
        )
        assert started.id_tag_info["status"] == "Accepted"
        reading = {"timestamp": site.clock.later(5), "sampledValue": [{"value": "1500"}]}
        await station.call(
            call16.MeterValues(connector_id=1, transaction_id=started.transaction_id, meter_value=[reading])
        )
        running = await site.newest()
        assert (running.id, running.status, running.energy_wh) == (ordered.id, Status.ACTIVE, 500)
        await order_stop(site.ports, site.owner, ordered.id)
        assert await station.told.get() == ("stop", started.transaction_id)
        await station.call(
            call16.StopTransaction(
                meter_stop=2200, timestamp=site.clock.later(5), transaction_id=started.transaction_id
            )
        )
    stored = await site.newest()
    assert (stored.status, stored.energy_wh, stored.auth_type) == (Status.CLOSED, 1200, AuthType.REMOTE)


async def test_a_station_of_2_0_1_is_started_metered_and_stopped(site: Site) -> None:

    def told(event: str, at: str, place: int, wh: int, **more: Any) -> Any:
        sample = {"value": wh, "measurand": "Energy.Active.Import.Register"}
        return call201.TransactionEvent(
            event_type=event,
            timestamp=at,
            trigger_reason="RemoteStart",
            seq_no=place,
            meter_value=[{"timestamp": at, "sampled_value": [sample]}],
            **more,
        )

    async with site.socket("ocpp2.0.1") as socket, listening(New(socket)) as station:
        await station.call(
            call201.BootNotification(
                charging_station={"model": "M", "vendor_name": "V"},
                reason="PowerUp",
            )
        )
        ordered = await order_start(site.ports, site.owner, evse=EVSE, user_reference="anna")
        _, (token, number) = await station.told.get()
        named = {"transaction_id": "tx-1", "remote_start_id": number}
        answer = await station.call(
            told(
                "Started",
                site.clock.later(0.1),
                0,
                1000,
                transaction_info=named,
                evse={"id": 1},
                id_token=token,
            )
        )
        assert answer.id_token_info["status"] == "Accepted"
        await station.call(told("Updated", site.clock.later(5), 1, 1500, transaction_info=named))
        await order_stop(site.ports, site.owner, ordered.id)
        assert await station.told.get() == ("stop", "tx-1")
        await station.call(told("Ended", site.clock.later(5), 2, 2200, transaction_info=named))
    stored = await site.newest()
    assert (stored.id, stored.status, stored.energy_wh) == (ordered.id, Status.CLOSED, 1200)


async def test_who_has_no_right_key_stays_outside_and_learns_nothing(site: Site) -> None:
    for name, key in ((NAME, "x" * 20), ("nobody", site.key)):
        with pytest.raises(InvalidStatus) as refused:
            await site.socket(name=name, key=key).__aenter__()
        assert refused.value.response.status_code == 401


async def test_a_second_socket_is_refused_while_the_first_lives(site: Site) -> None:
    async with site.socket():
        with pytest.raises(InvalidStatus) as refused:
            await site.socket().__aenter__()
        assert refused.value.response.status_code == 409


async def test_a_start_at_a_station_that_is_away_is_refused(site: Site) -> None:
    with pytest.raises(Conflict, match="offline"):
        await order_start(site.ports, site.owner, evse=EVSE, user_reference="anna")


CAR = "0d7e3a0e-0000-4000-8000-00000000ca12"


async def test_the_session_of_the_vehicle_that_stands_there_has_the_stations_energy(store: AnyStore) -> None:
    async with opened_site(store, GatewayOptions(), vehicle=CAR) as site, site.socket() as socket:
        await add_token(site.ports, site.owner, "CARD")
        async with listening(Old(socket)) as station:
            await station.call(call16.BootNotification(charge_point_model="M", charge_point_vendor="V"))
            await says(station, site, "Preparing")
            plugged_at = site.clock.at
            started = await station.call(
                call16.StartTransaction(
                    connector_id=1, id_tag="CARD", meter_start=1000, timestamp=site.clock.later(1)
                )
            )
            for wh in range(2000, 6001, 1000):
                reading = {"timestamp": site.clock.later(6), "sampledValue": [{"value": str(wh)}]}
                await station.call(
                    call16.MeterValues(
                        connector_id=1, transaction_id=started.transaction_id, meter_value=[reading]
                    )
                )
            await station.call(
                call16.StopTransaction(
                    meter_stop=6500, timestamp=site.clock.later(3), transaction_id=started.transaction_id
                )
            )
            await says(station, site, "Available")
            gone_at = site.clock.at
        wanted = SessionFilter(include_hidden=True)
        site.clock.later(2)  # a plug-out counts after a minute
        await run_due(Engine(site.ports, NoVehicles()))
        [visit] = await settled_sessions(site.ports, site.owner, wanted, after=None, before=None, limit=9)
        assert (visit.vehicle_id, visit.energy_wh) == (CAR, 5500)
        assert (visit.plugged_in_at, visit.plugged_out_at) == (plugged_at, gone_at)


async def test_a_session_has_the_energy_from_the_first_reading_to_the_one_at_the_plug_out(
    store: AnyStore,
) -> None:
    async with opened_site(store, GatewayOptions(), vehicle=CAR) as site:
        async with site.socket("ocpp2.0.1") as socket, listening(New(socket)) as station:
            about = {"model": "M", "vendor_name": "V"}
            await station.call(call201.BootNotification(charging_station=about, reason="PowerUp"))
            await add_token(site.ports, site.owner, "CARD")
            for place, (event, wh) in enumerate((("Started", 1000), ("Updated", 1300), ("Ended", 1500))):
                at = site.clock.later(10)
                samples = [
                    {"value": wh, "measurand": "Energy.Active.Import.Register"},
                    {"value": 3000, "measurand": "Power.Active.Import"},
                ]
                await station.call(
                    call201.TransactionEvent(
                        event_type=event,
                        timestamp=at,
                        trigger_reason="EVDeparted" if event == "Ended" else "Authorized",
                        seq_no=place,
                        transaction_info={"transaction_id": "tx-1", "stopped_reason": "EVDisconnected"},
                        evse={"id": 1},
                        id_token={"id_token": "CARD", "type": "ISO14443"},
                        meter_value=[{"timestamp": at, "sampled_value": samples}],
                    )
                )
            gone_at = site.clock.at
        site.clock.later(2)  # a plug-out counts after a minute
        await run_due(Engine(site.ports, NoVehicles()))
        wanted = SessionFilter(include_hidden=True)
        [visit] = await settled_sessions(site.ports, site.owner, wanted, after=None, before=None, limit=9)
        assert (visit.plugged_out_at, visit.energy_wh) == (gone_at, 500)


async def says(station: Old, site: Site, status: str) -> None:
    """A status a minute later."""
    await station.call(
        call16.StatusNotification(
            connector_id=1, error_code="NoError", status=status, timestamp=site.clock.later(1)
        )
    )


def spoiled(number: int) -> str | bytes:
    """One of a thousand frames that nobody should send; never 50 in a row that are no frames at all."""
    kinds: list[str | bytes] = [
        json.dumps([2, str(number), "MeterValues", {"connectorId": "x"}]),
        json.dumps([2, str(number), "StartTransaction", {"meterStart": -(10**number % 7)}]),
        "[" * (number % 300 + 1),
        json.dumps([2, str(number), "NoSuchAction", {"a": "\ud800\u0000" * (number % 9)}]),
        json.dumps([3, str(number), {"status": "Accepted"}]),
        json.dumps([4, str(number), "Oops", "", {}]),
        json.dumps(
            [2, str(number), "StatusNotification", {"connectorId": 10**18, "status": [], "errorCode": {}}]
        ),
        json.dumps([2, str(number), "BootNotification", [None] * (number % 50)]),
        json.dumps({"not": "a list", "number": number}),
        json.dumps([2, str(number), "StopTransaction", {"transactionId": 1e400, "timestamp": "never"}]),
    ]
    return kinds[number % len(kinds)]


async def test_a_thousand_spoiled_frames_of_one_station_harm_no_other(site: Site) -> None:
    owner, clean = site.owner, StationSpecification(name="CP-2", evses=[Evse(number=1, evse="DE*DWL*E2")])
    _, key = await add_station(site.ports, KEYRING, owner, clean)
    async with site.socket(name="CP-2", key=key) as other, listening(ChargePoint16("CP-2", other)) as good:
        await good.call(call16.BootNotification(charge_point_model="M", charge_point_vendor="V"))
        async with site.socket() as socket, asyncio.TaskGroup() as both:
            both.create_task(drained(socket))
            for number in range(1, 1201):
                await socket.send(spoiled(number))
                if number % 100 == 0:
                    await good.call(call16.Heartbeat())
            await socket.send(json.dumps([2, "last", "Heartbeat", {}]))
        assert (await good.call(call16.Heartbeat())).current_time
    kept = await site.ports.store.read(lambda reader: reader.newest_transactions(owner))
    assert {(one.status, one.energy_wh) for one in kept} == {(Status.INVALID, 0)}  # refused, and never lost


async def drained(socket: ClientConnection) -> None:
    """Read on until the last call was answered: the station is still listened to."""
    async with asyncio.timeout(30):
        while json.loads(await socket.recv())[1] != "last":
            pass
