"""All of a work or nothing, works that meet are serial, and a group commit fails only those that failed."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any

import msgspec
import pytest

from application.storage import builders as b
from application.storage.builders import AnyStore, events_in, fact, get, orders_in, put, slots, works
from dwell.adapters.storage.memory import MemoryStore
from dwell.adapters.storage.postgres import PostgresStore
from dwell.adapters.storage.sqlite import SqliteStore
from dwell.application.ports import Reader, Transaction
from dwell.application.records import Quarantined, SessionFilter
from dwell.domain.errors import Conflict, NotFound
from dwell.domain.session.record import UPCOMING
from dwell.domain.session.track import Seen

pytestmark = pytest.mark.anyio


async def write_everything(tx: Transaction) -> None:
    await tx.add_organization(b.organization())
    await tx.save_credential(b.credential())
    await tx.add_user(b.user())
    await tx.save_location(b.location())
    await tx.save_vehicle(b.vehicle())
    await tx.save_policy(b.policy())
    await tx.save_tracks([b.track(wake_at=b.NOON)])
    await tx.save_sessions(
        [b.session(), b.session("s-2", state=UPCOMING, policy_id=b.DEAL, plugged_in_at=None)]
    )
    await tx.add_facts(b.OURS, [fact(1), fact(2), fact(3)], received_at=b.NOON)
    await tx.pack_facts(b.OURS, b.CAR, until=fact(2).fact.at)
    await tx.remove_facts(b.OURS, b.CAR, [fact(3).digest])
    await tx.add_quarantined(
        [Quarantined(organization_id=b.OURS, vehicle_id=b.CAR, received_at=b.NOON, reason="late", raw=b"{}")]
    )
    await tx.add_events([b.event("e-1", b.session())])
    await tx.save_orders([b.order()])
    await tx.replace_prices("DE-LU", "EUR", slots(b.NOON, "1"))


async def everything(store: AnyStore) -> list[Any]:
    reads: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
        ("organization", (b.OURS,), {}),
        ("credential", ("client", "c-1"), {}),
        ("user", (b.OURS, b.ANNA), {}),
        ("user_by_reference", (b.OURS, "anna"), {}),
        ("locations_of_users", (b.OURS, [b.ANNA]), {}),
        ("location", (b.OURS, b.HOME), {}),
        ("vehicle", (b.OURS, b.CAR), {}),
        ("policy", (b.OURS, b.DEAL), {}),
        ("policies_of_vehicles", (b.OURS, [b.CAR]), {}),
        ("track", (b.OURS, b.CAR), {}),
        ("session", (b.OURS, "s-1"), {}),
        ("unsettled_session_of_policy", (b.OURS, b.DEAL), {}),
        ("settled_page", (b.OURS, SessionFilter()), {}),
        ("facts", (b.OURS, b.CAR), {"since": b.NOON}),
        ("zones", (), {}),
    ]
    found = [await get(store, method, *arguments, **named) for method, arguments, named in reads]
    found += [await put(store, "next_wake_at"), await put(store, "due_tracks", b.NOON, limit=9)]
    found += [await put(store, "unsettled_sessions", b.OURS, [b.CAR])]
    return [*found, await events_in(store), await orders_in(store)]


async def test_a_work_that_fails_at_its_end_leaves_nothing(store: AnyStore) -> None:
    empty = await everything(store)

    async def fails(tx: Transaction) -> None:
        await write_everything(tx)
        raise NotFound("no such thing")

    with pytest.raises(NotFound):
        await store.write(fails)
    assert await everything(store) == empty
    await store.write(write_everything)
    full = await everything(store)
    assert all(found not in (None, [], {}) for found in full)

    async def changes(tx: Transaction) -> None:
        await tx.save_vehicle(b.vehicle(power_max_w=1))
        await tx.save_location(b.location(deleted_at=b.NOON))
        await tx.save_policy(b.policy(deleted_at=b.NOON))
        await tx.save_tracks([b.track(version=1)])
        await tx.withdraw_sessions(b.OURS, [b.session().id])
        await tx.save_sessions([b.session("s-2")])
        await tx.save_orders([b.order(attempts=7)])
        await tx.add_events([b.event("e-2", b.session())])
        raise NotFound("no such thing")

    with pytest.raises(NotFound):
        await store.write(changes)
    assert await everything(store) == full


async def test_a_failure_in_the_middle_of_a_call_leaves_nothing(store: AnyStore) -> None:
    async def fails(tx: Transaction) -> None:
        await tx.save_vehicle(b.vehicle())
        taken = {"state": UPCOMING, "policy_id": b.DEAL, "plugged_in_at": None}
        await tx.save_sessions([b.session("s-1"), b.session("s-2", **taken), b.session("s-3", **taken)])

    with pytest.raises(Conflict):
        await store.write(fails)
    assert await get(store, "vehicle", b.OURS, b.CAR) is None
    assert await get(store, "session", b.OURS, "s-1") is None


async def test_of_works_that_wait_together_only_the_failing_ones_are_undone(store: AnyStore) -> None:
    async def every_third_fails(tx: Transaction, number: int) -> int:
        await tx.save_vehicle(b.vehicle(id=f"car-{number:03}"))
        if number % 3 == 0:
            raise NotFound("no such thing")
        return number

    answers = await asyncio.gather(*works(store, 90, every_third_fails), return_exceptions=True)
    assert [answer for answer in answers if isinstance(answer, int)] == [n for n in range(90) if n % 3]
    assert all(isinstance(answers[n], NotFound) for n in range(0, 90, 3))
    kept = await get(store, "vehicles", b.OURS, limit=99)
    assert [one.id for one in kept] == [f"car-{n:03}" for n in range(90) if n % 3]


async def test_works_about_one_vehicle_are_serial(store: AnyStore) -> None:
    """Each reads the count of the one before, from the very first, when there is no row yet that could be locked."""

    async def counts(tx: Transaction, number: int) -> int:
        found = await tx.tracks(b.OURS, [b.CAR])
        track = found.get(b.CAR) or b.track()
        seen = track.seen.odometer_m or 0
        await tx.save_sessions([b.session(f"s-{seen}")])
        await tx.save_tracks([msgspec.structs.replace(track, seen=Seen(odometer_m=seen + 1))])
        return seen

    first = await asyncio.gather(*works(store, 4, counts))
    assert sorted(first) == [0, 1, 2, 3]
    second = await asyncio.gather(*works(store, 6, counts))
    assert sorted(second) == [4, 5, 6, 7, 8, 9]
    track = await get(store, "track", b.OURS, b.CAR)
    assert (track.version, track.seen.odometer_m) == (10, 10)


async def test_works_that_meet_over_a_policys_first_session_leave_one(store: AnyStore) -> None:
    async def opens(tx: Transaction, number: int) -> str:
        present = await tx.unsettled_session_of_policy(b.OURS, b.DEAL)
        if present is not None:
            return present.id
        await tx.save_sessions(
            [b.session(f"s-{number}", state=UPCOMING, policy_id=b.DEAL, plugged_in_at=None)]
        )
        return f"s-{number}"

    answers = await asyncio.gather(*works(store, 5, opens))
    assert len(set(answers)) == 1
    assert (await get(store, "unsettled_session_of_policy", b.OURS, b.DEAL)).id == answers[0]


async def test_two_workers_never_take_the_same_due_track(store: AnyStore) -> None:
    await put(store, "save_tracks", [b.track(vehicle_id=f"v-{n:02}", wake_at=b.NOON) for n in range(40)])

    async def takes(tx: Transaction, number: int) -> list[str]:
        due = await tx.due_tracks(b.NOON, limit=10)
        await tx.save_tracks([msgspec.structs.replace(track, wake_at=None) for track in due])
        return [track.vehicle_id for track in due]

    taken: list[str] = []
    while round_of := [name for group in await asyncio.gather(*works(store, 4, takes)) for name in group]:
        taken += round_of
    assert sorted(taken) == [f"v-{n:02}" for n in range(40)]


async def test_a_read_sees_one_state(store: AnyStore) -> None:
    if isinstance(store, MemoryStore):  # nothing can come between: its works run to their end on the spot
        return
    await put(store, "save_vehicle", b.vehicle(power_max_w=1))
    loop = asyncio.get_running_loop()

    async def twice(reader: Reader) -> tuple[int, int]:
        first = await reader.vehicle(b.OURS, b.CAR)
        if isinstance(store, SqliteStore):  # here the read is in a thread, which may wait for the writer
            asyncio.run_coroutine_threadsafe(raise_power(), loop).result()
        else:
            await raise_power()
        second = await reader.vehicle(b.OURS, b.CAR)
        assert first is not None and second is not None
        return first.power_max_w, second.power_max_w

    async def raise_power() -> None:
        await put(store, "save_vehicle", b.vehicle(power_max_w=2))

    assert await store.read(twice) == (1, 1)
    assert (await get(store, "vehicle", b.OURS, b.CAR)).power_max_w == 2


class Pause:
    """Something to wait for that is no transaction."""

    def __await__(self) -> Generator[None, None, None]:
        yield


async def test_a_work_that_waits_for_something_else_is_refused_where_it_would_hold_up_all(
    store: AnyStore,
) -> None:
    if isinstance(store, PostgresStore):  # there a work may wait; it holds up only itself
        return

    async def waits(tx: Transaction) -> None:
        await tx.save_vehicle(b.vehicle())
        await Pause()

    with pytest.raises(RuntimeError, match="waited"):
        await store.write(waits)
    assert await get(store, "vehicle", b.OURS, b.CAR) is None


async def test_a_cancelled_caller_harms_nobody_else(store: AnyStore) -> None:
    async def saves(tx: Transaction, number: int) -> int:
        await tx.save_vehicle(b.vehicle(id=f"car-{number}"))
        return number

    tasks = [asyncio.ensure_future(one) for one in works(store, 30, saves)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert answers[1::2] == list(range(1, 30, 2))
    kept = {one.id for one in await get(store, "vehicles", b.OURS, limit=99)}
    assert kept >= {f"car-{n}" for n in range(1, 30, 2)}
