"""How many failed knocks an address, or a station's name, has made in this minute."""

from __future__ import annotations

from collections import OrderedDict

REMEMBERED = 10_000
"""Callers that are remembered; the one not heard of for longest is forgotten."""
WINDOW_S = 60.0


class FailedAttempts:
    """Counts of the running minute. Single-threaded; the caller gives the time."""

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def is_over(self, *callers: str, now_s: float) -> bool:
        """Whether any of the callers has failed too often in this minute."""
        return any(self._count(caller, now_s) >= self._at_most for caller in callers)

    def note(self, *callers: str, now_s: float) -> None:
        """Each of the callers has failed once more."""
        for caller in callers:
            since_s, count = self._counts.pop(caller, (now_s, 0))
            if now_s - since_s > WINDOW_S:
                since_s, count = now_s, 0
            self._counts[caller] = (since_s, count + 1)
            if len(self._counts) > REMEMBERED:
                self._counts.popitem(last=False)

    def _count(self, caller: str, now_s: float) -> int:
        since_s, count = self._counts.get(caller, (now_s, 0))
        return 0 if now_s - since_s > WINDOW_S else count
