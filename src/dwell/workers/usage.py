"""The loop that stores when credentials were last used."""

from __future__ import annotations

from dwell.application.ports import Ports
from dwell.application.usage import COARSE, Usage
from dwell.workers.periodic import periodically


async def run_usage(ports: Ports, usage: Usage) -> None:
    """Run until cancelled."""

    async def work() -> None:
        await usage.write(ports)

    await periodically("usage", COARSE.total_seconds(), work)
