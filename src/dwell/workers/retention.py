"""The hourly loop that lets old records go."""

from __future__ import annotations

import structlog

from dwell.application.ports import Ports
from dwell.application.retention import forget_frames, forget_old, forget_tokens
from dwell.workers.periodic import periodically

EVERY_S = 3600.0

log = structlog.get_logger("dwell.retention")


async def run_retention(ports: Ports) -> None:
    """Run until cancelled."""

    async def work() -> None:
        records, tokens = 0, await forget_tokens(ports)
        while gone := await forget_old(ports):
            records += gone
        while gone := await forget_frames(ports):
            records += gone
        if records or tokens:
            log.info("old_records_forgotten", records=records, tokens=tokens)

    await periodically("retention", EVERY_S, work)
