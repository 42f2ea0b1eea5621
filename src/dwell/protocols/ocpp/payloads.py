"""Payloads to structs, strictly or with forbearance.

Strictly: what a schema forbids is refused with the kind of fault that the protocol has a code for; only members that
no schema knows are left out with a remark. With forbearance (transactions: nobody sends them again in better shape):
whatever cannot be what it should be is left out with a remark, and the rest is kept. Structs for that have no
required members, and `Loose` for every scalar.
"""

from __future__ import annotations

import json
import re
import types
import typing
from functools import lru_cache
from typing import Any, TypeVar, Union

import msgspec

from dwell.protocols.ocpp.rpc.frames import Wrong

Loose = str | int | float | bool | None
"""A scalar that may come as a number or as text."""

ODDITIES_AT_MOST = 16
"""Remarks kept of one message; a vendor that is odd everywhere is odd enough with these."""

T = TypeVar("T", bound=msgspec.Struct)
_KINDS = (
    (re.compile(r"missing required field|of length >="), Wrong.OCCURRENCE),
    (re.compile(r"Invalid enum value|of length <=|Expected `\w+` [<>]|out of range"), Wrong.PROPERTY),
    (re.compile(r"^Expected"), Wrong.TYPE),
)


class Refusal(msgspec.Struct, frozen=True):
    """Why a payload is not taken."""

    wrong: Wrong
    why: str


def read_strictly(payload: bytes, kind: type[T]) -> tuple[T, tuple[str, ...]] | Refusal:
    """The struct and what was odd about the payload, or why it is refused."""
    if payload != b"{}" and (repeated := _repeated_member(payload)) is not None:
        return Refusal(Wrong.FORMAT, f"the member {repeated!r} is there twice")
    try:
        return msgspec.json.decode(payload, type=kind), ()
    except msgspec.ValidationError as error:
        if "unknown field" not in str(error):
            return _refusal_for(error)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return Refusal(Wrong.FORMAT, "the payload cannot be read")
    oddities: list[str] = []
    try:
        pruned = _Mending(oddities, prune_only=True).object(msgspec.json.decode(payload), kind, "")
        return msgspec.convert(pruned, kind), tuple(oddities[:ODDITIES_AT_MOST])
    except msgspec.ValidationError as error:
        return _refusal_for(error)
    except (msgspec.DecodeError, UnicodeError, RecursionError):  # behind the unknown member
        return Refusal(Wrong.FORMAT, "the payload cannot be read")


def read_leniently(payload: bytes, kind: type[T]) -> tuple[T, tuple[str, ...]]:
    """The struct with all that could be made of the payload, and what was odd about it. Never raises."""
    try:
        return _decoder(kind).decode(payload), ()
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass  # ValidationError is one of them: a second, slower look
    oddities: list[str] = []
    try:
        found = json.loads(payload, parse_int=_bounded_int)
    except (ValueError, RecursionError):
        return kind(), ("the payload cannot be read",)
    mended = _Mending(oddities).object(found, kind, "") if isinstance(found, dict) else {}
    return msgspec.convert(mended, kind), tuple(oddities[:ODDITIES_AT_MOST])


@lru_cache(maxsize=64)
def _decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    return msgspec.json.Decoder(kind)


def _bounded_int(digits: str) -> int | float:
    return int(digits) if len(digits) <= 18 else float(digits)


def _refusal_for(error: msgspec.ValidationError) -> Refusal:
    text = str(error)
    return Refusal(next((wrong for pattern, wrong in _KINDS if pattern.search(text)), Wrong.FORMAT), text)


class _Repeated(Exception):
    pass


def _repeated_member(payload: bytes) -> str | None:
    def pairs_of(pairs: list[tuple[str, object]]) -> None:
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _Repeated(name[:64])
            seen.add(name)

    try:
        json.loads(payload, object_pairs_hook=pairs_of, parse_int=_bounded_int)
    except _Repeated as repeated:
        return str(repeated)
    except (ValueError, RecursionError):
        return None  # the typed reading says what is wrong
    return None


class _Mending:
    """Walks an untyped document along a struct's type, leaving out what does not belong there."""

    def __init__(self, oddities: list[str], *, prune_only: bool = False) -> None:
        self._oddities = oddities
        self._prune_only = prune_only

    def object(self, found: dict[str, Any], kind: type[msgspec.Struct], path: str) -> dict[str, Any]:
        """The members of `found` that the struct `kind` has, each fit for its type."""
        wanted = _members(kind)
        kept: dict[str, Any] = {}
        for name, value in found.items():
            here = f"{path}{name}"
            if name not in wanted:
                if self._prune_only:
                    self._remark(here, "unknown member left out")
                continue
            fit = self._fit(value, wanted[name], here)
            if fit is not msgspec.UNSET:
                kept[name] = fit
        return kept

    def _fit(self, value: Any, kind: Any, path: str) -> Any:
        struct, item = _shape(kind)
        if value is None:
            return None
        if struct is not None:
            if isinstance(value, dict):
                return self.object(value, struct, f"{path}.")
        elif item is not None:
            if isinstance(value, dict) and not self._prune_only:
                self._remark(path, "one object where a list belongs")
                value = [value]
            if isinstance(value, list):
                fits = [self._fit(one, item, path) for one in value]
                return [
                    fit for fit in fits if fit is not msgspec.UNSET and (fit is not None or self._prune_only)
                ]
        elif self._prune_only or isinstance(value, str | int | float):
            return _clean(value)
        if self._prune_only:
            return value
        self._remark(path, "left out: not what belongs there")
        return msgspec.UNSET

    def _remark(self, path: str, what: str) -> None:
        if len(self._oddities) < ODDITIES_AT_MOST:
            self._oddities.append(f"{path[:64]}: {what}")


def _clean(value: Any) -> Any:
    """Text without halves of surrogate pairs, which no store could keep."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


@lru_cache(maxsize=256)
def _members(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return {field.encode_name: field.type for field in msgspec.structs.fields(kind)}


def _shape(kind: Any) -> tuple[type[msgspec.Struct] | None, Any]:
    """(struct, None) for an object, (None, type of its items) for a list, (None, None) for a scalar."""
    while typing.get_origin(kind) is typing.Annotated:
        kind = typing.get_args(kind)[0]
    if typing.get_origin(kind) in (Union, types.UnionType):
        shapes = [_shape(one) for one in typing.get_args(kind)]
        return next((shape for shape in shapes if shape != (None, None)), (None, None))
    if typing.get_origin(kind) in (list, tuple):
        return None, typing.get_args(kind)[0]
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind, None
    return None, None


# --- scalars that may come as a number or as text ---

_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?(?:[eE][+-]?\d{1,2})?", re.ASCII)


def text_of(value: Loose, at_most: int = 255) -> str | None:
    """Text as it came, a number written out; cut where it is too long. Empty text says nothing."""
    if value is None or value == "":
        return None
    return (value if isinstance(value, str) else json.dumps(value))[:at_most]


def number_of(value: Loose) -> float | None:
    """A finite number; None for what is none in plain notation (`1,5`, ` 12 `, an empty text, true)."""
    if isinstance(value, str):
        return float(value) if _NUMBER.fullmatch(value) else None
    if isinstance(value, bool) or value is None:
        return None
    return float(value) if abs(value) < 1e300 else None


def whole_of(value: Loose) -> int | None:
    """A whole number within 64 bits, halves rounded up; None for what is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) < 2**62 else None
    number = number_of(value)
    return None if number is None or abs(number) >= 2**62 else round(number)
