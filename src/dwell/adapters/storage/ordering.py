"""In which order things are kept and written; the same for every store."""

from __future__ import annotations

from datetime import datetime

from dwell.application.records import StoredFact
from dwell.domain.instants import micros_of
from dwell.domain.session.record import SETTLED, Session
from dwell.domain.tariff.curve import PriceSlot


def fact_order(stored: StoredFact) -> tuple[datetime, bytes]:
    """By instant; the digest makes the order of one instant the same everywhere."""
    return stored.fact.at, stored.digest


def first_id_of(instant: datetime) -> str:
    """What no id (a UUID of version 7, which begins with its milliseconds) made at or after the instant is below."""
    text = f"{max(0, micros_of(instant) // 1000):012x}"
    return f"{text[:8]}-{text[8:]}"


def holds_policy(session: Session) -> bool:
    """Whether the session is the one unsettled session of its policy; such ones are saved after those that let go."""
    return session.state != SETTLED and session.policy_id is not None


def runs_of(slots: list[PriceSlot]) -> list[list[PriceSlot]]:
    """Ordered slots, cut where one does not begin as the one before ends."""
    runs: list[list[PriceSlot]] = []
    for slot in slots:
        if runs and runs[-1][-1].end_at == slot.start_at:
            runs[-1].append(slot)
        else:
            runs.append([slot])
    return runs
