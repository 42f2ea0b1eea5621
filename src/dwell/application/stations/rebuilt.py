"""A station's past taken once more, and what came of comparing it: values of the replay."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime

import msgspec

from dwell.application.ports import Ports
from dwell.domain.ids import OrganizationId, StationId, TransactionId, VehicleId
from dwell.domain.station.registry import StationRecord

NAMED_AT_MOST = 1_000
"""Differences and unreadable messages that are named one by one; the others are counted."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One field that the journal does not give as it is stored. Of a transaction, or (`at`) an observation."""

    station: str
    thing: str
    field: str
    stored: str
    rebuilt: str


class Unread(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the journal that could not be taken again."""

    station: str
    position: int
    received_at: datetime
    why: str


@dataclass(slots=True)
class Outcome:
    """What came of it. `missing` are stored and not rebuilt, `extra` the other way round.

    Sessions are compared where the station alone told of the vehicle; `sessions_open` are those where others did too.
    """

    stations: int = 0
    frames: int = 0
    same: int = 0
    different: int = 0
    missing: int = 0
    extra: int = 0
    not_judged: int = 0
    observations: int = 0
    observations_missing: int = 0
    sessions: int = 0
    sessions_different: int = 0
    sessions_open: int = 0
    unread: int = 0
    differences: list[Difference] = field(default_factory=list)
    unreadable: list[Unread] = field(default_factory=list)

    @property
    def is_same(self) -> bool:
        """The journal gives what is stored."""
        wrong = self.different + self.missing + self.extra + self.observations_missing
        return not (wrong or self.sessions_different)

    def tell(self, *found: Difference) -> None:
        """Name the differences, as long as there is room."""
        self.differences += found[: NAMED_AT_MOST - len(self.differences)]

    def add(self, other: Outcome) -> None:
        """Count what came of a part, and name what it names."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.tell(*other.differences)
        self.unreadable += other.unreadable[: NAMED_AT_MOST - len(self.unreadable)]

    def tell_unread(self, one: Unread) -> None:
        """Count a row that could not be taken again, and name it while there is room."""
        self.unread += 1
        if len(self.unreadable) < NAMED_AT_MOST:
            self.unreadable.append(one)


_COUNTS = [one.name for one in fields(Outcome) if one.type == "int"]


@dataclass(slots=True)
class RowClock:
    """The instant of the row that is taken."""

    at: datetime

    def now(self) -> datetime:
        """That instant."""
        return self.at


@dataclass(slots=True)
class Rebuilt:
    """One station's past in a store of its own. `begins_at`: what was created earlier is not judged."""

    record: StationRecord
    ports: Ports
    clock: RowClock
    position: int = 0
    begins_at: datetime | None = None
    vehicles: set[VehicleId] = field(default_factory=set)
    ids: set[TransactionId] = field(default_factory=set)

    @property
    def name(self) -> tuple[OrganizationId, StationId]:
        """By what the store knows the station."""
        return (self.record.organization_id, self.record.id)

    def is_judged(self, at: datetime) -> bool:
        """Whether the journal reaches back far enough to judge what began at `at`."""
        return self.begins_at is None or at >= self.begins_at


def shown(value: object) -> str:
    """Text as it is, everything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
