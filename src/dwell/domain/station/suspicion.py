"""Figures of a transaction that cannot be (SM9)."""

from __future__ import annotations

from datetime import datetime, timedelta

from dwell.domain.metering.registers import ROUNDING_WH
from dwell.domain.station.transaction import Transaction

OLDEST = timedelta(days=90)
AHEAD = timedelta(minutes=10)
_TOLERANCE = 1.05


def suspicions(transaction: Transaction, *, now: datetime, power_max_w: int | None = None) -> tuple[str, ...]:
    """Why its figures cannot be: it is kept, marked and left out of sums until somebody accepts it."""
    found: list[str] = []
    started_at, elapsed = transaction.started_at, transaction.duration
    if power_max_w is not None and elapsed is not None:
        most_wh = power_max_w * (elapsed / timedelta(hours=1)) * _TOLERANCE + ROUNDING_WH
        if transaction.energy_wh > most_wh:
            found.append("energy_above_connector")
    if any(at is not None and at > now + AHEAD for at in (started_at, transaction.completed_at)):
        found.append("in_future")
    if started_at is not None and started_at < now - OLDEST:
        found.append("older_than_90_days")
    if started_at and transaction.completed_at and transaction.completed_at < started_at:
        found.append("negative_duration")
    if transaction.why == "negative_energy":
        found.append("negative_energy")
    return tuple(found)
