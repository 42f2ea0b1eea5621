"""JSON with numbers as the exact decimals their text spells; no NaN, no repeated keys, no bottomless nesting."""

from __future__ import annotations

import json
from decimal import Decimal

from dwell.domain.errors import Fault
from dwell.protocols.prices.document import read_number, refuse, shown


class OddNumber(str):
    """The text of a number that is none (`NaN`, 5,000 digits): kept, so that the fault gets its path."""

    __slots__ = ()


def read_object(content: bytes) -> dict[str, object]:
    """The object that `content` is. Raises Refused when it is no JSON object."""
    try:
        document = json.loads(
            content.decode("utf-8-sig"),
            parse_float=_number,
            parse_int=_number,
            parse_constant=OddNumber,
            object_pairs_hook=_unique,
        )
    except RecursionError:
        raise refuse([Fault(field="$", message="nested too deeply")]) from None
    except ValueError as error:  # also UnicodeDecodeError and JSONDecodeError
        raise refuse([Fault(field="$", message=f"not JSON: {error}")]) from error
    if not isinstance(document, dict):
        raise refuse([Fault(field="$", message="not an object")])
    return document


def whole_number(value: object) -> int:
    """The integer that a JSON value is. Raises ValueError otherwise."""
    if not isinstance(value, Decimal) or value.adjusted() > 15 or value != value.to_integral_value():
        raise ValueError(f"{shown(value)} is not a whole number")
    return int(value)


def list_at(document: dict[str, object], key: str) -> list[object]:
    """The list under `key`. Raises Refused when there is none."""
    value = document.get(key)
    if not isinstance(value, list):
        raise refuse([Fault(field=key, message="a list is expected")])
    return value


def text_at(document: dict[str, object], key: str) -> str | None:
    """The text under `key`, or None."""
    value = document.get(key)
    return value if isinstance(value, str) and not isinstance(value, OddNumber) else None


def _number(text: str) -> Decimal | OddNumber:
    try:
        return read_number(text)
    except ValueError:
        return OddNumber(text)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is stated twice in one object")
    return found
