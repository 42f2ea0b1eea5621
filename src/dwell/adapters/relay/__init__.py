"""The way to stations whose sockets other processes hold. On SQLite one process is all there is: no relay, no rows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dwell.adapters.storage.addresses import PostgresAddress, address_of
from dwell.application.relay_ports import ALONE, StationRelay


@asynccontextmanager
async def opened_relay(database_url: str) -> AsyncIterator[StationRelay]:
    """The relay that fits the database, while the block runs. Raises Unavailable, Refused for another address."""
    address = address_of(database_url)
    if not isinstance(address, PostgresAddress):
        yield ALONE
        return
    from dwell.adapters.relay.postgres import PostgresRelay

    async with PostgresRelay.opened(address.url) as relay:
        yield relay
