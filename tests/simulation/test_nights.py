"""Nights of bad luck: what can be met is met, what cannot is said, and nothing flaps."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dwell.adapters.storage.memory import MemoryStore
from dwell.domain.planning import Care
from dwell.simulation.nights import Hazards, Night, live_nights

pytestmark = pytest.mark.anyio

NIGHTS = 60
SAID_WITHIN = timedelta(minutes=15)
FOUND_LOST_WITHIN = timedelta(minutes=15)
"""A charge that a lost stop should have ended goes on for no more than a slot."""


async def _open_store() -> MemoryStore:
    return MemoryStore()


async def nights(seed: int, hazards: Hazards, care: Care | None = None) -> list[Night]:
    return await live_nights(NIGHTS, seed, open_store=_open_store, hazards=hazards, care=care)


@pytest.mark.parametrize("weak_nights", [1.0, 0.5])
async def test_every_feasible_deadline_is_met_and_every_other_announced(
    seed: int, weak_nights: float
) -> None:
    lived = await nights(seed, Hazards(weak_nights=weak_nights))
    assert len(lived) == NIGHTS
    assert [night for night in lived if night.feasible and not night.met] == []
    for night in lived:
        if not night.feasible_at_full_power:
            assert night.announced_at is not None
            assert night.announced_at - night.plugged_in_at <= timedelta(seconds=10)
        elif not night.met:
            assert night.announced_after is not None and night.announced_after <= SAID_WITHIN
        assert night.switches_an_hour <= 4
        assert night.longest_stop <= FOUND_LOST_WITHIN


async def test_without_care_nights_are_missed() -> None:
    """What the others hold is held by the care, not by the nights being easy."""
    lived = await nights(1, Hazards(), Care.none())
    assert [night for night in lived if night.feasible and not night.met]


async def test_the_same_seed_gives_the_same_nights() -> None:
    assert await nights(7, Hazards()) == await nights(7, Hazards())
