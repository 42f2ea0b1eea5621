"""Flex: tariffs, their rates, the formula of a location, and what it comes to."""

from __future__ import annotations

from typing import Any

import pytest

from contract.serving import Home, Tenant

DEFINITION = {"direction": "import", "currency": "EUR", "per": "kWh"}
SERIES = {
    "to": "2026-01-11T00:00:00+01:00",
    "values": [
        {"at": "2026-01-10T12:00:00Z", "rate": 0.1},
        {"at": "2026-01-10T18:00:00+01:00", "rate": "0.30"},
    ],
}


def put(tenant: Tenant, path: str, body: object, key: str | None = "key-1") -> tuple[int, Any]:
    headers = {} if key is None else {"Idempotency-Key": key}
    answer = tenant.client.put(path, json=body, headers=headers)
    return answer.status_code, answer.json()


def test_a_definition_is_made_once_found_again_and_not_changed(tenant: Tenant) -> None:
    made = tenant.post("/flex/tariffs/grid-fee", DEFINITION, 201)
    assert made.items() >= (DEFINITION | {"id": "grid-fee"}).items()
    assert tenant.post("/flex/tariffs/grid-fee", DEFINITION, 200) == made
    problem = tenant.post("/flex/tariffs/grid-fee", DEFINITION | {"currency": "SEK"}, 409)
    assert problem["type"].endswith("conflict")


def test_every_fault_of_a_definition_is_named(tenant: Tenant) -> None:
    problem = tenant.post(
        "/flex/tariffs/a", {"direction": "in", "currency": "eur", "per": "MWh", "x": 1}, 400
    )
    assert {issue["path"] if "path" in issue else issue["field"] for issue in problem["issues"]} >= {
        "direction",
        "currency",
        "per",
        "x",
    }


def test_rates_need_a_key_and_are_taken_once_for_each(tenant: Tenant) -> None:
    tenant.post("/flex/tariffs/t", DEFINITION, 201)
    path = "/flex/tariffs/t/timeseries"

    assert put(tenant, path, SERIES, key=None)[0] == 400
    first = put(tenant, path, SERIES)
    assert first[0] == 200
    assert first[1] == {
        "tariffId": "t",
        "startAt": "2026-01-10T12:00:00Z",
        "endAt": "2026-01-10T23:00:00Z",
        "values": 2,
    }
    assert put(tenant, path, SERIES) == first
    assert put(tenant, path, SERIES | {"to": "2026-01-12T00:00:00Z"})[0] == 422
    assert put(tenant, "/flex/tariffs/unknown/timeseries", SERIES, key="key-2")[0] == 404


@pytest.mark.parametrize(
    "change",
    [
        {"to": "2026-01-10T12:00:00Z"},
        {"to": "2026-01-11T00:00:00"},
        {"values": []},
        {"values": [{"at": "2026-01-10T12:00:00", "rate": 1}]},
        {"values": [{"at": "2026-01-10T12:00:00Z", "rate": "NaN"}]},
        {"values": [{"at": "2026-01-10T12:00:00Z", "rate": True}]},
        {"values": SERIES["values"][::-1]},
        {"values": [7]},
        {"more": 1},
    ],
)
def test_a_faulty_series_is_refused_whole(tenant: Tenant, change: dict[str, Any]) -> None:
    tenant.post("/flex/tariffs/t", DEFINITION, 201)
    status, problem = put(tenant, "/flex/tariffs/t/timeseries", SERIES | change)
    assert status == 400
    assert problem["issues"]


def test_a_location_pays_what_its_formula_comes_to(home: Home) -> None:
    tenant, location_id = home.tenant, home.location["id"]
    tenant.post("/flex/tariffs/grid", DEFINITION, 201)
    put(tenant, "/flex/tariffs/grid/timeseries", SERIES)
    body = {"direction": "import", "variables": {"g": "grid"}, "formula": "round(g * 1.19, 2) + 0.01"}

    status, formula = put(tenant, f"/flex/locations/{location_id}/tariff-formulas", body)
    assert (status, formula["currency"], formula["revision"]) == (200, "EUR", 1)
    window = "from=2026-01-10T13:00:00Z&to=2026-01-12T00:00:00Z"
    path = f"/flex/locations/{location_id}/resolved-tariffs?direction=import&{window}"
    resolved = tenant.client.get(path).json()
    assert resolved == {
        "locationId": location_id,
        "direction": "import",
        "currency": "EUR",
        "per": "kWh",
        "data": [
            {"startAt": "2026-01-10T13:00:00Z", "endAt": "2026-01-10T17:00:00Z", "rate": 0.13},
            {"startAt": "2026-01-10T17:00:00Z", "endAt": "2026-01-10T23:00:00Z", "rate": 0.37},
        ],
    }


def test_a_formulas_faults_and_a_windows_are_named(home: Home) -> None:
    tenant, path = home.tenant, f"/flex/locations/{home.location['id']}"
    status, problem = put(
        tenant,
        f"{path}/tariff-formulas",
        {"direction": "import", "variables": {"g": "none"}, "formula": "h +"},
    )
    assert status == 400
    assert len(problem["issues"]) == 2
    assert len(tenant.get(f"{path}/resolved-tariffs", 400)["issues"]) == 3


def test_tariffs_are_their_organizations_own(home: Home, server: Any) -> None:
    home.tenant.post("/flex/tariffs/mine", DEFINITION, 201)
    other = server.tenant()
    assert put(other, "/flex/tariffs/mine/timeseries", SERIES)[0] == 404
    body = {"direction": "import", "variables": {"m": "mine"}, "formula": "m"}
    assert put(other, f"/flex/locations/{home.location['id']}/tariff-formulas", body)[0] == 404
    problem = other.post(
        "/users/u/locations",
        {
            "name": "x",
            "latitude": 1,
            "longitude": 1,
            "timezoneName": "UTC",
            "zone": f"tariff:{home.tenant.credentials.organization_id}:mine",
        },
        400,
    )
    assert problem["issues"]
