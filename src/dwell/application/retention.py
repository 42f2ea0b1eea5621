"""What is not kept for ever: events that everybody had time to read, what was quarantined long ago, expired tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from dwell.application.credentials import TOKEN
from dwell.application.ports import Ports, Reader, Transaction
from dwell.domain.registry import Credential

KEPT = timedelta(days=30)
FRAMES_KEPT = timedelta(days=90)
"""Stations' messages as they came: what sessions can be rebuilt from."""
TOKENS_KEPT = timedelta(hours=1)
"""After their end: another server's clock may be behind."""
BATCH = 1_000
"""So many rows of each kind go in one transaction, so that nobody waits for it."""


async def forget_old(ports: Ports) -> int:
    """Remove what is older than KEPT, a batch at a time. Returns how much went; 0 when there is nothing left to do."""
    before = ports.clock.now() - KEPT

    async def work(tx: Transaction) -> int:
        return await tx.forget_before(before, limit=BATCH)

    return await ports.store.write(work)


async def forget_frames(ports: Ports) -> int:
    """Remove stations' messages older than FRAMES_KEPT, a batch at a time. Returns how many; 0 at the end."""
    before = ports.clock.now() - FRAMES_KEPT

    async def work(tx: Transaction) -> int:
        return await tx.forget_frames_before(before, limit=BATCH)

    return await ports.store.write(work)


async def forget_tokens(ports: Ports) -> int:
    """Remove every token that expired TOKENS_KEPT ago or earlier, a batch at a time. Returns how many went."""
    before, gone, after = ports.clock.now() - TOKENS_KEPT, 0, None
    while page := await _tokens(ports, after):
        expired = [token for token in page if _expired(token, before)]
        if expired:
            await _remove(ports, expired)
        gone, after = gone + len(expired), page[-1]
    return gone


def _expired(token: Credential, before: datetime) -> bool:
    return token.expires_at is not None and token.expires_at <= before


async def _tokens(ports: Ports, after: Credential | None) -> list[Credential]:
    async def look(reader: Reader) -> list[Credential]:
        return await reader.credentials(TOKEN, after=after, limit=BATCH)

    return await ports.store.read(look)


async def _remove(ports: Ports, tokens: Sequence[Credential]) -> None:
    async def work(tx: Transaction) -> None:
        await tx.remove_credentials(tokens)

    await ports.store.write(work)
