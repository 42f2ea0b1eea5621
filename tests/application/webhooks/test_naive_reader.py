"""Why events are numbered when they are routed: who reads "everything after the last position" loses some (WH2)."""

from __future__ import annotations

import asyncpg
import pytest
from msgspec import structs

from application.storage import builders as b
from dwell.adapters.storage.postgres import PostgresStore
from dwell.application.ports import Reader, Transaction

pytestmark = pytest.mark.anyio
LATE = """
INSERT INTO outbox (organization_id, session_id, event_id, created_at, significant, sequence, body)
SELECT organization_id, 'late', 'late', created_at, significant, NULL, body FROM outbox
"""
NAIVE = "SELECT position FROM outbox WHERE position > $1 ORDER BY position"


async def test_a_reader_by_position_misses_what_commits_late_and_a_reader_by_number_does_not(
    postgres_store_url: str,
) -> None:
    store = await PostgresStore.open(postgres_store_url)
    first, second = (b.event(f"e-{n}", b.session(f"s-{n}"), significant=True) for n in (1, 2))
    slow = await asyncpg.connect(postgres_store_url)
    watching = await asyncpg.connect(postgres_store_url)
    try:
        # A slow writer takes the first position and has not committed yet; a quick one takes the second.
        await store.write(lambda tx: tx.add_events([first]))
        late = slow.transaction()
        await late.start()
        await slow.execute(LATE)
        await store.write(
            lambda tx: tx.add_events([structs.replace(second, organization_id=first.organization_id)])
        )

        async def numbered(tx: Transaction) -> None:
            found = await tx.events_to_route(first.organization_id, limit=10)
            await tx.number_events(first.organization_id, until=found[-1][0])

        seen = [position for (position,) in await watching.fetch(NAIVE, 0)]
        await store.write(numbered)
        await late.commit()
        await store.write(numbered)

        naive = seen + [position for (position,) in await watching.fetch(NAIVE, seen[-1])]
        every = [position for (position,) in await watching.fetch(NAIVE, 0)]

        async def after(reader: Reader) -> list[int]:
            return [number for number, _ in await reader.events_after(first.organization_id, 0, limit=10)]

        assert len(every) == 3
        assert len(naive) == 2, "the control: the naive reader has lost the late one"
        assert await store.read(after) == [1, 2, 3]
    finally:
        await slow.close()
        await watching.close()
        await store.close()
