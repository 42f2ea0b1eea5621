"""Partner: a token, and the current session of a vehicle."""

from __future__ import annotations

from uuid import uuid4

import httpx

from contract.serving import AT_HOME, Home
from dwell.domain.ids import OrganizationId, VehicleId

BASE = "/api/partners/v2.0"


def partner(home: Home) -> tuple[httpx.Client, str]:
    serving, credentials = home.tenant.serving, home.tenant.credentials
    client = serving.client()
    basic = (credentials.client_id, credentials.client_secret)
    answer = client.post(f"{BASE}/auth/token", auth=basic, json={"grant_type": "client_credentials"})
    token = answer.json()
    assert (token["expires_in"], token["token_type"], token["scope"]) == (36000, "Bearer", "read write")
    client.headers["authorization"] = f"Bearer {token['access_token']}"
    organization = OrganizationId(credentials.organization_id)
    found = serving.run(_user(home, organization))
    return client, f"{BASE}/org/{organization}/users/{found}/electric-vehicles/{home.vehicle['id']}/sessions"


async def _user(home: Home, organization: OrganizationId) -> str:
    async def look(reader):  # type: ignore[no-untyped-def] # the store hands it a reader of its own
        return await reader.vehicle(organization, VehicleId(home.vehicle["id"]))

    return str((await home.tenant.serving.ports.store.read(look)).user_id)


def test_the_current_session_is_null_until_there_is_one(home: Home) -> None:
    client, path = partner(home)
    assert client.get(f"{path}/current").json() == {"session": None}
    home.tenant.observe(home.at(-10, plugged_in=True, charging=False, soc_percent=44, **AT_HOME))
    session = client.get(f"{path}/current").json()["session"]
    assert (session["session_outcome"], session["initial_soc_pct"]) == ("in_progress", 44)
    assert client.get(f"{path}/{session['id']}").json() == {"session": session}


def test_refusals_are_those_of_the_contract(home: Home) -> None:
    client, path = partner(home)
    organization = home.tenant.credentials.organization_id
    bad = client.get(f"{path}/current", headers={"authorization": "Bearer x"})
    assert (bad.status_code, bad.json()) == (401, {"detail": "Unauthorized"})
    other = client.get(path.replace(organization, str(uuid4())) + "/current")
    assert (other.status_code, other.json()) == (403, {"detail": "Forbidden"})
    unknown = client.get(path.replace(home.vehicle["id"], str(uuid4())) + "/current")
    assert (unknown.status_code, unknown.json()) == (404, {"detail": "Not Found"})
    wrong = client.get(path.replace(home.vehicle["id"], "x") + "/current", params={"include_hidden": "x"})
    assert wrong.status_code == 422
    assert [fault["loc"][-1] for fault in wrong.json()["detail"]] == ["electric_vehicle_id", "include_hidden"]


def test_a_vehicle_of_another_user_is_as_absent_as_none(home: Home) -> None:
    client, path = partner(home)
    neighbour = home.tenant.home()
    foreign = client.get(path.replace(home.vehicle["id"], neighbour.vehicle["id"]) + "/current")
    unknown = client.get(path.replace(home.vehicle["id"], str(uuid4())) + "/current")
    assert (foreign.status_code, foreign.content) == (unknown.status_code, unknown.content)
    assert foreign.status_code == 404
