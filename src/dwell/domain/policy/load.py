"""What the meter of a whole connection says, and what the vehicles behind it may draw of it from reading to reading."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from dwell.domain.ids import LocationId, OrganizationId, VehicleId

SILENT_AFTER = timedelta(minutes=2)
"""A meter that has said nothing for so long is silent: what it said last is no longer answered to, only kept to."""
FORGOTTEN_AFTER = timedelta(days=1)
"""After so long without a word the connection is one without a meter again."""


class LoadReading(msgspec.Struct, frozen=True):
    """The net import of a whole connection at an instant, chargers included, W; below 0 it feeds in."""

    at: datetime
    power_w: int


class Steered(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle that the balancer steers.

    `set_point_kw` has held or been 0 for `since_s`. `told_w` is the most that it may be told, since `told_at`: it
    follows the set-point down at once, and up in few steps. The plan wants `wanted_w`; `drawn_w` was taken to be drawn.
    `deaf`: it goes on drawing more than it was told, and nobody waits for it to give way.
    """

    set_point_kw: float
    since_s: float
    told_w: int
    told_at: datetime
    wanted_w: int
    drawn_w: int
    deaf: bool = False


class ConnectionLoad(msgspec.Struct, frozen=True, kw_only=True):
    """The newest reading of a connection, the envelope of what the balancer cannot steer, and whom it steers."""

    organization_id: OrganizationId
    location_id: LocationId
    at: datetime
    power_w: int
    envelope_kw: float
    calm_s: float
    vehicles: dict[VehicleId, Steered] = msgspec.field(default_factory=dict)

    @property
    def silent_at(self) -> datetime:
        """When the meter is silent unless it speaks again."""
        return self.at + SILENT_AFTER

    def is_silent(self, now: datetime) -> bool:
        """Whether nothing has been heard for too long to answer to it."""
        return now >= self.silent_at

    def is_forgotten(self, now: datetime) -> bool:
        """Whether nothing has been heard for so long that there is no meter."""
        return now - self.at >= FORGOTTEN_AFTER
