"""Database addresses. An address may hold a password, so no message ever repeats more of it than its scheme."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from dwell.domain.errors import Refused

_SQLITE = "sqlite:///"
_POSTGRES = "postgresql://"


@dataclass(frozen=True, slots=True)
class SqliteAddress:
    """A file, relative to the working directory unless absolute."""

    path: Path


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """A PostgreSQL database as asyncpg takes it."""

    url: str = field(repr=False)


def address_of(database_url: str) -> SqliteAddress | PostgresAddress:
    """What the address names. Raises Refused, without repeating it, for anything that is neither."""
    if database_url.startswith(_SQLITE) and len(database_url) > len(_SQLITE):
        return SqliteAddress(Path(database_url.removeprefix(_SQLITE)))
    if database_url.startswith(_POSTGRES) and len(database_url) > len(_POSTGRES):
        return PostgresAddress(database_url)
    scheme = database_url.partition(":")[0] if ":" in database_url else ""
    named = f"`{scheme}:…`" if scheme.isalnum() and len(scheme) <= 20 else "this"
    raise Refused(
        f"{named} is not a database address: give sqlite:/// and a path (four slashes for an absolute one) "
        "or postgresql://user:password@host/database",
        code="database_address",
    )
