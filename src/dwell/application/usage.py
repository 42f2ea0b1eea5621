"""When a credential was last used: noted in memory by every request, written by nobody who waits for an answer."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from dwell.application.ports import Ports, Transaction

COARSE = timedelta(minutes=5)
"""What is stored may be behind by so much."""
BATCH = 200
"""So many credentials go in one transaction."""

_Use = tuple[tuple[str, str], datetime]


class Usage:
    """The uses that are not written yet, by kind and name; as many at most as credentials live. Single-threaded."""

    def __init__(self) -> None:
        self._uses: dict[tuple[str, str], datetime] = {}

    def note(self, kind: str, name: str, now: datetime) -> None:
        """The credential was accepted."""
        self._uses[kind, name] = now

    async def write(self, ports: Ports) -> int:
        """Store what was noted, where the stored time is COARSE or more behind. Returns how many were written.

        Raises Unavailable; what was not written then stays noted.
        """
        written = 0
        while self._uses:
            batch = list(self._uses.items())[:BATCH]

            async def work(tx: Transaction, batch: list[_Use] = batch) -> int:
                return await _write(tx, batch)

            written += await ports.store.write(work)
            for key, at in batch:
                if self._uses.get(key) == at:
                    del self._uses[key]
                else:  # used again meanwhile: that is for the next time
                    return written
        return written


async def _write(tx: Transaction, batch: list[_Use]) -> int:
    written = 0
    for (kind, name), at in batch:
        found = await tx.credential(kind, name)
        if found is None or (found.last_used_at is not None and at - found.last_used_at < COARSE):
            continue
        await tx.save_credential(msgspec.structs.replace(found, last_used_at=at))
        written += 1
    return written
