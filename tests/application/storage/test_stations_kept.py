"""What stations said: the journal and the samples, read from their newest end and never further than asked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from application.storage import builders as b
from application.storage.builders import AnyStore, get, put
from dwell.domain.ids import OrganizationId, StationId, TransactionId
from dwell.domain.station.registry import FrameRow, SampleRow

pytestmark = pytest.mark.anyio

WALL, POLE = StationId("wall"), StationId("pole")


def frame(number: int, *, of: StationId = WALL, owner: OrganizationId = b.OURS) -> FrameRow:
    """A message; all came at the same instant, so that only their order of arrival tells them apart."""
    return FrameRow(
        organization_id=owner,
        station_id=of,
        received_at=b.NOON,
        protocol="ocpp1.6",
        text=b'["Heartbeat",{"n":%d}]' % number,
    )


def sample(minute: int, *, of: str = "t-1") -> SampleRow:
    return SampleRow(TransactionId(of), b.NOON + timedelta(minutes=minute), bytes([minute]), b"\x00packed")


async def test_the_last_messages_come_last_one_first_and_no_more_than_asked(store: AnyStore) -> None:
    strangers = [frame(7, of=POLE), frame(8, owner=b.THEIRS)]
    await put(store, "add_frames", [frame(1), strangers[0], frame(2), strangers[1], frame(3)])
    found = await get(store, "newest_frames", (b.OURS, WALL), limit=2)
    assert [one for _, one in found] == [frame(3), frame(2)]
    every = await get(store, "newest_frames", (b.OURS, WALL), limit=9)
    assert every == list(reversed(await get(store, "frames", (b.OURS, WALL))))
    assert [one for _, one in await get(store, "newest_frames", (b.THEIRS, WALL), limit=9)] == strangers[1:]
    assert await get(store, "newest_frames", (b.THEIRS, POLE), limit=9) == []


async def test_the_last_samples_come_last_one_first_and_no_more_than_asked(store: AnyStore) -> None:
    await put(store, "add_samples", b.OURS, [sample(2), sample(5), sample(3), sample(9, of="t-2")])
    found = await get(store, "newest_samples", b.OURS, TransactionId("t-1"), limit=2)
    assert found == [sample(5), sample(3)]
    assert await get(store, "newest_samples", b.THEIRS, TransactionId("t-1"), limit=2) == []
