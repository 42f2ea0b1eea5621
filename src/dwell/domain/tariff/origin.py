"""Where stored prices came from: which document said so, in which format, and when it was taken in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec


class PriceOrigin(msgspec.Struct, frozen=True, kw_only=True):
    """One document's word on the prices of `zone` within `[start_at, end_at)`; a later one overrules it."""

    zone: str
    start_at: datetime
    end_at: datetime
    imported_at: datetime
    format_name: str
    document: str


def origin_at(origins: Sequence[PriceOrigin], instant: datetime) -> PriceOrigin | None:
    """The word in force at `instant`; `origins` are in order of import, None where nobody noted one."""
    return next((o for o in reversed(origins) if o.start_at <= instant < o.end_at), None)
