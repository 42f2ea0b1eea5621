"""The Fleet contract's sessions, with a station of others' making that is started and stopped over its socket."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from contract.fleet.depot import Depot, depot_of
from contract.serving import Serving

pytestmark = pytest.mark.anyio


@pytest.fixture
async def depot(server: Serving) -> AsyncIterator[Depot]:
    made = depot_of(server)
    async with made.app:
        yield made


async def test_a_session_is_started_runs_is_stopped_and_priced(depot: Depot) -> None:
    assert await depot.get("/sessions") == {"sessions": []}
    async with depot.connected() as post:
        begun = (await depot.start())["session"]
        assert (begun["status"], begun["auth_type"], begun["user_reference"]) == (
            "STARTING",
            "REMOTE",
            "anna",
        )
        assert begun["started_at"] == begun["created_at"]
        assert (begun["final_amount"], begun["duration_in_minutes"], begun["completed_at"]) == (None,) * 3
        assert (await depot.start())["session"]["id"] == begun["id"]
        _, tag = await post.told.get()
        number = await post.begins(tag)
        running = (await depot.get(f"/sessions/{begun['id']}"))["session"]
        assert running["status"] == "ACTIVE"
        depot.later(60)
        stopped = (await depot.stop(begun["id"]))["session"]
        assert (stopped["status"], stopped["final_amount"]) == ("REMOTE_STOPPED", None)
        assert await post.told.get() == ("stop", number)
        assert (await depot.stop(begun["id"]))["session"] == stopped
        await post.ends(number)
    [closed] = (await depot.get("/sessions"))["sessions"]
    assert closed["id"] == begun["id"]
    assert (closed["status"], closed["energy_in_kwh"]) == ("CLOSED", 20)
    assert (closed["duration_in_minutes"], closed["final_amount"]) == (60, 19.4)
    assert closed["completed_at"] - closed["started_at"] == 3600
