"""Messages of many stations in one commit: what a group comes to is what each of them comes to alone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dwell.adapters.ids import SystemIds
from dwell.application.credentials import Keyring, create_organization
from dwell.application.ports import Ports, Reader
from dwell.application.stations.registry import StationSpecification, add_station
from dwell.application.stations.reports import Heard, take_report
from dwell.domain.errors import NotFound, Unavailable
from dwell.domain.ids import OrganizationId, StationId
from dwell.domain.station.equipment import Evse
from dwell.domain.station.readings import MeterReading
from dwell.domain.station.replies import Acknowledgement
from dwell.domain.station.reports import MeterReported, StationReport, TransactionStarted
from dwell.domain.station.transaction import Transaction
from dwell.gateway.together import GROUP_LIMIT, Together
from dwell.simulation.clock import VirtualClock
from stores import AnyStore

pytestmark = pytest.mark.anyio
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


PLENTY = 20
"""Turns of the loop in which all that can begin has begun."""
DEADLINE_S = 20.0
"""Only a failure comes near it."""


@dataclass(slots=True)
class Counted:
    """A store that counts its commits, holds them at its `gate`, and is away after so many."""

    store: AnyStore
    writes: int = 0
    gate: asyncio.Event | None = None
    away_after: int | None = None

    async def write(self, work: Any, **options: Any) -> Any:
        self.writes += 1
        if self.away_after is not None and self.writes > self.away_after:
            raise Unavailable("away")
        if self.gate is not None:
            await self.gate.wait()
        return await self.store.write(work, **options)

    async def read(self, work: Any) -> Any:
        return await self.store.read(work)


@dataclass(slots=True)
class Yard:
    """Stations on which transactions run since noon, each register at 1 kWh."""

    ports: Ports
    owner: OrganizationId
    stations: list[StationId] = field(default_factory=list)

    async def transaction(self, station: StationId) -> Transaction:
        async def of_station(reader: Reader) -> list[Transaction]:
            return await reader.transactions_of_station((self.owner, station))

        [one] = await self.ports.store.read(of_station)
        return one

    async def frames(self, station: StationId) -> int:
        async def of_station(reader: Reader) -> int:
            return len(await reader.frames((self.owner, station)))

        return await self.ports.store.read(of_station)


def heard(report: StationReport, at: datetime) -> Heard:
    return Heard(
        report=report, at=at, received_at=min(at, NOON + 9 * MINUTE), protocol="ocpp1.6", frame=b"[]"
    )


def metered(at: datetime, register_wh: int, reference: str | None = "1") -> Heard:
    reading = MeterReading(at=at, register_wh=register_wh, power_w=7_000)
    return heard(MeterReported(evse_number=1, reference=reference, readings=(reading,)), at)


async def a_yard(store: AnyStore, stations: int, place: int = 0) -> tuple[Yard, Counted]:
    counted = Counted(store)
    ports = Ports(counted, VirtualClock(NOON), SystemIds())  # type: ignore[arg-type]  # what is counted passes through
    keyring = Keyring(bytes(32))
    owner = OrganizationId((await create_organization(ports, keyring, "Yard")).organization_id)
    yard = Yard(ports, owner)
    for number in range(stations):
        evses = [Evse(number=1, evse=f"DE*YRD*E{number}")]
        told = StationSpecification(name=f"Y{place}-{number}", evses=evses)
        record, _ = await add_station(ports, keyring, owner, told)
        start = TransactionStarted(
            evse_number=1, connector_number=1, reference=None, at=NOON, meter_start_wh=1_000
        )
        await take_report(ports, owner, record.id, heard(start, NOON))
        yard.stations.append(record.id)
    counted.writes = 0
    return yard, counted


async def test_a_yard_that_speaks_at_once_is_stored_in_few_commits(store: AnyStore) -> None:
    yard, counted = await a_yard(store, GROUP_LIMIT + 6)
    together = Together(yard.ports)
    for minute in (1, 2):
        at = NOON + minute * MINUTE
        said = [metered(at, 1_000 + 100 * minute + place) for place in range(len(yard.stations))]
        replies = await asyncio.gather(
            *(together.take(yard.owner, one, word) for one, word in zip(yard.stations, said, strict=True))
        )
        assert set(replies) == {Acknowledgement()}
    assert counted.writes <= 4, "two minutes, a full group and a rest each"
    for place, station in enumerate(yard.stations):
        transaction = await yard.transaction(station)
        assert transaction.register.energy_wh == 200 + place
        assert transaction.heard_at == NOON + 2 * MINUTE
        assert await yard.frames(station) == 3


async def test_what_a_group_comes_to_is_what_each_comes_to_alone(store: AnyStore) -> None:
    yard, _ = await a_yard(store, 2)
    together, (one, other) = Together(yard.ports), yard.stations
    # late, repeated, about another name, of a register that fell: each said by both
    words = [
        metered(NOON + 3 * MINUTE, 1_300),
        metered(NOON + 2 * MINUTE, 1_200),
        metered(NOON + 3 * MINUTE, 1_300),
        metered(NOON + 4 * MINUTE, 1_350, reference="77"),
        metered(NOON + 5 * MINUTE, 20),
        metered(NOON + 6 * MINUTE, 90),
    ]
    for word in words:
        await asyncio.gather(together.take(yard.owner, one, word))
        await take_report(yard.ports, yard.owner, other, word)
    mine, theirs = await yard.transaction(one), await yard.transaction(other)
    assert mine.register == theirs.register
    assert (mine.flags, mine.heard_at, mine.status) == (theirs.flags, theirs.heard_at, theirs.status)
    assert mine.register.energy_wh > 0 and mine.register.falls


async def test_one_message_that_cannot_be_takes_no_other_with_it(store: AnyStore) -> None:
    yard, _ = await a_yard(store, 5)
    together = Together(yard.ports)
    said = [metered(NOON + MINUTE, 1_500) for _ in yard.stations]
    said[2] = metered(
        datetime.max.replace(tzinfo=UTC), 1_500
    )  # silence is noticed a day later: there is none
    replies = await asyncio.gather(
        *(together.take(yard.owner, one, word) for one, word in zip(yard.stations, said, strict=True)),
        return_exceptions=True,
    )
    assert isinstance(replies[2], OverflowError)
    assert [one for place, one in enumerate(replies) if place != 2] == [Acknowledgement()] * 4
    energies = [(await yard.transaction(one)).register.energy_wh for one in yard.stations]
    assert energies == [500, 500, 0, 500, 500]


async def test_a_station_that_is_gone_is_told_so_and_the_others_are_stored(store: AnyStore) -> None:
    yard, _ = await a_yard(store, 3)
    together = Together(yard.ports)
    yard.stations[1] = StationId("gone")
    replies = await asyncio.gather(
        *(together.take(yard.owner, one, metered(NOON + MINUTE, 1_500)) for one in yard.stations),
        return_exceptions=True,
    )
    assert isinstance(replies[1], NotFound)
    assert (await yard.transaction(yard.stations[2])).register.energy_wh == 500


async def test_two_words_of_one_station_keep_their_order(store: AnyStore) -> None:
    """As when a station's new socket speaks before the last message of the old one is stored."""
    yard, counted = await a_yard(store, 1)
    together = Together(yard.ports)
    said = [metered(NOON + minute * MINUTE, 1_000 + 100 * minute) for minute in (1, 2, 3)]
    await asyncio.gather(*(together.take(yard.owner, yard.stations[0], word) for word in said))
    transaction = await yard.transaction(yard.stations[0])
    assert (transaction.register.energy_wh, transaction.heard_at) == (300, NOON + 3 * MINUTE)
    assert counted.writes == 3


async def test_whoever_speaks_as_the_last_groups_end_is_not_left_waiting(store: AnyStore) -> None:
    """Two groups that end in one turn of the loop, and a station that answers its reply at once."""
    yard, counted = await a_yard(store, GROUP_LIMIT + 1)
    gate = counted.gate = asyncio.Event()
    together, stations = Together(yard.ports), yard.stations

    async def said(station: StationId, *minutes: int) -> None:
        for minute in minutes:
            await together.take(yard.owner, station, metered(NOON + minute * MINUTE, 1_000 + 100 * minute))

    speaking = [asyncio.ensure_future(said(one, 1, 2)) for one in stations[:GROUP_LIMIT]]
    speaking.append(asyncio.ensure_future(said(stations[GROUP_LIMIT], 1)))
    for _ in range(PLENTY):
        await asyncio.sleep(0)
    assert counted.writes == 2
    counted.gate = None
    gate.set()
    _, left = await asyncio.wait(speaking, timeout=DEADLINE_S)
    await together.end()
    assert not left


async def test_no_organization_waits_for_anothers_groups(store: AnyStore) -> None:
    yard, counted = await a_yard(store, 1)
    others = [(await a_yard(store, 1, place))[0] for place in range(1, 6)]
    together, counted.gate = Together(yard.ports), asyncio.Event()
    counted.writes = 0
    said = [
        asyncio.ensure_future(together.take(one.owner, one.stations[0], metered(NOON + MINUTE, 1_500)))
        for one in (yard, *others)
    ]
    for _ in range(PLENTY):
        await asyncio.sleep(0)
    under_way, gate = counted.writes, counted.gate
    gate.set()
    assert await asyncio.gather(*said) == [Acknowledgement()] * len(said)
    assert under_way == len(said), "they share the store's commit, or its connections"


async def test_a_message_that_cannot_be_and_is_repeated_for_ever_spoils_one_group(store: AnyStore) -> None:
    yard, counted = await a_yard(store, 8)
    together, broken = Together(yard.ports), metered(datetime.max.replace(tzinfo=UTC), 1_500)
    spent = []
    for minute in (1, 2, 3):
        counted.writes = 0
        said = [broken, *[metered(NOON + minute * MINUTE, 1_000 + 100 * minute)] * 7]
        replies = await asyncio.gather(
            *(together.take(yard.owner, one, word) for one, word in zip(yard.stations, said, strict=True)),
            return_exceptions=True,
        )
        assert isinstance(replies[0], OverflowError) and replies[1:] == [Acknowledgement()] * 7
        spent.append(counted.writes)
    assert spent == [1 + 8, 2, 2]


async def test_a_store_that_goes_away_under_a_spoiled_group_is_asked_once_more_and_no_oftener(
    store: AnyStore,
) -> None:
    yard, counted = await a_yard(store, 8)
    together = Together(yard.ports)
    counted.away_after = 1
    said = [metered(datetime.max.replace(tzinfo=UTC), 1), *[metered(NOON + MINUTE, 1_500)] * 7]
    replies = await asyncio.gather(
        *(together.take(yard.owner, one, word) for one, word in zip(yard.stations, said, strict=True)),
        return_exceptions=True,
    )
    assert [type(one) for one in replies] == [Unavailable] * 8
    assert counted.writes == 2
    counted.away_after = None
    assert await together.take(yard.owner, yard.stations[1], said[1]) == Acknowledgement()


async def test_nobody_waits_for_ever_for_what_was_let_go_of(store: AnyStore) -> None:
    yard, counted = await a_yard(store, 2)
    together, counted.gate = Together(yard.ports), asyncio.Event()
    words = [metered(NOON + minute * MINUTE, 1_000 + 100 * minute) for minute in (1, 2)]
    said = [
        asyncio.ensure_future(together.take(yard.owner, one, word)) for one in yard.stations for word in words
    ]
    for _ in range(PLENTY):
        await asyncio.sleep(0)
    await together.end()
    _, left = await asyncio.wait(said, timeout=DEADLINE_S)
    assert not left
    assert all(one.cancelled() for one in said)
