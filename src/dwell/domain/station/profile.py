"""A charging profile: the most that may be drawn, over time, as a station keeps it. A ceiling, not a target."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import msgspec


class Purpose(StrEnum):
    """Whom a profile binds: one transaction, every transaction to come, or the station as a whole."""

    TRANSACTION = "TRANSACTION"
    DEFAULT = "DEFAULT"
    STATION_MAX = "STATION_MAX"


class RateUnit(StrEnum):
    """What limits are counted in; amperes are per phase."""

    AMPERE = "A"
    WATT = "W"


class ProfilePeriod(msgspec.Struct, frozen=True):
    """A limit from `start_s` seconds after the profile's start until the next period; a tenth is the finest."""

    start_s: int
    limit: Decimal
    phases: int | None = None


class ChargingProfile(msgspec.Struct, frozen=True, kw_only=True):
    """Limits from `start_at` on, `duration_s` long or (None) without end. Higher `stack_level` outranks lower."""

    id: int
    purpose: Purpose
    unit: RateUnit
    start_at: datetime
    periods: tuple[ProfilePeriod, ...]
    stack_level: int = 0
    duration_s: int | None = None
    min_rate: Decimal | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    transaction_reference: str | None = None

    def __post_init__(self) -> None:
        starts = [period.start_s for period in self.periods]
        if not starts or starts[0] != 0 or starts != sorted(set(starts)):
            raise ValueError("periods begin at 0 and go forward")
        if any(period.limit < 0 for period in self.periods):
            raise ValueError("a limit is not negative")
