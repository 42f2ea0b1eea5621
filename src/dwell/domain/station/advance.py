"""A transaction: the station's own metered record of one charge, and what each fact makes of it.

             cable, token          start ordered
    (none) ───────────▶ PREPARING ───────────────▶ STARTING
                            │  ╲ left    started │    │ refused, nothing came of it
                    started │   ╲                ▼    ▼
                            └────╲────────────▶ ACTIVE   FAILED ──(started after all)──▶ ACTIVE
                                  ▼               │  ╲ stop accepted
                                FAILED      ended │   ▼
             token refused, void: INVALID         ▼  REMOTE_STOPPED
                                                CLOSED ◀┘

`advance_transaction` is pure and total: a fact that says nothing new leaves the transaction as it is, so repeats cost
nothing. Facts may come in any order. What they come to is the same, once `recounted` has seen all readings; that is
wanted where `register.recount_wanted` says so. An end that nobody reported is inferred (`ending` says from what) and
gives way to the station's own record whenever that comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from dwell.domain.ids import OrganizationId, StationId, TransactionId
from dwell.domain.metering.registers import POWER_MAX_W, ROUNDING_WH, RegisterPoint, metered
from dwell.domain.station.facts import (
    CONNECTION_TIMEOUT,
    BecameAvailable,
    Booted,
    Ended,
    Metered,
    NextStarted,
    Plugged,
    Started,
    StartOrdered,
    StartRefused,
    StopAccepted,
    TimePassed,
    TokenShown,
    TransactionFact,
    Unplugged,
)
from dwell.domain.station.readings import MeterReading
from dwell.domain.station.transaction import REVOCABLE, AuthType, Ending, Status, Transaction
from dwell.domain.tariff.driver import DriverTariff

SILENCE = timedelta(hours=24)


def open_transaction(
    id: TransactionId,
    *,
    organization_id: OrganizationId,
    station_id: StationId,
    evse_number: int,
    fact: TransactionFact,
    reference: str | None = None,
    tariff: DriverTariff | None = None,
    power_max_w: int = POWER_MAX_W,
) -> Transaction:
    """A new transaction, begun by whichever fact was heard first. Where that is not its beginning it is marked so."""
    fresh = Transaction(
        id=id,
        organization_id=organization_id,
        station_id=station_id,
        evse_number=evse_number,
        created_at=fact.at,
        updated_at=fact.at,
        status=Status.PREPARING,
        reference=reference,
        tariff=tariff,
    )
    if isinstance(fact, Metered):
        fresh = _replace(fresh, status=Status.ACTIVE, started_at=fact.at)
    if isinstance(fact, Metered | Ended):
        fresh = _flagged(fresh, "start_missing")
    return advance_transaction(fresh, fact, power_max_w=power_max_w)


def advance_transaction(
    transaction: Transaction, fact: TransactionFact, *, power_max_w: int = POWER_MAX_W
) -> Transaction:
    """The transaction after `fact`; the same value where the fact says nothing new."""
    step = _TABLE[transaction.status].get(type(fact))
    if step is None:
        return transaction
    after = step(transaction, fact, power_max_w)
    if after == transaction:
        return transaction
    return msgspec.structs.replace(after, updated_at=max(transaction.updated_at, fact.at))


def recounted(
    transaction: Transaction, readings: Iterable[MeterReading], *, power_max_w: int = POWER_MAX_W
) -> Transaction:
    """The transaction with its energy counted anew from all its readings, in whatever order they came."""
    kept = {reading for reading in (_placed(transaction, one) for one in readings) if reading is not None}
    points = [one for one in map(_point_of, kept) if one is not None]
    if transaction.started_at is not None and transaction.meter_start_wh is not None:
        points.append(RegisterPoint(transaction.started_at, transaction.meter_start_wh))
    if transaction.completed_at is not None and transaction.meter_stop_wh is not None:
        points.append(RegisterPoint(transaction.completed_at, transaction.meter_stop_wh))
    intervals = {one.at: one.interval_wh for one in kept if one.interval_wh is not None}
    register = metered(points, power_max_w)
    return _judged(
        msgspec.structs.replace(transaction, register=register, interval_wh=sum(intervals.values()))
    )


# --- what each fact does ---

_replace = msgspec.structs.replace


def _plugged(transaction: Transaction, fact: Plugged, _: int) -> Transaction:
    return _heard(transaction, fact.at)


def _token_shown(transaction: Transaction, fact: TokenShown, _: int) -> Transaction:
    if not fact.accepted:
        return _replace(
            transaction, status=Status.INVALID, token=fact.token, why="token_refused", completed_at=fact.at
        )
    return _replace(
        transaction,
        token=fact.token,
        user_id=fact.user_id,
        start_by_at=fact.at + CONNECTION_TIMEOUT,
        heard_at=fact.at,
    )


def _start_ordered(transaction: Transaction, fact: StartOrdered, _: int) -> Transaction:
    return _replace(
        transaction,
        status=Status.STARTING,
        auth_type=AuthType.REMOTE,
        remote_start_id=fact.remote_start_id,
        token=fact.token or transaction.token,
        user_id=fact.user_id or transaction.user_id,
        start_by_at=fact.at + fact.timeout,
    )


def _start_refused(transaction: Transaction, fact: StartRefused, _: int) -> Transaction:
    return _replace(transaction, status=Status.FAILED, why=fact.why, completed_at=fact.at)


def _cable_left(transaction: Transaction, fact: Unplugged | BecameAvailable, _: int) -> Transaction:
    if fact.at < transaction.created_at:
        return transaction
    return _replace(transaction, status=Status.FAILED, why="cable_left", completed_at=fact.at)


def _too_late(transaction: Transaction, fact: TimePassed, _: int) -> Transaction:
    if transaction.start_by_at is None or fact.at < transaction.start_by_at:
        return transaction
    return _replace(transaction, status=Status.FAILED, why="timeout", completed_at=transaction.start_by_at)


def _started(transaction: Transaction, fact: Started, power_max_w: int) -> Transaction:
    """The station's record of the start: it also revives what we had given up."""
    status, why = Status.ACTIVE, None
    if not fact.evse_known:
        status, why = Status.INVALID, "unknown_evse"
    elif not fact.accepted:
        status, why = Status.INVALID, "token_refused"
    begun = _replace(
        _with_start(transaction, fact), status=status, why=why, completed_at=None, start_by_at=None
    )
    if fact.meter_start_wh is not None:
        point = RegisterPoint(fact.at, fact.meter_start_wh)
        begun = _replace(begun, register=begun.register.take(point, power_max_w))
    return _with_readings(begun, fact.readings, power_max_w)


def _with_start(transaction: Transaction, fact: Started) -> Transaction:
    return _replace(
        transaction,
        started_at=fact.at,
        start_stamped_at=fact.stamped_at or fact.at,
        token=fact.token or transaction.token,
        user_id=fact.user_id or transaction.user_id,
        reference=fact.reference or transaction.reference,
        connector_number=fact.connector_number or transaction.connector_number,
        meter_start_wh=fact.meter_start_wh,
        heard_at=fact.at,
    )


def _started_again(transaction: Transaction, fact: Started, _: int) -> Transaction:
    """A repeat, or the start of what first came to our ears later: the record of the start fills what is missing."""
    if transaction.started_at is not None and "start_missing" not in transaction.flags:
        return transaction
    flags = tuple(flag for flag in transaction.flags if flag != "start_missing")
    heard_at = transaction.heard_at
    filled = _replace(_with_start(transaction, fact), flags=flags, heard_at=heard_at)
    filled = _replace(filled, register=_replace(filled.register, recount_wanted=True))
    if not fact.accepted or not fact.evse_known:
        why = "token_refused" if fact.evse_known else "unknown_evse"
        return _replace(filled, status=Status.INVALID, why=why)
    return filled


def _metered(transaction: Transaction, fact: Metered, power_max_w: int) -> Transaction:
    heard = _heard(transaction, fact.at)
    if heard.booted_at is not None and fact.at > heard.booted_at:
        heard = _replace(heard, booted_at=None)
    return _with_readings(heard, fact.readings, power_max_w)


def _metered_after_end(transaction: Transaction, fact: Metered, power_max_w: int) -> Transaction:
    """Readings from before the end are late; from after it they disprove an end that was only supposed."""
    ended_at = transaction.completed_at
    if transaction.ending in REVOCABLE and (ended_at is None or fact.at > ended_at):
        running = _replace(
            transaction, status=Status.ACTIVE, completed_at=None, ending=None, reason=None, booted_at=None
        )
        return _metered(running, fact, power_max_w)
    if all(_placed(transaction, reading) is None for reading in fact.readings):
        return _flagged(transaction, "reading_after_end") if fact.readings else transaction
    return _replace(transaction, register=_replace(transaction.register, recount_wanted=True))


def _stop_accepted(transaction: Transaction, fact: StopAccepted, _: int) -> Transaction:
    return _replace(transaction, status=Status.REMOTE_STOPPED)


def _ended(transaction: Transaction, fact: Ended, power_max_w: int) -> Transaction:
    """The station's own record: final, whatever was inferred before."""
    inferred = transaction.ending is not None
    closed = _replace(
        transaction,
        status=Status.INVALID if transaction.status is Status.INVALID else Status.CLOSED,
        completed_at=fact.at,
        end_stamped_at=fact.stamped_at or fact.at,
        meter_stop_wh=fact.meter_stop_wh,
        reason=fact.reason,
        ending=Ending.REPORTED,
        booted_at=None,
        start_by_at=None,
        heard_at=fact.at,
    )
    if transaction.started_at is not None and fact.at < transaction.started_at:
        closed = _flagged(closed, "end_before_start")
    closed = _with_readings(closed, fact.readings, power_max_w)
    register = closed.register
    if fact.meter_stop_wh is not None:
        register = register.take(RegisterPoint(fact.at, fact.meter_stop_wh), power_max_w)
    if inferred:
        register = _replace(register, recount_wanted=True)
    return _judged(_replace(closed, register=register))


def _ended_again(transaction: Transaction, fact: Ended, power_max_w: int) -> Transaction:
    """The first record stands; one that says something else is marked (OC4). An inferred end gives way."""
    if transaction.ending is not Ending.REPORTED:
        return _ended(transaction, fact, power_max_w)
    said = (fact.stamped_at or fact.at, fact.meter_stop_wh)
    known = (transaction.end_stamped_at, transaction.meter_stop_wh)
    return transaction if said == known else _flagged(transaction, "second_end_differs")


def _booted(transaction: Transaction, fact: Booted, _: int) -> Transaction:
    if transaction.heard_at is not None and fact.at < transaction.heard_at:
        return transaction
    return _replace(transaction, booted_at=fact.at)


def _freed(transaction: Transaction, fact: BecameAvailable | Unplugged, _: int) -> Transaction:
    if isinstance(fact, Unplugged):
        ending = Ending.UNPLUGGED
    else:
        ending = Ending.AVAILABLE if transaction.booted_at is None else Ending.REBOOT
    return _inferred(transaction, ending, fact.at)


def _next_started(transaction: Transaction, fact: NextStarted, _: int) -> Transaction:
    return _inferred(transaction, Ending.NEXT_START, fact.at)


def _silent(transaction: Transaction, fact: TimePassed, _: int) -> Transaction:
    heard_at = transaction.heard_at or transaction.started_at or transaction.created_at
    if not fact.connected or fact.at - heard_at < SILENCE:
        return transaction
    return _inferred(transaction, Ending.SILENCE, fact.at)


def _inferred(transaction: Transaction, ending: Ending, at: datetime) -> Transaction:
    """Closed with the last meter value; evidence older than what is known of the transaction proves nothing."""
    heard_at = transaction.heard_at
    if heard_at is not None and at < heard_at:
        return transaction
    seen_at_the_place = ending in {Ending.AVAILABLE, Ending.UNPLUGGED}
    completed_at = at if seen_at_the_place or heard_at is None else heard_at
    return _judged(
        _replace(transaction, status=Status.CLOSED, completed_at=completed_at, ending=ending, booted_at=None)
    )


def _heard(transaction: Transaction, at: datetime) -> Transaction:
    if transaction.heard_at is not None and at <= transaction.heard_at:
        return transaction
    return _replace(transaction, heard_at=at)


def _flagged(transaction: Transaction, flag: str) -> Transaction:
    return _replace(transaction, flags=tuple(sorted({*transaction.flags, flag})))


def _with_readings(
    transaction: Transaction, readings: tuple[MeterReading, ...], power_max_w: int
) -> Transaction:
    register = transaction.register
    no_register = False
    placed = [one for one in (_placed(transaction, reading) for reading in readings) if one is not None]
    points = [one for one in map(_point_of, placed) if one is not None]
    for point in sorted(points):
        register = register.take(point, power_max_w)
    no_register = register.first is None and any(one.interval_wh is not None for one in placed)
    if no_register:
        register = _replace(register, recount_wanted=True)
    return transaction if register == transaction.register else _replace(transaction, register=register)


def _placed(transaction: Transaction, reading: MeterReading) -> MeterReading | None:
    """The reading where it counts: inside the transaction; those of its begin and end are moved to its edges."""
    at = reading.at
    if at is None:
        return None
    started_at, completed_at = transaction.started_at, transaction.completed_at
    is_edge = reading.context.startswith("Transaction.")
    if started_at is not None and at < started_at:
        return _replace(reading, at=started_at) if is_edge else None
    if completed_at is not None and at > completed_at:
        return _replace(reading, at=completed_at) if is_edge else None
    return reading


def _point_of(reading: MeterReading) -> RegisterPoint | None:
    if reading.at is None or reading.register_wh is None:
        return None
    return RegisterPoint(reading.at, reading.register_wh)


def _judged(transaction: Transaction) -> Transaction:
    """Marks what the register went through; a record that can only be negative energy is void."""
    register = transaction.register
    flags = set(transaction.flags) - {"register_fell", "register_jumped"}
    if register.falls:
        flags.add("register_fell")
    if register.refused:
        flags.add("register_jumped")
    judged = _replace(transaction, flags=tuple(sorted(flags)))
    start_wh, stop_wh = transaction.meter_start_wh, transaction.meter_stop_wh
    if start_wh is None or stop_wh is None or register.rollovers or register.energy_wh > 0:
        if transaction.why == "negative_energy":
            return _replace(judged, status=Status.CLOSED, why=None)
        return judged
    if stop_wh < start_wh - ROUNDING_WH and transaction.status is Status.CLOSED:
        return _replace(judged, status=Status.INVALID, why="negative_energy")
    return judged


_Step = Callable[[Transaction, Any, int], Transaction]
_WAITING: dict[type, _Step] = {
    Plugged: _plugged,
    TokenShown: _token_shown,
    StartOrdered: _start_ordered,
    Started: _started,
    Ended: _ended,
    TimePassed: _too_late,
}
_RUNNING: dict[type, _Step] = {
    Started: _started_again,
    Metered: _metered,
    Ended: _ended,
    Booted: _booted,
    BecameAvailable: _freed,
    Unplugged: _freed,
    NextStarted: _next_started,
    TimePassed: _silent,
}
_TABLE: dict[Status, dict[type, _Step]] = {
    Status.PREPARING: {**_WAITING, Unplugged: _cable_left, BecameAvailable: _cable_left},
    Status.STARTING: {**_WAITING, StartRefused: _start_refused},
    Status.ACTIVE: {**_RUNNING, StopAccepted: _stop_accepted},
    Status.REMOTE_STOPPED: _RUNNING,
    Status.CLOSED: {Started: _started_again, Metered: _metered_after_end, Ended: _ended_again},
    Status.FAILED: {Started: _started, Ended: _ended},
    Status.INVALID: {Started: _started_again, Metered: _metered, Ended: _ended_again},
}
"""What each status makes of each fact; what is not here changes nothing."""
