"""The whole table of roles: each operation in each role, at home, at a neighbour's, and at another organization's.

The operations are taken from the table that makes the routes, the rights from theirs: a route without a row fails.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest

from contract.partner.people import Partner, owner_of
from contract.serving import VEHICLE, Home, Serving
from dwell.api.partner.roles import NONE, OWN, TABLE, Reach, row_of
from dwell.api.partner.routes import operations
from dwell.api.partner.token import TokenEndpoint
from dwell.api.shared.operations import Access, Operation
from dwell.domain.registry import ROLES

OPERATIONS = [
    operation
    for operation in operations(TokenEndpoint(1, lambda: 0.0))
    if operation.access is not Access.ANYBODY
]
_VEHICLES = "/org/{}/users/{}/electric-vehicles"
_DAYS = {"from": "2026-01-09", "to": "2026-01-10"}
_INSTANTS = {"from_datetime": "2026-01-09T00:00:00Z", "to_datetime": "2026-01-10T00:00:00Z"}
REQUESTS: Mapping[str, Mapping[str, Any]] = {
    "POST /org/{}/users": {"json": {}},
    "PUT /org/{}/users/{}": {"json": {}},
    f"POST {_VEHICLES}": {"json": VEHICLE},
    f"PUT {_VEHICLES}/{{}}": {"json": {"is_smart_optimization_active": True}},
    f"PUT {_VEHICLES}/{{}}/charge-policy": {"json": {"data": {"timezone": "Europe/Berlin"}}},
    f"GET {_VEHICLES}/{{}}/sessions": {"params": _DAYS},
    f"GET {_VEHICLES}/{{}}/data": {"params": _INSTANTS},
    f"GET {_VEHICLES}/{{}}/savings": {"params": _DAYS},
}
"""What an operation has to be given, by its row."""
CELLS = [(operation, role) for operation in OPERATIONS for role in ROLES]
FORBIDDEN = (403, b'{"detail":"Forbidden"}')
NOT_FOUND = (404, b'{"detail":"Not Found"}')
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """An organization with two homes; the users of both, and what is theirs, by the names of the paths."""

    partner: Partner
    callers: Mapping[str, httpx.Client]
    """By role; every one of them is the user of the first home, in turn."""
    own: Mapping[str, str]
    neighbours: Mapping[str, str]
    homes: tuple[Home, Home]

    def fresh(self, operation: Operation) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """Own and neighbours' ids; what the operation takes away is new each time."""
        if operation.method != "DELETE":
            return self.own, self.neighbours
        posted = [home.tenant.post(f"/users/{home.user}/vehicles", VEHICLE)["id"] for home in self.homes]
        return {**self.own, "electric_vehicle_id": posted[0]}, {
            **self.neighbours,
            "electric_vehicle_id": posted[1],
        }


def ids_of(home: Home, external_id: str) -> dict[str, str]:
    session = home.settled()[0]
    return {
        "org_id": home.tenant.credentials.organization_id,
        "user_id": owner_of(home),
        "electric_vehicle_id": home.vehicle["id"],
        "session_id": session["id"],
        "building_id": home.location["id"],
        "external_id": external_id,
    }


@pytest.fixture(scope="module")
def house(server: Serving) -> House:
    partner = Partner(tenant=server.tenant())
    homes = (partner.tenant.home(), partner.tenant.home())
    for home in homes:
        home.visit(-300)
    own, neighbours = (ids_of(home, home.user) for home in homes)
    login = f"role{next(_numbers)}@example.com"
    partner.set_password(own["user_id"], login=login)
    return House(
        partner=partner,
        callers={role: partner.as_user(login) for role in ROLES},
        own=own,
        neighbours=neighbours,
        homes=homes,
    )


def ask(caller: httpx.Client, operation: Operation, ids: Mapping[str, str]) -> tuple[int, bytes]:
    path = operation.path.format(**ids)
    answer = caller.request(operation.method, path, **REQUESTS.get(row_of(operation), {}))
    return answer.status_code, answer.content


def reach(operation: Operation, role: str) -> Reach:
    return TABLE[row_of(operation)][ROLES.index(role)]


def test_every_route_has_a_row() -> None:
    assert not [row_of(operation) for operation in OPERATIONS if row_of(operation) not in TABLE]


def test_a_route_without_a_row_is_refused_to_everybody(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    operation = next(o for o in OPERATIONS if o.name == "getPartnerUser")
    monkeypatch.delitem(TABLE, row_of(operation))
    assert ask(house.partner.client(), operation, house.own) == FORBIDDEN


def test_no_role_reaches_further_than_the_one_before_it() -> None:
    order = [reach.value for reach in (NONE, OWN, Reach.ALL)]
    for row, cells in TABLE.items():
        ranks = [order.index(cell.value) for cell in cells]
        assert ranks == sorted(ranks, reverse=True), row
        assert cells[0] is Reach.ALL, f"an administrator reaches everything: {row}"


@pytest.mark.parametrize(("operation", "role"), CELLS, ids=[f"{o.name}-{r}" for o, r in CELLS])
def test_a_cell_is_as_the_table_says(house: House, operation: Operation, role: Any) -> None:
    house.partner.set_role(house.own["user_id"], role)
    caller, cell = house.callers[role], reach(operation, role)
    unknown = {name: str(uuid4()) for name in house.own} | {"org_id": house.own["org_id"]}
    own, neighbours = house.fresh(operation)
    at_home = ask(caller, operation, own)
    assert (at_home == FORBIDDEN) == (cell is NONE)
    assert at_home[0] not in (401, 404)
    # Another organization, there or not, is one and the same.
    assert ask(caller, operation, {**house.own, "org_id": str(uuid4())}) == FORBIDDEN
    if len(operation.path_names) < 2:
        return
    next_door, nobodys = ask(caller, operation, neighbours), ask(caller, operation, unknown)
    assert nobodys == (FORBIDDEN if cell is NONE else NOT_FOUND)
    assert next_door == nobodys if cell is not Reach.ALL else next_door[0] not in (401, 403, 404)


@pytest.mark.parametrize("operation", OPERATIONS, ids=[operation.name for operation in OPERATIONS])
def test_a_foreign_id_is_answered_as_an_unknown_one(
    server: Serving, house: House, operation: Operation
) -> None:
    """Each id of the path in turn is another organization's, then nobody's, then one of another user of ours."""
    home = server.tenant().home()
    home.visit(-300)
    caller, theirs = house.partner.client(), ids_of(home, "theirs")
    foreign_organization = {**theirs}
    assert ask(caller, operation, foreign_organization) == FORBIDDEN
    assert ask(caller, operation, {**theirs, "org_id": str(uuid4())}) == FORBIDDEN
    for name in operation.path_names[1:]:
        for strange in (theirs[name], str(uuid4())):
            assert ask(caller, operation, {**house.own, name: strange}) == NOT_FOUND, name
    if len(operation.path_names) > 2:
        name = operation.path_names[-1]
        assert ask(caller, operation, {**house.own, name: house.neighbours[name]}) == NOT_FOUND


def test_the_lists_of_one_who_reaches_itself_hold_itself_only(house: House) -> None:
    for role in ("user", "guest"):
        house.partner.set_role(house.own["user_id"], role)
        listed = house.callers[role].get(house.partner.users_path).json()
        assert [user["id"] for user in listed] == [house.own["user_id"]]
    house.partner.set_role(house.own["user_id"], "staff")
    listed = house.callers["staff"].get(house.partner.users_path).json()
    assert {house.own["user_id"], house.neighbours["user_id"]} <= {user["id"] for user in listed}
