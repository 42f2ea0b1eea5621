"""A vehicle whose facts the engine cannot digest holds up no other: what went wrong is kept, and life goes on.

Only faults of our own arithmetic are caught. What the store raises passes through: then nothing is applied.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from dwell.application.case import Case, Moment
from dwell.application.records import Quarantined, StoredFact
from dwell.domain.session.facts import canonical

INDIGESTIBLE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
RETRY_AFTER = timedelta(hours=1)
"""When the engine looks again at a vehicle that it could not look after."""


async def set_aside(moment: Moment, case: Case, facts: Sequence[StoredFact], *, reason: str) -> int:
    """Take the facts out of the engine's sight and keep them raw, with the reason. Returns how many were new."""
    await moment.tx.remove_facts(case.organization_id, case.vehicle.id, [stored.digest for stored in facts])
    new = await moment.tx.add_quarantined(
        [
            Quarantined(
                organization_id=case.organization_id,
                vehicle_id=case.vehicle.id,
                received_at=moment.now,
                reason=reason,
                raw=canonical(stored.fact),
            )
            for stored in facts
        ]
    )
    return sum(new)


def named(error: BaseException) -> str:
    """The reason under which something indigestible is kept: no text of the error, which may quote anything."""
    return f"poison:{type(error).__name__}"
