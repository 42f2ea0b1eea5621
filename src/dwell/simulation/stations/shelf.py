"""The charging profiles that a virtual station keeps, and what they allow at an instant, in W.

A transaction's profile stands in place of the default one; the station's maximum binds both. A default of nothing is
how these stations are commissioned: behind a shared connection a vehicle may not draw until it is told.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from dwell.simulation.stations.charge import NOMINAL_V

TRANSACTION, DEFAULT, MAXIMUM = "TxProfile", "TxDefaultProfile", "MaxProfile"
PHASES = 3
_MAXIMA = {"ChargePointMaxProfile": MAXIMUM, "ChargingStationMaxProfile": MAXIMUM}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptProfile:
    """Limits in W, each from so many seconds after `start_at`; outside of its time it says nothing."""

    number: int
    purpose: str
    level: int
    start_at: datetime
    steps: tuple[tuple[int, float], ...]
    duration_s: int | None = None

    def limit_w(self, at: datetime) -> float | None:
        """What it allows at the instant; None where it does not speak."""
        since_s = (at - self.start_at).total_seconds()
        if since_s < 0 or (self.duration_s is not None and since_s >= self.duration_s):
            return None
        return next(limit_w for start_s, limit_w in reversed(self.steps) if start_s <= since_s)

    def edges(self) -> Iterator[datetime]:
        """The instants at which it allows something else than before."""
        for start_s, _ in self.steps:
            yield self.start_at + timedelta(seconds=start_s)
        if self.duration_s is not None:
            yield self.start_at + timedelta(seconds=self.duration_s)


def read_profile(said: dict[str, Any]) -> KeptProfile:
    """A profile as either version of OCPP writes it."""
    stated = said["chargingSchedule"]
    schedule: dict[str, Any] = stated[0] if isinstance(stated, list) else stated
    in_w = schedule["chargingRateUnit"] == "W"
    purpose = said["chargingProfilePurpose"]
    return KeptProfile(
        number=said["chargingProfileId"] if "chargingProfileId" in said else said["id"],
        purpose=_MAXIMA.get(purpose, purpose),
        level=said["stackLevel"],
        start_at=datetime.fromisoformat(schedule["startSchedule"]),
        steps=tuple(
            (one["startPeriod"], one["limit"] * (1 if in_w else NOMINAL_V * one.get("numberPhases", PHASES)))
            for one in schedule["chargingSchedulePeriod"]
        ),
        duration_s=schedule.get("duration"),
    )


@dataclass(slots=True)
class Shelf:
    """What one EVSE keeps. `unbidden_w` is what it gives to whom no profile is about."""

    unbidden_w: float = 0.0
    profiles: list[KeptProfile] = field(default_factory=list)

    def keep(self, profile: KeptProfile) -> None:
        """In place of the one of its number, or of its purpose and level."""
        self.profiles = [
            one
            for one in self.profiles
            if one.number != profile.number and (one.purpose, one.level) != (profile.purpose, profile.level)
        ]
        self.profiles.append(profile)

    def forget_transaction(self) -> None:
        """Its transaction is over."""
        self.profiles = [one for one in self.profiles if one.purpose != TRANSACTION]

    def limit_w(self, at: datetime) -> float:
        """What may be drawn at the instant."""
        own = self._spoken(TRANSACTION, at)
        if own is None:
            own = self._spoken(DEFAULT, at)
        most = self._spoken(MAXIMUM, at)
        return min(self.unbidden_w if own is None else own, math.inf if most is None else most)

    def schedule(self, now: datetime, duration_s: int, most_w: float) -> list[tuple[int, float]]:
        """What may be drawn from now on, no more than `most_w`: seconds from now and W, where it changes."""
        end_at = now + timedelta(seconds=duration_s)
        edges = sorted({now, *(edge for edge in self._edges(now) if edge < end_at)})
        told: list[tuple[int, float]] = []
        for edge in edges:
            limit_w = min(self.limit_w(edge), most_w)
            if not told or told[-1][1] != limit_w:
                told.append((round((edge - now).total_seconds()), limit_w))
        return told

    def next_edge(self, after: datetime) -> datetime | None:
        """The next instant at which something else may be drawn."""
        return min(self._edges(after), default=None)

    def _edges(self, after: datetime) -> Iterable[datetime]:
        return (edge for one in self.profiles for edge in one.edges() if edge > after)

    def _spoken(self, purpose: str, at: datetime) -> float | None:
        said = [
            (one.level, limit_w)
            for one in self.profiles
            if one.purpose == purpose and (limit_w := one.limit_w(at)) is not None
        ]
        return max(said)[1] if said else None
