"""Work that is done again and again, and that no fault of its own ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from dwell.domain.errors import Unavailable

log = structlog.get_logger("dwell.periodic")


async def periodically(name: str, every_s: float, work: Callable[[], Awaitable[None]]) -> None:
    """Do the work now and then every so many seconds, until cancelled. What it raises is logged."""
    while True:
        try:
            await work()
        except Unavailable as error:
            log.warning("work_waited_for_store", work=name, reason=error.message)
        except Exception:  # whatever it is: it may not end the server, and the next time may go well
            log.exception("work_failed", work=name, again_in_s=every_s)
        await asyncio.sleep(every_s)
