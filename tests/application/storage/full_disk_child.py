"""A process whose files may not grow for a while, as on a full disk; says what the store did about it."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys

from application.storage import builders as b
from application.storage.builders import get, put
from dwell.adapters.storage.sqlite import SqliteStore
from dwell.domain.errors import Unavailable


async def main(path: str) -> None:
    store = await SqliteStore.open(path)
    acknowledged = await write_until_refused(store, 5)
    largest = largest_of(path)
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 100_000, usual[1]))
    acknowledged += await write_until_refused(store, 500)
    full = {"refused": len(acknowledged) < 505, "trouble": store.trouble, "reads": await found(store)}
    resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    await put(store, "save_vehicle", b.vehicle(id="healed"))
    healed = {"trouble": store.trouble, "reads": await found(store)}
    await store.close()
    sys.stdout.write(json.dumps({"acknowledged": acknowledged, "full": full, "healed": healed}))


def largest_of(path: str) -> int:
    """Bytes of the file or its log, whichever is larger."""
    return max(os.path.getsize(name) for name in (path, f"{path}-wal"))


async def write_until_refused(store: SqliteStore, count: int) -> list[str]:
    acknowledged: list[str] = []
    start = len(await found(store))
    for number in range(start, start + count):
        name = f"car-{number:03}"
        try:
            await put(store, "save_vehicle", b.vehicle(id=name, vendor="x" * 20_000))
        except Unavailable:
            break
        acknowledged.append(name)
    return acknowledged


async def found(store: SqliteStore) -> list[str]:
    return [one.id for one in await get(store, "vehicles", b.OURS, limit=999)]


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
