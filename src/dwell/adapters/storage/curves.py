"""Price curves by window, kept for as long as the zone's prices are those under which they were read."""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import datetime, timedelta

from dwell.domain.tariff.curve import PriceCurve

KEPT_WINDOWS = 512
"""A window of three days of quarter hours takes about 50 kB."""
_DAY = timedelta(days=1)

Window = tuple[str, int, datetime, datetime]
"""Zone, the stamp of its prices, first day, day after the last."""


def whole_days(start_at: datetime, end_at: datetime) -> tuple[datetime, datetime]:
    """The UTC days around `[start_at, end_at)`: few distinct windows, so that most have been read before."""
    first = start_at.replace(hour=0, minute=0, second=0, microsecond=0)
    return first, end_at.replace(hour=0, minute=0, second=0, microsecond=0) + _DAY


class CurveCache:
    """The windows asked for last, for all threads. A stamp names one state of the prices for ever: none grows old."""

    def __init__(self) -> None:
        self._windows: OrderedDict[Window, PriceCurve] = OrderedDict()
        self._turn = threading.Lock()

    def get(self, window: Window) -> PriceCurve | None:
        with self._turn:
            found = self._windows.get(window)
            if found is not None:
                self._windows.move_to_end(window)
            return found

    def keep(self, window: Window, curve: PriceCurve) -> None:
        with self._turn:
            self._windows[window] = curve
            if len(self._windows) > KEPT_WINDOWS:
                self._windows.popitem(last=False)
