"""Flex: users, their locations and vehicles."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from contract.serving import LOCATION, VEHICLE, Home, Tenant


def test_a_user_exists_from_first_use(tenant: Tenant) -> None:
    assert tenant.get("/users/anna/locations")["data"] == []
    location = tenant.post("/users/anna/locations", LOCATION)
    vehicle = tenant.post("/users/anna/vehicles", VEHICLE)
    assert (location["userId"], vehicle["userId"]) == ("anna", "anna")
    assert tenant.get("/users/anna/locations")["data"] == [location]
    assert tenant.get("/users/anna/vehicles")["data"] == [vehicle]
    assert tenant.get("/users/bert/vehicles")["data"] == []


def test_first_uses_at_once_make_one_user(tenant: Tenant) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: tenant.post("/users/anna/vehicles", VEHICLE), range(16)))
    assert len({vehicle["id"] for vehicle in made}) == 16
    assert len(tenant.get("/users/anna/vehicles")["data"]) == 16


def test_a_location_is_answered_as_it_was_described(tenant: Tenant) -> None:
    described = {
        "name": "Haus <script>",
        "latitude": -33.5,
        "longitude": 151,
        "timezoneName": "Australia/Lord_Howe",
        "zone": "DE-LU",
        "area": "North",
        "radiusM": 80,
        "gridLimitW": 17_000,
        "baseLoad": [{"start": "00:00", "powerW": 300}, {"start": "17:30", "powerW": 900}],
    }
    location = tenant.post("/users/anna/locations", described)
    assert location.items() >= described.items()
    assert tenant.get(f"/locations/{location['id']}") == location


def test_a_location_is_replaced_whole(tenant: Tenant) -> None:
    location = tenant.post("/users/anna/locations", {**LOCATION, "area": "North", "radiusM": 80})
    answer = tenant.client.put(f"/locations/{location['id']}", json=LOCATION)
    assert answer.status_code == 200
    kept = {"id", "userId", "createdAt"}
    assert {name: answer.json()[name] for name in kept} == {name: location[name] for name in kept}
    assert (answer.json()["area"], answer.json()["radiusM"]) == (None, 150)


def test_a_waiting_session_goes_by_its_locations_new_time_zone(home: Home) -> None:
    changed = {**LOCATION, "timezoneName": "America/New_York"}
    assert home.tenant.client.put(f"/locations/{home.location['id']}", json=changed).status_code == 200
    assert home.session()["target"]["latest"]["readyBy"] == "2026-01-10T12:00:00Z".replace("10T", "11T")


def test_a_location_with_a_policy_stays(home: Home) -> None:
    path = f"/locations/{home.location['id']}"
    assert home.tenant.client.delete(path).status_code == 409
    assert home.tenant.client.delete(f"/flex/vehicle-policies/{home.policy['id']}").status_code == 204
    assert home.tenant.client.delete(path).status_code == 204
    home.tenant.get(path, 404)
    assert home.tenant.get("/locations")["data"] == []


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["latitude", "longitude", "name", "timezoneName"]),
        ({**LOCATION, "latitude": 91, "longitude": "x"}, ["latitude", "longitude"]),
        ({**LOCATION, "timezoneName": "Mars/Olympus"}, ["timezoneName"]),
        ({**LOCATION, "timezoneName": "localtime"}, ["timezoneName"]),
        ({**LOCATION, "timezoneName": "europe/berlin"}, ["timezoneName"]),
        ({**LOCATION, "zone": "no zone!"}, ["zone"]),
        ({**LOCATION, "name": "a\x00b"}, ["name"]),
        ({**LOCATION, "name": "x" * 1_000_000}, None),
        ({**LOCATION, "name": ""}, ["name"]),
        ({**LOCATION, "radiusM": 5, "gridLimitW": -1}, ["gridLimitW", "radiusM"]),
        (
            {**LOCATION, "baseLoad": [{"start": "24:00", "powerW": 1}, 3]},
            ["baseLoad[0].start", "baseLoad[1]"],
        ),
        ({**LOCATION, "organizationId": "x", "userId": "y", "id": "z"}, ["id", "organizationId", "userId"]),
    ],
)
def test_every_fault_of_a_location_is_named(tenant: Tenant, body: object, fields: list[str] | None) -> None:
    if fields is None:
        tenant.post("/users/anna/locations", body, 413)
        return
    problem = tenant.post("/users/anna/locations", body, 400)
    assert sorted(issue["field"] for issue in problem["issues"]) == fields


def test_a_new_vehicle_is_answered_as_published(tenant: Tenant) -> None:
    vehicle = tenant.post("/users/anna/vehicles", VEHICLE)
    assert list(vehicle) == [
        "id",
        "userId",
        "vendor",
        "lastSeen",
        "isReachable",
        "information",
        "chargeState",
        "location",
        "odometer",
        "capabilities",
    ]
    assert list(vehicle["information"]) == ["vin", "brand", "model", "year", "displayName"]
    assert list(vehicle["chargeState"]) == [
        "batteryLevel",
        "range",
        "isPluggedIn",
        "isCharging",
        "isFullyCharged",
        "batteryCapacity",
        "chargeLimit",
        "chargeRate",
        "chargeTimeRemaining",
        "lastUpdated",
        "maxCurrent",
        "powerDeliveryState",
    ]
    assert list(vehicle["location"]) == ["id", "longitude", "latitude", "lastUpdated"]
    assert list(vehicle["odometer"]) == ["distance", "lastUpdated"]
    assert vehicle["chargeState"]["powerDeliveryState"] == "UNKNOWN"
    assert vehicle["chargeState"]["batteryCapacity"] == 60
    assert (vehicle["lastSeen"], vehicle["isReachable"]) == (None, False)


def test_a_vehicle_shows_what_was_last_seen_of_it(home: Home) -> None:
    home.tenant.observe(
        home.at(
            -10,
            plugged_in=True,
            charging=True,
            power_kw=7.36,
            soc_percent=55.5,
            charge_limit_percent=80,
            latitude=48.1001,
            longitude=11.5,
            odometer_km=12_345.678,
        )
    )
    vehicle = home.tenant.get(f"/vehicles/{home.vehicle['id']}")
    state = vehicle["chargeState"]
    assert (state["batteryLevel"], state["isPluggedIn"], state["isCharging"]) == (56, True, True)
    assert (state["chargeRate"], state["chargeLimit"]) == (7.36, 80)
    assert state["powerDeliveryState"] == "PLUGGED_IN:CHARGING"
    assert vehicle["location"]["id"] == home.location["id"]
    assert vehicle["odometer"]["distance"] == 12_345.678
    assert vehicle["isReachable"] is True
    home.tenant.observe(home.at(-5, plugged_in=False, latitude=52.0, longitude=11.5))
    vehicle = home.tenant.get(f"/vehicles/{home.vehicle['id']}")
    assert vehicle["chargeState"]["powerDeliveryState"] == "UNPLUGGED"
    assert vehicle["location"]["id"] is None


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"vendor": None}, ["vendor"]),
        ({"information": {}}, ["information.brand", "information.model"]),
        ({"information": None}, ["information"]),
        ({"maxPower": 0, "minPower": -1}, ["maxPower", "minPower"]),
        ({"minPower": 12}, ["minPower"]),
        ({"batteryCapacity": "60"}, ["batteryCapacity"]),
        ({"efficiency": 1.1, "control": "magic"}, ["control", "efficiency"]),
        ({"smartCharging": False}, ["smartCharging"]),
    ],
)
def test_every_fault_of_a_vehicle_is_named(
    tenant: Tenant, changes: dict[str, Any], fields: list[str]
) -> None:
    problem = tenant.post("/users/anna/vehicles", {**VEHICLE, **changes}, 400)
    assert sorted(issue["field"] for issue in problem["issues"]) == fields


def test_a_capacity_may_be_unknown_but_has_to_be_named(tenant: Tenant) -> None:
    assert tenant.post("/users/anna/vehicles", {**VEHICLE, "batteryCapacity": None})
    unnamed = {name: value for name, value in VEHICLE.items() if name != "batteryCapacity"}
    problem = tenant.post("/users/anna/vehicles", unnamed, 400)
    assert [issue["field"] for issue in problem["issues"]] == ["batteryCapacity"]


@pytest.mark.parametrize("user", ["%00", "a%0Ab", "x" * 129, "%FF"])
def test_a_user_id_that_cannot_be_kept_is_refused(tenant: Tenant, user: str) -> None:
    answer = tenant.client.post(f"/users/{user}/locations", json=LOCATION)
    assert answer.status_code in {400, 404}


@pytest.mark.parametrize("user", ["anna@example.org", "Größe", "a b", "..a", "sessions", "0"])
def test_other_user_ids_come_back_as_they_went(tenant: Tenant, user: str) -> None:
    from urllib.parse import quote

    path = f"/users/{quote(user)}/locations"
    assert tenant.post(path, LOCATION)["userId"] == user
    assert len(tenant.get(path)["data"]) == 1
