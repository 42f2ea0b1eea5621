"""Use cases that meet: whichever commits later has seen the earlier, on every store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import pytest

from application.storage.builders import AnyStore
from dwell.application.locations import Premises, change_location, delete_location
from dwell.application.policies import change_policy, create_policy
from dwell.application.ports import Reader, Transaction
from dwell.application.telemetry import ingest
from dwell.domain.errors import Conflict, DwellError, NotFound
from dwell.domain.ids import LocationId
from dwell.domain.policy.schedule import Deadline
from dwell.domain.registry import Location, Policy
from dwell.domain.session.facts import Fact
from dwell.domain.session.incoming import Incoming
from house import BUILT_AT, CAR, ORGANIZATION, House, a_house, home

pytestmark = pytest.mark.anyio

ROUNDS = 12
CLIENTS = 20


async def both(one: Awaitable[Any], other: Awaitable[Any]) -> tuple[Any, Any]:
    """The answers of two at once; what is expected to go wrong is an answer, too."""
    answers = await asyncio.gather(one, other, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, DwellError):
            raise answer
    return answers


async def another_place(house: House, number: int) -> LocationId:
    place = home(LocationId(f"00000000-0000-7000-8000-{number:012}"), (10.0 + number, 10.0))

    async def work(tx: Transaction) -> None:
        await tx.save_location(place)

    await house.ports.store.write(work)
    return place.id


async def test_of_two_who_change_a_day_each_both_are_heard(store: AnyStore) -> None:
    house = await a_house(store)
    assert house.policy is not None
    for minute in range(ROUNDS):
        days = [{day: Deadline(f"0{6 + day}:{minute:02}", 50 + minute)} for day in range(2)]
        await both(*[change_policy(house.ports, ORGANIZATION, house.policy.id, days=named) for named in days])
        changed = await change_policy(house.ports, ORGANIZATION, house.policy.id)
        assert changed.terms.schedule[:2] == (days[0][0], days[1][1])


async def test_no_policy_is_made_for_a_location_that_goes(store: AnyStore) -> None:
    house = await a_house(store)
    for number in range(ROUNDS):
        place = await another_place(house, number)
        made, gone = await both(
            create_policy(house.ports, ORGANIZATION, CAR, place),
            delete_location(house.ports, ORGANIZATION, place),
        )
        if isinstance(made, Policy):
            assert isinstance(gone, Conflict)
        else:
            assert isinstance(made, NotFound)
            assert gone is None


async def test_a_session_waits_by_what_its_location_has_become(store: AnyStore) -> None:
    house = await a_house(store)
    there = Premises(name="moved", latitude=60.0, longitude=25.0, timezone="Europe/Helsinki", zone="FI")
    for number in range(ROUNDS):
        place = await another_place(house, number)
        made, moved = await both(
            create_policy(house.ports, ORGANIZATION, CAR, place),
            change_location(house.ports, ORGANIZATION, place, there),
        )
        assert isinstance(made, Policy)
        assert isinstance(moved, Location)
        waiting = {session.policy_id: session for session in await house.unsettled()}
        assert (waiting[made.id].terms.timezone, waiting[made.id].terms.zone) == ("Europe/Helsinki", "FI")


async def test_many_who_tell_of_one_vehicle_are_all_heard(store: AnyStore) -> None:
    house = await a_house(store)
    now = BUILT_AT + timedelta(hours=2)
    house.clock.move_to(now)

    async def tell(client: int) -> int:
        """Each a fact a second, interleaved with everybody else's: most are late by the time they come."""
        taken = 0
        for turn in range(5):
            at = BUILT_AT + timedelta(hours=1, seconds=turn * CLIENTS + client)
            fact = Incoming(index=0, vehicle_id=CAR, fact=Fact(at, plugged_in=True))
            taken += (await ingest(house.ports, ORGANIZATION, [fact], received_at=now)).accepted
        return taken

    assert sum(await asyncio.gather(*(tell(client) for client in range(CLIENTS)))) == CLIENTS * 5

    async def count(reader: Reader) -> int:
        return len(await reader.facts(ORGANIZATION, CAR, since=BUILT_AT))

    assert await store.read(count) == CLIENTS * 5
