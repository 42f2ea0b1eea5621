"""A fleet: the planning problems of many vehicles as columns of numbers, with the curves that they share.

A column has one number for each vehicle; row i of all of them is one problem. Columns are checked here and nowhere
else: what cannot be a column at all is refused, a row that is no problem is named by its index and field and left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dwell.domain.errors import Fault, Refused
from dwell.domain.instants import micros_of
from dwell.domain.planning.compiled import Bytes, Floats, Longs, Windows
from dwell.domain.planning.prices import PriceGrid
from dwell.domain.planning.problem import BOUNDS, FIRST_INSTANT, LAST_INSTANT, Bounds

NO_LINE = -1  # the index of a vehicle without ceilings, or without restrictions
MOST_KWH = BOUNDS["battery_capacity_kwh"].most / BOUNDS["efficiency"].least
_ENERGY = Bounds(0, MOST_KWH)
_INSTANT = (micros_of(FIRST_INSTANT), micros_of(LAST_INSTANT) - 1)
_KINDS: dict[str, type] = {
    "now_us": np.int64,
    "ready_by_us": np.int64,
    "reserve_kwh": np.float64,
    "need_kwh": np.float64,
    "most_kwh": np.float64,
    "power_max_kw": np.float64,
    "power_min_kw": np.float64,
    "start_cost": np.float64,
    "modulating": np.bool_,
    "charging_now": np.bool_,
    "charge_when_negative": np.bool_,
    "curve": np.int64,
    "ceiling": np.int64,
    "restriction": np.int64,
}
_BOUNDS = {
    "reserve_kwh": _ENERGY,
    "need_kwh": _ENERGY,
    "most_kwh": _ENERGY,
    "power_max_kw": BOUNDS["power_max_kw"],
    "power_min_kw": replace(BOUNDS["power_min_kw"], above=True),  # 0 is for locations only
    "start_cost": BOUNDS["start_cost"],
}
_OPTIONAL: dict[str, object] = {
    "reserve_kwh": 0.0,
    "most_kwh": 0.0,
    "power_min_kw": 0.001,
    "start_cost": 0.02,
    "modulating": False,
    "charging_now": False,
    "charge_when_negative": True,
    "curve": 0,
    "ceiling": NO_LINE,
    "restriction": NO_LINE,
}


class Columns(NamedTuple):
    """One array for each field, all of one length: C-contiguous, writable, of the types of `_KINDS`."""

    now_us: Longs
    ready_by_us: Longs
    reserve_kwh: Floats
    need_kwh: Floats
    most_kwh: Floats
    power_max_kw: Floats
    power_min_kw: Floats
    start_cost: Floats
    modulating: NDArray[np.bool_]
    charging_now: NDArray[np.bool_]
    charge_when_negative: NDArray[np.bool_]
    curve: Longs
    ceiling: Longs
    restriction: Longs

    def rows(self, part: slice | Longs) -> Columns:
        """The same columns with some of the rows."""
        return Columns._make(column[part] for column in self)


class Lines(NamedTuple):
    """Windows of many lines, one line behind the other: line k is `first[k]` up to `first[k + 1]`.

    `known` is 0 where a price was made up.
    """

    first: Longs
    start_us: Longs
    end_us: Longs
    value: Floats
    known: Bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFault:
    """One fault of one vehicle: its index in the columns, the column, and a sentence."""

    index: int
    field: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Columns, and the lines that they refer to by index. Build it with `Fleet.of`.

    curves: price curves, each with the time zone in which a missing price looks for the same local hour.
    ceilings, restrictions: lines of windows in time order or not, which may overlap; as in `Problem`.
    """

    columns: Columns
    curves: tuple[tuple[PriceGrid, tzinfo], ...]
    ceilings: tuple[Windows, ...] = ()
    restrictions: tuple[Windows, ...] = ()

    @classmethod
    def of(
        cls,
        columns: Mapping[str, Any],
        curves: Sequence[PriceGrid | tuple[PriceGrid, tzinfo]],
        ceilings: Sequence[Windows] = (),
        restrictions: Sequence[Windows] = (),
    ) -> Fleet:
        """A fleet of columns by name, of which those in `Columns` are read.

        now_us, ready_by_us: int, µs since 1970 (a deadline that has passed means: at once). reserve_kwh, need_kwh,
        most_kwh: at the meter, from now to the reserve, from there to the target, and from there to the charge limit;
        where most_kwh is less than need_kwh, need_kwh holds. curve, ceiling, restriction: int, -1 is none of the last
        two. A single value stands for all vehicles. Raises Refused, naming every column, where one is missing, unknown,
        of another length or kind, and where a line is no line.
        """
        given: dict[str, Any] = {**_OPTIONAL, **columns}
        faults = [Fault(field=name, message="unknown column") for name in given if name not in _KINDS]
        faults += [Fault(field=name, message="is required") for name in _KINDS if name not in given]
        count = max(
            (np.size(given[name]) for name in ("need_kwh", "ready_by_us") if name in given), default=0
        )
        made: dict[str, NDArray[np.generic]] = {}
        for name in (name for name in _KINDS if name in given):
            column = _column(given[name], _KINDS[name], count)
            if isinstance(column, str):
                faults.append(Fault(field=name, message=column))
            else:
                made[name] = column
        for kind, lines in (("ceilings", ceilings), ("restrictions", restrictions)):
            faults += _line_faults(kind, lines)
        if not curves:
            faults.append(Fault(field="curves", message="must be at least one"))
        if faults:
            raise Refused.because(*faults)
        pairs = tuple(curve if isinstance(curve, tuple) else (curve, UTC) for curve in curves)
        return cls(
            columns=Columns(**made),  # type: ignore[arg-type]  # each of the type that _KINDS gives its field
            curves=pairs,
            ceilings=tuple(ceilings),
            restrictions=tuple(restrictions),
        )

    def __len__(self) -> int:
        return len(self.columns.now_us)


def _column(given: object, kind: type, count: int) -> NDArray[np.generic] | str:
    """The values as an array of the kind that compiled code was made for, or what is wrong with them."""
    try:
        found = np.asarray(given)
    except ValueError:
        return "must be one row of numbers"
    if found.ndim > 1 or (found.ndim == 1 and len(found) != count):
        return f"must be one value, or one for each of {count} vehicles"
    if found.size == 0 and found.dtype.kind == "f":  # an empty list says nothing of its kind
        found = found.astype(kind)
    if found.dtype.kind not in {"b": "b", "i": "iu", "f": "iuf"}[np.dtype(kind).kind]:
        return f"must hold {np.dtype(kind).name}"
    if found.dtype == np.uint64 and np.any(found > np.iinfo(np.int64).max):
        return "must hold int64"
    if found.ndim == 0:
        return np.full(count, found, kind)
    return np.require(found, kind, ["C", "W"])


def _line_faults(kind: str, lines: Sequence[Windows]) -> Iterator[Fault]:
    for k, (starts, ends, values) in enumerate(lines):
        name = f"{kind}[{k}]"
        if not len(starts) == len(ends) == len(values):
            yield Fault(field=name, message="starts, ends and values must be as many")
        elif np.any(ends <= starts) or (
            len(starts) and not _INSTANT[0] <= np.min(starts) <= np.max(ends) <= _INSTANT[1] + 1
        ):
            yield Fault(field=name, message="windows must end after they start, from 1970 to 2199")
        elif kind == "ceilings" and not np.all((values >= 0) & (values <= BOUNDS["power_kw"].most)):
            yield Fault(field=name, message=BOUNDS["power_kw"].fault(-1.0) or "")


def faults_in(fleet: Fleet) -> tuple[RowFault, ...]:
    """Every fault of every vehicle, by index, then in the order of the columns."""
    return row_faults(fleet, slice(0, len(fleet)))[1]


def row_faults(fleet: Fleet, part: slice) -> tuple[NDArray[np.bool_], tuple[RowFault, ...]]:
    """Which rows of a part are problems, and the faults of those that are not."""
    columns = fleet.columns.rows(part)
    found: list[tuple[str, str, NDArray[np.bool_]]] = []
    for name in ("now_us", "ready_by_us"):
        column = getattr(columns, name)
        found.append((name, "must be from 1970 to 2199", (column < _INSTANT[0]) | (column > _INSTANT[1])))
    for name, bounds in _BOUNDS.items():
        column = getattr(columns, name)
        endless = ~np.isfinite(column)
        outside = (column < bounds.least) | (column > bounds.most)
        if bounds.above:
            outside |= column == bounds.least
        found.append((name, "must be a finite number", endless))
        found.append((name, bounds.fault(bounds.least - 1.0) or "", outside & ~endless))
    found.append(
        ("power_min_kw", "must be at most power_max_kw", columns.power_min_kw > columns.power_max_kw)
    )
    for name, least, lines in (
        ("curve", 0, len(fleet.curves)),
        ("ceiling", NO_LINE, len(fleet.ceilings)),
        ("restriction", NO_LINE, len(fleet.restrictions)),
    ):
        column = getattr(columns, name)
        found.append((name, f"must be from {least} to {lines - 1}", (column < least) | (column >= lines)))
    bad = np.zeros(len(columns.now_us), np.bool_)
    rows: list[tuple[int, int, RowFault]] = []
    for name, message, where in found:
        bad |= where
        for i in np.flatnonzero(where).tolist():
            fault = RowFault(index=part.start + i, field=name, message=message)
            rows.append((i, list(_KINDS).index(name), fault))
    rows.sort(key=lambda row: row[:2])
    return ~bad, tuple(fault for _, _, fault in rows)


def lines_of(parts: Sequence[Windows], known: Sequence[Bytes] | None = None) -> Lines:
    """Lines one behind another."""
    first = np.zeros(len(parts) + 1, np.int64)
    np.cumsum([len(part.value) for part in parts], out=first[1:])

    def joined(position: int, kind: type) -> NDArray[np.generic]:
        return np.concatenate([np.empty(0, kind), *(np.asarray(part[position], kind) for part in parts)])

    marks = np.concatenate([np.empty(0, np.int8), *known]) if known else np.ones(first[-1], np.int8)
    return Lines(
        first,
        joined(0, np.int64).astype(np.int64),
        joined(1, np.int64).astype(np.int64),
        joined(2, np.float64).astype(np.float64),
        marks.astype(np.int8),
    )
