"""Stations that wait, over HTTP: each organization sees and decides of its own."""

from __future__ import annotations

from contract.serving import Serving, Tenant
from dwell.application.stations.pending import Stranger, hold_pending
from dwell.domain.ids import OrganizationId
from dwell.domain.station.reports import StationBooted

KEY = "a key of twenty-two ch."


def waits(server: Serving, tenant: Tenant, *, key: str = KEY, suffix: str = "") -> str:
    """A stranger that waits for the tenant's word; returns its name."""
    owner = OrganizationId(tenant.credentials.organization_id)
    name = f"P-{owner[-12:]}{suffix}"
    stranger = Stranger(organization_id=owner, name=name, key=key, address="192.0.2.1", at_most=100)
    booted = StationBooted(vendor="V", model="M", serial_number="S-1")
    held = hold_pending(server.ports, server.keyring, stranger, booted, protocol="ocpp1.6")
    assert server.run(held) is None
    return name


def test_a_station_that_waits_is_seen_and_approved(server: Serving, tenant: Tenant) -> None:
    name = waits(server, tenant)
    [shown] = tenant.get("/v1/pending-stations")["pending_stations"]
    assert (shown["name"], shown["serial_number"], shown["address"]) == (name, "S-1", "192.0.2.1")
    assert (shown["key"], shown["refused_at"], KEY in str(shown)) == ("kept", None, False)
    stranger = server.tenant()
    assert stranger.get("/v1/pending-stations") == {"pending_stations": []}
    stranger.post(f"/v1/pending-stations/{name}/approve", {}, 404)
    evses = [{"number": 1, "evse": f"DE*{name}"}]
    made = tenant.post(f"/v1/pending-stations/{name}/approve", {"evses": evses}, 200)
    assert (made["name"], made["key"], made["evses"][0]["number"]) == (name, None, 1)
    assert [one["id"] for one in tenant.get("/v1/stations")["stations"]] == [made["id"]]
    assert tenant.get("/v1/pending-stations") == {"pending_stations": []}
    tenant.post(f"/v1/pending-stations/{name}/approve", {}, 404)
    noted = [entry["action"] for entry in tenant.get("/v1/audit")["entries"] if entry["thing"] == "station"]
    assert noted == ["created"]


def test_a_new_key_is_shown_once(server: Serving, tenant: Tenant) -> None:
    short, wanted = waits(server, tenant, key="admin", suffix="a"), waits(server, tenant, suffix="b")
    assert len(tenant.post(f"/v1/pending-stations/{short}/approve", {}, 200)["key"]) >= 16
    renewed = tenant.post(f"/v1/pending-stations/{wanted}/approve", {"renew_key": True}, 200)
    assert len(renewed["key"]) >= 16
    assert {one["key"] for one in tenant.get("/v1/stations")["stations"]} == {None}


def test_a_station_that_waits_is_refused(server: Serving, tenant: Tenant) -> None:
    name = waits(server, tenant)
    for _ in range(2):
        assert tenant.client.post(f"/v1/pending-stations/{name}/refuse").status_code == 204
    [shown] = tenant.get("/v1/pending-stations")["pending_stations"]
    assert shown["refused_at"] is not None
    assert tenant.client.post("/v1/pending-stations/nobody/refuse").status_code == 404
    noted = [entry["action"] for entry in tenant.get("/v1/audit")["entries"] if entry["thing"] == "station"]
    assert noted == ["refused"]


def test_every_fault_of_an_approval_is_named(server: Serving, tenant: Tenant) -> None:
    name = waits(server, tenant)
    told = tenant.post(f"/v1/pending-stations/{name}/approve", {"renew_key": 1, "more": 1}, 400)
    assert {issue["field"] for issue in told["issues"]} == {"renew_key", "more"}
