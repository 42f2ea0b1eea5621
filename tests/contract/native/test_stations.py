"""Stations, driver tariffs and tokens over HTTP: what the command line does, each organization by itself."""

from __future__ import annotations

from contract.serving import Serving, Tenant

STATION = {
    "site": {"operator": "Acme", "latitude": 52.5, "longitude": 13.4, "country_code": "DEU"},
    "evses": [
        {
            "number": 1,
            "evse": "DE*ONE*E1",
            "connectors": [{"number": 1, "plug_type": "TYPE_2", "power_max_w": 22000}],
        }
    ],
}


def named(tenant: Tenant, **changes: object) -> dict[str, object]:
    """A station of a name that is nobody's."""
    return {**STATION, "name": f"CP-{tenant.credentials.organization_id[-12:]}", **changes}


def test_a_station_is_registered_shown_and_given_a_new_key(tenant: Tenant, server: Serving) -> None:
    made = tenant.post("/v1/stations", named(tenant))
    assert len(made["key"]) >= 16
    [shown] = tenant.get("/v1/stations")["stations"]
    assert (shown["id"], shown["key"], shown["connected"]) == (made["id"], None, False)
    assert shown["steering"] is None  # nothing was steered there yet
    renewed = tenant.post(f"/v1/stations/{made['id']}/key", {}, 200)
    assert renewed["key"] != made["key"]
    stranger = server.tenant()
    assert stranger.get("/v1/stations") == {"stations": []}
    stranger.post(f"/v1/stations/{made['id']}/key", {}, 404)
    noted = [entry["action"] for entry in tenant.get("/v1/audit")["entries"] if entry["thing"] == "station"]
    assert noted == ["changed", "created"]


def test_every_fault_of_a_station_is_named(tenant: Tenant) -> None:
    wrong = named(tenant, name="", site={"latitude": 99}, evses=[{"number": 0, "evse": "A"}], more=1)
    told = tenant.post("/v1/stations", wrong, 400)
    assert {issue["field"] for issue in told["issues"]} == {
        "name",
        "site.latitude",
        "evses[0].number",
        "more",
    }


def test_tariffs_and_tokens_are_set_and_shown(tenant: Tenant) -> None:
    tenant.post("/v1/stations", named(tenant))
    tariff = {"kwh_price": 0.5, "time_bands": [{"starting_at_minute": 45, "minute_price": 0.1}]}
    for evse in ({}, {"evse": "DE*ONE*E1"}):
        assert tenant.client.put("/v1/driver-tariffs", json={**evse, "tariff": tariff}).status_code == 204
    assert [one["evse"] for one in tenant.get("/v1/driver-tariffs")["driver_tariffs"]] == [None, "deonee1"]
    unknown = {"evse": "DE*NO", "tariff": tariff}
    assert tenant.client.put("/v1/driver-tariffs", json=unknown).status_code == 404
    negative = {"tariff": {"kwh_price": -1}}
    assert tenant.client.put("/v1/driver-tariffs", json=negative).status_code == 400
    card = {"token": "CARD-1", "user_reference": "anna"}
    assert tenant.client.put("/v1/id-tokens", json=card).json()["user_id"]
    assert [one["token"] for one in tenant.get("/v1/id-tokens")["id_tokens"]] == ["CARD-1"]
