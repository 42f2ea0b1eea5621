"""Tracks: versions that guard against a second writer, and what is due."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from application.storage import builders as b
from application.storage.builders import AnyStore, get, put
from dwell.application.ports import Transaction
from dwell.domain.errors import Unavailable
from dwell.domain.ids import OrganizationId
from dwell.domain.metering.ledger import Ledger
from dwell.domain.session.cut import Cutter, Span
from dwell.domain.session.track import Seen, Track
from dwell.domain.session.visit import Visit

pytestmark = pytest.mark.anyio


async def test_a_track_comes_back_whole_with_its_next_version(store: AnyStore) -> None:
    full = b.track(
        newest_at=b.NOON,
        cutter=Cutter(span=Span(plugged_in_at=b.NOON, last_at=b.NOON, last_plugged_at=b.NOON, register_wh=7)),
        visit=Visit(
            plugged_in_at=b.NOON,
            last_at=b.NOON,
            clock_at=b.NOON,
            ledger=Ledger(origin_at=b.NOON, battery_wh=None, efficiency=0.9, last_s=0.5, rows_wh=[1.5, 0.25]),
        ),
        seen=Seen(at=b.NOON, soc_percent=41.5),
        order=b.order(),
        wake_at=b.NOON + b.HOUR,
    )
    await put(store, "save_tracks", [full])
    assert await get(store, "track", b.OURS, b.CAR) == msgspec.structs.replace(full, version=1)
    assert await get(store, "track", b.OURS, "none") is None
    assert set(await put(store, "tracks", b.OURS, [b.CAR, "none"])) == {b.CAR}


async def test_each_save_counts_one(store: AnyStore) -> None:
    async def touch(tx: Transaction) -> None:
        found = await tx.tracks(b.OURS, [b.CAR])
        await tx.save_tracks([found.get(b.CAR) or b.track()])

    for _ in range(3):
        await store.write(touch)
    assert (await get(store, "track", b.OURS, b.CAR)).version == 3


@pytest.mark.parametrize("stale", [0, 1, 7])
async def test_a_stale_version_is_never_saved(store: AnyStore, stale: int) -> None:
    await put(store, "save_tracks", [b.track()])
    await put(store, "save_tracks", [b.track(version=1, wake_at=b.NOON)])
    runs = []

    async def stubborn(tx: Transaction) -> None:
        runs.append(1)
        await tx.save_vehicle(b.vehicle())
        await tx.save_tracks([b.track(version=stale)])

    with pytest.raises(Unavailable) as caught:
        await store.write(stubborn)
    assert caught.value.code == "contention"
    assert 1 < len(runs) < 20
    assert await get(store, "vehicle", b.OURS, b.CAR) is None
    assert (await get(store, "track", b.OURS, b.CAR)).wake_at == b.NOON


async def test_due_tracks_come_soonest_first_from_all_organizations(store: AnyStore) -> None:
    def waking(name: str, minutes: int | None, organization_id: OrganizationId = b.OURS) -> Track:
        wake_at = b.NOON + timedelta(minutes=minutes) if minutes is not None else None
        return b.track(vehicle_id=name, organization_id=organization_id, wake_at=wake_at)

    tracks = [
        waking("c", 3),
        waking("a", 1, b.THEIRS),
        waking("b", 2),
        waking("late", 9),
        waking("never", None),
    ]
    await put(store, "save_tracks", tracks)
    now = b.NOON + timedelta(minutes=3)
    assert [t.vehicle_id for t in await put(store, "due_tracks", now, limit=9)] == ["a", "b", "c"]
    assert [t.vehicle_id for t in await put(store, "due_tracks", now, limit=2)] == ["a", "b"]
    assert await put(store, "due_tracks", b.NOON, limit=9) == []
    assert await put(store, "next_wake_at") == b.NOON + timedelta(minutes=1)


async def test_a_track_is_due_at_the_instant_it_was_last_given(store: AnyStore) -> None:
    assert await put(store, "next_wake_at") is None
    await put(store, "save_tracks", [b.track(wake_at=b.NOON)])
    await put(store, "save_tracks", [b.track(version=1, wake_at=b.NOON + b.HOUR)])
    assert await put(store, "due_tracks", b.NOON, limit=9) == []
    assert await put(store, "next_wake_at") == b.NOON + b.HOUR
    await put(store, "save_tracks", [b.track(version=2, wake_at=b.NOON)])
    assert [t.version for t in await put(store, "due_tracks", b.NOON, limit=9)] == [3]
    await put(store, "save_tracks", [b.track(version=3)])
    assert await put(store, "next_wake_at") is None


async def test_many_saves_leave_no_stale_wakes(store: AnyStore) -> None:
    async def work(tx: Transaction) -> None:
        for version in range(2_500):
            wake_at = b.NOON + timedelta(minutes=5_000 - version)
            await tx.save_tracks([b.track(version=version, wake_at=wake_at)])

    await store.write(work)
    assert await put(store, "next_wake_at") == b.NOON + timedelta(minutes=5_000 - 2_499)
    due = await put(store, "due_tracks", b.NOON + timedelta(minutes=9_999), limit=9)
    assert [track.version for track in due] == [2_500]
