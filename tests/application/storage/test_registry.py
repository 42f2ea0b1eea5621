"""Organizations, credentials, users, locations, vehicles and policies, on every store."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from application.storage import builders as b
from application.storage.builders import AnyStore, get, put
from dwell.application.ports import Transaction
from dwell.application.records import SessionFilter
from dwell.domain.errors import Conflict

pytestmark = pytest.mark.anyio


async def test_what_was_never_saved_is_absent(store: AnyStore) -> None:
    assert await get(store, "organization", b.OURS) is None
    assert await get(store, "credential", "client", "c-1") is None
    assert await get(store, "user", b.OURS, b.ANNA) is None
    assert await get(store, "vehicles", b.OURS) == []
    assert await get(store, "vehicles_by_id", b.OURS, [b.CAR]) == {}


@pytest.mark.parametrize(
    ("thing", "saved_by", "key"),
    [
        (b.organization(), "add_organization", (b.OURS,)),
        (b.user(), "add_user", (b.OURS, b.ANNA)),
        (b.user(reference="\x00 ünïcode \u202e " * 9999), "add_user", (b.OURS, b.ANNA)),
        (b.location(), "save_location", (b.OURS, b.HOME)),
        (b.vehicle(), "save_vehicle", (b.OURS, b.CAR)),
        (b.policy(), "save_policy", (b.OURS, b.DEAL)),
        (b.credential(), "save_credential", ("client", "c-1")),
        (b.credential(name="\x00odd"), "save_credential", ("client", "\x00odd")),
    ],
)
async def test_a_saved_thing_comes_back_as_it_was(
    store: AnyStore, thing: object, saved_by: str, key: tuple[str, ...]
) -> None:
    await put(store, saved_by, thing)
    assert await get(store, saved_by.partition("_")[2], *key) == thing


@pytest.mark.parametrize("odd", ["\x00", "\ud800", "é" * 9, "x" * 100_000, "'; DROP TABLE vehicles; --", ""])
async def test_an_odd_id_is_simply_unknown(store: AnyStore, odd: str) -> None:
    await put(store, "save_vehicle", b.vehicle())
    assert await get(store, "vehicle", b.OURS, odd) is None
    assert await get(store, "vehicles_by_id", b.OURS, [odd, b.CAR]) == {b.CAR: b.vehicle()}
    assert await get(store, "vehicles", b.OURS, user_id=odd) == []
    assert await get(store, "user_by_reference", b.OURS, odd) is None
    assert await get(store, "credential", odd, odd) is None
    assert await get(store, "curve", odd, b.NOON, b.NOON + b.HOUR) is None


async def test_a_user_is_found_by_the_callers_reference(store: AnyStore) -> None:
    await put(store, "add_user", b.user(reference="naïve \x00"))
    assert await get(store, "user_by_reference", b.OURS, "naïve \x00") == b.user(reference="naïve \x00")
    assert await get(store, "user_by_reference", b.OURS, "naive") is None


async def test_a_second_user_of_one_reference_is_a_conflict(store: AnyStore) -> None:
    await put(store, "add_user", b.user())
    with pytest.raises(Conflict) as caught:
        await put(store, "add_user", b.user(id="another"))
    assert caught.value.code == "user_exists"
    assert await get(store, "user", b.OURS, "another") is None


async def test_a_user_is_changed_and_found_by_its_new_reference_only(store: AnyStore) -> None:
    await put(store, "add_user", b.user(reference="old"))
    await put(store, "add_user", b.user(id="bert", reference="bert"))
    later = b.user(reference="new", role="staff", email="a@b", generation=3)
    await put(store, "save_user", later)
    assert await get(store, "user", b.OURS, b.ANNA) == later
    assert await get(store, "user_by_reference", b.OURS, "new") == later
    assert await get(store, "user_by_reference", b.OURS, "old") is None
    with pytest.raises(Conflict):
        await put(store, "save_user", b.user(reference="bert"))
    assert await get(store, "user", b.OURS, b.ANNA) == later
    assert await get(store, "user_by_reference", b.OURS, "new") == later
    await put(store, "add_user", b.user(id="carl", reference="old"))
    await put(store, "add_user", b.user(id="dora", reference="x", organization_id=b.THEIRS))
    assert [user.id for user in await get(store, "users", b.OURS)] == [b.ANNA, "bert", "carl"]
    assert [user.id for user in await get(store, "users", b.OURS, after_id=b.ANNA, limit=1)] == ["bert"]


async def test_a_change_of_a_user_that_fails_leaves_it_as_it_was(store: AnyStore) -> None:
    await put(store, "add_user", b.user(reference="old"))

    async def work(tx: Transaction) -> None:
        await tx.save_user(b.user(reference="new"))
        await tx.save_user(b.user(reference="newer"))
        raise LookupError

    with pytest.raises(LookupError):
        await store.write(work)
    assert await get(store, "user_by_reference", b.OURS, "old") == b.user(reference="old")
    assert await get(store, "user_by_reference", b.OURS, "new") is None
    assert await get(store, "user_by_reference", b.OURS, "newer") is None


async def test_saving_again_replaces(store: AnyStore) -> None:
    await put(store, "save_vehicle", b.vehicle())
    later = b.vehicle(power_max_w=7_000, deleted_at=b.NOON)
    await put(store, "save_vehicle", later)
    assert await get(store, "vehicle", b.OURS, b.CAR) == later


@pytest.mark.parametrize("noun", ["location", "vehicle", "policy"])
async def test_lists_are_by_id_leave_out_the_deleted_and_turn_around(store: AnyStore, noun: str) -> None:
    build: Any = getattr(b, noun)
    plural = {"policy": "policies"}.get(noun, f"{noun}s")
    for name in "edcba":
        # a policy's vehicle: two live policies may not join the same two
        said = {"vehicle_id": f"car of {name}"} if noun == "policy" else {}
        await put(store, f"save_{noun}", build(id=name, deleted_at=b.NOON if name == "c" else None, **said))
    await put(store, f"save_{noun}", build(id="z", organization_id=b.THEIRS))

    async def ids(**asked: Any) -> str:
        return "".join(thing.id for thing in await get(store, plural, b.OURS, **asked))

    assert await ids() == "abde"
    assert await ids(limit=2) == "ab"
    assert await ids(after_id="b") == "de"
    assert await ids(before_id="e", limit=2) == "db"
    assert await ids(user_id=b.ANNA, after_id="d") == "e"
    assert await ids(user_id="nobody") == ""


async def test_policies_are_found_by_vehicle_location_and_user(store: AnyStore) -> None:
    first = b.policy()
    second = b.policy(id="p-2", location_id="office", created_at=b.NOON - b.DAY)
    third = b.policy(id="p-3", vehicle_id="van", user_id="bert", deleted_at=b.NOON)
    for one in (first, second, third):
        await put(store, "save_policy", one)
    assert await get(store, "policies", b.OURS, vehicle_id=b.CAR, location_id="office") == [second]
    assert await get(store, "policies", b.OURS, vehicle_id="van") == []
    assert await get(store, "policies", b.OURS, user_id=b.ANNA) == [first, second]
    assert await get(store, "policies_of_vehicles", b.OURS, [b.CAR, "van", "none"]) == {
        b.CAR: [second, first]
    }


async def test_locations_of_users_come_in_order_of_creation(store: AnyStore) -> None:
    old = b.location(id="z", created_at=b.NOON - b.DAY)
    gone = b.location(id="x", deleted_at=b.NOON)
    berts = b.location(id="y", user_id="bert")
    for one in (b.location(), old, gone, berts):
        await put(store, "save_location", one)
    found = await get(store, "locations_of_users", b.OURS, [b.ANNA, "bert", "none"])
    assert found == {b.ANNA: [old, b.location()], "bert": [berts]}


async def test_one_live_policy_joins_a_vehicle_and_a_location(store: AnyStore) -> None:
    await put(store, "save_policy", b.policy())
    with pytest.raises(Conflict) as caught:
        await put(store, "save_policy", b.policy(id="p-2"))
    assert caught.value.code == "policy_exists"
    await put(store, "save_policy", b.policy(updated_at=b.NOON + b.HOUR))
    await put(store, "save_policy", b.policy(deleted_at=b.NOON))
    await put(store, "save_policy", b.policy(id="p-2"))
    await put(store, "save_policy", b.policy(id="p-3", organization_id=b.THEIRS))
    assert [p.id for p in await get(store, "policies", b.OURS)] == ["p-2"]


async def test_credentials_are_replaced_by_kind_and_name(store: AnyStore) -> None:
    await put(store, "save_credential", b.credential())
    revoked = b.credential(revoked_at=b.NOON + timedelta(seconds=1))
    await put(store, "save_credential", revoked)
    assert await get(store, "credential", "client", "c-1") == revoked
    assert await get(store, "credential", "api_key", "c-1") is None


async def test_every_read_of_a_foreign_organization_finds_nothing(store: AnyStore) -> None:
    policy_session = b.session("s-2", state="UPCOMING", policy_id=b.DEAL, plugged_in_at=None)

    async def fill(tx: Any) -> None:
        await tx.add_user(b.user())
        await tx.save_location(b.location())
        await tx.save_vehicle(b.vehicle())
        await tx.save_policy(b.policy())
        await tx.save_tracks([b.track()])
        await tx.save_sessions([b.session(), policy_session])
        await tx.add_facts(b.OURS, [b.fact(1), b.fact(2)], received_at=b.NOON)
        await tx.pack_facts(b.OURS, b.CAR, until=b.fact(1).fact.at)

    await store.write(fill)
    reads: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
        ("user", (b.ANNA,), {}),
        ("user_by_reference", ("anna",), {}),
        ("location", (b.HOME,), {}),
        ("locations", (), {}),
        ("locations", (), {"user_id": b.ANNA}),
        ("vehicle", (b.CAR,), {}),
        ("vehicles", (), {"user_id": b.ANNA}),
        ("vehicles_by_id", ([b.CAR],), {}),
        ("policy", (b.DEAL,), {}),
        ("policies", (), {"vehicle_id": b.CAR, "location_id": b.HOME}),
        ("policies_of_vehicles", ([b.CAR],), {}),
        ("locations_of_users", ([b.ANNA],), {}),
        ("track", (b.CAR,), {}),
        ("session", ("s-1",), {}),
        ("unsettled_session_of_policy", (b.DEAL,), {}),
        ("settled_page", (SessionFilter(),), {}),
        ("settled_page", (SessionFilter(vehicle_id=b.CAR),), {}),
        ("sessions_of_vehicle", (b.CAR,), {"since": b.NOON - b.DAY}),
        ("facts", (b.CAR,), {"since": b.NOON - b.DAY}),
    ]
    for method, arguments, named in reads:
        assert await get(store, method, b.OURS, *arguments, **named), f"{method} finds its own"
        assert not await get(store, method, b.THEIRS, *arguments, **named), f"{method} finds a foreign thing"
    window = {"plugged_in_before": b.NOON + 999 * b.DAY, "limit": 9, "offset": 0}
    assert (await get(store, "settled_before", b.OURS, SessionFilter(), **window))[0]
    assert await get(store, "settled_before", b.THEIRS, SessionFilter(), **window) == (0, [])
    assert await put(store, "tracks", b.THEIRS, [b.CAR]) == {}
    assert await put(store, "unsettled_sessions", b.THEIRS, [b.CAR]) == {}
    await put(store, "withdraw_sessions", b.THEIRS, ["s-1"])
    await put(store, "remove_facts", b.THEIRS, b.CAR, [b.fact(2).digest])
    await put(store, "pack_facts", b.THEIRS, b.CAR, until=b.NOON + b.DAY)
    assert await get(store, "session", b.OURS, "s-1") == b.session()
    assert len(await get(store, "facts", b.OURS, b.CAR, since=b.NOON)) == 2
