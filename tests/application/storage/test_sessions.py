"""Sessions: one unsettled per policy, pages that lose and repeat nothing, and what repricing asks for."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from application.storage import builders as b
from application.storage.builders import AnyStore, get, key_of, put
from dwell.application.ports import Transaction
from dwell.application.records import PageKey, SessionFilter
from dwell.domain.errors import Conflict
from dwell.domain.ids import LocationId, VehicleId
from dwell.domain.policy.terms import VisitTerms
from dwell.domain.session.record import ACTIVE, UPCOMING, Session

pytestmark = pytest.mark.anyio

ALL = SessionFilter(include_hidden=True)


def waiting(id: str, **said: Any) -> Session:
    return b.session(id, **({"state": UPCOMING, "policy_id": b.DEAL, "plugged_in_at": None} | said))


def running(id: str, **said: Any) -> Session:
    return b.session(id, **({"state": ACTIVE} | said))


async def test_a_session_comes_back_field_for_field(store: AnyStore) -> None:
    kept = [b.session(), waiting("s-2"), running("s-3")]
    await put(store, "save_sessions", kept)
    assert [await get(store, "session", b.OURS, one.id) for one in kept] == kept


async def test_a_policy_has_one_unsettled_session(store: AnyStore) -> None:
    await put(store, "save_sessions", [waiting("s-1")])
    with pytest.raises(Conflict) as caught:
        await put(store, "save_sessions", [running("s-2", policy_id=b.DEAL)])
    assert caught.value.code == "policy_session_exists"
    assert await get(store, "session", b.OURS, "s-2") is None
    assert await get(store, "unsettled_session_of_policy", b.OURS, b.DEAL) == waiting("s-1")


async def test_the_next_session_of_a_policy_may_be_saved_ahead_of_the_one_it_follows(store: AnyStore) -> None:
    await put(store, "save_sessions", [running("s-1", policy_id=b.DEAL)])
    await put(store, "save_sessions", [waiting("s-2"), b.session("s-1", policy_id=b.DEAL)])
    assert await get(store, "unsettled_session_of_policy", b.OURS, b.DEAL) == waiting("s-2")
    await put(store, "save_sessions", [waiting("s-3"), waiting("s-2", policy_id=None, state=ACTIVE)])
    assert await get(store, "unsettled_session_of_policy", b.OURS, b.DEAL) == waiting("s-3")


async def test_a_withdrawn_session_is_gone_and_makes_room(store: AnyStore) -> None:
    await put(store, "save_sessions", [waiting("s-1")])

    async def work(tx: Transaction) -> None:
        await tx.withdraw_sessions(b.OURS, [waiting("s-1").id, waiting("never").id])
        await tx.save_sessions([waiting("s-2")])

    await store.write(work)
    assert await get(store, "session", b.OURS, "s-1") is None
    assert await get(store, "unsettled_session_of_policy", b.OURS, b.DEAL) == waiting("s-2")


async def test_unsettled_sessions_are_grouped_by_vehicle(store: AnyStore) -> None:
    vans = running("s-4", vehicle_id="van")
    await put(store, "save_sessions", [b.session("s-1"), waiting("s-2"), running("s-3"), vans])
    found = await put(store, "unsettled_sessions", b.OURS, [b.CAR, "van", "none"])
    assert {vid: {one.id for one in group} for vid, group in found.items()} == {
        b.CAR: {"s-2", "s-3"},
        "van": {"s-4"},
    }


async def test_sessions_of_a_vehicle_since(store: AnyStore) -> None:
    days = [b.session(f"s-{n}", plugged_in_at=b.NOON + n * b.DAY) for n in range(4)]
    inferred = b.session("s-9", plugged_out_at=None, inferred_end_at=b.NOON + b.DAY)
    live = running("s-8", plugged_in_at=b.NOON + 9 * b.DAY)
    await put(
        store, "save_sessions", [*days, inferred, live, waiting("s-7"), b.session("other", vehicle_id="van")]
    )
    found = await get(store, "sessions_of_vehicle", b.OURS, b.CAR, since=b.NOON + b.DAY)
    assert [one.id for one in found] == ["s-9", "s-1", "s-2", "s-3", "s-8"]
    edge = await get(store, "sessions_of_vehicle", b.OURS, b.CAR, since=b.NOON + 3 * b.DAY + b.HOUR)
    assert [one.id for one in edge] == ["s-3", "s-8"]


async def test_a_session_moves_between_states_and_lists(store: AnyStore) -> None:
    await put(store, "save_sessions", [waiting("s-1")])
    assert await get(store, "settled_page", b.OURS, ALL) == []
    settled = b.session("s-1", policy_id=b.DEAL)
    await put(store, "save_sessions", [settled])
    assert await get(store, "settled_page", b.OURS, ALL) == [settled]
    moved = msgspec.structs.replace(settled, plugged_in_at=b.NOON - b.HOUR, revision=2)
    await put(store, "save_sessions", [moved])
    assert await get(store, "settled_page", b.OURS, ALL) == [moved]
    await put(store, "save_sessions", [running("s-1", policy_id=b.DEAL)])
    assert await get(store, "settled_page", b.OURS, ALL) == []
    await put(store, "withdraw_sessions", b.OURS, ["s-1"])
    assert await put(store, "unsettled_sessions", b.OURS, [b.CAR]) == {}


def many() -> list[Session]:
    """Ninety sessions of two vehicles, three at each instant."""
    return [
        b.session(
            f"s-{n:02}",
            plugged_in_at=b.NOON + (n // 3) * b.HOUR,
            vehicle_id=b.CAR if n % 2 else "van",
            location_id=b.HOME if n % 5 else None,
            policy_id=b.DEAL if n % 4 else "p-2",
            short=n % 7 == 0,
        )
        for n in range(90)
    ]


def in_page_order(sessions: list[Session]) -> list[str]:
    return [one.id for one in sorted(sessions, key=lambda s: (-key_of(s).plugged_in_at.timestamp(), s.id))]


@pytest.mark.parametrize(
    "wanted",
    [
        SessionFilter(),
        ALL,
        SessionFilter(vehicle_id=b.CAR),
        SessionFilter(policy_id=b.DEAL, include_hidden=True),
        SessionFilter(location_id=b.HOME),
        SessionFilter(plugged_in_from=b.NOON + 7 * b.HOUR),
        SessionFilter(plugged_out_to=b.NOON + 11 * b.HOUR),
        SessionFilter(
            vehicle_id=b.CAR,
            policy_id=b.DEAL,
            location_id=b.HOME,
            plugged_in_from=b.NOON + 3 * b.HOUR,
            plugged_out_to=b.NOON + 20 * b.HOUR,
        ),
        SessionFilter(vehicle_id=VehicleId("none")),
    ],
)
async def test_a_walk_through_pages_gives_what_the_filter_wants_both_ways(
    store: AnyStore, wanted: SessionFilter
) -> None:
    everything = many()
    shuffled = random.Random(7).sample(everything, len(everything))
    await put(store, "save_sessions", shuffled)
    expected = in_page_order([one for one in everything if fits(one, wanted)])
    assert await walked(store, wanted) == expected
    assert await walked_back(store, wanted) == expected


def fits(one: Session, wanted: SessionFilter) -> bool:
    named = all(
        getattr(wanted, name) in (None, getattr(one, name))
        for name in ("vehicle_id", "policy_id", "location_id")
    )
    plugged_in_at = key_of(one).plugged_in_at
    return (
        named
        and (wanted.include_hidden or not one.short)
        and (wanted.plugged_in_from is None or plugged_in_at >= wanted.plugged_in_from)
        and (wanted.plugged_out_to is None or plugged_in_at + b.HOUR <= wanted.plugged_out_to)
    )


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("until", [b.NOON - b.DAY, b.NOON + 4 * b.HOUR, b.NOON + 999 * b.DAY])
async def test_a_window_is_counted_whole_and_read_by_pages(
    store: AnyStore, hidden: bool, until: datetime
) -> None:
    await put(store, "save_sessions", many())
    wanted = SessionFilter(plugged_in_from=b.NOON + b.HOUR, vehicle_id=b.CAR, include_hidden=hidden)
    within = [one for one in many() if fits(one, wanted) and key_of(one).plugged_in_at < until]
    expected, seen = in_page_order(within), list[str]()
    window = {"plugged_in_before": until, "limit": 3}
    for offset in range(0, len(expected) + 3, 3):
        total, page = await get(store, "settled_before", b.OURS, wanted, offset=offset, **window)
        assert total == len(expected)
        seen += [one.id for one in page]
    assert seen == expected


async def walked(store: AnyStore, wanted: SessionFilter) -> list[str]:
    seen: list[str] = []
    key: PageKey | None = None
    while page := await get(store, "settled_page", b.OURS, wanted, after=key, limit=4):
        seen += [one.id for one in page]
        key = key_of(page[-1])
    return seen


async def walked_back(store: AnyStore, wanted: SessionFilter) -> list[str]:
    seen: list[str] = []
    key = PageKey(b.NOON - 9 * b.DAY, "")
    while page := await get(store, "settled_page", b.OURS, wanted, before=key, limit=4):
        seen = [one.id for one in page] + seen
        key = key_of(page[0])
    return seen


@pytest.mark.parametrize("backwards", [False, True])
async def test_a_walk_sees_each_old_session_once_while_new_ones_come(
    store: AnyStore, backwards: bool
) -> None:
    await put(store, "save_sessions", many())
    old, seen = {one.id for one in many()}, list[str]()
    key = PageKey(b.NOON - 9 * b.DAY, "") if backwards else PageKey(b.NOON + 999 * b.DAY, "")
    chance, number = random.Random(3), 0
    while True:
        asked = {"before": key} if backwards else {"after": key}
        page = await get(store, "settled_page", b.OURS, ALL, limit=7, **asked)
        if not page:
            break
        seen += [one.id for one in page]
        key = key_of(page[0] if backwards else page[-1])
        for _ in range(3):
            number += 1
            at = b.NOON + timedelta(minutes=chance.randrange(-600, 2400))
            await put(store, "save_sessions", [b.session(f"new-{number}", plugged_in_at=at)])
    assert sorted(name for name in seen if name in old) == sorted(old)
    assert len(seen) == len(set(seen))


async def test_ties_are_in_order_of_id(store: AnyStore) -> None:
    await put(store, "save_sessions", [b.session(name) for name in "dacb"])
    page = await get(store, "settled_page", b.OURS, ALL)
    assert [one.id for one in page] == ["a", "b", "c", "d"]
    after = await get(store, "settled_page", b.OURS, ALL, after=PageKey(b.NOON, "b"))
    assert [one.id for one in after] == ["c", "d"]
    before = await get(store, "settled_page", b.OURS, ALL, before=PageKey(b.NOON, "c"), limit=1)
    assert [one.id for one in before] == ["b"]


async def test_live_vehicles_in_a_zone(store: AnyStore) -> None:
    await put(
        store,
        "save_sessions",
        [
            running("s-1"),
            running("s-2", vehicle_id="van", organization_id=b.THEIRS),
            running("s-3", vehicle_id="north", terms=VisitTerms(zone="SE3")),
            running("s-4", vehicle_id="nowhere", terms=VisitTerms()),
            waiting("s-5", vehicle_id="waits"),
            b.session("s-6", vehicle_id="over"),
        ],
    )
    assert await put(store, "live_vehicles_in_zone", "DE-LU") == [(b.OURS, b.CAR), (b.THEIRS, "van")]
    assert await put(store, "live_vehicles_in_zone", "FR") == []


async def test_the_vehicles_that_run_at_a_location_are_found(store: AnyStore) -> None:
    there = LocationId("depot")
    sessions = [
        running("one", vehicle_id="van", location_id=there),
        running("two", vehicle_id="car", location_id=there),
        running("three", vehicle_id="bus"),
        waiting("five", vehicle_id="cab", location_id=there),
        b.session("four", vehicle_id="taxi", location_id=there),
    ]
    await put(store, "save_sessions", sessions)
    assert await put(store, "running_at", b.OURS, there) == ["car", "van"]
    assert await put(store, "running_at", b.THEIRS, there) == []


async def test_settled_sessions_that_meet_a_window_in_a_zone(store: AnyStore) -> None:
    hours = [b.session(f"s-{n}", plugged_in_at=b.NOON + n * b.HOUR) for n in range(6)]
    others = [
        b.session("s-8", terms=VisitTerms(zone="SE3")),
        running("s-9", plugged_in_at=b.NOON + 2 * b.HOUR),
        b.session("s-7", organization_id=b.THEIRS, plugged_in_at=b.NOON + 2 * b.HOUR),
    ]
    await put(store, "save_sessions", [*hours, *others])
    window = ("DE-LU", b.NOON + 2 * b.HOUR, b.NOON + 4 * b.HOUR)
    first = b.NOON + 2 * b.HOUR
    assert await put(store, "settled_in_zone", *window) == [(b.OURS, b.CAR, first), (b.THEIRS, b.CAR, first)]
