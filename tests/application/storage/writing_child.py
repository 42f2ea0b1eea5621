"""A process that writes facts to an SQLite file until it is killed, and says which ones were acknowledged."""

from __future__ import annotations

import asyncio
import sys

from application.storage import builders as b
from dwell.adapters.storage.sqlite import SqliteStore
from dwell.application.ports import Transaction


async def main(path: str) -> None:
    store = await SqliteStore.open(path)

    async def writer(lane: int) -> None:
        for number in range(10_000):
            name = f"{lane}-{number}"

            async def work(tx: Transaction, name: str = name, number: int = number) -> None:
                await tx.add_facts(b.OURS, [b.fact(number, external_id=name)], received_at=b.NOON)
                await tx.save_orders([b.order(id=name)])

            await store.write(work)
            sys.stdout.write(f"{name}\n")
            sys.stdout.flush()

    await asyncio.gather(*(writer(lane) for lane in range(8)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
