"""Price curves: exact, replaced where they overlap, never older than the last import."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from application.storage import builders as b
from application.storage.builders import AnyStore, get, put, slots
from dwell.application.ports import Transaction
from dwell.domain.tariff.curve import PriceCurve

pytestmark = pytest.mark.anyio

DAY_START = b.NOON.replace(hour=0)


async def curve(store: AnyStore, zone: str = "DE-LU", days: int = 1) -> PriceCurve:
    found = await get(store, "curve", zone, b.NOON, b.NOON + days * b.DAY - timedelta(seconds=1))
    assert isinstance(found, PriceCurve)
    return found


async def test_prices_come_back_exactly(store: AnyStore) -> None:
    coming = slots(b.NOON, "0.123456789012345678", "-0.05", "0", "1E-7", "0.10")
    await put(store, "replace_prices", "DE-LU", "EUR", coming[::-1])
    found = await curve(store)
    assert found.currency == "EUR"
    assert list(found.slots) == coming
    assert [str(slot.price_per_kwh) for slot in found.slots] == [str(slot.price_per_kwh) for slot in coming]
    assert found.at(b.NOON + b.HOUR) == coming[1]


async def test_an_unknown_zone_has_no_curve_and_a_known_one_may_be_empty(store: AnyStore) -> None:
    await put(store, "replace_prices", "DE-LU", "EUR", slots(b.NOON, "0.1"))
    assert await get(store, "curve", "FR", b.NOON, b.NOON + b.DAY) is None
    later = await get(store, "curve", "DE-LU", b.NOON + 9 * b.DAY, b.NOON + 10 * b.DAY)
    assert later.slots == ()


async def test_the_curve_covers_at_least_the_window(store: AnyStore) -> None:
    await put(store, "replace_prices", "DE-LU", "EUR", slots(b.NOON - 9 * b.DAY, *["0.1"] * 24 * 20))
    start_at, end_at = b.NOON + timedelta(minutes=30), b.NOON + 2 * b.DAY + timedelta(minutes=30)
    found = await get(store, "curve", "DE-LU", start_at, end_at)
    assert found.slots[0].start_at <= start_at
    assert found.slots[-1].end_at >= end_at
    assert len(list(found.between(start_at, end_at))) == 49


async def test_new_slots_take_the_place_of_every_slot_they_overlap(store: AnyStore) -> None:
    hours = slots(b.NOON, "1", "2", "3", "4")
    await put(store, "replace_prices", "DE-LU", "EUR", hours)
    quarters = slots(b.NOON + b.HOUR, "5", "6", "7", "8", minutes=15)
    await put(store, "replace_prices", "DE-LU", "EUR", quarters)
    assert list((await curve(store)).slots) == [hours[0], *quarters, *hours[2:]]
    whole = slots(b.NOON, "9", minutes=180)
    await put(store, "replace_prices", "DE-LU", "EUR", whole)
    assert list((await curve(store)).slots) == [*whole, hours[3]]


async def test_what_lies_between_new_slots_stays(store: AnyStore) -> None:
    hours = slots(b.NOON, "1", "2", "3")
    await put(store, "replace_prices", "DE-LU", "EUR", hours)
    around = [*slots(b.NOON, "7"), *slots(b.NOON + 2 * b.HOUR, "8")]
    await put(store, "replace_prices", "DE-LU", "EUR", around)
    assert [str(slot.price_per_kwh) for slot in (await curve(store)).slots] == ["7", "2", "8"]


async def test_a_curve_is_never_older_than_the_last_commit(store: AnyStore) -> None:
    for price in ("1", "2", "3"):
        await put(store, "replace_prices", "DE-LU", "EUR", slots(b.NOON, price))
        assert (await curve(store)).slots[0].price_per_kwh == Decimal(price)


async def test_an_undone_replacement_leaves_no_trace(store: AnyStore) -> None:
    await put(store, "replace_prices", "DE-LU", "EUR", slots(b.NOON, "1"))
    await curve(store)

    async def fails(tx: Transaction) -> None:
        await tx.replace_prices("DE-LU", "EUR", slots(b.NOON, "2"))
        found = await tx.curve("DE-LU", b.NOON, b.NOON + b.HOUR)
        assert found is not None and found.slots[0].price_per_kwh == 2, "a work sees what it wrote"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.write(fails)
    assert (await curve(store)).slots[0].price_per_kwh == 1
    await put(store, "replace_prices", "DE-LU", "EUR", slots(b.NOON, "3"))
    assert (await curve(store)).slots[0].price_per_kwh == 3


async def test_zones_are_listed_with_their_span(store: AnyStore) -> None:
    await put(store, "replace_prices", "SE3", "SEK", slots(b.NOON, "1", "2"))
    await put(store, "replace_prices", "DE-LU", "EUR", slots(b.NOON + b.DAY, "1"))
    await put(store, "replace_prices", "DE-LU", "EUR", slots(b.NOON - b.DAY, "1"))
    assert await get(store, "zones") == [
        ("DE-LU", "EUR", b.NOON - b.DAY, b.NOON + b.DAY + b.HOUR),
        ("SE3", "SEK", b.NOON, b.NOON + 2 * b.HOUR),
    ]
