"""What the dashboard's pages are told, on both databases: boards, lists, a session with its orders, price files."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from contract.native.test_stations import named
from contract.serving import AT_HOME, Home, Serving, Tenant, serving
from dwell.adapters.passwords import Argon2Passwords
from dwell.application.board import VEHICLES_AT_MOST
from dwell.application.passwords import set_password
from dwell.application.ports import Transaction
from dwell.application.users import Person, add_user
from dwell.domain.ids import OrderId, OrganizationId, SessionId, UserId, VehicleId
from dwell.domain.instants import write_instant
from dwell.domain.registry import Information, Role, Vehicle
from dwell.domain.session.steering import Order

PASSWORD = "correct horse battery"
HASHER = Argon2Passwords()


class Pages:
    """A browser's own client: its cookie, and the token of its page."""

    def __init__(self, tenant: Tenant, role: Role = "admin") -> None:
        serving, owner = tenant.serving, OrganizationId(tenant.credentials.organization_id)
        login = f"{role}-{owner}@example.com"
        user = serving.run(add_user(serving.ports, owner, Person(email=login), role=role))
        serving.run(set_password(serving.ports, HASHER, owner, user.id, login=login, password=PASSWORD))
        self.client = serving.client()
        self.answer = self.client.post("/ui/sign-in", json={"login": login, "password": PASSWORD})
        if self.answer.status_code == 200:
            self.client.headers["x-csrf-token"] = self.answer.json()["page_token"]

    def get(self, path: str, status: int = 200, **query: str) -> Any:
        answer = self.client.get(f"/ui{path}", params=query or None)
        assert answer.status_code == status, answer.text
        return answer.json()

    def send(self, content: bytes, **query: str) -> httpx.Response:
        """A price file."""
        headers = {"content-type": "application/octet-stream"}
        return self.client.post("/ui/prices/import", params=query, content=content, headers=headers)


def test_drivers_and_guests_do_not_come_in(tenant: Tenant) -> None:
    roles: tuple[Role, ...] = ("admin", "staff", "user", "guest")
    assert [Pages(tenant, role).answer.status_code for role in roles] == [200, 200, 403, 403]


def test_the_board_is_filtered_by_location_and_never_shows_anothers(tenant: Tenant, server: Serving) -> None:
    one, two = tenant.home(name="North", gridLimitW=22_000), tenant.home(name="South")
    stranger = server.tenant().home()
    tenant.post("/v1/stations", named(tenant, location_id=one.location["id"]))
    pages = Pages(tenant)
    now = pages.get("/now")
    assert {row["id"] for row in now["rows"]} == {one.vehicle["id"], two.vehicle["id"]}
    assert {place["name"] for place in now["locations"]} == {"North", "South"}
    here = pages.get("/now", location=one.location["id"])
    assert [row["id"] for row in here["rows"]] == [one.vehicle["id"]]
    assert [(point["number"], point["connected"], point["state"]) for point in here["points"]] == [
        (1, False, None)
    ]
    assert pages.get("/now", location=two.location["id"])["points"] == []
    assert pages.get("/now", location=stranger.location["id"])["rows"] == []
    [north] = [place for place in now["locations"] if place["name"] == "North"]
    assert {watts for _, _, watts in north["room"]} == {22_000}


def test_more_vehicles_than_a_page_holds_come_one_page_after_the_other(tenant: Tenant) -> None:
    serving, owner = tenant.serving, OrganizationId(tenant.credentials.organization_id)
    now = serving.ports.clock.now()

    async def fill(tx: Transaction) -> None:
        for number in range(VEHICLES_AT_MOST + 3):
            vehicle = Vehicle(
                id=VehicleId(f"0198f5a0-0000-7000-8000-{number:012x}"),
                organization_id=owner,
                user_id=UserId("nobody"),
                vendor="ACME",
                information=Information(brand="A", model=str(number)),
                battery_capacity_wh=60_000,
                power_max_w=11_000,
                created_at=now,
                updated_at=now,
            )
            await tx.save_vehicle(vehicle)

    serving.run(serving.ports.store.write(fill))
    pages = Pages(tenant)
    first = pages.get("/now")
    rest = pages.get("/now", after=first["next"])
    assert (len(first["rows"]), len(rest["rows"]), rest["next"]) == (VEHICLES_AT_MOST, 3, None)
    assert len({row["id"] for row in (*first["rows"], *rest["rows"])}) == VEHICLES_AT_MOST + 3


def test_days_in_the_list_are_the_locations(tenant: Tenant) -> None:
    home = tenant.home(timezoneName="Pacific/Auckland")
    home.visit(
        -55, hours=0.5
    )  # from 11:05 to 11:35 of 10 January in UTC; there in the first hour of the 11th
    pages = Pages(tenant)
    assert len(pages.get("/sessions?from=2026-01-11&to=2026-01-11")["sessions"]) == 1
    assert pages.get("/sessions?from=2026-01-12")["sessions"] == []
    assert pages.get("/sessions?to=2026-01-10")["sessions"] == []
    told = pages.get("/sessions?from=soon&to=2026-02-30&outcome=WON", 400)
    assert {issue["field"] for issue in told["issues"]} == {"from", "to", "outcome"}
    answer = pages.client.get("/ui/sessions.csv", params={"per": "session"})
    [row] = csv.DictReader(answer.text.splitlines())
    assert (row["start"], row["timezone"]) == ("2026-01-11T00:05:00+13:00", "Pacific/Auckland")


def test_every_filter_finds_its_own_and_pages_hold_together(tenant: Tenant) -> None:
    homes = [tenant.home(), tenant.home()]
    for home in homes:
        for hour in range(10):
            home.visit(-1400 + 120 * hour, hours=1)
    pages = Pages(tenant)
    [person, *_] = [one for one in pages.get("/people") if one["name"] == homes[0].user]
    own = {one["id"] for one in homes[0].settled(pageSize=50)}
    for query in (
        {"vehicle": homes[0].vehicle["id"]},
        {"policy": homes[0].policy["id"]},
        {"location": homes[0].location["id"]},
        {"user": person["id"]},
    ):
        assert {one["id"] for one in pages.get("/sessions", **query)["sessions"]} == own, query
    states = [pages.get("/sessions", outcome=state)["sessions"] for state in ("REACHED", "MISSED")]
    assert {one["outcome"] for one in states[0]} <= {"REACHED"}
    assert {one["outcome"] for one in states[1]} <= {"MISSED"}
    assert sum(len(found) for found in states) == 20


def test_a_session_lists_the_orders_that_were_given_in_it(home: Home) -> None:
    serving, owner = home.tenant.serving, OrganizationId(home.tenant.credentials.organization_id)
    home.tenant.observe(home.at(-20, plugged_in=True, charging=False, soc_percent=50, **AT_HOME))
    session, now = home.session(), serving.ports.clock.now()
    given = [
        Order(
            id=OrderId(f"order-{minutes}"),
            organization_id=owner,
            vehicle_id=VehicleId(home.vehicle["id"]),
            session_id=SessionId(session["id"]),
            kind="START",
            power_w=11_000,
            created_at=now - timedelta(minutes=minutes),
            state=state,
        )
        for minutes, state in ((40, "DROPPED"), (10, "FAILED"), (5, "CONFIRMED"))
    ]

    async def give(tx: Transaction) -> None:
        await tx.save_orders(given)

    serving.run(serving.ports.store.write(give))
    page = Pages(home.tenant).get(f"/sessions/{session['id']}")
    shown = [order for order in page["orders"] if order["id"].startswith("order-")]
    assert [order["state"] for order in shown] == ["FAILED", "CONFIRMED"], (
        "the one before the visit is another's"
    )
    assert (page["session"]["state"], page["transactions"]) == ("ACTIVE", [])
    Pages(serving.tenant()).get(f"/sessions/{session['id']}", 404)


def test_prices_of_an_installation_with_several_organizations_are_its_operators(tenant: Tenant) -> None:
    tenant.serving.tenant()
    refused = Pages(tenant).send(b"start,end,price\n")
    assert (refused.status_code, "dwell prices import" in refused.text) == (403, True)
    staff = Pages(tenant, "staff").send(b"start,end,price\n")
    assert (staff.status_code, "administrators" in staff.text) == (403, True)


def test_a_vehicle_that_says_nothing_any_more_is_told_so(tmp_path: Path) -> None:
    with serving(f"sqlite:///{tmp_path}/dwell.sqlite3") as server:
        home = server.tenant().home()
        pages = Pages(home.tenant)
        home.tenant.observe(home.at(0, plugged_in=True, charging=False, soc_percent=50, **AT_HOME))
        session_id = home.session()["id"]
        heard = server.clock.now()
        for minutes, since in ((20, None), (20, write_instant(heard))):
            server.clock.move_to(server.clock.now() + timedelta(minutes=minutes))
            [row] = pages.get("/now")["rows"]
            assert row["silent_since"] == since
            assert pages.get(f"/sessions/{session_id}")["silent_since"] == since
