"""Flex: pages and their cursors (faults AP2, AP3)."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from contract.serving import Home, Serving, Tenant

LIST = "/flex/vehicle-policies/sessions"
COUNT = 11


@pytest.fixture(scope="module")
def fleet(server: Serving) -> list[Home]:
    """A tenant whose sessions tie on their plug-in: three vehicles with visits at the same instants."""
    tenant = server.tenant()
    homes = [tenant.home() for _ in range(3)]
    for index in range(COUNT):
        homes[index % 3].visit(-6_000 + (index // 3) * 300)
    return homes


def walk(tenant: Tenant, path: str, direction: str, **query: Any) -> list[dict[str, Any]]:
    """All rows from one end of a list to the other, in the list's order."""
    first = tenant.get(path, **query)
    pages = [first]
    while (cursor := pages[-1]["pagination"][direction]) is not None:
        pages.append(tenant.get(path, **query, **{direction: cursor}))
        assert len(pages) < 100
    ordered = pages if direction == "after" else pages[::-1]
    return [row for page in ordered for row in page["data"]]


@pytest.mark.parametrize("size", [1, 2, 3, 5, COUNT, 200])
def test_pages_join_to_the_list(fleet: list[Home], size: int) -> None:
    tenant = fleet[0].tenant
    whole = tenant.get(LIST)["data"]
    assert len(whole) == COUNT
    assert walk(tenant, LIST, "after", pageSize=size) == whole


def test_a_walk_back_gives_the_same_rows(fleet: list[Home]) -> None:
    tenant = fleet[0].tenant
    whole = tenant.get(LIST)["data"]
    page = tenant.get(LIST, pageSize=4)
    while page["pagination"]["after"] is not None:
        page = tenant.get(LIST, pageSize=4, after=page["pagination"]["after"])
    rows = page["data"]
    while (cursor := page["pagination"]["before"]) is not None:
        page = tenant.get(LIST, pageSize=4, before=cursor)
        rows = page["data"] + rows
    assert rows == whole


def test_the_ends_of_the_list_have_no_cursor(fleet: list[Home]) -> None:
    tenant = fleet[0].tenant
    assert tenant.get(LIST)["pagination"] == {"after": None, "before": None}
    assert tenant.get(LIST, pageSize=4)["pagination"]["before"] is None


def test_rows_that_come_meanwhile_neither_hide_nor_repeat_the_others(tenant: Tenant) -> None:
    home = tenant.home()
    for index in range(6):
        home.visit(-6_000 + index * 300)
    before = [row["id"] for row in tenant.get(LIST)["data"]]
    seen = list[str]()
    page = tenant.get(LIST, pageSize=2)
    newer = -3_000
    while True:
        seen += [row["id"] for row in page["data"]]
        newcomer = tenant.home()
        newcomer.visit(newer, hours=1)
        newcomer.visit(-5_900 + len(seen), hours=1)
        newer += 200
        if page["pagination"]["after"] is None:
            break
        page = tenant.get(LIST, pageSize=2, after=page["pagination"]["after"])
        assert len(seen) < 100
    assert [row for row in seen if row in before] == before
    assert len(set(seen)) == len(seen)


def flipped(cursor: str, position: int) -> str:
    letter = "A" if cursor[position] != "A" else "B"
    return cursor[:position] + letter + cursor[position + 1 :]


@pytest.mark.parametrize("direction", ["after", "before"])
def test_a_cursor_that_was_changed_is_refused(fleet: list[Home], direction: str) -> None:
    tenant = fleet[0].tenant
    cursor = tenant.get(LIST, pageSize=2)["pagination"]["after"]
    tenant.get(LIST, pageSize=2, **{direction: cursor})
    forged = base64.urlsafe_b64encode(b"\0" * 16 + b"[[0,1]]").decode()
    others = [flipped(cursor, at) for at in range(0, len(cursor), 7)]
    for text in [*others, cursor[:-4], cursor + "AAAA", "", "x", "ü", forged, "A" * 10_000]:
        answer = tenant.client.get(LIST, params={direction: text})
        assert answer.status_code == (400 if len(text) < 8_000 else 414), text
        if answer.status_code == 400:
            assert answer.json()["issues"][0]["field"] == direction


def test_a_cursor_belongs_to_its_tenant_list_and_filters(fleet: list[Home], tenant: Tenant) -> None:
    own = fleet[0].tenant
    cursor = own.get(LIST, pageSize=2)["pagination"]["after"]
    tenant.get(LIST, 400, after=cursor)
    own.get("/vehicles", 400, after=cursor)
    own.get(LIST, 400, after=cursor, vehicleId=fleet[0].vehicle["id"])
    filtered = own.get(LIST, pageSize=1, vehicleId=fleet[0].vehicle["id"])["pagination"]["after"]
    own.get(LIST, 400, after=filtered)
    own.get(LIST, 400, after=filtered, vehicleId=fleet[1].vehicle["id"])
    own.get(LIST, after=filtered, vehicleId=fleet[0].vehicle["id"], pageSize=3)


@pytest.mark.parametrize("path", ["/vehicles", "/locations", "/flex/vehicle-policies"])
def test_lists_by_id_are_walked_whole_in_both_directions(tenant: Tenant, path: str) -> None:
    for _ in range(5):
        tenant.home()
    whole = tenant.get(path)["data"]
    assert [row["id"] for row in whole] == sorted(row["id"] for row in whole)
    assert walk(tenant, path, "after", pageSize=2) == whole
    last = tenant.get(path, pageSize=4)["pagination"]["after"]
    back = tenant.get(path, pageSize=4, after=last)["pagination"]["before"]
    assert tenant.get(path, pageSize=4, before=back)["data"] == whole[:4]


def test_a_user_list_cursor_does_not_open_another_users_list(tenant: Tenant) -> None:
    first, second = tenant.home(), tenant.home()
    for home in (first, second):
        tenant.post(f"/users/{home.user}/locations", {**home_body(), "name": "Office"})
    cursor = tenant.get(f"/users/{first.user}/locations", pageSize=1)["pagination"]["after"]
    assert len(tenant.get(f"/users/{first.user}/locations", after=cursor)["data"]) == 1
    tenant.get(f"/users/{second.user}/locations", 400, after=cursor)


def home_body() -> dict[str, Any]:
    return {"name": "x", "latitude": 1, "longitude": 2, "timezoneName": "UTC"}
