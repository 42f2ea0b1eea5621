"""Orders of an app that meet at one EVSE: one charge is begun, its station told once, and a late answer is for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from contract.fleet.depot import Depot, depot_of
from contract.serving import Serving

pytestmark = pytest.mark.anyio
AT_ONCE = 8


@pytest.fixture
async def depot(server: Serving) -> AsyncIterator[Depot]:
    made = depot_of(server)
    async with made.app:
        yield made


async def _asked(depot: Depot, users: list[str]) -> list[Any]:
    wanted = [{"evse": depot.evse, "user_reference": user} for user in users]
    return await asyncio.gather(*(depot.app.post("/sessions/start", json=body) for body in wanted))


async def test_one_users_starts_at_once_are_one_session(depot: Depot) -> None:
    async with depot.connected("Preparing") as post:
        answers = await _asked(depot, ["anna"] * AT_ONCE)
        assert {one.status_code for one in answers} == {200}
        [session_id] = {one.json()["session"]["id"] for one in answers}
        _, tag = await post.told.get()
        assert await depot.stop(session_id, 409)
        number = await post.begins(tag)
        assert (await depot.get(f"/sessions/{session_id}"))["session"]["status"] == "ACTIVE"
        stops = await asyncio.gather(*(depot.app.post(f"/sessions/{session_id}/stop") for _ in range(3)))
        assert {one.status_code for one in stops} == {200}
        depot.later(60)
        await post.ends(number)
        words = [post.told.get_nowait()[0] for _ in range(post.told.qsize())]
        assert set(words) == {"stop"}
    [listed] = (await depot.get("/sessions"))["sessions"]
    assert (listed["id"], listed["status"], listed["energy_in_kwh"]) == (session_id, "CLOSED", 20)


async def test_of_several_users_at_once_one_gets_the_evse(depot: Depot) -> None:
    async with depot.connected("Preparing") as post:
        answers = await _asked(depot, [f"user-{number}" for number in range(AT_ONCE)])
        assert sorted(one.status_code for one in answers) == [200] + [409] * (AT_ONCE - 1)
        await post.told.get()
        assert post.told.empty()
    assert len((await depot.get("/sessions"))["sessions"]) == 1


async def test_a_start_that_is_answered_after_a_reconnect_is_still_that_start(depot: Depot) -> None:
    async with depot.connected("Preparing") as post:
        begun = (await depot.start())["session"]
        _, tag = await post.told.get()
    async with depot.connected("Preparing") as post:
        again = (await depot.start())["session"]
        assert again["id"] == begun["id"]
        number = await post.begins(tag)
        await post.ends(number)
    [listed] = (await depot.get("/sessions"))["sessions"]
    assert (listed["id"], listed["status"]) == (begun["id"], "CLOSED")


async def test_a_start_that_failed_and_begins_late_all_the_same_is_charged_once(depot: Depot) -> None:
    async with depot.connected("Preparing") as post:
        begun = (await depot.start())["session"]
        _, tag = await post.told.get()
        depot.later(10)
        number = await post.begins(tag)
        depot.later(60)
        await post.ends(number)
    listed = (await depot.get("/sessions"))["sessions"]
    told = [(one["id"], one["status"], one["energy_in_kwh"], one["final_amount"]) for one in listed]
    assert told == [(begun["id"], "CLOSED", 20, 19.4)]
