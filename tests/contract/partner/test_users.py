"""Partner: users, and the buildings of users."""

from __future__ import annotations

from uuid import UUID, uuid4

import httpx
import pytest

from contract.partner.people import Partner, owner_of
from contract.serving import LOCATION, Home, Tenant


@pytest.fixture
def partner(tenant: Tenant) -> Partner:
    return Partner(tenant=tenant)


@pytest.fixture
def caller(partner: Partner) -> httpx.Client:
    return partner.client()


ANNA = {"email": "anna@example.com", "first_name": "Anna", "last_name": "Ångström", "external_id": "a-1"}


def test_a_user_is_made_and_found_by_either_id(partner: Partner, caller: httpx.Client) -> None:
    made = caller.post(partner.users_path, json=ANNA)
    assert made.status_code == 201
    user = made.json()
    assert list(user) == [
        *("id", "email", "first_name", "last_name", "external_id", "role", "created_at", "updated_at")
    ]
    assert {name: user[name] for name in ANNA} == ANNA
    assert (UUID(user["id"]).version, user["role"]) == (7, "user")
    assert caller.get(f"{partner.users_path}/{user['id']}").json() == user
    assert caller.get(f"{partner.users_path}/by-ext-id/a-1").json() == user
    assert caller.get(partner.users_path).json() == [user]
    location = partner.tenant.post("/users/a-1/locations", LOCATION)
    buildings = caller.get(f"{partner.users_path}/{user['id']}/buildings").json()
    assert [building["id"] for building in buildings] == [location["id"]]


def test_a_user_without_a_name_of_the_callers_has_none(partner: Partner, caller: httpx.Client) -> None:
    user = caller.post(partner.users_path, json={}).json()
    assert (user["external_id"], user["email"]) == (None, None)


def test_a_user_made_in_another_dialect_is_the_same_user(home: Home) -> None:
    partner = Partner(tenant=home.tenant)
    user = partner.client().get(f"{partner.users_path}/by-ext-id/{home.user}").json()
    assert user["id"] == owner_of(home)
    assert user["updated_at"] == user["created_at"]


def test_what_a_change_does_not_name_stays_and_null_takes_away(
    partner: Partner, caller: httpx.Client
) -> None:
    user = caller.post(partner.users_path, json=ANNA).json()
    path = f"{partner.users_path}/{user['id']}"
    changed = caller.put(path, json={"last_name": None, "external_id": "a-2"}).json()
    assert changed == user | {"last_name": None, "external_id": "a-2", "updated_at": changed["updated_at"]}
    assert caller.get(f"{partner.users_path}/by-ext-id/a-1").status_code == 404
    assert caller.get(f"{partner.users_path}/by-ext-id/a-2").json() == changed
    # What was read can be written back, with whatever else the original would take.
    assert caller.put(path, json=changed | {"phone": "1"}).json() == changed
    assert caller.put(path, json={"external_id": None}).json()["external_id"] is None
    assert caller.post(partner.users_path, json={"external_id": "a-2"}).status_code == 201


def test_an_external_id_is_one_users(partner: Partner, caller: httpx.Client) -> None:
    user = caller.post(partner.users_path, json={"external_id": "a"}).json()
    other = caller.post(partner.users_path, json={"external_id": "b"}).json()
    taken = {"detail": "Another user has this external id."}
    for answer in (
        caller.post(partner.users_path, json={"external_id": "a"}),
        caller.put(f"{partner.users_path}/{other['id']}", json={"external_id": "a"}),
    ):
        assert (answer.status_code, answer.json()) == (409, taken)
    assert caller.get(f"{partner.users_path}/{other['id']}").json() == other
    assert caller.put(f"{partner.users_path}/{user['id']}", json={"external_id": "a"}).status_code == 200


def test_every_wrong_parameter_is_named(partner: Partner, caller: httpx.Client) -> None:
    def places(answer: httpx.Response) -> list[list[str]]:
        assert answer.status_code == 422, answer.text
        faults = answer.json()["detail"]
        assert all(set(fault) == {"type", "loc", "msg"} for fault in faults)
        return [fault["loc"] for fault in faults]

    users, user = partner.users_path, caller.post(partner.users_path, json={}).json()
    wrong = {"email": 1, "first_name": [], "last_name": "", "role": "admin", "id": str(uuid4())}
    assert places(caller.post(users, json=wrong)) == [["body", name] for name in wrong if name != "id"]
    assert places(caller.put(f"{users}/x", json=wrong)) == [
        ["path", "user_id"],
        *(["body", name] for name in ("email", "first_name", "last_name")),
    ]
    for unfit in ("a/b", "..", "a\\b", "\ufffd"):
        assert places(caller.post(users, json={"external_id": unfit})) == [["body", "external_id"]]
    wrong = {"email": "a b", "first_name": "", "last_name": "x" * 201, "external_id": "\x07"}
    assert sorted(places(caller.put(f"{users}/{user['id']}", json=wrong))) == sorted(
        [["body", name] for name in wrong]
    )
    assert places(caller.put(f"{users}/x", json={})) == [["path", "user_id"]]
    assert places(caller.get(users, params={"limit": "201", "after": "x", "foo": "1"})) == [["query", "foo"]]
    assert places(caller.get(users, params={"limit": "0", "after": "x"})) == [
        ["query", "limit"],
        ["query", "after"],
    ]
    organization = partner.organization_id
    odd = users.replace(organization, "x") + "/y/buildings/z"
    assert places(caller.get(odd)) == [["path", "org_id"], ["path", "user_id"], ["path", "building_id"]]


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"{}", "text/plain", 415),
        (b'"' + b"x" * 300_000, "application/json", 413),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(
    partner: Partner, caller: httpx.Client, *, content: bytes, content_type: str, status: int
) -> None:
    headers = {"content-type": content_type}
    answer = caller.post(partner.users_path, content=content, headers=headers)
    assert (answer.status_code, set(answer.json())) == (status, {"detail"})


def test_users_come_in_pages(partner: Partner, caller: httpx.Client) -> None:
    made = [caller.post(partner.users_path, json={"external_id": f"u{n}"}).json() for n in range(5)]
    found, after = list[object](), dict[str, str]()
    while page := caller.get(partner.users_path, params={"limit": 2, **after}).json():
        found += page
        after = {"after": page[-1]["id"]}
    assert found == made


def test_a_user_may_change_itself_but_not_its_role(partner: Partner) -> None:
    user = partner.add("user", login="self@" + partner.organization_id)
    caller, path = partner.as_user(user.email or ""), f"{partner.users_path}/{user.id}"
    assert caller.put(path, json={"first_name": "Me"}).json()["first_name"] == "Me"
    assert caller.put(path, json={"role": "admin"}).status_code == 422
    assert caller.put(path, json={"role": "user", "login": "x", "generation": 9}).status_code == 200
    assert caller.get(path).json()["role"] == "user"


def test_the_audit_log_names_who_acted(partner: Partner) -> None:
    user = partner.add("user", login="acts@" + partner.organization_id)
    caller = partner.as_user(user.email or "")
    caller.put(f"{partner.users_path}/{user.id}", json={"first_name": "Me"})
    partner.client().post(partner.users_path, json={})
    entries = partner.tenant.get("/v1/audit")["entries"][:2]
    assert [(e["actor"]["kind"], e["actor"]["name"], e["thing"], e["action"]) for e in entries] == [
        ("client", partner.basic[0], "user", "created"),
        ("user", user.id, "user", "changed"),
    ]
    assert entries[1]["actor"]["address"] == "127.0.0.1"
    log = str(partner.tenant.get("/v1/audit"))
    assert not [text for text in ("secret_hash", user.email, "'Me'", "argon2") if str(text) in log]
    assert entries[1]["after"]["first_name"] == "(set)"


def test_a_building_is_the_users_location(home: Home) -> None:
    partner = Partner(tenant=home.tenant)
    caller, path = partner.client(), f"{partner.users_path}/{owner_of(home)}/buildings"
    building = caller.get(f"{path}/{home.location['id']}").json()
    assert caller.get(path).json() == [building]
    assert (building["name"], building["timezone"], building["price_zone"]) == (
        *("Home", "Europe/Berlin", "DE_LU"),
    )
    other = home.tenant.post(f"/users/{home.user}/locations", LOCATION)
    assert home.tenant.client.delete(f"/locations/{other['id']}").status_code == 204
    assert caller.get(f"{path}/{other['id']}").status_code == 404


@pytest.mark.parametrize("path", ["/nothing", "/org", "//org", "/org/", "/org/x/users/"])
def test_what_is_not_there_is_told_in_the_dialects_words(caller: httpx.Client, path: str) -> None:
    answer = caller.get(f"/api/partners/v2.0{path}")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


def test_a_method_that_is_not_there_too(partner: Partner, caller: httpx.Client) -> None:
    answer = caller.delete(partner.users_path)
    assert (answer.status_code, set(answer.json())) == (405, {"detail"})
