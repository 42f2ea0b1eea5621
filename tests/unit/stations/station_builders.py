"""Transactions and facts of a Wednesday noon, for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dwell.domain.ids import OrganizationId, StationId, TransactionId
from dwell.domain.station.advance import advance_transaction, open_transaction
from dwell.domain.station.equipment import IdToken
from dwell.domain.station.facts import Ended, Metered, Started, StartOrdered, TransactionFact
from dwell.domain.station.readings import MeterReading
from dwell.domain.station.transaction import Transaction

NOON = datetime(2026, 3, 25, 12, 0, tzinfo=UTC)
TOKEN = IdToken("CARD-1")


def at(minute: float) -> datetime:
    """So many minutes after noon."""
    return NOON + timedelta(minutes=minute)


def reading(minute: float, register_wh: int | None = None, context: str = "Sample.Periodic") -> MeterReading:
    return MeterReading(at=at(minute), register_wh=register_wh, context=context)


def started(minute: float = 0, meter_start_wh: int | None = 1000, *, accepted: bool = True) -> Started:
    return Started(at=at(minute), token=TOKEN, meter_start_wh=meter_start_wh, accepted=accepted)


def metered(minute: float, register_wh: int) -> Metered:
    return Metered(at=at(minute), readings=(reading(minute, register_wh),))


def ended(minute: float, meter_stop_wh: int | None) -> Ended:
    return Ended(at=at(minute), meter_stop_wh=meter_stop_wh)


def ordered(minute: float = 0) -> StartOrdered:
    return StartOrdered(at=at(minute), remote_start_id=1, token=TOKEN)


def lived(
    *facts: TransactionFact, evse_number: int = 1, name: str = "t", reference: str | None = "5"
) -> Transaction:
    """The transaction that these facts make, in this order."""
    first, *others = facts
    transaction = open_transaction(
        TransactionId(name),
        organization_id=OrganizationId("o"),
        station_id=StationId("s"),
        evse_number=evse_number,
        fact=first,
        reference=reference,
    )
    for fact in others:
        transaction = advance_transaction(transaction, fact)
    return transaction
