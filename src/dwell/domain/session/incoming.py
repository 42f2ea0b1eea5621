"""Facts on their way in: parsed items of one batch, and what was wrong with the others."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from dwell.domain.ids import VehicleId
from dwell.domain.instants import EPOCH
from dwell.domain.session.facts import Fact

EARLIEST = EPOCH.replace(year=2010)
AHEAD = timedelta(minutes=10)


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """One parsed item: its place in the batch, the vehicle it names, and its fact, or why it cannot be one.

    `flag` is set (and `fact` None) for an item that is kept raw and never applied.
    """

    index: int
    vehicle_id: VehicleId | None
    evse: str | None = None
    fact: Fact | None = None
    flag: str | None = None
    raw: bytes = b""


class Rejection(msgspec.Struct, frozen=True):
    """An item that was not taken: its place in the batch, the field at fault, and why."""

    index: int
    field: str
    message: str


class Flagged(msgspec.Struct, frozen=True):
    """An item that was accepted and kept, but not applied: its place in the batch, and why.

    The reason is in_future, before_2010, no_zone, late, or poison: and a word.
    """

    index: int
    reason: str


class Receipt(msgspec.Struct, frozen=True):
    """What became of a batch. `accepted` counts neither duplicates nor rejected items; flagged ones it does."""

    accepted: int
    duplicates: int
    rejected: tuple[Rejection, ...]
    flagged: tuple[Flagged, ...] = ()


def implausible(at: datetime, received_at: datetime) -> str | None:
    """Why an instant cannot be a fact's, or None: it lies ahead of its receipt, or before there was telemetry."""
    if at > received_at + AHEAD:
        return "in_future"
    if at < EARLIEST:
        return "before_2010"
    return None
