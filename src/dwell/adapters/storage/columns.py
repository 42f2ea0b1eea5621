"""The kinds of columns and indexes that tables are made of, the same for both engines."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Identity, Index, Integer, LargeBinary, Text, text
from sqlalchemy.types import TypeEngine

_BINARY_ORDER: TypeEngine[str] = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that sorts by its bytes on both engines, as Python does."""


def words(name: str, *, key: bool = False, null: bool = False) -> Column[str]:
    """Text."""
    return Column(name, _BINARY_ORDER, primary_key=key, nullable=null)


def whole(name: str, *, key: bool = False, null: bool = False) -> Column[int]:
    """A whole number of 64 bits."""
    return Column(name, BigInteger(), primary_key=key, nullable=null, autoincrement=False)


def blob(name: str, *, key: bool = False, null: bool = False) -> Column[bytes]:
    """Bytes."""
    return Column(name, LargeBinary(), primary_key=key, nullable=null)


def position() -> Column[int]:
    """Order of arrival. SQLite hands out row ids only for a column that is plainly INTEGER."""
    return Column(
        "position", BigInteger().with_variant(Integer(), "sqlite"), Identity(always=False), primary_key=True
    )


def index_where(condition: str, name: str, *columns: str, unique: bool = False) -> Index:
    """An index of the rows for which `condition` holds."""
    where = text(condition)
    return Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)
