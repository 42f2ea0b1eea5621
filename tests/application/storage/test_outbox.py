"""Events, orders and the quarantine."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from application.storage import builders as b
from application.storage.builders import AnyStore, events_in, get, orders_in, put, rows_in
from dwell.adapters.storage.memory import MemoryStore
from dwell.application.ports import Transaction
from dwell.application.records import Event, Quarantined
from dwell.domain.ids import OrderId, VehicleId
from dwell.domain.session.steering import CONFIRMED, Order

pytestmark = pytest.mark.anyio

ONE = b.session("s-1")
TWO = b.session("s-2")
FOREIGN = b.session("s-1", organization_id=b.THEIRS)


async def ids_after(store: AnyStore, *batches: list[Event]) -> list[str]:
    for batch in batches:
        await put(store, "add_events", batch)
    return [event.id for event in await events_in(store)]


async def test_an_event_is_kept_whole(store: AnyStore) -> None:
    kept = b.event("e-1", ONE, significant=True, withdrawn=True)
    await put(store, "add_events", [kept])
    assert await events_in(store) == [kept]


async def test_of_insignificant_events_in_a_row_the_newest_remains(store: AnyStore) -> None:
    small = [b.event(f"e-{n}", ONE) for n in range(4)]
    assert await ids_after(store, [small[0]], [small[1], small[2]], [small[3]]) == ["e-3"]


async def test_a_significant_event_is_never_replaced(store: AnyStore) -> None:
    big, small, bigger = (
        b.event("e-1", ONE, significant=True),
        b.event("e-2", ONE),
        b.event("e-3", ONE, significant=True),
    )
    last, other = b.event("e-4", ONE), b.event("e-5", ONE)
    assert await ids_after(store, [big], [small], [bigger, last, other]) == ["e-1", "e-2", "e-3", "e-5"]


async def test_events_of_other_sessions_and_organizations_do_not_merge(store: AnyStore) -> None:
    batch = [b.event("e-1", ONE), b.event("e-2", TWO), b.event("e-3", FOREIGN)]
    assert sorted(await ids_after(store, batch, [b.event("e-4", ONE)])) == ["e-2", "e-3", "e-4"]


async def test_a_claimed_event_is_not_replaced(store: AnyStore) -> None:
    if isinstance(store, MemoryStore):  # numbering comes with delivery, which the in-memory store has none of
        return
    await put(store, "add_events", [b.event("e-1", ONE)])

    async def claim(tx: Transaction) -> None:
        await tx._rows.run("UPDATE outbox SET sequence = 1")  # type: ignore[attr-defined]  # there is no port for it yet

    await store.write(claim)
    assert await ids_after(store, [b.event("e-2", ONE)], [b.event("e-3", ONE)]) == ["e-1", "e-3"]


async def test_an_undone_work_leaves_the_outbox_as_it_was(store: AnyStore) -> None:
    await put(store, "add_events", [b.event("e-1", ONE)])

    async def fails(tx: Transaction) -> None:
        await tx.add_events([b.event("e-2", ONE), b.event("e-3", TWO, significant=True)])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.write(fails)
    assert await ids_after(store, [b.event("e-4", TWO)]) == ["e-1", "e-4"]


async def test_orders_are_kept_as_last_saved(store: AnyStore) -> None:
    confirmed = b.order(state=CONFIRMED, attempts=2, confirmed_at=b.NOON, answer="ok \x00")
    await put(store, "save_orders", [b.order(), b.order(id="o-2")])
    await put(store, "save_orders", [confirmed])
    assert await orders_in(store) == [confirmed, b.order(id="o-2")]


async def test_a_vehicles_orders_are_told_in_order_and_never_anothers(store: AnyStore) -> None:
    def given(name: str, minute: int, **said: Any) -> Order:
        return b.order(id=OrderId(name), created_at=b.NOON + timedelta(minutes=minute), **said)

    own = [given("o-3", 0), given("o-1", 1), given("o-2", 1), given("o-9", 2)]
    others = [given("o-4", 1, vehicle_id=VehicleId("another")), given("o-5", 1, organization_id=b.THEIRS)]
    await put(store, "save_orders", [*reversed(own), *others, given("o-6", -1), given("o-7", 3)])
    confirmed = structs.replace(own[1], state=CONFIRMED)
    await put(store, "save_orders", [confirmed])
    span = {"since": b.NOON, "until": b.NOON + timedelta(minutes=2)}
    found = await get(store, "orders_of_vehicle", b.OURS, b.CAR, **span, limit=10)
    assert found == [own[0], confirmed, *own[2:]]
    assert await get(store, "orders_of_vehicle", b.OURS, b.CAR, **span, limit=2) == found[:2]


async def test_the_quarantine_keeps_raw_bytes(store: AnyStore) -> None:
    item = Quarantined(
        organization_id=b.OURS, vehicle_id=None, received_at=b.NOON, reason="in_future", raw=b"\x00\xff{"
    )
    assert await put(store, "add_quarantined", [item]) == [True]
    if isinstance(store, MemoryStore):
        assert store.quarantined == [item]
    else:
        assert await rows_in(store, "SELECT raw, reason FROM quarantine") == [(item.raw, "in_future")]


async def test_what_comes_again_is_kept_aside_once(store: AnyStore) -> None:
    item = Quarantined(organization_id=b.OURS, vehicle_id=b.CAR, received_at=b.NOON, reason="late", raw=b"{}")
    others = [
        structs.replace(item, **{name: value})
        for name, value in (
            ("organization_id", b.THEIRS),
            ("vehicle_id", None),
            ("reason", "x"),
            ("raw", b"[]"),
        )
    ]
    assert await put(store, "add_quarantined", [item, *others, item]) == [True] * 5 + [False]
    again = [structs.replace(one, received_at=b.NOON + b.HOUR) for one in (item, *others)]
    assert await put(store, "add_quarantined", again) == [False] * 5
    assert await put(store, "forget_before", b.NOON + b.HOUR, limit=9) == 5
    assert await put(store, "add_quarantined", again) == [True] * 5


async def test_what_is_old_is_forgotten_and_the_rest_goes_on(store: AnyStore) -> None:
    old = [b.event(f"e-{n}", b.session(f"s-{n}"), significant=True) for n in range(3)]
    young = structs.replace(b.event("e-9", ONE), created_at=old[0].created_at + 2 * b.HOUR)
    await put(store, "add_events", [*old, young])
    assert await put(store, "forget_before", old[0].created_at, limit=9) == 0
    assert await put(store, "forget_before", old[0].created_at + b.HOUR, limit=2) == 2
    assert await put(store, "forget_before", old[0].created_at + b.HOUR, limit=9) == 1
    assert await put(store, "forget_before", old[0].created_at + b.HOUR, limit=9) == 0
    later = structs.replace(young, id="e-10")
    assert await ids_after(store, [later]) == ["e-10"]
