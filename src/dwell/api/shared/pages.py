"""Pages of a list by key: which rows are wanted, and the cursors to the pages around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from dwell.api.shared.cursors import Binding, Key, read_cursor, write_cursor
from dwell.api.shared.operations import Call

T = TypeVar("T")
_NOT_FILTERS = frozenset({"after", "before", "pageSize"})


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Rows in the list's order, and the cursors of the pages after and before them."""

    rows: Sequence[T]
    after: str | None = None
    before: str | None = None


class Pages:
    """One request for a page of at most `size` rows. One row more is asked for, to know whether a page follows."""

    def __init__(self, call: Call, size: int) -> None:
        filters = {name: value for name, value in call.query.items() if name not in _NOT_FILTERS}
        operation = f"{call.operation.name} {'/'.join(call.path.values())}"
        self._binding = Binding(call.organization_id, operation, filters)
        self._keyring = call.backend.keyring
        self._size = size
        self.after = self._read(call, "after")
        self.before = self._read(call, "before")

    @property
    def limit(self) -> int:
        """How many rows to ask the store for."""
        return self._size + 1

    def cut(self, rows: Sequence[T], key_of: Callable[[T], Key], *, reversed_before: bool) -> Page[T]:
        """The page, from the rows that the store gave.

        `reversed_before`: the store gives the rows before a key nearest first.
        """
        more = len(rows) > self._size
        if self.before is not None:
            ordered = list(reversed(rows)) if reversed_before else list(rows)
            page = ordered[1:] if more else ordered
        else:
            page = list(rows[: self._size])
        if not page:
            return Page(())
        has_next = more if self.before is None else True
        has_previous = more if self.before is not None else self.after is not None
        after = self._write(key_of(page[-1])) if has_next else None
        before = self._write(key_of(page[0])) if has_previous else None
        return Page(page, after, before)

    def _read(self, call: Call, name: str) -> Key | None:
        text = call.query.get(name)
        return None if text is None else read_cursor(self._keyring, self._binding, name, text)

    def _write(self, key: Key) -> str:
        return write_cursor(self._keyring, self._binding, key)
