"""Work that is done again and again outlives what it raises."""

from __future__ import annotations

import asyncio

import pytest

from dwell.domain.errors import Unavailable
from dwell.workers.periodic import periodically

pytestmark = pytest.mark.anyio


async def test_no_fault_ends_it() -> None:
    faults: list[Exception] = [ZeroDivisionError("a"), Unavailable("b"), MemoryError()]
    well = asyncio.Event()

    async def work() -> None:
        if faults:
            raise faults.pop(0)
        well.set()

    task = asyncio.create_task(periodically("test", 0.001, work))
    async with asyncio.timeout(20):
        await well.wait()
    assert not task.done()
    task.cancel()
