"""Observations as they come in: a JSON list, or one JSON object a line, to parsed items and the faults of the others.

The usual batch is right, and takes one typed decode. Only when that fails is each item looked at by itself, by the
rules in CHECKS, which say the same in words. Of a member named twice the last one counts, if all are right.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Annotated

import msgspec

from dwell.domain.errors import Refused
from dwell.domain.ids import VehicleId
from dwell.domain.instants import NoZone, read_instant
from dwell.domain.session.facts import Fact
from dwell.domain.session.incoming import Incoming, Rejection, implausible
from dwell.domain.units import round_half_up, w_from_kw, wh_from_kwh

ITEMS_AT_MOST = 10_000
TOO_MANY = "too_many_items"
NOT_JSON = "not_json"
LONGEST_TEXT = 256
POWER_KW = 100_000
REGISTER_KWH = 1e9
ODOMETER_KM = 1e7
NO_ZONE = "no_zone"

_Text = Annotated[str, msgspec.Meta(max_length=LONGEST_TEXT)]
_Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]
_Source = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_TEXT)]


class Observation(msgspec.Struct, forbid_unknown_fields=True, gc=False, omit_defaults=True):
    """One timed statement about a vehicle, or about the vehicle at an EVSE. Member names carry their units."""

    at: Annotated[str, msgspec.Meta(max_length=64, description="ISO 8601 with Z or an offset")]
    vehicle_id: _Text | None = None
    evse: _Text | None = None
    plugged_in: bool | None = None
    charging: bool | None = None
    power_kw: Annotated[float, msgspec.Meta(ge=-POWER_KW, le=POWER_KW)] | None = None
    soc_percent: _Percent | None = None
    energy_register_kwh: Annotated[float, msgspec.Meta(ge=0, le=REGISTER_KWH)] | None = None
    charge_limit_percent: _Percent | None = None
    fully_charged: bool | None = None
    latitude: Annotated[float, msgspec.Meta(ge=-90, le=90)] | None = None
    longitude: Annotated[float, msgspec.Meta(ge=-180, le=180)] | None = None
    odometer_km: Annotated[float, msgspec.Meta(ge=0, le=ODOMETER_KM)] | None = None
    source: _Source | None = None
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_TEXT)] | None = None


class Batch(msgspec.Struct, frozen=True):
    """A batch as read: the items that could be parsed, and the faults of those that could not, both by index."""

    items: list[Incoming]
    rejected: list[Rejection]


_decode_list = msgspec.json.Decoder(list[Observation]).decode
_decode_lines = msgspec.json.Decoder(Observation).decode_lines
_decode_one = msgspec.json.Decoder(Observation).decode
_encode = msgspec.json.encode
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_BOM = b"\xef\xbb\xbf"
_SPACE = re.compile(r"[ \t\n\r]*")
_UNPAIRED = re.compile("[\x00\ud800-\udfff]")
_UNKEEPABLE = "must not hold U+0000 or half a surrogate pair"
_members = json.JSONDecoder(parse_int=float)
"""Whole numbers as floats too: one of 5,000 digits is then infinite, not an error of the reader."""
_PLAIN_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-](?:0\d|1[0-8]):[0-5]\d)", re.ASCII
)


def read_batch(body: bytes, *, lines: bool, received_at: datetime) -> Batch:
    """The items of a JSON list, or with `lines` of a text with one JSON object a line; empty lines do not count.

    A list that starts with `{` is taken for lines. Raises Refused with code TOO_MANY above ITEMS_AT_MOST, and with
    code NOT_JSON for a text that is no JSON list at all. A line that is no JSON is a fault of that line alone.
    """
    try:
        lines = lines or body.lstrip()[:1] == b"{"
        found = _decode_lines(body) if lines else _decode_list(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _read_each(_each_line(body) if lines else _each_of_list(body), received_at)
    if len(found) > ITEMS_AT_MOST:
        raise _too_many()
    reading = _Reading(received_at)
    for index, observation in enumerate(found):
        reading.take(index, observation)
    return Batch(reading.items, reading.rejected)


def split(body: bytes, *, at_most: int = ITEMS_AT_MOST) -> Iterator[tuple[int, bytes]]:
    """Cut a text of any length into lines of at most `at_most` items, each part with the index of its first item.

    Raises Refused with code NOT_JSON.
    """
    texts = _each_line(body) if body.lstrip()[:1] == b"{" else _each_of_list(body)
    part = list[bytes]()
    for index, text in enumerate(texts):
        part.append(text.replace(b"\n", b" "))
        if len(part) == at_most:
            yield index + 1 - at_most, b"\n".join(part)
            part = []
    if part:
        yield index + 1 - len(part), b"\n".join(part)


class _Reading:
    """Turns observations into items, one after the other; remembers ids it has seen in this batch."""

    def __init__(self, received_at: datetime) -> None:
        self.items: list[Incoming] = []
        self.rejected: list[Rejection] = []
        self._received_at = received_at
        self._ids: dict[str, VehicleId | None] = {}

    def take(self, index: int, seen: Observation, raw: bytes | None = None) -> None:
        fault = _fault_between_members(seen) or _fault_of_text(seen)
        vehicle_id: VehicleId | None = None
        if fault is None and seen.vehicle_id is not None:
            vehicle_id = self._vehicle_id(seen.vehicle_id)
            if vehicle_id is None:
                fault = ("vehicle_id", "unknown")
        at: datetime | None = None
        flag: str | None = None
        if fault is None:
            try:
                at = _instant(seen.at)
                flag = implausible(at, self._received_at)
            except NoZone:
                flag = NO_ZONE
            except ValueError as error:
                fault = ("at", str(error))
        if fault is not None:
            self.rejected.append(Rejection(index, *fault))
        elif flag is not None or at is None:
            raw = _encode(seen) if raw is None else raw
            self.items.append(
                Incoming(index=index, vehicle_id=vehicle_id, evse=seen.evse, flag=flag, raw=raw)
            )
        else:
            fact = _fact(seen, at)
            self.items.append(Incoming(index=index, vehicle_id=vehicle_id, evse=seen.evse, fact=fact))

    def _vehicle_id(self, text: str) -> VehicleId | None:
        """The id in its one form, None for what cannot be one of ours."""
        if text not in self._ids:
            self._ids[text] = VehicleId(text.lower()) if _UUID.fullmatch(text) else None
        return self._ids[text]


def _instant(text: str) -> datetime:
    if _PLAIN_INSTANT.fullmatch(text):
        try:
            return datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            return read_instant(text)
    return read_instant(text)


def _fact(seen: Observation, at: datetime) -> Fact:
    power_kw, register_kwh, odometer_km = seen.power_kw, seen.energy_register_kwh, seen.odometer_km
    return Fact(
        at,
        seen.source or "vehicle",
        seen.plugged_in,
        seen.charging,
        None if power_kw is None else w_from_kw(power_kw),
        _plain(seen.soc_percent),
        None if register_kwh is None else wh_from_kwh(register_kwh),
        _plain(seen.charge_limit_percent),
        seen.fully_charged,
        _plain(seen.latitude),
        _plain(seen.longitude),
        None if odometer_km is None else round_half_up(odometer_km * 1000),
        seen.id,
    )


def _plain(value: float | None) -> float | None:
    """Without the sign of a negative zero, which would make two facts of one."""
    return None if value is None else value + 0.0


def _fault_between_members(seen: Observation) -> tuple[str, str] | None:
    if (seen.vehicle_id is None) == (seen.evse is None):
        return "vehicle_id", "give exactly one of vehicle_id and evse"
    if (seen.latitude is None) != (seen.longitude is None):
        return ("longitude" if seen.longitude is None else "latitude"), "latitude and longitude go together"
    return None


def _fault_of_text(seen: Observation) -> tuple[str, str] | None:
    """Databases cannot keep U+0000 in text; half surrogate pairs do not come through the decoder."""
    for name, text in (("source", seen.source), ("id", seen.id), ("evse", seen.evse)):
        if text is not None and "\x00" in text:
            return name, _UNKEEPABLE
    return None


# --- the long way: item by item, and what exactly is wrong with one ---


def _read_each(texts: Iterator[bytes], received_at: datetime) -> Batch:
    reading = _Reading(received_at)
    for index, text in enumerate(texts):
        if index >= ITEMS_AT_MOST:
            raise _too_many()
        try:
            observation = _decode_one(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            reading.rejected.append(Rejection(index, *_fault_of(text)))
        else:
            reading.take(index, observation, text)
    return Batch(reading.items, reading.rejected)


def _each_line(body: bytes) -> Iterator[bytes]:
    for line in body.removeprefix(_BOM).split(b"\n"):
        text = line.strip()
        if text:
            yield text


def _each_of_list(body: bytes) -> Iterator[bytes]:
    """The text of each item of a JSON list. Raises Refused for a text that is none."""
    try:
        text = body.removeprefix(_BOM).decode()
        end = _space(text, 0)
        if text[end : end + 1] != "[":
            raise Refused("The body must be a JSON list, or one JSON object a line.", code=NOT_JSON)
        end = _space(text, end + 1)
        if text[end : end + 1] == "]":
            separator = "]"
        else:
            separator, end = ",", end - 1
        while separator == ",":
            start = _space(text, end + 1)
            _, end = _members.raw_decode(text, start)
            yield text[start:end].encode()
            end = _space(text, end)
            separator = text[end : end + 1]
        if separator != "]" or _space(text, end + 1) != len(text):
            raise ValueError("the list does not end where the text does")
    except (ValueError, RecursionError) as error:
        raise Refused("The body is not JSON, or nested too deep.", code=NOT_JSON) from error


def _space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found is not None else at


def _fault_of(text: bytes) -> tuple[str, str]:
    """The first fault of an item that could not be decoded: the member, and what is wrong with it."""
    try:
        members = _members.decode(text.decode())
    except (ValueError, RecursionError):
        return "", "is not JSON"
    if not isinstance(members, dict):
        return "", "must be a JSON object"
    for name in members:
        if name not in CHECKS:
            return _shown(name), "is not a member of an observation"
    for name, check in CHECKS.items():
        value = members.get(name)
        message = check(value) if value is not None else None
        if message is not None:
            return name, message
    if members.get("at") is None:
        return "at", "is required"
    repeated = _repeated_member(text)
    return (repeated, "is given twice") if repeated is not None else ("", "cannot be read")


def _repeated_member(text: bytes) -> str | None:
    """The first member that an object names twice: the first of the two may be at fault where the last is not."""
    seen: list[str] = json.loads(
        text, object_pairs_hook=lambda pairs: [name for name, _ in pairs], parse_int=float
    )
    return next((name for name in CHECKS if seen.count(name) > 1), None)


def _shown(name: str) -> str:
    """A member name as it may be answered: short, and without what cannot be shown."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in name[:64])


def _boolean(value: object) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


def _number(low: float, high: float) -> Callable[[object], str | None]:
    def check(value: object) -> str | None:
        if isinstance(value, bool) or not isinstance(value, float):
            return "must be a number"
        if not math.isfinite(value):
            return "must be a finite number"
        return None if low <= value <= high else f"must be from {low:g} to {high:g}"

    return check


def _text(at_least: int, at_most: int) -> Callable[[object], str | None]:
    def check(value: object) -> str | None:
        if not isinstance(value, str):
            return "must be text"
        if not at_least <= len(value) <= at_most:
            return f"must have {at_least} to {at_most} characters"
        return _UNKEEPABLE if _UNPAIRED.search(value) else None

    return check


CHECKS: dict[str, Callable[[object], str | None]] = {
    "at": _text(0, 64),
    "vehicle_id": _text(0, LONGEST_TEXT),
    "evse": _text(0, LONGEST_TEXT),
    "plugged_in": _boolean,
    "charging": _boolean,
    "power_kw": _number(-POWER_KW, POWER_KW),
    "soc_percent": _number(0, 100),
    "energy_register_kwh": _number(0, REGISTER_KWH),
    "charge_limit_percent": _number(0, 100),
    "fully_charged": _boolean,
    "latitude": _number(-90, 90),
    "longitude": _number(-180, 180),
    "odometer_km": _number(0, ODOMETER_KM),
    "source": _text(1, LONGEST_TEXT),
    "id": _text(1, LONGEST_TEXT),
}
"""What each member may be, in the order in which faults are looked for."""


def _too_many() -> Refused:
    return Refused(f"A batch holds at most {ITEMS_AT_MOST} observations.", code=TOO_MANY)
