"""Facts: each digest once, in rows or in packs, and a pack loses nothing."""

from __future__ import annotations

import random
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from application.storage import builders as b
from application.storage.builders import AnyStore, fact, get, put, rows_in
from dwell.adapters.storage.memory import MemoryStore
from dwell.application.ports import Transaction
from dwell.application.records import StoredFact
from dwell.domain.ids import VehicleId

pytestmark = pytest.mark.anyio

EVER = b.NOON - 99 * b.DAY


async def add(store: AnyStore, *facts: StoredFact) -> list[bool]:
    new: list[bool] = await put(store, "add_facts", b.OURS, list(facts), received_at=b.NOON)
    return new


async def pack(store: AnyStore, minutes: float) -> None:
    await put(store, "pack_facts", b.OURS, b.CAR, until=b.NOON + timedelta(minutes=minutes))


async def kept(store: AnyStore, **asked: Any) -> list[StoredFact]:
    found: list[StoredFact] = await get(store, "facts", b.OURS, b.CAR, **({"since": EVER} | asked))
    return found


async def test_facts_come_back_in_order_of_time(store: AnyStore) -> None:
    full = fact(
        2,
        source="station",
        charging=True,
        power_w=-5,
        soc_percent=0.1 + 0.2,
        energy_register_wh=2**40,
        charge_limit_percent=80,
        fully_charged=False,
        latitude=-0.0,
        longitude=179.9999999,
        odometer_m=1,
        external_id="\x00 ü",
    )
    assert await add(store, fact(3), full, fact(1)) == [True, True, True]
    assert await kept(store) == [fact(1), full, fact(3)]
    assert await kept(store, since=b.NOON + timedelta(minutes=2)) == [full, fact(3)]
    assert await kept(store, since=b.NOON + timedelta(minutes=4)) == []


async def test_a_window_holds_the_facts_of_rows_and_packs_that_are_in_it(store: AnyStore) -> None:
    facts = [fact(minute) for minute in range(12)]
    for last in (3, 7):
        await add(store, *facts[last - 3 : last + 1])
        await pack(store, last)
    await add(store, *facts[8:])
    for first in range(12):
        for last in range(first, 12):
            window = {"since": facts[first].fact.at, "until": facts[last].fact.at}
            assert await kept(store, **window) == facts[first : last + 1]


async def test_a_digest_is_stored_once_within_a_batch_and_across_batches(store: AnyStore) -> None:
    assert await add(store, fact(1), fact(2), fact(1)) == [True, True, False]
    assert await add(store, fact(2), fact(3), fact(3), fact(2)) == [False, True, False, False]
    assert await kept(store) == [fact(1), fact(2), fact(3)]


async def test_one_digest_may_be_told_of_two_vehicles(store: AnyStore) -> None:
    assert await add(store, fact(1), fact(1, of=VehicleId("van"))) == [True, True]
    assert await kept(store) == [fact(1)]


async def test_the_first_fact_of_a_name_stays(store: AnyStore) -> None:
    first, second = fact(1, external_id="x", power_w=1), fact(1, external_id="x", power_w=2)
    assert await add(store, first, second) == [True, False]
    assert await kept(store) == [first]
    await pack(store, 1)
    assert await add(store, second) == [True]
    assert await kept(store) == [first]
    await pack(store, 1)
    assert await kept(store) == [first]


async def test_removed_facts_are_gone(store: AnyStore) -> None:
    await add(store, fact(1), fact(2), fact(3))
    await put(store, "remove_facts", b.OURS, b.CAR, [fact(2).digest, fact(9).digest])
    assert await kept(store) == [fact(1), fact(3)]
    assert await add(store, fact(2)) == [True]


async def test_packing_moves_rows_up_to_the_instant_and_nothing_is_lost(store: AnyStore) -> None:
    facts = [fact(n / 4, power_w=n * n, external_id=f"id-{n}" if n % 3 else None) for n in range(200)]
    await add(store, *facts)
    await pack(store, 25)
    assert await kept(store) == facts
    if not isinstance(store, MemoryStore):
        assert await rows_in(store, "SELECT COUNT(*) FROM facts") == [(99,)]
        assert await rows_in(store, "SELECT SUM(count) FROM fact_packs") == [(101,)]
    await pack(store, 25)
    await pack(store, -1)
    assert await kept(store, since=b.NOON + timedelta(minutes=20)) == facts[80:]


async def test_the_digest_is_kept_also_where_it_does_not_follow_from_the_fact(store: AnyStore) -> None:
    named = StoredFact(b.CAR, b"0123456789abcdef", fact(1).fact)
    await add(store, named, fact(2))
    await pack(store, 9)
    assert await kept(store) == [named, fact(2)]


async def test_late_facts_are_rows_until_the_next_pack_takes_them_in(store: AnyStore) -> None:
    await add(store, *(fact(n) for n in range(0, 100, 2)))
    await pack(store, 40)
    await pack(store, 70)
    late = [fact(n) for n in (-5, 1, 33, 39, 41, 69.5, 71)]
    assert await add(store, *late, fact(10)) == [True] * 8
    expected = sorted([*(fact(n) for n in range(0, 100, 2)), *late], key=lambda s: s.fact.at)
    assert await kept(store) == expected
    await pack(store, 80)
    assert await kept(store) == expected
    if not isinstance(store, MemoryStore):
        spans = await rows_in(store, "SELECT from_at, until_at, count FROM fact_packs ORDER BY until_at")
        assert sum(count for _, _, count in spans) == len(await kept(store)) - 9
        assert all(earlier[1] < later[0] for earlier, later in pairwise(spans))
    await pack(store, 999)
    assert await kept(store) == expected


async def test_facts_in_any_order_packed_at_any_time_are_the_same_set(store: AnyStore, seed: int) -> None:
    chance = random.Random(seed)
    facts = [fact(n // 2, power_w=n) for n in range(120)]
    for one in chance.sample(facts, len(facts)):
        await add(store, one, chance.choice(facts[:3]))
        if chance.random() < 0.2:
            await pack(store, chance.randrange(60))
    found = await kept(store)
    assert {stored.digest: stored for stored in found} == {stored.digest: stored for stored in facts}
    assert len(found) == len(facts)
    assert [s.fact.at for s in found] == sorted(s.fact.at for s in facts)


async def test_an_undone_pack_leaves_the_rows(store: AnyStore) -> None:
    await add(store, fact(1), fact(2))

    async def fails(tx: Transaction) -> None:
        await tx.add_facts(b.OURS, [fact(3)], received_at=b.NOON)
        await tx.pack_facts(b.OURS, b.CAR, until=b.NOON + b.DAY)
        await tx.add_facts(b.OURS, [fact(4)], received_at=b.NOON)
        await tx.remove_facts(b.OURS, b.CAR, [fact(4).digest])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.write(fails)
    assert await kept(store) == [fact(1), fact(2)]
    assert await add(store, fact(1), fact(3)) == [False, True]
