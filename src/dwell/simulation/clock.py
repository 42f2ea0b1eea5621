"""Time and names for simulations: a clock that is set, and ids that a seed repeats."""

from __future__ import annotations

import random
import uuid
from datetime import datetime


class VirtualClock:
    """A clock that stands still until it is moved on."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def move_to(self, instant: datetime) -> None:
        """Go on to `instant`; a clock never goes back."""
        self._now = max(self._now, instant)


class SeededIds:
    """Ids and secrets that repeat with the seed; ids count up, so that they sort by time as the real ones do."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._base = self._chance.getrandbits(48) << 80
        self._count = 0

    def new_id(self) -> str:
        self._count += 1
        return str(uuid.UUID(int=self._base | 7 << 76 | 0b10 << 62 | self._count))

    def new_secret(self) -> str:
        return f"{self._chance.getrandbits(160):040x}"
