"""One truth, at a station: what the Fleet contract shows of a visit is what the session's record says."""

from __future__ import annotations

import asyncio
import random
from datetime import datetime
from decimal import Decimal

import pytest

from contract.fleet.depot import BERLIN, PLUG, TARIFF, Depot
from contract.serving import Serving
from dwell.application.engine import Engine, run_due
from dwell.application.stations.registry import StationSpecification, add_station, set_driver_tariff
from dwell.bootstrap import NoVehicles
from dwell.domain.ids import OrganizationId, VehicleId
from dwell.domain.station.equipment import Evse

pytestmark = pytest.mark.anyio
VISITS = 12


async def test_fleet_says_of_a_visit_what_the_record_says(server: Serving, seed: int) -> None:
    lots, name = random.Random(seed), f"TRUTH-{seed}"
    tenant = server.tenant()
    home = tenant.home(latitude=BERLIN.latitude, longitude=BERLIN.longitude)
    owner = OrganizationId(tenant.credentials.organization_id)
    assigned = Evse(
        number=1, evse=f"DE*DWL*{name}*1", connectors=(PLUG,), vehicle_id=VehicleId(home.vehicle["id"])
    )
    wanted = StationSpecification(name=name, evses=[assigned], site=BERLIN)
    record, key = server.run(add_station(server.ports, server.keyring, owner, wanted))
    server.run(set_driver_tariff(server.ports, owner, TARIFF))
    api_key = tenant.credentials.api_key
    depot = Depot(serving=server, owner=owner, api_key=api_key, name=name, key=key, station_id=record.id)
    meter_wh = 1_000
    async with depot.app, depot.connected() as post:
        for _ in range(VISITS):
            depot.later(lots.uniform(10, 600))
            begun = (await depot.start())["session"]
            _, tag = await post.told.get()
            number = await post.begins(tag, meter=meter_wh)
            await post.says("Charging")
            minutes_there = lots.uniform(20, 300)
            depot.later(minutes_there)
            meter_wh += round(minutes_there / 60 * lots.uniform(1_000, 21_000))  # less than the EVSE can give
            await post.ends(number, meter=meter_wh)
            await post.says("Available")
            depot.later(15)
            await asyncio.to_thread(server.run, run_due(Engine(server.ports, NoVehicles())))
            shown = (await depot.get(f"/sessions/{begun['id']}"))["session"]
            [latest, *_] = await asyncio.to_thread(home.settled)
            assert shown["status"] == "CLOSED"
            assert shown["started_at"] == _second(latest["pluggedInAt"])
            assert shown["completed_at"] == _second(latest["pluggedOutAt"])
            kwh = latest["statistics"]["aggregated"]["kwhSum"]
            assert shown["energy_in_kwh"] == kwh
            minutes = Decimal(shown["duration_in_minutes"])
            # What the driver pays is by the station's tariff and the same energy; it is no cost of the market's.
            net = Decimal(str(kwh)) * Decimal("0.88") + max(Decimal(0), minutes - 45) * Decimal("0.12")
            assert abs(Decimal(str(shown["final_amount"])) - net) <= Decimal("0.01")
        assert len((await depot.get("/sessions"))["sessions"]) == VISITS == len(home.settled())


def _second(instant: str) -> int:
    return int(datetime.fromisoformat(instant).timestamp())
