"""Instants: aware UTC datetimes, half-open intervals, quarter hours, and the reading of ISO 8601 text."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

QUARTER = timedelta(minutes=15)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_ISO = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2}|\d{8})[Tt ]"
    r"(?P<hour>\d{2})(?::?(?P<minute>\d{2})(?::?(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,12}))?)?)?"
    r"\s?(?P<zone>[Zz]|[+-]\d{2}(?::?\d{2})?)?",
    re.ASCII,
)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class NoZone(ValueError):
    """The text is a local time without a zone: no instant can be made of it."""


def read_instant(text: str) -> datetime:
    """The instant that ISO 8601 `text` names, as aware UTC, microseconds at the finest.

    Taken besides the plain form: a lower-case `t` or `z`, a space for the `T`, any offset, more than six
    fraction digits (cut), `24:00:00` (the next midnight) and the leap second `:60` (the next second).
    Raises NoZone for a local time, ValueError for anything else.
    """
    found = _ISO.fullmatch(text.strip()) if len(text) <= 64 else None
    if found is None:
        raise ValueError("not an ISO 8601 instant")
    part = found.groupdict()
    digits = part["date"].replace("-", "")
    hour, minute, second = int(part["hour"]), int(part["minute"] or 0), int(part["second"] or 0)
    micros = int((part["fraction"] or "0").ljust(6, "0")[:6])
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and (minute or second or micros)):
        raise ValueError("not an ISO 8601 instant")
    if part["zone"] is None:
        raise NoZone("an instant needs a zone: Z or an offset")
    try:
        midnight = datetime(int(digits[:4]), int(digits[4:6]), int(digits[6:]), tzinfo=UTC)
        local = midnight + timedelta(hours=hour, minutes=minute, seconds=second, microseconds=micros)
        return local - _read_offset(part["zone"])
    except OverflowError as error:
        raise ValueError("not an ISO 8601 instant") from error


def read_day(text: str) -> date:
    """The day that `YYYY-MM-DD` names, and no other way of writing one. Raises ValueError."""
    if _DAY.fullmatch(text) is None:
        raise ValueError("not a day")
    return date.fromisoformat(text)


def _read_offset(zone: str) -> timedelta:
    if zone in "Zz":
        return timedelta(0)
    digits = zone[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if hours > 18 or minutes > 59:
        raise ValueError("not an ISO 8601 offset")
    offset = timedelta(hours=hours, minutes=minutes)
    return -offset if zone[0] == "-" else offset


def write_instant(instant: datetime) -> str:
    """`2026-01-10T17:07:00Z`, with as many decimals of a second as the instant has."""
    text = instant.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"


def micros_of(instant: datetime) -> int:
    """Microseconds since 1970, exactly: the form in which stores keep instants."""
    return (instant - EPOCH) // _MICROSECOND


def instant_of(micros: int) -> datetime:
    """The instant `micros` microseconds after 1970."""
    return EPOCH + timedelta(microseconds=micros)


def floor_quarter(instant: datetime) -> datetime:
    """The quarter hour (:00, :15, :30, :45 UTC) that holds `instant`."""
    return instant.replace(minute=instant.minute - instant.minute % 15, second=0, microsecond=0)


def ceil_quarter(instant: datetime) -> datetime:
    """The first quarter hour at or after `instant`."""
    floor = floor_quarter(instant)
    return floor if floor == instant else floor + QUARTER
