"""Time zones of places, by their IANA names."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

_NO_PLACES = frozenset({"Factory", "localtime", "posixrules", "leapseconds"})
"""Files of a zone database that are no zone, or another one on every machine."""
_NO_FOLDERS = ("posix/", "right/", "SystemV/")


@cache
def timezone_names() -> frozenset[str]:
    """Every name that is a time zone here."""
    return frozenset(
        name for name in available_timezones() if name not in _NO_PLACES and not name.startswith(_NO_FOLDERS)
    )


def timezone_of(name: str) -> ZoneInfo:
    """The zone of that name, as it is spelled. Raises ValueError with a sentence, and the name that may be meant."""
    try:
        if name in timezone_names():
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError):  # named, and not to be read
        pass
    raise ValueError(f"must be the name of an IANA time zone{_meant(name)}")


def _meant(name: str) -> str:
    by_lower = {known.lower(): known for known in timezone_names()}
    wanted = name[:64].lower().replace(" ", "_")
    near = get_close_matches(wanted, by_lower, n=1, cutoff=0.8)
    return f" ({by_lower[near[0]]}?)" if near else ""
