"""A station is asked what it makes of the profile that it took, in both versions; that finds out who ignores it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from copy import deepcopy
from typing import Any

import pytest
from ocpp.routing import on
from ocpp.v16 import call as call16
from ocpp.v16 import call_result as result16
from ocpp.v201 import call as call201
from ocpp.v201 import call_result as result201
from websockets.asyncio.client import ClientConnection

from dwell.domain.ids import VehicleId
from dwell.domain.station.ladder import Rung
from dwell.domain.station.profile import Purpose, RateUnit
from dwell.domain.station.read_back import Holding, ReadBack
from dwell.domain.station.registry import StationRecord
from dwell.simulation.stations.charger import Charger
from dwell.simulation.stations.shelf import Shelf
from dwell.simulation.stations.wire import Sign
from dwell.simulation.vehicle import VirtualVehicle
from e2e.test_station_plans import CAR, look, planned
from e2e.test_stations import NAME, New, Old, Site, listening

pytestmark = pytest.mark.anyio
Schedule = dict[str, Any]
Keeps = Callable[[Schedule], Schedule | None]
"""What a station shows of the schedule that it took; None: it cannot be asked."""
VERSIONS = ("ocpp1.6", "ocpp2.0.1")


def all_of_it(schedule: Schedule) -> Schedule:
    return schedule


def in_whole_watts(schedule: Schedule) -> Schedule:
    for period in schedule["charging_schedule_period"]:
        period["limit"] = float(round(period["limit"] * 230 * 3))
    return {**schedule, "charging_rate_unit": "W"}


def full_power(schedule: Schedule) -> Schedule:
    return {**schedule, "charging_schedule_period": [{"start_period": 0, "limit": 32.0}]}


def no_more_than_eight(schedule: Schedule) -> Schedule:
    for period in schedule["charging_schedule_period"]:
        period["limit"] = min(8.0, period["limit"])
    return schedule


def nothing(_: Schedule) -> None:
    return None


class Keeping16(Old):
    """Takes every profile, and shows what it keeps."""

    def __init__(self, socket: ClientConnection, keeps: Keeps) -> None:
        super().__init__(socket)
        self.keeps, self.taken, self.asked = keeps, list[Any](), 0

    @on("SetChargingProfile")  # type: ignore[untyped-decorator]  # the package shows no types
    async def on_profile(self, connector_id: int, cs_charging_profiles: Any) -> Any:
        del connector_id
        self.taken.append(cs_charging_profiles)
        return result16.SetChargingProfile(status="Accepted")

    @on("GetCompositeSchedule")  # type: ignore[untyped-decorator]  # the package shows no types
    async def on_question(self, connector_id: int, duration: int, **_: Any) -> Any:
        self.asked += 1
        schedule = deepcopy(self.taken[-1]["charging_schedule"])
        begins = schedule.pop("start_schedule")
        for period in schedule["charging_schedule_period"]:
            period["limit"] = float(period["limit"])  # the package reads decimals, and writes none
        shown = self.keeps(schedule)
        if shown is None:
            return result16.GetCompositeSchedule(status="Rejected")
        return result16.GetCompositeSchedule(
            status="Accepted",
            connector_id=connector_id,
            schedule_start=begins,
            charging_schedule={**shown, "duration": duration},
        )


class Keeping201(New):
    """Takes every profile, and shows what it keeps."""

    def __init__(self, socket: ClientConnection, keeps: Keeps) -> None:
        super().__init__(socket)
        self.keeps, self.taken, self.asked = keeps, list[Any](), 0

    @on("SetChargingProfile")  # type: ignore[untyped-decorator]  # the package shows no types
    async def on_profile(self, evse_id: int, charging_profile: Any) -> Any:
        del evse_id
        self.taken.append(charging_profile)
        return result201.SetChargingProfile(status="Accepted")

    @on("GetCompositeSchedule")  # type: ignore[untyped-decorator]  # the package shows no types
    async def on_question(self, evse_id: int, duration: int, **_: Any) -> Any:
        self.asked += 1
        [schedule] = deepcopy(self.taken[-1]["charging_schedule"])
        shown = self.keeps(schedule)
        if shown is None:
            return result201.GetCompositeSchedule(status="Rejected")
        composite = {
            "evse_id": evse_id,
            "duration": duration,
            "schedule_start": schedule["start_schedule"],
            "charging_rate_unit": shown["charging_rate_unit"],
            "charging_schedule_period": shown["charging_schedule_period"],
        }
        return result201.GetCompositeSchedule(status="Accepted", schedule=composite)


async def begin_16(station: Keeping16, site: Site) -> None:
    """A vehicle is half full, and charges."""
    await station.call(call16.BootNotification(charge_point_model="M", charge_point_vendor="V"))
    at = site.clock.later(1)
    await station.call(
        call16.StatusNotification(connector_id=1, error_code="NoError", status="Preparing", timestamp=at)
    )
    at = site.clock.later(1)
    begun = await station.call(
        call16.StartTransaction(connector_id=1, id_tag="x", meter_start=0, timestamp=at)
    )
    at = site.clock.later(1)
    samples = [
        {"value": "7000", "measurand": "Power.Active.Import", "unit": "W"},
        {"value": "50", "measurand": "SoC", "unit": "Percent"},
    ]
    reading = {"timestamp": at, "sampledValue": samples}
    await station.call(
        call16.MeterValues(connector_id=1, transaction_id=begun.transaction_id, meter_value=[reading])
    )


async def begin_201(station: Keeping201, site: Site) -> None:
    """A vehicle is half full, and charges."""
    about = {"model": "M", "vendor_name": "V"}
    await station.call(call201.BootNotification(charging_station=about, reason="PowerUp"))
    await station.call(
        call201.StatusNotification(
            timestamp=site.clock.later(1), connector_status="Occupied", evse_id=1, connector_id=1
        )
    )
    named = {"transaction_id": "tx-1", "charging_state": "Charging"}
    samples = [
        {"value": 7000, "measurand": "Power.Active.Import"},
        {"value": 50, "measurand": "SoC"},
    ]
    for place, event in enumerate(("Started", "Updated")):
        at = site.clock.later(1)
        await station.call(
            call201.TransactionEvent(
                event_type=event,
                timestamp=at,
                trigger_reason="Authorized",
                seq_no=place,
                transaction_info=named,
                evse={"id": 1},
                id_token={"id_token": "x", "type": "Central"},
                meter_value=[{"timestamp": at, "sampled_value": samples}],
            )
        )


STATIONS: dict[str, tuple[Any, Callable[[Any, Site], Awaitable[None]]]] = {
    "ocpp1.6": (Keeping16, begin_16),
    "ocpp2.0.1": (Keeping201, begin_201),
}


async def steered(version: str, keeps: Keeps) -> tuple[StationRecord, Any]:
    """What is kept of a station that was told a plan, and the station."""
    kind, begin = STATIONS[version]
    async with planned() as (site, engine), site.socket(version) as socket:
        async with listening(kind(socket, keeps)) as station:
            await begin(station, site)
            assert await look(engine) == []
        record = await site.ports.store.read(lambda reader: reader.station_named(NAME))
    assert record is not None and record.read_back is not None and record.ladder is not None
    return record, station


def shown_by(record: StationRecord) -> ReadBack:
    assert record.read_back is not None
    return record.read_back


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("keeps", [all_of_it, in_whole_watts])
async def test_a_plan_that_is_kept_holds_in_either_unit(version: str, keeps: Keeps) -> None:
    record, station = await steered(version, keeps)
    shown = shown_by(record)
    assert (shown.holding, shown.purpose, shown.differs_s) == (Holding.HOLDS, Purpose.TRANSACTION, 0)
    assert shown.compared_s == 86_400
    assert (len(station.taken), station.asked) == (1, 1)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_station_that_accepts_and_ignores_goes_down_the_ladder(version: str) -> None:
    record, station = await steered(version, full_power)
    assert record.ladder is not None
    purposes = [one["charging_profile_purpose"] for one in station.taken]
    maximum = "ChargePointMaxProfile" if version == "ocpp1.6" else "ChargingStationMaxProfile"
    assert purposes == ["TxProfile"] * 3 + ["TxDefaultProfile"] * 3 + [maximum] * 3
    assert record.ladder.rung is Rung.START_STOP
    shown = shown_by(record)
    assert (shown.holding, shown.ignored) == (Holding.DIFFERS, True)
    assert shown.worst is not None
    assert (shown.worst.sent, shown.worst.kept, shown.worst.unit) == (0.0, 32.0, RateUnit.AMPERE)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_lower_limit_of_the_stations_own_is_told_with_figures_and_no_reason_to_give_up(
    version: str,
) -> None:
    record, _ = await steered(version, no_more_than_eight)
    shown = shown_by(record)
    assert record.ladder is not None and record.ladder.rung is Rung.TX_PROFILE
    assert (shown.holding, shown.ignored) == (Holding.DIFFERS, False)
    assert shown.worst is not None and shown.worst.kept == 8.0 < shown.worst.sent
    assert 0 < shown.differs_s < shown.compared_s


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_station_that_cannot_be_asked_is_believed_and_let_be(version: str) -> None:
    record, station = await steered(version, nothing)
    shown = shown_by(record)
    assert record.ladder is not None and record.ladder.rung is Rung.TX_PROFILE
    assert (shown.holding, shown.why) == (Holding.UNKNOWN, "it answers Rejected")
    assert station.asked == 1


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("obeys", [True, False])
async def test_a_virtual_station_tells_the_truth_of_what_it_ignores(version: str, obeys: bool) -> None:
    async with planned() as (site, engine):
        address = f"ws://127.0.0.1:{site.port}/ocpp"
        sign = Sign(address=address, name=NAME, key=site.key, protocol=version)
        charger = Charger(sign, site.clock, Shelf(unbidden_w=11_000), obeys=obeys)
        car = VirtualVehicle(VehicleId(CAR), 60_000, 11_000, site.clock.now())
        car.plug_in(site.clock.now(), 50.0)
        await charger.connect()
        await charger.arrive(site.clock.now(), car, "x")
        assert charger.power_w == 11_000
        assert await look(engine) == []
        site.clock.later(1)
        await charger.live(site.clock.now())
        await charger.wire.close()
        record = await site.ports.store.read(lambda reader: reader.station_named(NAME))
    assert charger.wire.errors == []
    assert record is not None and record.ladder is not None
    assert charger.power_w == 0  # it is dear now
    assert (charger.reference is not None) == obeys  # who ignores profiles could only be stopped
    assert record.ladder.rung is (Rung.TX_PROFILE if obeys else Rung.START_STOP)
    assert (shown_by(record).holding is Holding.HOLDS, shown_by(record).ignored) == (obeys, not obeys)
