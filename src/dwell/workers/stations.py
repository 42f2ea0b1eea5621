"""What time does to transactions: starts that nobody took up, silence that ends them, stops that are ordered again."""

from __future__ import annotations

from dwell.application.ports import Ports
from dwell.application.stations.orders import DUE_AT_ONCE, look_after_transactions
from dwell.workers.periodic import periodically

EVERY_S = 5.0


async def run_stations(ports: Ports) -> None:
    """Run until cancelled."""

    async def work() -> None:
        while await look_after_transactions(ports) == DUE_AT_ONCE:
            pass  # more are due than are looked after at once

    await periodically("stations", EVERY_S, work)
