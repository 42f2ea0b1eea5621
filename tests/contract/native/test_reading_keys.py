"""A key that reads only opens every door to look through, and none to go through."""

from __future__ import annotations

import re

import httpx
import pytest

from contract.serving import Home, Serving
from dwell.api.dialects import dialect_operations
from dwell.api.shared.operations import Access
from dwell.application.credentials import add_api_key
from dwell.domain.ids import OrganizationId

BY_KEY = sorted(
    (one.method, re.sub(r"\{\w+\}", "x", one.path))
    for one in dialect_operations(10)
    if one.access in {Access.NATIVE, Access.FLEET} and one.method != "GET"
)


@pytest.fixture
def reader(home: Home, server: Serving) -> httpx.Client:
    """A client that shows such a key of the home's organization."""
    owner = OrganizationId(home.tenant.credentials.organization_id)
    key = server.run(add_api_key(server.ports, server.keyring, owner, reads_only=True))
    return server.client(headers={"x-api-key": key})


def test_it_may_look(reader: httpx.Client, home: Home) -> None:
    session_id = home.session()["id"]
    for path in (f"/v1/sessions/{session_id}", "/v1/stations", "/public/charging/1/sessions"):
        assert reader.get(path).status_code == 200, path
    assert reader.head("/v1/stations").status_code == 200


def test_it_may_change_nothing_by_no_operation(reader: httpx.Client) -> None:
    assert ("POST", "/public/charging/1/sessions/start") in BY_KEY
    for method, path in BY_KEY:
        answer = reader.request(method, path, json={})
        assert answer.status_code == 403, (method, path, answer.text)


def test_what_it_would_tell_is_not_taken(reader: httpx.Client, home: Home, server: Serving) -> None:
    told = [{"vehicle_id": home.vehicle["id"], "at": "2026-01-10T11:00:00Z", "plugged_in": True}]
    answer = reader.post("/v1/observations", json=told)
    assert (answer.status_code, answer.json()["detail"]) == (403, "This API key may only read.")
    whole = server.client(headers={"x-api-key": home.tenant.credentials.api_key})
    assert whole.post("/v1/observations", json=told).json()["accepted"] == 1
