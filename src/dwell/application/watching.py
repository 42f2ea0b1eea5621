"""What those who work beside the requests tell about themselves; measures and the health page are made of it."""

from __future__ import annotations

from typing import Protocol

from dwell.application.engine import Looked


class EngineWatch(Protocol):
    """Told how the engine fares."""

    def engine_ran(self, looked: Looked, duration_s: float) -> None:
        """A run came to its end: what it looked after, and how long it took."""
        ...

    def order_given(self, *, told: bool) -> None:
        """A vehicle, or who passes orders on to it, was told one, or could not be."""
        ...

    def engine_failed(self, kind: str) -> None:
        """A run ended by an error of this kind; the engine is in trouble until it runs again."""
        ...
