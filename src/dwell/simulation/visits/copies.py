"""Virtual copies of vehicles: none is in two places at once, so a visit that comes too soon is lived by a copy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from dwell.simulation.visits.visit import Visit

LEAST_APART = timedelta(seconds=61)
"""An unplugging of 60 s is taken for a flap of telemetry, so two visits nearer than this would settle as one."""


def with_copies(visits: Iterable[Visit]) -> Iterator[Visit]:
    """`visits` by plug-in; one that comes too near its user's last goes to the first copy (`user+2`) that is free.

    Of the result, visits of one `user_reference` never overlap and are at least `LEAST_APART`.
    """
    free_at: dict[str, list[datetime]] = {}
    for visit in sorted(visits, key=order_of):
        lanes = free_at.setdefault(visit.user_reference, [])
        lane = next((i for i, free in enumerate(lanes) if free <= visit.plugged_in_at), len(lanes))
        free = visit.plugged_out_at + LEAST_APART
        lanes[lane : lane + 1] = [free]
        yield visit if lane == 0 else replace(visit, user_reference=f"{visit.user_reference}+{lane + 1}")


def order_of(visit: Visit) -> tuple[datetime, str, str]:
    """By plug-in, and the same way each time."""
    return visit.plugged_in_at, visit.user_reference, visit.visit_id
