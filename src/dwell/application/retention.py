"""What is not kept for ever: events that everybody had time to read, and what was quarantined long ago."""

from __future__ import annotations

from datetime import timedelta

from dwell.application.ports import Ports, Transaction

KEPT = timedelta(days=30)
BATCH = 1_000
"""So many rows of each kind go in one transaction, so that nobody waits for it."""


async def forget_old(ports: Ports) -> int:
    """Remove what is older than KEPT, a batch at a time. Returns how much went; 0 when there is nothing left to do."""
    before = ports.clock.now() - KEPT

    async def work(tx: Transaction) -> int:
        return await tx.forget_before(before, limit=BATCH)

    return await ports.store.write(work)
