"""AU1: whatever names another organization's thing is answered byte for byte as what names nothing at all.

The operations are taken from the table that makes the routes, so that a new one is asked too.
"""

from __future__ import annotations

from uuid import uuid4

import pytest

from contract.serving import LOCATION, Home, Serving
from dwell.api.flex.routes import operations
from dwell.api.flex.token import TokenEndpoint
from dwell.api.shared.operations import Operation

NAMED_BY_CALLERS = {"createTariff"}
"""What is made under a name of the caller's own is another thing for each organization."""
OPERATIONS = [
    operation
    for operation in operations(TokenEndpoint(1, lambda: 0.0))
    if any(name != "userId" for name in operation.path_names) and operation.name not in NAMED_BY_CALLERS
]
BODIES = {
    "updateVehiclePolicy": {"batteryReserve": 30},
    "updateWebhook": {"events": ["*"]},
    "replaceLocation": LOCATION,
    "putTariffTimeseries": {
        "to": "2026-01-11T00:00:00Z",
        "values": [{"at": "2026-01-10T00:00:00Z", "rate": 1}],
    },
    "putTariffFormula": {"direction": "import", "variables": {"a": "b"}, "formula": "a"},
    "overrideSessionTarget": {"type": "IMMEDIATE_START", "minimumChargeTarget": 90},
}
WEBHOOK = {"url": "http://127.0.0.1:9/", "secret": "a secret"}
QUERIES = {
    "getResolvedTariffs": {
        "direction": "import",
        "from": "2026-01-10T00:00:00Z",
        "to": "2026-01-11T00:00:00Z",
    }
}


@pytest.fixture(scope="module")
def theirs(server: Serving) -> dict[str, str]:
    """The ids of another organization's things, a settled session among them."""
    home = server.tenant().home()
    home.visit(-300)
    tariff = {"direction": "import", "currency": "EUR", "per": "kWh"}
    home.tenant.post("/flex/tariffs/theirs", tariff)
    return {
        "tariffId": "theirs",
        "webhookId": home.tenant.post("/webhooks", WEBHOOK)["id"],
        "policyId": home.policy["id"],
        "locationId": home.location["id"],
        "vehicleId": home.vehicle["id"],
        "sessionId": home.settled()[0]["id"],
    }


def test_there_is_something_to_ask() -> None:
    assert {operation.name for operation in OPERATIONS} >= {*BODIES, "getActiveSession", "getSettledSession"}


@pytest.mark.parametrize("operation", OPERATIONS, ids=[operation.name for operation in OPERATIONS])
def test_in_the_path(home: Home, theirs: dict[str, str], operation: Operation) -> None:
    own = {"policyId": home.policy["id"]} if operation.name == "getSettledSession" else {}
    asked = []
    for ids in ({**theirs, **own}, {name: str(uuid4()) for name in theirs} | own):
        path = operation.path.format(**ids)
        body, query = BODIES.get(operation.name), QUERIES.get(operation.name)
        key = {"Idempotency-Key": str(uuid4())}
        answer = home.tenant.client.request(operation.method, path, json=body, params=query, headers=key)
        asked.append((answer.status_code, answer.content, dict(answer.headers) | {"date": ""}))
    assert asked[0] == asked[1]
    assert asked[0][0] == 404


def test_nothing_of_theirs_was_changed(server: Serving, home: Home) -> None:
    other = server.tenant().home()
    path = f"/flex/vehicle-policies/{other.policy['id']}"
    assert home.tenant.client.patch(path, json={"batteryReserve": 50}).status_code == 404
    assert home.tenant.client.delete(path).status_code == 404
    assert other.tenant.get(path) == other.policy


@pytest.mark.parametrize("name", ["policyId", "locationId", "vehicleId"])
def test_in_a_filter(home: Home, theirs: dict[str, str], name: str) -> None:
    lists = ["/flex/vehicle-policies/sessions"]
    lists += ["/flex/vehicle-policies"] if name != "policyId" else []
    for path in lists:
        foreign = home.tenant.client.get(path, params={name: theirs[name]})
        unknown = home.tenant.client.get(path, params={name: str(uuid4())})
        assert foreign.content == unknown.content
        assert foreign.json()["data"] == []


@pytest.mark.parametrize("name", ["vehicleId", "locationId"])
def test_in_a_body(home: Home, theirs: dict[str, str], name: str) -> None:
    spare = home.tenant.post(f"/users/{home.user}/vehicles", {**VEHICLE_BODY})
    pair = {"vehicleId": spare["id"], "locationId": home.location["id"]}
    answers = [
        home.tenant.client.post("/flex/vehicle-policies", json={**pair, name: thing})
        for thing in (theirs[name], str(uuid4()), "no id at all")
    ]
    assert len({answer.content for answer in answers}) == 1
    assert {answer.status_code for answer in answers} == {404}


def test_in_an_observation(home: Home, theirs: dict[str, str]) -> None:
    items = [
        home.at(-1, plugged_in=True) | {"vehicle_id": thing} for thing in (theirs["vehicleId"], str(uuid4()))
    ]
    receipts = [home.tenant.post("/v1/observations", [item], 202) for item in items]
    assert receipts[0] == receipts[1]
    assert receipts[0]["rejected"] == [{"index": 0, "field": "vehicle_id", "message": "unknown"}]


def test_users_of_two_organizations_with_one_name_are_two(server: Serving) -> None:
    first, second = server.tenant(), server.tenant()
    first.post("/users/anna/locations", LOCATION)
    assert second.get("/users/anna/locations")["data"] == []
    assert second.get("/locations")["data"] == []
    assert second.get("/flex/vehicle-policies", userId="anna")["data"] == []


VEHICLE_BODY = {
    "vendor": "ACME",
    "information": {"brand": "Acme", "model": "Two"},
    "batteryCapacity": None,
    "maxPower": 7.4,
}
