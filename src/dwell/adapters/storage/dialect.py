"""What the two engines can do, in one place: one set of SQL is written, with marks where they differ.

:name            a value, by its name
@in(name)        `… IN` the list of that name
@for_update      lock the rows until the transaction ends; nothing where one writer is all there is
@skip_locked     leave out the rows that somebody else has locked
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from sqlalchemy import BigInteger, LargeBinary, Table, Text

Value = str | int | bytes | None | list[str]
Row = tuple[Any, ...]
"""One row as an engine gives it; its types are those of the columns that the statement names."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """How an engine writes what the marks stand for; `{}` is the value's place."""

    name: str
    value: str
    in_list: str
    for_update: str = ""
    skip_locked: str = ""
    inserts_columns: bool = False
    """Many rows go in as one array per column; else one statement is run for each row."""


SQLITE = Capabilities(name="sqlite", value="?{}", in_list="IN (SELECT value FROM json_each(?{}))")
POSTGRES = Capabilities(
    name="postgresql",
    value="${}",
    in_list="= ANY(CAST(${} AS text[]))",
    for_update="FOR UPDATE",
    skip_locked="SKIP LOCKED",
    inserts_columns=True,
)


@dataclass(frozen=True, slots=True)
class Insert:
    """Rows for `table`, each with a value for every one of `columns`; `conflict` says what to do with known ones.

    Where `key` is given it names the columns by which to tell, row by row, whether the row took effect.
    """

    table: Table
    columns: tuple[str, ...]
    conflict: str = ""
    key: tuple[str, ...] = ()


class Taken(Exception):
    """A unique index has such an entry already. Never leaves a store."""


class Rows(Protocol):
    """One transaction on one connection. Raises Taken, and errors of its own store that are not for the work."""

    async def all(self, sql: str, **values: Value) -> list[Row]:
        """Every row that the statement gives."""
        ...

    async def run(self, sql: str, **values: Value) -> None:
        """Run a statement that gives nothing."""
        ...

    async def put(self, insert: Insert, rows: list[Row]) -> list[bool]:
        """Insert the rows; for each, whether it took effect. Of an upserted key the last row counts."""
        ...


_ARRAYS = {Text: "text[]", BigInteger: "bigint[]", LargeBinary: "bytea[]"}
_MARK = re.compile(r"@in\((\w+)\)|@(for_update|skip_locked)\b|:([a-z_]+)")


@lru_cache(maxsize=1024)
def compiled(sql: str, capabilities: Capabilities) -> tuple[str, tuple[str, ...]]:
    """The statement as the engine takes it, and the names of its values in order."""
    names: list[str] = []

    def place_of(name: str) -> int:
        if name not in names:
            names.append(name)
        return names.index(name) + 1

    def written(mark: re.Match[str]) -> str:
        listed, word, name = mark.groups()
        if word is not None:
            return capabilities.for_update if word == "for_update" else capabilities.skip_locked
        pattern = capabilities.in_list if listed is not None else capabilities.value
        return pattern.format(place_of(listed or name))

    return _MARK.sub(written, sql), tuple(names)


@lru_cache(maxsize=64)
def compiled_insert(insert: Insert, capabilities: Capabilities) -> str:
    """The insert as the engine takes it: for one row of values, or for one array per column."""
    places = [capabilities.value.format(number + 1) for number in range(len(insert.columns))]
    words = ["INSERT INTO", insert.table.name, "(", ", ".join(insert.columns), ")"]
    if capabilities.inserts_columns:
        kinds = [_ARRAYS[type(insert.table.c[name].type)] for name in insert.columns]
        arrays = [f"CAST({place} AS {kind})" for place, kind in zip(places, kinds, strict=True)]
        words += ["SELECT * FROM unnest(", ", ".join(arrays), ")"]
    else:
        words += ["VALUES (", ", ".join(places), ")"]
    words.append(insert.conflict)
    if capabilities.inserts_columns and insert.key:
        names = [f"{insert.table.name}.{name}" for name in insert.key]
        words += ["RETURNING", ", ".join(names)]
    return " ".join(word for word in words if word)


def storable(text: str) -> str:
    """The text without what PostgreSQL cannot hold. Ids never have any of it, so one that does names nothing."""
    if text.isascii():
        return text.replace("\x00", "\ufffd")
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
