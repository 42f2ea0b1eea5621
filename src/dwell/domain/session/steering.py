"""What to tell a vehicle now, given the plan, what it does, and what it was last told.

An order is confirmed by observation, never by an answer. Unconfirmed after CONFIRM_WITHIN it is sent again, RETRIES
times; then the session shows an error until the vehicle does what it should.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from dwell.domain.ids import OrderId, OrganizationId, SessionId, VehicleId
from dwell.domain.session.record import Promise, SessionError
from dwell.domain.session.visit import REGULAR

START = "START"
STOP = "STOP"
CONFIRM_WITHIN = timedelta(minutes=5)
RETRIES = 3

SWITCHES_AN_HOUR = 4
"""How often a vehicle is told to start or stop within any hour, unless its deadline or reserve cannot wait."""

PENDING = "PENDING"
SENT = "SENT"
CONFIRMED = "CONFIRMED"
FAILED = "FAILED"
DROPPED = "DROPPED"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One order to a vehicle: START with a power in W, or STOP. `attempts` counts the times it was handed out."""

    id: OrderId
    organization_id: OrganizationId
    vehicle_id: VehicleId
    session_id: SessionId
    kind: str
    power_w: int
    created_at: datetime
    state: str = PENDING
    attempts: int = 0
    sent_at: datetime | None = None
    confirmed_at: datetime | None = None
    answer: str | None = None


class Wish(msgspec.Struct, frozen=True):
    """What the plan wants at an instant: a power in W, 0 for none; and until when."""

    power_w: int
    until: datetime | None


def wish_at(promise: Promise, now: datetime) -> Wish:
    """The power that the plan wants at `now`, and the next instant at which that changes."""
    for block, power_w in zip(promise.blocks, promise.powers_w, strict=True):
        if now < block.start_at:
            return Wish(0, block.start_at)
        if now < block.end_at:
            return Wish(power_w, block.end_at)
    return Wish(0, None)


def block_at(promise: Promise, now: datetime) -> str:
    """Why the plan wants power at `now`; REGULAR where it wants none."""
    running = (block.type for block in promise.blocks if block.start_at <= now < block.end_at)
    return next(running, REGULAR)


def is_obeyed(wish: Wish, *, charging: bool | None) -> bool:
    """Whether what was observed is what is wanted."""
    return bool(charging) == (wish.power_w > 0)


def is_open(order: Order | None) -> bool:
    """Whether the order still waits for its confirmation."""
    return order is not None and order.state in (PENDING, SENT)


def is_exhausted(order: Order, now: datetime) -> bool:
    """Sent as often as allowed, and the last one unconfirmed in time."""
    return order.attempts > RETRIES and order.sent_at is not None and now >= order.sent_at + CONFIRM_WITHIN


def is_done(order: Order, *, charging: bool) -> bool:
    """Whether the vehicle does what the order said."""
    return charging == (order.kind == START)


def is_healed(error: SessionError, *, charging: bool) -> bool:
    """Whether the vehicle does what it had failed to do; that nothing is wanted of it any more heals nothing."""
    return charging != (error.type == "STOP_FAILED")


def error_of(order: Order, now: datetime, *, was_charging: bool) -> SessionError:
    """The error that a failed order shows on its session."""
    if order.kind == STOP:
        return SessionError("STOP_FAILED", "The vehicle did not stop charging when told to.", now)
    if was_charging:
        return SessionError("CHARGE_INTERRUPTED", "The vehicle stopped charging and did not resume.", now)
    return SessionError("START_FAILED", "The vehicle did not start charging when told to.", now)
