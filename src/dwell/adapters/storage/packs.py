"""Facts at rest: many facts of one vehicle in one blob, column by column, nothing lost.

Instants and other whole numbers are kept as differences, decimals as whole numbers with a scale wherever that is
exact, each split into planes of like bytes, and the whole is squeezed. A digest that follows from its fact is not kept.
Dense samples (power, charge level and register every 10 s) take 2 to 7 bytes each, with a random id in each 25.
"""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, pairwise
from math import copysign, isfinite
from typing import Any

import msgspec

from dwell.application.records import StoredFact
from dwell.domain.ids import VehicleId
from dwell.domain.instants import instant_of, micros_of
from dwell.domain.session.facts import Fact, digest_of

_FORMAT = 1
_LEVEL = 9
_MOST_DECIMALS = 9
_INT64 = range(-(1 << 63), 1 << 63)
_EXACT = 1 << 53
"""Whole numbers below this are floats exactly, and so are their quotients by a power of ten, rounded once."""

Column = list[Any]
"""[kind, …what the kind needs]: see the `_put_…` functions."""
Values = Sequence[Any]
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(tuple[int, int, dict[str, Column], dict[int, bytes]]).decode


def packed(facts: Sequence[StoredFact]) -> bytes:
    """The blob of the facts of one vehicle, which should be in order of time: it is smaller so."""
    columns: dict[str, Column] = {}
    for name in Fact.__struct_fields__:
        values = [getattr(stored.fact, name) for stored in facts]
        if name == "at":
            columns[name] = _column_of_whole([micros_of(at) for at in values], orders=2)
        else:
            columns[name] = _column(values)
    own_names = {
        place: stored.digest for place, stored in enumerate(facts) if digest_of(stored.fact) != stored.digest
    }
    return zlib.compress(_pack((_FORMAT, len(facts), columns, own_names)), _LEVEL)


def unpacked(blob: bytes, vehicle_id: VehicleId) -> list[StoredFact]:
    """The facts of a blob, in the order in which they were packed."""
    _, count, columns, own_names = _unpack(zlib.decompress(blob))
    known = [name for name in Fact.__struct_fields__ if name in columns]
    values = [_values(columns[name], count) for name in known]
    values[known.index("at")] = [instant_of(micros) for micros in values[known.index("at")]]
    found = []
    for place, parts in enumerate(zip(*values, strict=True)):
        fact = Fact(**dict(zip(known, parts, strict=True)))
        found.append(StoredFact(vehicle_id, own_names.get(place) or digest_of(fact), fact))
    return found


def _column(values: Values) -> Column:
    first = values[0]
    if all(_is_same(value, first) for value in values):
        return ["same", first]
    if None in values:
        present = [value for value in values if value is not None]
        return ["sparse", bytes(value is not None for value in values), _column(present)]
    kinds = {type(value) for value in values}
    if kinds == {bool}:
        return ["flags", bytes(values)]
    if kinds == {int}:
        return _column_of_whole(values, orders=1)
    if kinds == {float}:
        return _column_of_decimals(values)
    if kinds == {str} and len(set(values)) * 4 <= len(values):
        words = list(dict.fromkeys(values))
        if len(words) < 256:
            return ["words", words, bytes(map(words.index, values))]
    return ["plain", list(values)]


def _column_of_whole(values: Values, *, orders: int) -> Column:
    heads: list[int] = []
    rest = list(values)
    for _ in range(min(orders, len(rest) - 1)):
        heads.append(rest[0])
        rest = [later - earlier for earlier, later in pairwise(rest)]
    if not all(value in _INT64 for value in rest):
        return ["plain", list(values)]
    return ["whole", heads, _planes(value << 1 if value >= 0 else (-value << 1) - 1 for value in rest)]


def _column_of_decimals(values: Values) -> Column:
    if all(isfinite(value) and not _is_minus_zero(value) for value in values):
        largest = max(map(abs, values))
        for decimals in range(_MOST_DECIMALS + 1):
            scale = 10**decimals
            if largest * scale >= _EXACT:
                break
            if all(round(value * scale) / scale == value for value in values):
                whole = [round(value * scale) for value in values]
                return ["decimal", decimals, _column_of_whole(whole, orders=1)]
    return ["floats", _split(_little(array("d", values)))]


def _values(column: Column, count: int) -> Values:
    kind, *parts = column
    return _READERS[kind](parts, count)


def _read_sparse(parts: Column, count: int) -> Values:
    present, column = parts
    found = iter(_values(column, sum(present)))
    return [next(found) if flag else None for flag in present]


def _read_whole(parts: Column, count: int) -> Values:
    heads, planes = parts
    rest = [
        value >> 1 if not value & 1 else -((value + 1) >> 1)
        for value in _of_planes(planes, count - len(heads))
    ]
    for head in reversed(heads):
        rest = list(accumulate(rest, initial=head))
    return rest


def _read_decimals(parts: Column, count: int) -> Values:
    decimals, column = parts
    scale = 10**decimals
    return [part / scale for part in _values(column, count)]


def _read_floats(parts: Column, count: int) -> Values:
    found = array("d")
    found.frombytes(_joined(parts[0], count))
    return list(_little(found))


_READERS: dict[str, Callable[[Column, int], Values]] = {
    "same": lambda parts, count: [parts[0]] * count,
    "sparse": _read_sparse,
    "flags": lambda parts, count: [flag == 1 for flag in parts[0]],
    "whole": _read_whole,
    "decimal": _read_decimals,
    "floats": _read_floats,
    "words": lambda parts, count: [parts[0][place] for place in parts[1]],
    "plain": lambda parts, count: parts[0],
}


def _planes(values: Iterable[int]) -> list[bytes]:
    """The bytes of the numbers (0 … 2^64 − 1), lowest first, without planes that are nothing but zeros."""
    planes = _split(_little(array("Q", values)))
    while planes and not any(planes[-1]):
        planes.pop()
    return planes


def _of_planes(planes: list[bytes], count: int) -> list[int]:
    found = array("Q")
    found.frombytes(_joined(planes, count))
    return list(_little(found))


def _split(numbers: array[Any]) -> list[bytes]:
    data = numbers.tobytes()
    return [data[plane::8] for plane in range(8)]


def _joined(planes: list[bytes], count: int) -> bytes:
    data = bytearray(8 * count)
    for place, plane in enumerate(planes):
        data[place::8] = plane
    return bytes(data)


def _little(numbers: array[Any]) -> array[Any]:
    """The numbers with their lowest byte first, whatever the machine does; the same step leads back."""
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _is_same(value: Any, other: Any) -> bool:
    if value is other:
        return True
    return type(value) is type(other) and value == other and _is_minus_zero(value) == _is_minus_zero(other)


def _is_minus_zero(value: Any) -> bool:
    return isinstance(value, float) and value == 0 and copysign(1, value) < 0
