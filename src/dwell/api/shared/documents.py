"""Reading the JSON body of an operation on one thing, so that every fault of it is named at once.

A `Document` is asked for each member it may have; what it was not asked for is unknown and refused by name.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from dwell.api.shared.problems import HttpRefusal, Issue
from dwell.domain.instants import read_instant


def read_document(body: bytes) -> Document:
    """The JSON object in `body`. Raises HttpRefusal with 400."""
    try:
        members = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise HttpRefusal(400, "The body is not JSON, or nested too deep.") from error
    if not isinstance(members, dict):
        raise HttpRefusal(400, "The body must be a JSON object.")
    return Document(members, "", [])


class Document:
    """A JSON object while it is read. Each reader returns None, and notes an issue, where it finds a fault."""

    def __init__(self, members: dict[str, object], path: str, issues: list[Issue]) -> None:
        self._members = members
        self._path = path
        self._issues = issues
        self._asked: set[str] = set()
        self._children: list[Document] = []

    def has(self, name: str) -> bool:
        """Whether the member is there, were it null."""
        self._asked.add(name)
        return name in self._members

    def names(self) -> list[str]:
        """The members there are, for an object whose names are the caller's."""
        return list(self._members)

    def fault(self, name: str, message: str) -> None:
        """Note a fault of a member."""
        self._issues.append(Issue(self._path + name, message))

    def text(self, name: str, *, at_most: int, at_least: int = 1, required: bool = False) -> str | None:
        """Text without control characters."""
        value = self._value(name, required=required)
        if value is None:
            return None
        if not isinstance(value, str):
            self.fault(name, "must be text")
        elif not at_least <= len(value) <= at_most:
            self.fault(name, f"must have {at_least} to {at_most} characters")
        elif any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in value):
            self.fault(name, "must not hold control characters")
        else:
            return value
        return None

    def choice(self, name: str, choices: Sequence[str], *, required: bool = False) -> str | None:
        """One of a closed set of words."""
        value = self._value(name, required=required)
        if value is None or (isinstance(value, str) and value in choices):
            return value
        self.fault(name, f"must be one of {', '.join(choices)}")
        return None

    def texts(self, name: str, choices: Sequence[str]) -> tuple[str, ...] | None:
        """A list of one or more of a closed set of words, each once."""
        value = self._value(name, required=False)
        if value is None:
            return None
        if isinstance(value, list) and value and all(word in choices for word in value):
            return tuple(dict.fromkeys(value))
        self.fault(name, f"must be a list of {', '.join(choices)}")
        return None

    def number(self, name: str, low: float, high: float, *, required: bool = False) -> float | None:
        """A number in [low, high]."""
        value = self._value(name, required=required)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fault(name, "must be a number")
        elif not low <= value <= high:
            self.fault(name, f"must be from {low:g} to {high:g}")
        else:
            return float(value)
        return None

    def amount(self, name: str) -> Decimal | None:
        """A finite number, required, with the digits it was written with (as far as a double tells them)."""
        value = self._value(name, required=True)
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e15:
            if value is not None:
                self.fault(name, "must be a number")
            return None
        return Decimal(repr(value))

    def integer(self, name: str, low: int, high: int, *, required: bool = False) -> int | None:
        """A whole number in [low, high]."""
        value = self._value(name, required=required)
        if value is None:
            return None
        whole = int(value) if isinstance(value, float) and value.is_integer() else value
        if isinstance(whole, bool) or not isinstance(whole, int):
            self.fault(name, "must be a whole number")
        elif not low <= whole <= high:
            self.fault(name, f"must be from {low} to {high}")
        else:
            return whole
        return None

    def instant(self, name: str, *, required: bool = False) -> datetime | None:
        """An ISO 8601 instant with its zone."""
        value = self._value(name, required=required)
        if value is None:
            return None
        try:
            return read_instant(value if isinstance(value, str) else "")
        except ValueError:
            self.fault(name, "must be an ISO 8601 instant with Z or an offset")
            return None

    def child(self, name: str, *, required: bool = False) -> Document | None:
        """An object within."""
        value = self._value(name, required=required)
        if value is None:
            return None
        return self._within(value, name)

    def children(self, name: str, *, at_most: int) -> list[Document]:
        """A list of objects."""
        value = self._value(name, required=False)
        if value is None:
            return []
        if not isinstance(value, list) or len(value) > at_most:
            self.fault(name, f"must be a list of at most {at_most} objects")
            return []
        found = [self._within(entry, f"{name}[{index}]") for index, entry in enumerate(value)]
        return [entry for entry in found if entry is not None]

    def flag(self, name: str, *, required: bool = False) -> bool | None:
        """True or false."""
        value = self._value(name, required=required)
        if value is None or isinstance(value, bool):
            return value
        self.fault(name, "must be true or false")
        return None

    def end(self, *, unknown: bool = False) -> None:
        """Raise HttpRefusal with 400 and every fault, if there is any; unknown members are faults unless let be."""
        if not unknown:
            self._note_unknown()
        if self._issues:
            raise HttpRefusal(400, "The body has faults.", issues=self._issues)

    def _within(self, value: object, name: str) -> Document | None:
        if not isinstance(value, dict):
            self.fault(name, "must be an object")
            return None
        child = Document(value, f"{self._path}{name}.", self._issues)
        self._children.append(child)
        return child

    def _value(self, name: str, *, required: bool) -> object:
        self._asked.add(name)
        value = self._members.get(name)
        if value is None and required:
            self.fault(name, "must not be null" if name in self._members else "is required")
        return value

    def _note_unknown(self) -> None:
        for name in self._members:
            if name not in self._asked:
                shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in name[:64])
                self.fault(shown, "is not a member of this object")
        for child in self._children:
            child._note_unknown()
