"""Where everything is kept: in memory, in an SQLite file, in PostgreSQL. One contract, one suite of tests for all."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the drivers are imported when a store is opened, not when the command line asks for help
    from dwell.adapters.storage.postgres import PostgresStore
    from dwell.adapters.storage.sqlite import SqliteStore
    from dwell.application.ports import OnCommit


async def open_store(database_url: str, *, on_commit: OnCommit | None = None) -> SqliteStore | PostgresStore:
    """The store at `sqlite:///path` (four slashes for an absolute one) or `postgresql://…`, its schema checked.

    Raises Refused for any other address, Unavailable where the database or its schema is not fit for use.
    """
    from dwell.adapters.storage import schema
    from dwell.adapters.storage.addresses import SqliteAddress, address_of

    address = address_of(database_url)
    await schema.check(database_url)
    if isinstance(address, SqliteAddress):
        from dwell.adapters.storage.sqlite import SqliteStore

        return await SqliteStore.open(address.path, on_commit=on_commit)
    from dwell.adapters.storage.postgres import PostgresStore

    return await PostgresStore.open(address.url, on_commit=on_commit)
