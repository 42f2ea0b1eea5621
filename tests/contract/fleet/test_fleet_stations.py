"""The Fleet contract's stations: where they are, how they stand, what they cost."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from contract.fleet.depot import BASE, Depot, depot_of
from contract.serving import Serving

pytestmark = pytest.mark.anyio
BOX = {"min_latitude": 52.4, "max_latitude": 52.6, "min_longitude": 13.3, "max_longitude": 13.5}
CIRCLE = {"center_latitude": 52.52, "center_longitude": 13.405, "radius": 100}


@pytest.fixture
async def depot(server: Serving) -> AsyncIterator[Depot]:
    made = depot_of(server)
    async with made.app:
        yield made


async def test_a_station_is_found_in_a_box_and_in_a_circle(depot: Depot) -> None:
    async with depot.connected():
        [found] = (await depot.get("/stations", **BOX))["stations"]
        assert found == {
            "station_id": depot.station_id,
            "station_operator": "Acme",
            "realtime_data_available": True,
            "max_power": 22,
            "latitude": 52.52,
            "longitude": 13.405,
            "plug_types": ["TYPE_2"],
            "always_open": True,
            "charge_points_available": 1,
            "charge_points_out_of_service": 0,
            "charge_points_occupied": 0,
            "charge_points_unknown": 1,
            "charge_points": 2,
        }
        assert (await depot.get("/stations", **CIRCLE))["stations"] == [found]
    for elsewhere in (
        {**BOX, "min_latitude": 52.53},
        {**BOX, "max_longitude": 13.4},
        {**CIRCLE, "center_latitude": 52.522},
        {**BOX, "min_longitude": 170, "max_longitude": -170},
    ):
        assert (await depot.get("/stations", **elsewhere))["stations"] == []
    around = {**BOX, "min_longitude": 13.4, "max_longitude": -170}
    assert len((await depot.get("/stations", **around))["stations"]) == 1
    assert (
        len(
            (await depot.get("/stations", **{**CIRCLE, "center_latitude": 52.522, "radius": 250}))["stations"]
        )
        == 1
    )


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({}, "required"),
        ({**BOX, **CIRCLE}, "Only one"),
        ({"radius": 100}, "center_latitude"),
        ({"min_latitude": 1, "max_latitude": 2, "min_longitude": 3}, "max_longitude"),
        ({**CIRCLE, "radius": -1}, "radius"),
        ({**CIRCLE, "radius": "nan"}, "radius"),
        ({**CIRCLE, "center_latitude": 91}, "center_latitude"),
        ({**BOX, "min_latitude": 53}, "min_latitude"),
        ({**BOX, "max_longitude": "east"}, "max_longitude"),
    ],
)
async def test_an_area_that_is_none_is_refused(depot: Depot, query: dict[str, object], named: str) -> None:
    assert named in (await depot.get("/stations", 400, **query))["message"]


async def test_a_station_in_detail(depot: Depot) -> None:
    async with depot.connected() as post:
        depot.later(7)
        station = (await depot.get(f"/stations/{depot.station_id}"))["station"]
        first, second = station["charge_points"]
        assert (first["evse"], first["status"], first["minutes_since_last_status_change"]) == (
            depot.evse,
            "AVAILABLE",
            7,
        )
        assert first["connectors"] == [
            {
                "charge_plug_type": "TYPE_2",
                "max_power": 22,
                "cable_attached": False,
                "voltage": 230,
                "amperage": 32,
                "phases": 3,
            }
        ]
        assert first["tariff"]["kwh_price"] == 0.88
        assert (second["status"], second["last_updated_at"]) == ("UNKNOWN", None)
        assert station["address"] == {
            "zip": "10178",
            "city": "Berlin",
            "street": "Platz 1",
            "country_code": "DEU",
        }
        assert station["support_hotline"] == "+49 30 1"
        for said, word in (
            ("Charging", "OCCUPIED"),
            ("Faulted", "OUT_OF_SERVICE"),
            ("Available", "AVAILABLE"),
        ):
            await post.says(said)
            station = (await depot.get(f"/stations/{depot.station_id}"))["station"]
            assert station["charge_points"][0]["status"] == word
        await depot.start()  # taken, though the station does not know yet
        station = (await depot.get(f"/stations/{depot.station_id}"))["station"]
        assert station["charge_points"][0]["status"] == "OCCUPIED"
    station = (await depot.get(f"/stations/{depot.station_id}"))["station"]
    assert station["realtime_data_available"] is False
    assert station["charge_points_unknown"] == 2


def test_the_dialect_is_documented_for_anybody(server: Serving) -> None:
    document = httpx.get(f"{server.url}{BASE}/openapi.json").json()
    asked = {(method, path) for path, methods in document["paths"].items() for method in methods}
    assert asked == {
        ("get", f"{BASE}/sessions"),
        ("get", f"{BASE}/sessions/{{id}}"),
        ("post", f"{BASE}/sessions/start"),
        ("post", f"{BASE}/sessions/{{id}}/stop"),
        ("get", f"{BASE}/stations"),
        ("get", f"{BASE}/stations/{{station_id}}"),
    }
