"""A real charging visit as a data set records it, and why a row of one was left out or adjusted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dwell.domain.units import HOUR_S


class Reason(StrEnum):
    """Why a row is left out; the set is closed, reports count by it."""

    UNREADABLE = "unreadable"
    """A field is not what its column says."""
    NO_PLUG_IN = "no_plug_in"
    NO_PLUG_OUT = "no_plug_out"
    ENDS_BEFORE_IT_STARTS = "ends_before_it_starts"
    """Or at the same instant."""
    TIMES_DISAGREE = "times_disagree"
    """The stated duration is not the difference of the times, on either side of a clock change."""
    NO_ENERGY = "no_energy"
    """None was charged, or less than 1 Wh: there is nothing to plan."""
    ENERGY_EXCEEDS_POWER = "energy_exceeds_power"
    """More energy than the strongest charger of its kind gives in that time."""
    DUPLICATE = "duplicate"
    """The same user and id as an earlier row."""
    OVERLAPS = "overlaps"
    """It starts while another visit of the same user lasts."""
    CROSSES_END_OF_PRICES = "crosses_end_of_prices"
    """Some of it lies on priced days, but not all."""
    NO_PRICES = "no_prices"
    """No part of it lies on a priced day."""


class Rule(StrEnum):
    """A documented reading of an oddity of the data; the visit is kept, reports count by it."""

    CLOCK_CHANGE_RESOLVED = "clock_change_resolved"
    """A local time that occurs twice or never, settled by the stated duration or by the general rule."""
    POWER_RAISED = "power_raised"
    """The energy needs more than the user's (predicted) power; the measured energy wins."""
    CAPACITY_RAISED = "capacity_raised"
    """The energy, less the losses of charging, is more than the user's (predicted) battery holds."""
    CENTURY_RESTORED = "century_restored"
    DAY_AND_MONTH_SWAPPED = "day_and_month_swapped"
    GIVEN_TO_COPY = "given_to_copy"
    """It starts within a minute of the user's last end: a virtual copy of the vehicle (`user+2`) lives it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One visit: instants in UTC, energy in Wh at the plug, power in W, capacity in Wh.

    `timezone` (IANA) is where it took place. `stated_…` is what the driver announced at plug-in, often wrongly.
    """

    visit_id: str
    user_reference: str
    plugged_in_at: datetime
    plugged_out_at: datetime
    timezone: str
    energy_wh: int
    battery_capacity_wh: int | None = None
    power_w: int | None = None
    stated_departure_at: datetime | None = None
    stated_energy_wh: int | None = None

    @property
    def duration_s(self) -> float:
        """Plug-in to plug-out in s."""
        return (self.plugged_out_at - self.plugged_in_at).total_seconds()

    @property
    def least_power_w(self) -> int:
        """The least constant power in W that charges the energy within the visit."""
        return math.ceil(self.energy_wh * HOUR_S / self.duration_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A row that is no visit we can use. `row` is the line of `source`, None for a visit left out later."""

    reason: Reason
    visit_id: str | None
    source: str | None = None
    row: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitFile:
    """What was read: visits by plug-in, rows left out, and to how many visits each rule was applied."""

    visits: tuple[Visit, ...]
    left_out: tuple[LeftOut, ...]
    adjusted: Mapping[Rule, int]

    @property
    def row_count(self) -> int:
        """Rows read, kept or not."""
        return len(self.visits) + len(self.left_out)


class Unusable(Exception):
    """The row at hand is left out for `reason`."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
