"""A minimal central system on the `ocpp` package, to compare with: `python -m benchmarks.stations_package PORT`."""

from __future__ import annotations

import asyncio
import itertools
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

_numbers = itertools.count(1)


class Central(ChargePoint):  # type: ignore[misc]  # the package shows no types
    """Answers what the benchmark sends, and stores nothing."""

    @on("BootNotification")  # type: ignore[untyped-decorator]  # the package shows no types
    async def on_boot(self, **_: Any) -> Any:
        now = datetime.now(UTC).isoformat()
        return call_result.BootNotification(current_time=now, interval=300, status="Accepted")

    @on("StartTransaction")  # type: ignore[untyped-decorator]  # the package shows no types
    async def on_start(self, **_: Any) -> Any:
        return call_result.StartTransaction(transaction_id=next(_numbers), id_tag_info={"status": "Accepted"})

    @on("MeterValues")  # type: ignore[untyped-decorator]  # the package shows no types
    async def on_meter_values(self, **_: Any) -> Any:
        return call_result.MeterValues()


async def _served(socket: ServerConnection) -> None:
    try:
        await Central("bench", socket).start()
    except ConnectionClosed:
        return


async def main(port: int) -> None:
    """Listen until the process is ended."""
    logging.getLogger("ocpp").setLevel(logging.ERROR)
    subprotocols = [Subprotocol("ocpp1.6")]
    async with serve(_served, "127.0.0.1", port, subprotocols=subprotocols, compression=None) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
