"""Two processes' hubs on one PostgreSQL database, their sockets small ones of our own that count what they are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest

from dwell.adapters.relay import opened_relay
from dwell.adapters.relay.messages import Ask, encode
from dwell.adapters.relay.postgres import PostgresRelay
from dwell.application.station_ports import NO_ANSWER, OFFLINE
from dwell.domain.errors import PeerFault, Refused, Unavailable
from dwell.domain.ids import StationId
from dwell.domain.station.orders import OrderAnswer, StationOrder, StopCharging, UnlockConnector, Verdict
from dwell.gateway.hub import StationHub
from scripts.private_postgres import Cluster

pytestmark = pytest.mark.anyio

STATION = StationId("station-1")
STOP = StopCharging(reference="tx-1")
WITHIN_S = 20.0
HEARD_WITHIN_S = 5.0
LEASED = """
    SELECT count(*) FROM relay_processes
    WHERE lease_until > (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
"""
ORDERS = "SELECT count(*) FROM relay_orders"


@dataclass(eq=False)
class Line:
    """A station's socket that answers, is silent or cannot say it, and keeps what went through it."""

    told: list[StationOrder] = field(default_factory=list)
    is_silent: bool = False
    lives: bool = True
    is_ended: bool = False
    hub: StationHub | None = None

    async def give(self, order: StationOrder, *, timeout_s: float) -> OrderAnswer:
        self.told.append(order)
        if isinstance(order, UnlockConnector):
            raise Refused("not in this version", code="not_in_version")
        if self.is_silent:
            raise PeerFault("The station did not answer.", code=NO_ANSWER)
        return OrderAnswer(verdict=Verdict.ACCEPTED, said=f"{timeout_s <= WITHIN_S}")

    async def answers_ping(self, *, within_s: float) -> bool:
        del within_s
        return self.lives

    async def end(self, why: str) -> None:
        assert why == "replaced"
        self.is_ended = True
        if self.hub is not None:
            await self.hub.leave(STATION, self)


@asynccontextmanager
async def process(url: str) -> AsyncIterator[tuple[StationHub, PostgresRelay]]:
    """One of the processes: its hub, and the relay that it shares the stations by."""
    async with opened_relay(url) as relay:
        assert isinstance(relay, PostgresRelay)
        hub = StationHub(relay)
        async with hub.shared():
            yield hub, relay


async def enter(hub: StationHub, line: Line | None = None) -> Line:
    """The station comes in by a new socket."""
    epoch = await hub.admit(STATION)
    assert epoch is not None
    line = line or Line()
    line.hub = hub
    hub.enter(STATION, line, epoch)
    return line


async def until(condition: Callable[[], bool]) -> None:
    pause = asyncio.Event()
    async with asyncio.timeout(WITHIN_S):
        while not condition():
            with suppress(TimeoutError):
                await asyncio.wait_for(pause.wait(), 0.01)


async def run(url: str, sql: str, *values: object) -> object:
    """Do to the database what no process does; the first value of the first row that the statement gives."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql, *values)
    finally:
        await connection.close()


async def hold_elsewhere(url: str, *, lease_s: int) -> None:
    """The station is held, since epoch 7, by a process that says nothing and has a lease for so long."""
    leased = """
        INSERT INTO relay_processes
        VALUES ('stopped', (extract(epoch FROM clock_timestamp()) * 1000000)::bigint + $1::bigint)
    """
    await run(url, leased, lease_s * 1_000_000)
    await run(url, "INSERT INTO relay_stations VALUES ('station-1', 'stopped', 7)")


async def test_an_order_reaches_the_station_at_the_other_process_once(postgres_store_url: str) -> None:
    async with process(postgres_store_url) as (first, _), process(postgres_store_url) as (second, _):
        assert not second.is_connected(STATION)
        line = await enter(first)
        await until(lambda: second.is_connected(STATION))
        answers = await asyncio.gather(
            *(second.give(STATION, STOP, timeout_s=WITHIN_S) for _ in range(20)),
            first.give(STATION, STOP, timeout_s=WITHIN_S),
        )
        assert {answer.verdict for answer in answers} == {Verdict.ACCEPTED}
        assert len(line.told) == 21
        await first.leave(STATION, line)
        await until(lambda: not second.is_connected(STATION))
        with pytest.raises(PeerFault) as refused:
            await second.give(STATION, STOP, timeout_s=WITHIN_S)
        assert refused.value.code == OFFLINE
    assert await run(postgres_store_url, ORDERS) == 0
    assert await run(postgres_store_url, "SELECT count(*) FROM relay_processes") == 0


async def test_a_notice_that_comes_again_and_again_sends_nothing_twice(postgres_store_url: str) -> None:
    async with process(postgres_store_url) as (first, holder), process(postgres_store_url) as (second, _):
        line = await enter(first)
        echo = await asyncpg.connect(postgres_store_url)
        heard = asyncio.Queue[str]()
        channel = f"dwell_{holder.process_id}"
        await echo.add_listener(channel, lambda _, __, ___, payload: heard.put_nowait(payload))
        given = asyncio.create_task(second.give(STATION, STOP, timeout_s=WITHIN_S))
        notice = await heard.get()
        for _ in range(50):
            await echo.execute("SELECT pg_notify($1, $2)", channel, notice)
        await given
        await echo.close()
        await second.give(STATION, STOP, timeout_s=WITHIN_S)  # it comes after all of them
        assert len(line.told) == 2


async def test_what_the_station_makes_of_it_is_raised_at_the_asker(postgres_store_url: str) -> None:
    async with process(postgres_store_url) as (first, _), process(postgres_store_url) as (second, _):
        line = await enter(first)
        with pytest.raises(Refused) as refused:
            await second.give(STATION, UnlockConnector(evse_number=1), timeout_s=WITHIN_S)
        assert refused.value.code == "not_in_version"
        line.is_silent = True
        with pytest.raises(PeerFault) as silent:
            await second.give(STATION, STOP, timeout_s=WITHIN_S)
        assert silent.value.code == NO_ANSWER


async def test_a_socket_that_lives_is_not_displaced_from_another_process(postgres_store_url: str) -> None:
    async with process(postgres_store_url) as (first, _), process(postgres_store_url) as (second, _):
        line = await enter(first)
        assert await second.admit(STATION) is None
        assert not line.is_ended
        line.lives = False
        moved = await enter(second)
        assert line.is_ended
        await until(lambda: first.is_connected(STATION))  # as a station of the other's
        await first.give(STATION, STOP, timeout_s=WITHIN_S)
        assert (line.told, moved.told) == ([], [STOP])


async def test_a_former_owner_sends_nothing_and_ends_its_socket(postgres_store_url: str) -> None:
    async with process(postgres_store_url) as (first, deaf), process(postgres_store_url) as (second, _):
        line = await enter(first)
        epoch = first.epoch_here(STATION)
        assert epoch is not None and await deaf.may_send(STATION, epoch)
        await run(postgres_store_url, "UPDATE relay_stations SET epoch = epoch + 1, process_id = 'third'")
        assert first.epoch_here(STATION) == epoch  # nobody has told it
        with pytest.raises(PeerFault) as refused:
            await first.give(STATION, STOP, timeout_s=WITHIN_S)
        assert (refused.value.code, line.told) == (OFFLINE, [])
        moved = await enter(second)  # the third has no lease
        assert second.epoch_here(STATION) == epoch + 2
        await until(lambda: line.is_ended)
        await first.give(STATION, STOP, timeout_s=WITHIN_S)
        assert (line.told, moved.told) == ([], [STOP])
        await deaf.release(STATION, epoch)  # of an epoch that is over: nothing happens
        await second.give(STATION, STOP, timeout_s=WITHIN_S)
        assert len(moved.told) == 2


async def test_nothing_is_sent_without_a_lease(postgres_store_url: str) -> None:
    async with process(postgres_store_url) as (hub, relay):
        line = await enter(hub)
        epoch = hub.epoch_here(STATION) or 0
        blocking = await asyncpg.connect(postgres_store_url)
        async with blocking.transaction(), asyncio.timeout(WITHIN_S):
            await blocking.execute("SELECT 1 FROM relay_processes FOR UPDATE")  # it cannot be renewed
            while await run(postgres_store_url, LEASED):
                pass
            assert not await relay.may_send(STATION, epoch)
            with pytest.raises(PeerFault) as refused:
                await hub.give(STATION, STOP, timeout_s=WITHIN_S)
        await blocking.close()
        assert (refused.value.code, line.told) == (OFFLINE, [])
        async with asyncio.timeout(WITHIN_S):
            while not await relay.may_send(STATION, epoch):  # nobody has taken it: it goes on as it was
                pass
        await hub.give(STATION, STOP, timeout_s=WITHIN_S)
        assert line.told == [STOP]


async def test_an_order_that_comes_after_the_lease_is_over_is_not_sent(postgres_store_url: str) -> None:
    async with process(postgres_store_url) as (hub, relay):
        line = await enter(hub)
        blocking = await asyncpg.connect(postgres_store_url)
        lasts = True
        while lasts:  # it may be renewed before it is locked
            await run(postgres_store_url, "UPDATE relay_processes SET lease_until = 0")
            transaction = blocking.transaction()
            await transaction.start()
            lasts = await blocking.fetchval("SELECT lease_until > 0 FROM relay_processes FOR UPDATE")
            if lasts:
                await transaction.rollback()
        answer = await asked(postgres_store_url, relay, encode(Ask(STOP)))
        await blocking.close()
        assert answer is None or OFFLINE.encode() in answer  # None: it waits for its lease, and hears nothing
        assert line.told == []


async def test_an_order_that_nobody_takes_is_withdrawn_within_a_second(postgres_store_url: str) -> None:
    loop = asyncio.get_running_loop()
    async with process(postgres_store_url) as (hub, _):
        await hold_elsewhere(postgres_store_url, lease_s=60)
        began_s = loop.time()
        with pytest.raises(PeerFault) as refused:
            await hub.give(STATION, STOP, timeout_s=WITHIN_S)
        took_s = loop.time() - began_s
        assert refused.value.code == OFFLINE
        assert took_s < 3.0
        assert await run(postgres_store_url, ORDERS) == 0


async def test_a_station_waits_at_the_door_until_a_silent_holders_lease_is_over(
    postgres_store_url: str,
) -> None:
    async with process(postgres_store_url) as (hub, _):
        await hold_elsewhere(postgres_store_url, lease_s=2)
        await enter(hub)
        assert hub.epoch_here(STATION) == 8


async def test_an_order_of_a_newer_version_is_refused_in_words(postgres_store_url: str) -> None:
    unknown = encode({"order": {"type": "FlyAway"}})
    async with process(postgres_store_url) as (hub, relay):
        line = await enter(hub)
        assert b"not_supported" in (await asked(postgres_store_url, relay, unknown) or b"")
        assert line.told == []


async def asked(url: str, relay: PostgresRelay, body: bytes) -> bytes | None:
    """What the process answers to an order that was written for it whatever its lease, on the wire; None: nothing."""
    connection = await asyncpg.connect(url)
    heard = asyncio.Event()
    await connection.add_listener("dwell_tester", lambda *_: heard.set())
    written = """
        INSERT INTO relay_orders
        SELECT 'o1', station_id, process_id, epoch, 'tester', $2, 0, $1, NULL FROM relay_stations
    """
    await connection.execute(written, body, 1 << 62)
    await connection.execute("SELECT pg_notify($1, 'ask o1')", f"dwell_{relay.process_id}")
    with suppress(TimeoutError):
        await asyncio.wait_for(heard.wait(), HEARD_WITHIN_S)
    answer: bytes | None = await connection.fetchval("DELETE FROM relay_orders RETURNING answer")
    await connection.close()
    return answer


async def test_stations_that_come_all_at_once_hold_up_no_order(postgres_store_url: str) -> None:
    async with process(postgres_store_url) as (first, _), process(postgres_store_url) as (second, _):
        line = await enter(first)
        coming = [asyncio.create_task(first.admit(StationId(f"s{number}"))) for number in range(2_000)]
        await second.give(STATION, STOP, timeout_s=WITHIN_S)
        await first.give(STATION, STOP, timeout_s=WITHIN_S)
        assert len(line.told) == 2
        assert not all(task.done() for task in coming)
        assert set(await asyncio.gather(*coming)) == {1}


async def test_a_restarted_database_is_found_again_and_nothing_is_sent_twice(
    postgres_cluster: Cluster, postgres_store_url: str
) -> None:
    async with process(postgres_store_url) as (first, _), process(postgres_store_url) as (second, _):
        line = await enter(first)
        await asyncio.to_thread(postgres_cluster.restart, "immediate")
        async with asyncio.timeout(WITHIN_S):
            while True:
                try:
                    await second.give(STATION, STOP, timeout_s=WITHIN_S)
                    break
                except PeerFault as fault:
                    assert fault.code == OFFLINE
        assert line.told == [STOP]


async def test_without_a_database_no_station_is_let_in_and_no_order_sent(
    postgres_cluster: Cluster, postgres_store_url: str
) -> None:
    async with process(postgres_store_url) as (hub, _):
        line = await enter(hub)
        await asyncio.to_thread(postgres_cluster.stop, "immediate")
        try:
            with pytest.raises(PeerFault) as refused:
                await hub.give(STATION, STOP, timeout_s=WITHIN_S)
            with pytest.raises(Unavailable):
                await hub.admit(StationId("another"))
        finally:
            await asyncio.to_thread(postgres_cluster.start)
        assert (refused.value.code, line.told) == (OFFLINE, [])


async def test_on_sqlite_there_is_no_relay(tmp_path: Path) -> None:
    async with opened_relay(f"sqlite:///{tmp_path}/dwell.db") as relay:
        hub = StationHub(relay)
        async with hub.shared():
            line = await enter(hub)
            await hub.give(STATION, STOP, timeout_s=WITHIN_S)
            assert line.told == [STOP]
            with pytest.raises(PeerFault):
                await hub.give(StationId("another"), STOP, timeout_s=WITHIN_S)
