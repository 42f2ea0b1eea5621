"""A transaction: the station's own metered record of one charge, as a value. What happens to it: advance.py."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from dwell.domain.ids import OrganizationId, StationId, TransactionId, UserId, VehicleId
from dwell.domain.metering.registers import Register
from dwell.domain.station.equipment import IdToken
from dwell.domain.tariff.driver import DriverTariff


class Status(StrEnum):
    """Where a transaction stands; the words of the fleet contract."""

    PREPARING = "PREPARING"
    STARTING = "STARTING"
    ACTIVE = "ACTIVE"
    REMOTE_STOPPED = "REMOTE_STOPPED"
    CLOSED = "CLOSED"
    FAILED = "FAILED"
    INVALID = "INVALID"


RUNNING = frozenset({Status.ACTIVE, Status.REMOTE_STOPPED})
OPEN = RUNNING | {Status.PREPARING, Status.STARTING}


class AuthType(StrEnum):
    """Who let it begin: somebody at the station, or an order of ours."""

    LOCAL = "LOCAL"
    REMOTE = "REMOTE"


class Ending(StrEnum):
    """How the end is known: reported, or inferred from what came first."""

    REPORTED = "REPORTED"
    NEXT_START = "NEXT_START"
    REBOOT = "REBOOT"
    AVAILABLE = "AVAILABLE"
    UNPLUGGED = "UNPLUGGED"
    SILENCE = "SILENCE"


REVOCABLE = frozenset({Ending.REBOOT, Ending.SILENCE})
"""Endings that a reading of the same transaction disproves: it went on."""


class Transaction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One transaction. `reference` is its name on the wire: the station's own, or the number we gave it.

    Instants are in our time; `start_stamped_at` and `end_stamped_at` are the station's own, by which repeats are known.
    `stop_wanted_at` is when we ordered a stop that the station has not answered yet.
    """

    id: TransactionId
    organization_id: OrganizationId
    station_id: StationId
    evse_number: int
    created_at: datetime
    updated_at: datetime
    status: Status
    auth_type: AuthType = AuthType.LOCAL
    connector_number: int | None = None
    reference: str | None = None
    remote_start_id: int | None = None
    token: IdToken | None = None
    user_id: UserId | None = None
    vehicle_id: VehicleId | None = None
    tariff: DriverTariff | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    start_stamped_at: datetime | None = None
    end_stamped_at: datetime | None = None
    start_by_at: datetime | None = None
    stop_wanted_at: datetime | None = None
    booted_at: datetime | None = None
    heard_at: datetime | None = None
    meter_start_wh: int | None = None
    meter_stop_wh: int | None = None
    register: Register = Register()
    interval_wh: int = 0
    reason: str | None = None
    ending: Ending | None = None
    why: str | None = None
    flags: tuple[str, ...] = ()

    @property
    def energy_wh(self) -> int:
        """Energy so far: by the register, or where there is none by the intervals."""
        return self.register.energy_wh if self.register.first is not None else self.interval_wh

    @property
    def is_final(self) -> bool:
        """The station has told the end: figures change no more, save by a recount."""
        return self.status is Status.CLOSED and self.ending is Ending.REPORTED

    @property
    def duration(self) -> timedelta | None:
        """From start to end; None until both are known. Never negative."""
        if self.started_at is None or self.completed_at is None:
            return None
        return max(self.completed_at - self.started_at, timedelta(0))
