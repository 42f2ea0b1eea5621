"""What can happen to a transaction, each with the instant since when it is so, in our time; one closed union."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from dwell.domain.ids import UserId
from dwell.domain.station.equipment import IdToken
from dwell.domain.station.readings import MeterReading

CONNECTION_TIMEOUT = timedelta(seconds=120)
"""How long a station waits for the cable, where it does not say (ConnectionTimeOut)."""


class _Fact(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Something that is so since `at`, in our time."""

    at: datetime


class Plugged(_Fact, frozen=True):
    """A cable is in."""


class TokenShown(_Fact, frozen=True):
    """Somebody showed a token, and we said whether it may charge."""

    token: IdToken
    accepted: bool
    user_id: UserId | None = None


class StartOrdered(_Fact, frozen=True):
    """We told the station to start."""

    remote_start_id: int
    token: IdToken | None = None
    user_id: UserId | None = None
    timeout: timedelta = CONNECTION_TIMEOUT


class StartRefused(_Fact, frozen=True):
    """The station will not."""

    why: str = "refused"


class Started(_Fact, frozen=True):
    """The station's record of the start. Without `accepted` the token was refused; `evse_known` False voids it.

    `stamped_at` is the station's own instant: repeats have the same, whatever became of the clock in between.
    """

    stamped_at: datetime | None = None
    accepted: bool = True
    evse_known: bool = True
    token: IdToken | None = None
    user_id: UserId | None = None
    reference: str | None = None
    connector_number: int | None = None
    meter_start_wh: int | None = None
    readings: tuple[MeterReading, ...] = ()


class Metered(_Fact, frozen=True):
    """The station said more of a transaction that runs; `at` is the newest instant in it."""

    readings: tuple[MeterReading, ...] = ()


class StopAccepted(_Fact, frozen=True):
    """The station took our order to stop."""


class Ended(_Fact, frozen=True):
    """The station's record of the end; `stamped_at` as in Started."""

    stamped_at: datetime | None = None
    meter_stop_wh: int | None = None
    readings: tuple[MeterReading, ...] = ()
    reason: str = "Local"


class Booted(_Fact, frozen=True):
    """The station came up again: what ran before may go on, or not."""


class BecameAvailable(_Fact, frozen=True):
    """The connector is free."""


class Unplugged(_Fact, frozen=True):
    """The vehicle was seen to leave."""


class NextStarted(_Fact, frozen=True):
    """Another transaction began on this EVSE."""


class TimePassed(_Fact, frozen=True):
    """It is `at` now; `connected` tells whether the station could have said something."""

    connected: bool = True


TransactionFact = (
    Plugged
    | TokenShown
    | StartOrdered
    | StartRefused
    | Started
    | Metered
    | StopAccepted
    | Ended
    | Booted
    | BecameAvailable
    | Unplugged
    | NextStarted
    | TimePassed
)
