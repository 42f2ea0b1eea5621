"""The hourly loop that lets old records go."""

from __future__ import annotations

import asyncio

import structlog

from dwell.application.ports import Ports
from dwell.application.retention import forget_old
from dwell.domain.errors import Unavailable

EVERY_S = 3600.0

log = structlog.get_logger("dwell.retention")


async def run_retention(ports: Ports) -> None:
    """Run until cancelled."""
    while True:
        try:
            total = 0
            while gone := await forget_old(ports):
                total += gone
            if total:
                log.info("old_records_forgotten", count=total)
        except Unavailable as error:
            log.warning("retention_waited_for_store", reason=error.message)
        await asyncio.sleep(EVERY_S)
