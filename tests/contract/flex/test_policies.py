"""Flex: vehicle policies."""

from __future__ import annotations

from typing import Any

import pytest

from contract.serving import Home, Tenant

PATH = "/flex/vehicle-policies"
EVERY_DAY = {"deadline": "07:00", "minimumChargeTarget": 80}


def patch(home: Home, body: object, status: int = 200) -> Any:
    answer = home.tenant.client.patch(f"{PATH}/{home.policy['id']}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_a_new_policy_has_the_defaults(home: Home) -> None:
    assert list(home.policy) == [
        "id",
        "vehicleId",
        "locationId",
        "userId",
        "batteryReserve",
        "schedule",
        "restrictionSchedule",
        "lastObservedLocationChargeLimit",
        "createdAt",
        "updatedAt",
    ]
    assert home.policy["userId"] == home.user
    assert home.policy["batteryReserve"] == 20
    assert list(home.policy["schedule"]) == [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ]
    assert set(map(str, home.policy["schedule"].values())) == {str(EVERY_DAY)}
    assert home.policy["restrictionSchedule"] == []
    assert home.policy["lastObservedLocationChargeLimit"] is None
    assert home.tenant.get(f"{PATH}/{home.policy['id']}") == home.policy


def test_a_second_policy_for_the_pair_is_a_conflict(home: Home) -> None:
    pair = {"vehicleId": home.vehicle["id"], "locationId": home.location["id"]}
    assert home.tenant.post(PATH, pair, 409)["type"].endswith("conflict")


def test_a_policy_joins_a_vehicle_to_a_location_of_its_own_user(home: Home) -> None:
    other = home.tenant.home()
    pair = {"vehicleId": home.vehicle["id"], "locationId": other.location["id"]}
    home.tenant.post(PATH, pair, 404)


def test_a_change_names_what_changes_and_leaves_the_rest(home: Home) -> None:
    changed = patch(home, {"batteryReserve": 35})
    assert (changed["batteryReserve"], changed["schedule"]) == (35, home.policy["schedule"])
    friday = {"deadline": "24:00", "minimumChargeTarget": 100}
    changed = patch(home, {"schedule": {"friday": friday, "sunday": None}})
    assert changed["batteryReserve"] == 35
    assert changed["schedule"] == home.policy["schedule"] | {"friday": friday, "sunday": None}
    assert home.tenant.get(f"{PATH}/{home.policy['id']}") == changed


def test_a_change_reaches_the_waiting_session(home: Home) -> None:
    sunday = {"deadline": "09:30", "minimumChargeTarget": 65}
    patch(home, {"batteryReserve": 10, "schedule": {"sunday": sunday}})
    target = home.session()["target"]["latest"]
    assert target["batteryReserve"] == 10
    assert (target["minimumChargeTarget"], target["readyBy"]) == (65, "2026-01-11T08:30:00Z")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"schedule": {}}, ["schedule"]),
        (
            {
                "schedule": dict.fromkeys(
                    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
                )
            },
            ["schedule"],
        ),
        ({"schedule": None}, ["schedule"]),
        ({"batteryReserve": None}, ["batteryReserve"]),
        ({"batteryReserve": 101, "state": "SETTLED"}, ["batteryReserve", "state"]),
        ({"batteryReserve": "20"}, ["batteryReserve"]),
        ({"batteryReserve": 20.5}, ["batteryReserve"]),
        ({"batteryReserve": True}, ["batteryReserve"]),
        (
            {"schedule": {"monday": {"deadline": "25:00", "minimumChargeTarget": 80}}},
            ["schedule.monday.deadline"],
        ),
        (
            {"schedule": {"monday": {"deadline": "7:00"}}},
            ["schedule.monday.deadline", "schedule.monday.minimumChargeTarget"],
        ),
        ({"schedule": {"funday": None}}, ["schedule", "schedule.funday"]),
        ({"schedule": {"monday": {**EVERY_DAY, "energy": 1}}}, ["schedule.monday.energy"]),
        ({"vehicleId": "x", "organizationId": "y", "id": "z"}, ["id", "organizationId", "vehicleId"]),
    ],
)
def test_every_fault_of_a_change_is_named_and_nothing_is_changed(
    home: Home, body: dict[str, Any], fields: list[str]
) -> None:
    problem = patch(home, body, 400)
    assert problem["type"].endswith("bad-request")
    assert sorted(issue["field"] for issue in problem["issues"]) == fields
    assert home.tenant.get(f"{PATH}/{home.policy['id']}") == home.policy


def test_the_last_deadline_of_a_week_cannot_be_taken_away(home: Home) -> None:
    days = list(home.policy["schedule"])
    patch(home, {"schedule": dict.fromkeys(days[:6])})
    problem = patch(home, {"batteryReserve": 5, "schedule": {"sunday": None}}, 400)
    assert [issue["field"] for issue in problem["issues"]] == ["schedule"]
    kept = home.tenant.get(f"{PATH}/{home.policy['id']}")
    assert (kept["batteryReserve"], kept["schedule"]["sunday"]) == (20, EVERY_DAY)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"schedule": {}}, "must name a day at least, of monday"),
        ({"schedule": None}, "must not be null"),
        ({"schedule": {"monday": {"deadline": None, "minimumChargeTarget": 80}}}, "must not be null"),
        ({"schedule": {"monday": {"minimumChargeTarget": 80}}}, "is required"),
    ],
)
def test_what_is_empty_or_null_is_told_as_what_it_is(home: Home, body: dict[str, Any], says: str) -> None:
    (issue,) = patch(home, body, 400)["issues"]
    assert says in issue["message"]


@pytest.mark.parametrize(
    "body", [b"", b"[", b"[]", b"null", b'{"batteryReserve":NaN}', b"[" * 100_000, b"\xff"]
)
def test_a_body_that_is_no_json_object_is_refused(home: Home, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    answer = home.tenant.client.patch(f"{PATH}/{home.policy['id']}", content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/json"


def test_a_body_of_another_type_is_refused(home: Home) -> None:
    answer = home.tenant.client.patch(f"{PATH}/{home.policy['id']}", data={"batteryReserve": "1"})
    assert (answer.status_code, answer.headers["accept"]) == (415, "application/json")


def test_the_list_knows_its_filters(tenant: Tenant) -> None:
    first, second = tenant.home(), tenant.home()
    by = tenant.get(PATH, vehicleId=first.vehicle["id"])["data"]
    assert by == [first.policy]
    assert tenant.get(PATH, locationId=second.location["id"])["data"] == [second.policy]
    assert tenant.get(PATH, userId=second.user)["data"] == [second.policy]
    assert tenant.get(PATH, userId="nobody")["data"] == []
    assert tenant.get(PATH)["data"] == [first.policy, second.policy]


def test_a_deleted_policy_is_gone_and_may_be_made_again(home: Home) -> None:
    answer = home.tenant.client.delete(f"{PATH}/{home.policy['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    home.tenant.get(f"{PATH}/{home.policy['id']}", 404)
    assert home.tenant.client.delete(f"{PATH}/{home.policy['id']}").status_code == 404
    assert home.tenant.get(PATH)["data"] == []
    pair = {"vehicleId": home.vehicle["id"], "locationId": home.location["id"]}
    assert home.tenant.post(PATH, pair)["id"] != home.policy["id"]


def test_the_charge_limit_as_last_seen_is_shown(home: Home) -> None:
    home.tenant.observe(
        home.at(-5, plugged_in=True, charge_limit_percent=72.6, latitude=48.1, longitude=11.5)
    )
    shown = home.tenant.get(f"{PATH}/{home.policy['id']}")
    assert shown["lastObservedLocationChargeLimit"] == 73
