"""Which transaction a station speaks of (OC1, OC3): by its name where that is known, else only where no doubt is left.

A report that fits none is an orphan: kept, answered, and never a reason to touch a transaction that runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from dwell.domain.metering.registers import ROUNDING_WH
from dwell.domain.station.equipment import WHOLE_STATION, IdToken
from dwell.domain.station.reports import TransactionEnded, TransactionStarted
from dwell.domain.station.transaction import RUNNING, Status, Transaction


def started_transaction(
    report: TransactionStarted, at: datetime, known: Iterable[Transaction]
) -> Transaction | None:
    """The transaction that a start begins or repeats; None where it is a new one.

    `known` are the station's transactions, `at` the start in our time. In OCPP 1.6 a start has no name: the same EVSE,
    token, register and stamp make a repeat, under whatever message id it comes.
    """
    known = list(known)
    if report.reference is not None:
        named = _named(report.reference, known)
        if named is not None:
            return named
    here = [one for one in known if one.evse_number == report.evse_number]
    if report.reference is None:
        repeated = next((one for one in here if _is_repeated(one, report)), None)
        if repeated is not None:
            return repeated
    waiting = [one for one in here if _waits_for(one, report, at)]
    return max(waiting, key=lambda one: one.created_at, default=None)


def _is_repeated(transaction: Transaction, report: TransactionStarted) -> bool:
    """By the station's own stamp, not by our time: the clock may have been put right between the two."""
    if transaction.meter_start_wh != report.meter_start_wh or not _same(transaction.token, report.token):
        return False
    if report.at is None:  # it cannot stamp: while such a transaction runs, the same start is that one's
        return transaction.status in RUNNING
    return transaction.start_stamped_at == report.at


def _waits_for(transaction: Transaction, report: TransactionStarted, at: datetime) -> bool:
    """Whether the start is the one an order or a driver at the station asked for."""
    if transaction.reference is not None or transaction.status not in {Status.PREPARING, Status.STARTING}:
        return False
    if report.remote_start_id is not None and transaction.remote_start_id is not None:
        return report.remote_start_id == transaction.remote_start_id
    replayed = transaction.status is Status.STARTING and at < transaction.created_at
    return not replayed and (transaction.token is None or _same(transaction.token, report.token))


def ended_transaction(
    report: TransactionEnded, at: datetime, known: Iterable[Transaction]
) -> Transaction | None:
    """The transaction that an end closes; None for an orphan.

    A name that is not known is nobody's. An end without a name (OCPP 1.6 sends -1 for a number it never learned)
    closes the one transaction that began before it, with its token and no higher register; never one of several.
    """
    known = list(known)
    if report.reference is not None:
        return _named(report.reference, known)
    fitting = [one for one in known if one.status in RUNNING and _could_end(one, report, at)]
    return fitting[0] if len(fitting) == 1 else None


def _could_end(transaction: Transaction, report: TransactionEnded, at: datetime) -> bool:
    if transaction.started_at is None or transaction.started_at > at:
        return False
    if report.evse_number not in {None, WHOLE_STATION, transaction.evse_number}:
        return False
    if report.token is not None and not _same(transaction.token, report.token):
        return False
    last = transaction.register.last
    if report.meter_stop_wh is None or last is None:
        return True
    return report.meter_stop_wh >= last.register_wh - ROUNDING_WH


def metered_transaction(
    reference: str | None, evse_number: int, at: datetime, known: Iterable[Transaction]
) -> Transaction | None:
    """The transaction that readings belong to: the named one, else the one that runs on that EVSE at `at`."""
    known = list(known)
    if reference is not None:
        named = _named(reference, known)
        if named is not None:
            return named
    if evse_number == WHOLE_STATION:
        return None
    running = [
        one
        for one in known
        if one.status in RUNNING and one.evse_number == evse_number and (one.started_at or at) <= at
    ]
    return running[0] if len(running) == 1 else None


def _named(reference: str, known: Iterable[Transaction]) -> Transaction | None:
    return next((one for one in known if one.reference == reference), None)


def _same(one: IdToken | None, other: IdToken | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.is_same_as(other)
