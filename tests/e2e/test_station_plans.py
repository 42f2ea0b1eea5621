"""A vehicle's plan reaches the station it charges at, as a profile that the station keeps by itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection

from dwell.adapters.storage.memory import MemoryStore
from dwell.application.engine import BATCH, Engine, run_due
from dwell.application.policies import create_policy
from dwell.application.prices import import_prices
from dwell.application.stations.registry import add_token
from dwell.application.stations.steering import StationWay, send_plans_again
from dwell.bootstrap import NoVehicles
from dwell.domain.ids import LocationId, VehicleId
from dwell.domain.registry import Location
from dwell.domain.station.ladder import Rung
from dwell.domain.tariff.curve import PriceSlot
from dwell.gateway.options import GatewayOptions
from e2e.test_stations import NAME, Site, opened_site

pytestmark = pytest.mark.anyio

CAR, DEPOT = "car-1", LocationId("depot")
HOUR = timedelta(hours=1)
WITHIN_S = 10.0


class Charger:
    """A 1.6 station that answers our calls as it is told to, and keeps what it was told."""

    def __init__(self, socket: ClientConnection, site: Site) -> None:
        self.socket, self.site = socket, site
        self.calls: list[tuple[str, Any]] = []
        self.answers: dict[str, str] = {}
        self.told = asyncio.Event()
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self._count = 0

    async def listen(self) -> None:
        async for text in self.socket:
            frame = json.loads(text)
            if frame[0] == 2:
                purpose = frame[3].get("csChargingProfiles", {}).get("chargingProfilePurpose", "")
                said = self.answers.get(purpose) or self.answers.get(frame[2], "Accepted")
                await self.socket.send(json.dumps([3, frame[1], {"status": said}]))
                if frame[2] == "GetCompositeSchedule":
                    continue
                self.calls.append((frame[2], frame[3]))
                self.told.set()
            else:
                self._waiting.pop(frame[1]).set_result(frame[2])

    async def say(self, action: str, **payload: Any) -> Any:
        self._count += 1
        name = f"m{self._count}"
        self._waiting[name] = asyncio.get_running_loop().create_future()
        await self.socket.send(json.dumps([2, name, action, payload]))
        async with asyncio.timeout(WITHIN_S):
            return await self._waiting[name]

    async def heard(self) -> tuple[str, Any]:
        """The next order."""
        async with asyncio.timeout(WITHIN_S):
            await self.told.wait()
        self.told.clear()
        return self.calls[-1]

    async def begin(self) -> int:
        await self.say("BootNotification", chargePointVendor="V", chargePointModel="M")
        now = self.site.clock.later(1)
        await self.say(
            "StatusNotification", connectorId=1, errorCode="NoError", status="Preparing", timestamp=now
        )
        answer = await self.say(
            "StartTransaction", connectorId=1, idTag="x", meterStart=0, timestamp=self.site.clock.later(1)
        )
        return int(answer["transactionId"])


@asynccontextmanager
async def planned() -> AsyncIterator[tuple[Site, Engine]]:
    """A depot whose vehicle has a policy, prices that are high for two hours and then low."""
    async with opened_site(MemoryStore(), GatewayOptions(), vehicle=CAR) as site:
        now = site.clock.now()
        car = await site.ports.store.read(lambda reader: reader.vehicle(site.owner, VehicleId(CAR)))
        assert car is not None
        await add_token(site.ports, site.owner, "x", user_reference="driver")
        place = Location(
            id=DEPOT,
            organization_id=site.owner,
            user_id=car.user_id,
            name="depot",
            latitude=52.5,
            longitude=13.4,
            timezone="UTC",
            zone="DE-LU",
            created_at=now,
            updated_at=now,
        )
        await site.ports.store.write(lambda tx: tx.save_location(place))
        first_at = now.replace(minute=0, second=0, microsecond=0)
        slots = [
            PriceSlot(first_at + n * HOUR, first_at + (n + 1) * HOUR, Decimal(n < 2) / 2 + Decimal("0.1"))
            for n in range(48)
        ]
        await import_prices(site.ports, "DE-LU", "EUR", slots)
        await create_policy(site.ports, site.owner, VehicleId(CAR), DEPOT)
        yield site, Engine(site.ports, StationWay(site.ports, NoVehicles()))


@asynccontextmanager
async def charging() -> AsyncIterator[tuple[Site, Charger, Engine]]:
    """The planned depot with a station on its socket."""
    async with planned() as (site, engine), site.socket() as socket:
        charger = Charger(socket, site)
        listening = asyncio.create_task(charger.listen())
        try:
            yield site, charger, engine
        finally:
            listening.cancel()


async def look(engine: Engine) -> list[tuple[VehicleId, str]]:
    undelivered: list[tuple[VehicleId, str]] = []
    while True:
        looked = await run_due(engine)
        undelivered += looked.undelivered
        if looked.due < BATCH:
            return undelivered


async def meter(charger: Charger, number: int, *, wh: int, w: int, soc: int) -> None:
    at = charger.site.clock.later(1)
    values = [
        {"value": str(wh), "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
        {"value": str(w), "measurand": "Power.Active.Import", "unit": "W"},
        {"value": str(soc), "measurand": "SoC", "unit": "Percent"},
    ]
    await charger.say(
        "MeterValues",
        connectorId=1,
        transactionId=number,
        meterValue=[{"timestamp": at, "sampledValue": values}],
    )


async def test_the_whole_plan_goes_to_the_station_and_again_after_a_boot() -> None:
    async with charging() as (site, charger, engine):
        number = await charger.begin()
        await meter(charger, number, wh=10, w=7_000, soc=50)
        assert await look(engine) == []
        action, payload = await charger.heard()
        profile = payload["csChargingProfiles"]
        assert (action, payload["connectorId"]) == ("SetChargingProfile", 1)
        assert (profile["chargingProfilePurpose"], profile["transactionId"]) == ("TxProfile", number)
        periods = profile["chargingSchedule"]["chargingSchedulePeriod"]
        assert periods[0]["limit"] == 0  # dear now
        assert any(period["limit"] > 0 for period in periods)  # and all that is planned for later
        assert periods[-1]["limit"] == 0

        record = await site.ports.store.read(lambda reader: reader.station_named(NAME))
        assert record is not None
        charger.calls.clear()
        await send_plans_again(StationWay(site.ports, NoVehicles()), record)
        assert charger.calls[0][1]["csChargingProfiles"]["chargingProfilePurpose"] == "TxProfile"


async def test_what_is_refused_is_told_another_way_which_is_remembered() -> None:
    async with charging() as (site, charger, engine):
        charger.answers = {"TxProfile": "NotSupported", "TxDefaultProfile": "NotSupported"}
        number = await charger.begin()
        await meter(charger, number, wh=10, w=7_000, soc=50)
        assert await look(engine) == []
        purposes = [call[1]["csChargingProfiles"]["chargingProfilePurpose"] for call in charger.calls]
        assert purposes == ["TxProfile", "TxDefaultProfile", "ChargePointMaxProfile"]
        record = await site.ports.store.read(lambda reader: reader.station_named(NAME))
        assert record is not None and record.ladder is not None
        assert record.ladder.rung is Rung.STATION_MAX_PROFILE


async def test_a_station_that_keeps_no_profile_is_stopped_and_started() -> None:
    async with charging() as (site, charger, engine):
        charger.answers = {"SetChargingProfile": "NotSupported"}
        number = await charger.begin()
        await meter(charger, number, wh=10, w=7_000, soc=50)
        assert await look(engine) == []
        assert charger.calls[-1] == ("RemoteStopTransaction", {"transactionId": number})
        record = await site.ports.store.read(lambda reader: reader.station_named(NAME))
        assert record is not None and record.ladder is not None and record.ladder.rung is Rung.START_STOP
        kept = msgspec.to_builtins(record.ladder)
        assert list(kept["ruled_out"]) == [0, 1, 2, 3]
