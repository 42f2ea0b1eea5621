"""A suspect session is left out of sums until an operator accepts it, and again when new reasons are found."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dwell.application.suspects import accept_session
from dwell.domain.errors import Conflict, NotFound
from dwell.domain.ids import SessionId
from dwell.domain.session.facts import Fact
from dwell.domain.session.record import Session
from house import AT_HOME, BUILT_AT, ORGANIZATION, House, a_house
from stores import AnyStore

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)
FIRST_AT = BUILT_AT + HOUR


def metered(hours: float, register_wh: int | None, *, plugged: bool = True) -> Fact:
    return Fact(
        FIRST_AT + hours * HOUR,
        plugged_in=plugged,
        energy_register_wh=register_wh,
        latitude=AT_HOME[0],
        longitude=AT_HOME[1],
    )


async def settled(house: House) -> Session:
    house.clock.move_to(house.clock.now() + HOUR)
    await house.look()
    [session] = await house.settled()
    return session


async def a_suspect(store: AnyStore) -> tuple[House, Session]:
    """A house whose car took 40 kWh within an hour, from a connector of 11 kW."""
    house = await a_house(store)
    await house.tell(metered(0, 1_000), metered(1, 41_000), metered(1.3, None, plugged=False))
    return house, await settled(house)


async def test_an_accepted_session_stays_so_until_further_reasons_are_found(store: AnyStore) -> None:
    house, suspect = await a_suspect(store)
    assert (suspect.suspect, suspect.suspect_accepted) == (("energy_above_connector",), False)
    for _ in range(2):
        await accept_session(house.ports, ORGANIZATION, suspect.id)
        assert (await settled(house)).suspect_accepted
    await house.tell(metered(1.05, 45_000), at=house.clock.now())
    again = await settled(house)
    assert (again.energy_wh, again.suspect, again.suspect_accepted) == (44_000, suspect.suspect, True)
    await house.tell(metered(1.29, 138_000), at=house.clock.now())
    worse = await settled(house)
    assert (len(worse.suspect), worse.suspect_accepted) == (2, False)


async def test_what_is_not_suspect_or_not_there_is_not_accepted(store: AnyStore) -> None:
    house = await a_house(store)
    await house.tell(metered(0, 1_000), metered(2, 5_000), metered(2.1, 5_000, plugged=False))
    with pytest.raises(Conflict):
        await accept_session(house.ports, ORGANIZATION, (await settled(house)).id)
    with pytest.raises(NotFound):
        await accept_session(house.ports, ORGANIZATION, SessionId("nobody's"))
