"""A late fact in a long life: a stretch is cut again, and the rest is not looked at."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from application.storage.builders import AnyStore
from dwell.application.case import Moment, load_cases
from dwell.application.ports import Transaction
from dwell.application.recut import MEET_AFTER, neighbourhoods
from dwell.application.telemetry import ingest
from dwell.domain.session.facts import Fact
from dwell.domain.session.incoming import Incoming
from dwell.domain.session.rules import Rules
from house import BUILT_AT, CAR, ORGANIZATION, House, a_house

pytestmark = pytest.mark.anyio

VISITS = 40
HOUR = timedelta(hours=1)
FIRST_AT = BUILT_AT + HOUR


async def a_long_life(store: AnyStore) -> House:
    house = await a_house(store)
    facts = []
    for number in range(VISITS):
        at = FIRST_AT + number * 3 * HOUR
        facts += [Fact(at, plugged_in=True), Fact(at + HOUR, plugged_in=False)]
    await house.tell(*facts, at=facts[-1].at + HOUR)
    assert len(await house.settled()) == VISITS
    return house


async def stretches(house: House, *hours: float) -> list[int]:
    """How many sessions each stretch holds that changes so many hours after the first plug-in touch."""

    async def work(tx: Transaction) -> list[int]:
        moment = Moment.of(house.ports, tx, house.clock.now())
        case = (await load_cases(moment, ORGANIZATION, [CAR]))[CAR]
        around = await neighbourhoods(moment, case, [FIRST_AT + hour * HOUR for hour in hours])
        for one, next_one in pairwise(around):
            assert one.meet_at is not None
            assert one.meet_at <= next_one.begin_at
        return [len(one.sessions) for one in around]

    return await house.ports.store.write(work)


async def test_changes_far_apart_touch_a_stretch_each(store: AnyStore) -> None:
    house = await a_long_life(store)
    few = 2 + MEET_AFTER - 1
    assert await stretches(house, 0.5) == [few - 1]
    assert await stretches(house, 30.5, 31, 90.5) == [few, few]
    assert await stretches(house, 30.5, 33.5, 36.5) == [few + 2]
    assert await stretches(house, 30.5, 3 * VISITS - 2.5) == [few, 2]


async def test_late_facts_join_and_part_visits_in_the_middle_of_a_life(store: AnyStore) -> None:
    house = await a_long_life(store)
    before = await house.settled()
    visit_10, visit_20 = FIRST_AT + 30 * HOUR, FIRST_AT + 60 * HOUR
    parting = [Fact(visit_10 + HOUR / 4, plugged_in=False), Fact(visit_10 + HOUR / 2, plugged_in=True)]
    longer = Fact(visit_20 - HOUR, plugged_in=True)
    now = house.clock.now()
    assert (await house.tell(longer, *parting, at=now)).accepted == 3
    assert (await house.tell(longer, *parting, at=now)).duplicates == 3
    after = await house.settled()
    assert len(after) == VISITS + 1
    assert [s.id for s in after[:11]] == [s.id for s in before[:11]]
    assert after[11].id not in {s.id for s in before}
    assert [s.id for s in after[12:]] == [s.id for s in before[11:]]
    assert (after[10].plugged_out_at, after[11].plugged_in_at) == (parting[0].at, parting[1].at)
    assert after[21].plugged_in_at == longer.at
    changed = {place for place, session in enumerate(after) if session not in before}
    assert {10, 11, 21} <= changed <= {10, 11, 12, 21, 22}


async def test_what_is_kept_aside_again_is_a_duplicate(store: AnyStore) -> None:
    house = await a_long_life(store)
    now = house.clock.now() + Rules().late_after + HOUR
    late = Fact(FIRST_AT + HOUR / 2, soc_percent=30)
    flagged = Incoming(index=0, vehicle_id=CAR, flag="in_future", raw=b"{}")
    for accepted in (2, 0, 0):
        items = [flagged, Incoming(index=1, vehicle_id=CAR, fact=late)]
        receipt = await ingest(house.ports, ORGANIZATION, items, received_at=now)
        assert (receipt.accepted, receipt.duplicates) == (accepted, 2 - accepted)


async def test_one_that_was_late_among_others_is_set_aside_alone(store: AnyStore) -> None:
    house = await a_long_life(store)
    now = house.clock.now() + Rules().late_after + HOUR
    before = await house.settled()
    late, fresh = Fact(FIRST_AT + HOUR / 2, soc_percent=30), Fact(now, plugged_in=True)
    assert (await house.tell(late, fresh, at=now)).accepted == 2
    assert (await house.tell(late, fresh, at=now)).accepted == 0
    assert await house.settled() == before
    assert len(await house.unsettled()) == 1
