"""The Fleet contract's sessions, with a station of others' making that is started and stopped over its socket."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from decimal import Decimal
from uuid import uuid4

import httpx
import pytest

from contract.fleet.depot import Depot, depot_of
from contract.serving import Serving
from dwell.application import fleet
from dwell.application.audit import newest_entries
from dwell.application.stations import orders
from dwell.application.stations.orders import look_after_transactions
from dwell.application.stations.registry import add_token, set_driver_tariff
from dwell.domain.tariff.driver import DriverTariff

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
    noted = await asyncio.to_thread(
        depot.serving.run, newest_entries(depot.serving.ports, depot.owner, before=None, limit=2)
    )
    assert [one.change.action for one in noted] == ["stopped", "started"]


async def test_the_tariff_is_that_of_the_start(depot: Depot) -> None:
    async with depot.connected() as post:
        begun = (await depot.start())["session"]
        number = await post.begins((await post.told.get())[1])
        dearer = DriverTariff(kwh_price=Decimal(9))
        depot.serving.run(set_driver_tariff(depot.serving.ports, depot.owner, dearer))
        depot.later(30.5)
        await post.ends(number, meter=1500)
    closed = (await depot.get(f"/sessions/{begun['id']}"))["session"]
    assert closed["tariff"] == {
        "kwh_price": 0.88,
        "session_price": 0,
        "time_tariffs": [{"starting_at_minute": 45, "minute_price": 0.12}],
        "vat": 0.19,
        "currency": "EUR",
        "max_charging_time": None,
    }
    assert (closed["duration_in_minutes"], closed["final_amount"]) == (30.5, 0.44)
    assert closed["charging_station"]["charge_points"][0]["tariff"]["kwh_price"] == 9


async def test_the_published_members_and_no_others_with_strict(depot: Depot) -> None:
    async with depot.connected():
        begun = (await depot.start())["session"]
    [strict] = (await depot.get("/sessions", strict="true"))["sessions"]
    assert set(strict) == {
        *("id", "auth_type", "status", "created_at", "started_at", "completed_at", "last_updated_at"),
        *("evse", "charging_station", "user_reference"),
    }
    own = {"energy_in_kwh", "duration_in_minutes", "final_amount", "tariff"}
    assert set(begun) == set(strict) | own
    assert set((await depot.get(f"/sessions/{begun['id']}", strict="true"))["session"]) == set(strict)
    assert strict["evse"] == depot.evse
    assert await depot.get("/sessions", 400, strict="perhaps")


async def test_filters_are_combined_and_the_newest_comes_first(depot: Depot) -> None:
    ports = depot.serving.ports
    for card, user in (("RED", "anna"), ("BLUE", "bert"), ("GREY", None)):
        depot.serving.run(add_token(ports, depot.owner, card, user_reference=user))
    async with depot.connected() as post:
        for card in ("RED", "BLUE", "GREY", "STRANGE"):
            depot.later(10)
            number = await post.begins(card)
            depot.later(1)
            if card != "STRANGE":
                await post.ends(number, meter=1500)
        depot.later(10)
        begun = (await depot.start())["session"]
    every = (await depot.get("/sessions"))["sessions"]
    ids = [one["id"] for one in every]
    assert ids[0] == begun["id"]
    assert [one["created_at"] for one in every] == sorted((o["created_at"] for o in every), reverse=True)
    assert [one["status"] for one in every] == ["STARTING", "INVALID", "CLOSED", "CLOSED", "CLOSED"]
    assert [one["user_reference"] for one in every] == ["anna", None, None, "bert", "anna"]

    async def found(**query: object) -> list[str]:
        return [one["id"] for one in (await depot.get("/sessions", **query))["sessions"]]

    assert await found(user_reference="anna") == [ids[0], ids[4]]
    assert await found(user_reference="anna", status="CLOSED") == [ids[4]]
    assert await found(user_reference="anna", status="CLOSED", auth_type="REMOTE") == []
    assert await found(auth_type="REMOTE") == [ids[0]]
    assert await found(user_reference="nobody") == []
    assert await found(limit=2) == ids[:2]
    assert await found(status="CLOSED", limit=1) == [ids[2]]
    assert await found(created_after=every[2]["created_at"] + 1) == ids[:2]


async def test_a_wrong_filter_is_told_with_the_words_it_takes(depot: Depot) -> None:
    told = await depot.get("/sessions", 400, status="OPEN", auth_type="CARD", limit="0", created_after="x")
    assert "PREPARING, STARTING, ACTIVE, REMOTE_STOPPED, CLOSED, FAILED, INVALID" in told["message"]
    assert "LOCAL, REMOTE" in told["message"]
    assert all(name in told["message"] for name in ("limit", "created_after"))
    assert "page" in (await depot.get("/sessions", 400, page="2"))["message"]


async def test_a_list_of_many_pages_is_whole_and_gzip_is_served_to_who_takes_it(
    depot: Depot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "PAGE", 3)
    async with depot.connected() as post:
        for _ in range(7):
            depot.later(5)
            await post.begins("STRANGE")
    whole = await depot.app.get("/sessions", headers={"accept-encoding": "gzip"})
    plain = await depot.app.get("/sessions", headers={"accept-encoding": "gzip;q=0"})
    assert (whole.headers["content-encoding"], "content-encoding" in plain.headers) == ("gzip", False)
    assert whole.json() == plain.json()
    assert len({one["id"] for one in plain.json()["sessions"]}) == 7
    async with depot.app.stream("GET", f"/stations/{depot.station_id}") as answer:
        packed = b"".join([part async for part in answer.aiter_raw()])
    assert b"station_id" in gzip.decompress(packed)


async def test_who_has_no_key_is_told_nothing(depot: Depot) -> None:
    for headers in ({}, {"x-api-key": "wrong"}, {"x-api-key": depot.api_key + "x"}):
        async with httpx.AsyncClient(base_url=str(depot.app.base_url), headers=headers) as stranger:
            for method, path in (("GET", "sessions"), ("POST", "sessions/start"), ("GET", "stations/x")):
                answer = await stranger.request(method, path)
                assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})
    assert (await depot.app.get("/no-such-thing")).json().keys() == {"message"}


async def test_starts_that_cannot_be(depot: Depot) -> None:
    assert "offline" in (await depot.start(status=409))["message"]
    async with depot.connected() as post:
        assert await depot.start(status=404, evse="DE*NO*E1") == {"message": "There is no such EVSE."}
        nothing = (await depot.app.post("/sessions/start", json={})).json()["message"]
        assert "evse: is required" in nothing
        assert "user_reference: is required" in nothing
        for body in (b"[]", b"{", b'{"evse": 1, "user_reference": ""}'):
            assert (await depot.app.post("/sessions/start", content=body)).status_code == 400
        await post.says("Faulted")
        assert "out of service" in (await depot.start(status=409))["message"]
        await post.says("Available")
        begun = (await depot.start(evse=depot.evse.lower().replace("*", "")))["session"]
        assert begun["evse"] == depot.evse
        assert "occupied" in (await depot.start("bert", 409))["message"]
        number = await post.begins((await post.told.get())[1])
        assert "occupied" in (await depot.start(status=409))["message"]
        await depot.stop(begun["id"])
        assert "occupied" in (await depot.start(status=409))["message"]
        await post.ends(number)
        assert (await depot.stop(begun["id"], 409))["message"]
        post.verdict = "Rejected"
        failed = (await depot.start("bert"))["session"]
        async with asyncio.timeout(10):
            while (await depot.get(f"/sessions/{failed['id']}"))["session"]["status"] == "STARTING":
                pass
    assert (await depot.get(f"/sessions/{failed['id']}"))["session"]["status"] == "FAILED"


async def test_a_stop_that_is_refused_or_not_answered_changes_nothing(
    depot: Depot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "STOP_TIMEOUT_S", 0.2)
    async with depot.connected() as post:
        begun = (await depot.start())["session"]
        assert "not active" in (await depot.stop(begun["id"], 409))["message"]
        number = await post.begins((await post.told.get())[1])
        post.verdict = "Rejected"
        assert "refused" in (await depot.stop(begun["id"], 409))["message"]
        post.is_silent = True
        assert "not answer" in (await depot.stop(begun["id"], 504))["message"]
    assert (await depot.get(f"/sessions/{begun['id']}"))["session"]["status"] == "ACTIVE"
    await depot.stop(begun["id"], 504)
    async with asyncio.timeout(10), depot.connected("Charging") as post:
        depot.later(1)
        again = look_after_transactions(depot.serving.ports)
        await asyncio.to_thread(depot.serving.run, again)  # the order is tried again
        assert await post.told.get() == ("stop", number)
        assert (await depot.stop(begun["id"]))["session"]["status"] == "REMOTE_STOPPED"


async def test_what_is_anothers_is_as_absent_as_what_never_was(depot: Depot, server: Serving) -> None:
    other = depot_of(server)
    async with depot.connected(), other.app:
        theirs = (await depot.start())["session"]
        assert await other.get("/sessions") == {"sessions": []}
        assert await other.start(status=404, evse=depot.evse) == await other.start(status=404, evse="DE*NO*1")
        for method, path, name in (
            ("GET", "/sessions/{}", theirs["id"]),
            ("POST", "/sessions/{}/stop", theirs["id"]),
            ("GET", "/stations/{}", depot.station_id),
        ):
            answers = [await other.app.request(method, path.format(one)) for one in (name, uuid4(), "x")]
            assert {answer.status_code for answer in answers} == {404}
            assert len({answer.content for answer in answers}) == 1
    assert (await depot.get(f"/sessions/{theirs['id']}"))["session"]["status"] == "STARTING"
