"""Reading what callers of the Fleet dialect ask: every fault of a query is named at once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from dwell.api.shared.operations import Parameter
from dwell.application.fleet import TransactionFilter
from dwell.domain.errors import Fault, Refused
from dwell.domain.station.area import Area, Box, Circle
from dwell.domain.station.transaction import AuthType, Status

W = TypeVar("W", bound=StrEnum)
LIMIT_AT_MOST = 1_000_000
REFERENCE_LENGTH = 200
EVSE_LENGTH = 64
_SECONDS_AT_MOST = 253_402_300_799
"""The last second of the year 9999."""
_DEGREES = {"latitude": 90.0, "longitude": 180.0}
_BOX = ("min_latitude", "max_latitude", "min_longitude", "max_longitude")
_CIRCLE = ("center_latitude", "center_longitude", "radius")
_RADIUS_AT_MOST_M = 20_100_000.0
"""Half way round the Earth."""

STRICT = Parameter(
    name="strict",
    description="`true`: leave out energy, duration, amount and tariff, as the published list does.",
    schema={"type": "boolean"},
)
SESSION_PARAMETERS = (
    Parameter(
        name="auth_type",
        description="Only sessions authorized so.",
        schema={"type": "string", "enum": [str(word) for word in AuthType]},
    ),
    Parameter(name="user_reference", description="Only sessions of this user."),
    Parameter(
        name="status",
        description="Only sessions in this status.",
        schema={"type": "string", "enum": [str(word) for word in Status]},
    ),
    Parameter(
        name="limit",
        description="At most so many.",
        schema={"type": "integer", "minimum": 1, "maximum": LIMIT_AT_MOST},
    ),
    Parameter(
        name="created_after",
        description="Only sessions created later than this, in Unix seconds.",
        schema={"type": "integer", "minimum": 0},
    ),
    STRICT,
)
AREA_PARAMETERS = tuple(
    Parameter(name=name, description=description, schema={"type": "number"})
    for name, description in (
        *((name, "A side of the box, in degrees: all four or none.") for name in _BOX),
        *((name, "The centre of the circle, in degrees: with `radius`.") for name in _CIRCLE[:2]),
        (_CIRCLE[2], "The circle's radius in metres."),
    )
)


def read_filter(query: Mapping[str, str]) -> TransactionFilter:
    """Which sessions are asked for. Raises Refused with every fault."""
    faults = list[Fault]()
    created_after = _whole(query, "created_after", (0, _SECONDS_AT_MOST), faults)
    wanted = TransactionFilter(
        auth_type=_word(query, "auth_type", AuthType, faults),
        status=_word(query, "status", Status, faults),
        user_reference=query.get("user_reference"),
        created_after=None if created_after is None else datetime.fromtimestamp(created_after, UTC),
        limit=_whole(query, "limit", (1, LIMIT_AT_MOST), faults),
    )
    faults += strict_faults(query)
    if faults:
        raise Refused.because(*faults)
    return wanted


def strict_faults(query: Mapping[str, str]) -> list[Fault]:
    """What is wrong with `strict`."""
    if query.get("strict", "false") in {"true", "false"}:
        return []
    return [Fault(field="strict", message="must be one of true, false")]


def is_strict(query: Mapping[str, str]) -> bool:
    """Whether only the published members are wanted. Raises Refused."""
    if faults := strict_faults(query):
        raise Refused.because(*faults)
    return query.get("strict") == "true"


def read_area(query: Mapping[str, str]) -> Area:
    """Where stations are asked for: in the box or in the circle. Raises Refused with every fault."""
    box, circle = set(query) & set(_BOX), set(query) & set(_CIRCLE)
    shapes = f"{', '.join(_BOX)} or {', '.join(_CIRCLE)}"
    if not box and not circle:
        raise Refused(f"One area is required: {shapes}.")
    if box and circle:
        raise Refused(f"Only one area can be given: {shapes}.")
    names = _BOX if box else _CIRCLE
    faults = [Fault(field=name, message="is required") for name in names if name not in query]
    numbers = {name: _number(query[name], name, faults) for name in names if name in query}
    if not faults and box and numbers["min_latitude"] > numbers["max_latitude"]:
        faults.append(Fault(field="min_latitude", message="must not be above max_latitude"))
    if faults:
        raise Refused.because(*faults)
    if box:
        return Box(**numbers)
    latitude, longitude, radius_m = (numbers[name] for name in _CIRCLE)
    return Circle(latitude=latitude, longitude=longitude, radius_m=radius_m)


def _number(text: str, name: str, faults: list[Fault]) -> float:
    most = _DEGREES.get(name.rpartition("_")[2], _RADIUS_AT_MOST_M)
    least = 0.0 if name == _CIRCLE[2] else -most
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        faults.append(Fault(field=name, message=f"must be a number from {least:.0f} to {most:.0f}"))
    return value


def _word(query: Mapping[str, str], name: str, words: type[W], faults: list[Fault]) -> W | None:
    text = query.get(name)
    if text is None:
        return None
    if text in set(words):
        return words(text)
    faults.append(Fault(field=name, message=f"must be one of {', '.join(words)}"))
    return None


def _whole(query: Mapping[str, str], name: str, bounds: tuple[int, int], faults: list[Fault]) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if text.isascii() and text.isdecimal() and len(text) < 17 and bounds[0] <= int(text) <= bounds[1]:
        return int(text)
    faults.append(Fault(field=name, message=f"must be a whole number from {bounds[0]} to {bounds[1]}"))
    return None
