"""The journal of stations' messages is enough: taken once more it gives every transaction, field by field."""

from __future__ import annotations

import sqlite3
from collections.abc import Coroutine
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from benchmarks.quirks import Direct, HandClock
from dwell.adapters.ids import SystemIds
from dwell.adapters.storage.memory import MemoryStore
from dwell.adapters.storage.sqlite import SqliteStore
from dwell.application.credentials import Keyring, create_organization
from dwell.application.engine import Engine, run_due
from dwell.application.ports import Ports, Transaction
from dwell.application.retention import forget_frames
from dwell.application.stations.orders import look_after_transactions, order_start, order_stop
from dwell.application.stations.rebuilt import Outcome
from dwell.application.stations.registry import (
    StationSpecification,
    add_station,
    add_token,
    set_driver_tariff,
)
from dwell.application.stations.replay import Wanted, rebuild_and_compare
from dwell.application.telemetry import ingest
from dwell.bootstrap import NoVehicles
from dwell.cli.replay import report_in
from dwell.domain.ids import OrganizationId, StationId, UserId, VehicleId
from dwell.domain.registry import Information, User, Vehicle
from dwell.domain.session.facts import Fact
from dwell.domain.session.incoming import Incoming
from dwell.domain.station.equipment import Evse
from dwell.domain.station.orders import OrderAnswer, StationOrder, Verdict
from dwell.domain.station.registry import FrameRow, StationRecord
from dwell.domain.station.transaction import Status
from dwell.domain.tariff.driver import DriverTariff
from dwell.simulation.stations.charge import drawn_charge
from dwell.simulation.stations.quirks import QUIRKS, with_quirk
from dwell.simulation.stations.station import play
from dwell.simulation.stations.telling import TELLINGS, TOKEN, Message, stamp
from stores import AnyStore

pytestmark = pytest.mark.anyio

FIRST_AT = datetime(2026, 3, 2, 18, tzinfo=UTC)
USER = UserId("00000000-0000-7000-8000-00000000000b")
CAR = Vehicle(
    id=VehicleId("00000000-0000-7000-8000-00000000000d"),
    organization_id=OrganizationId(""),
    user_id=USER,
    vendor="TEST",
    information=Information(brand="a", model="b"),
    battery_capacity_wh=60_000,
    power_max_w=11_000,
    created_at=FIRST_AT,
    updated_at=FIRST_AT,
)
KEYRING = Keyring(bytes(32))


@dataclass
class Obedient:
    """Stations that take every order."""

    work: list[Coroutine[Any, Any, None]] = field(default_factory=list)

    def is_connected(self, station_id: StationId) -> bool:
        return bool(station_id)

    async def give(self, station_id: StationId, order: StationOrder, *, timeout_s: float) -> OrderAnswer:
        return OrderAnswer(verdict=Verdict.ACCEPTED, said=f"{station_id} {order} {timeout_s}")

    def soon(self, work: Coroutine[Any, Any, None]) -> None:
        self.work.append(work)


@dataclass
class Depot:
    """An organization with a vehicle, a token and a tariff, on a clock that is set."""

    ports: Ports
    clock: HandClock
    owner: OrganizationId
    stations: Obedient

    async def station(self, name: str, *, vehicle_id: VehicleId | None = None) -> StationRecord:
        evse = Evse(number=1, evse=f"DE*{name}", vehicle_id=vehicle_id)
        wanted = StationSpecification(name=name, evses=[evse])
        return (await add_station(self.ports, KEYRING, self.owner, wanted))[0]

    async def car(self, name: str) -> VehicleId:
        """A vehicle that always stands at the station of that name."""
        car = msgspec.structs.replace(
            CAR, id=VehicleId(f"{CAR.id[:24]}{name.removeprefix('CP-'):0>12}"), organization_id=self.owner
        )
        await self.ports.store.write(lambda tx: tx.save_vehicle(car))
        return car.id

    async def settle(self) -> None:
        """Two days later everything is over."""
        self.clock.at += timedelta(days=2)
        while (await run_due(Engine(self.ports, NoVehicles()))).due:
            pass

    def line(self, record: StationRecord, protocol: str) -> Direct:
        return Direct(self.ports, self.clock, record, protocol)

    async def live(self, name: str, protocol: str, quirk: str, *, visits: int = 2) -> None:
        """A station and a vehicle of its own, with visits a day apart."""
        self.clock.at = FIRST_AT - timedelta(hours=1)
        car = await self.car(name)
        line = self.line(await self.station(name, vehicle_id=car), protocol)
        lots = Random(f"{protocol} {quirk}")
        for number in range(visits):
            charge = drawn_charge(lots, FIRST_AT + timedelta(days=number))
            told = TELLINGS[protocol](charge, f"{name}-{number}")
            await play(with_quirk(QUIRKS[protocol][quirk], told, lots), line)

    async def replayed(self, wanted: Wanted | None = None) -> Outcome:
        return await rebuild_and_compare(
            self.ports, self.owner, wanted or Wanted(), read=report_in, fresh=MemoryStore
        )


async def depot(store: AnyStore) -> Depot:
    clock, stations = HandClock(FIRST_AT - timedelta(days=1)), Obedient()
    ports = Ports(store, clock, SystemIds(), stations=stations)
    owner = OrganizationId((await create_organization(ports, KEYRING, "Depot")).organization_id)
    user = User(
        id=USER,
        organization_id=owner,
        reference="anna",
        created_at=clock.at,
    )

    async def work(tx: Transaction) -> None:
        await tx.add_user(user)

    await store.write(work)
    await add_token(ports, owner, TOKEN, user_reference="anna")
    await set_driver_tariff(ports, owner, DriverTariff(kwh_price=Decimal("0.39")))
    return Depot(ports, clock, owner, stations)


def counts(found: Outcome) -> tuple[int, ...]:
    return (
        found.different,
        found.missing,
        found.extra,
        found.not_judged,
        found.observations_missing,
        found.unread,
    )


NOTHING_WRONG = (0, 0, 0, 0, 0, 0)


async def test_every_quirk_of_both_versions_is_rebuilt_field_by_field(database: AnyStore) -> None:
    place = await depot(database)
    names = [(protocol, quirk) for protocol, quirks in QUIRKS.items() for quirk in quirks]
    for number, (protocol, quirk) in enumerate(names):
        await place.live(f"CP-{number}", protocol, quirk)
    await place.settle()
    found = await place.replayed()
    assert found.differences == []
    assert counts(found) == NOTHING_WRONG
    assert found.same >= 2 * len(names)
    assert (found.stations, found.observations > found.same) == (len(names), True)
    assert found.frames > 10 * len(names)
    assert (found.sessions >= 2 * len(names) - 2, found.sessions_open) == (True, 0)


async def test_a_session_is_compared_where_the_station_alone_told_of_the_vehicle(database: AnyStore) -> None:
    place = await depot(database)
    await place.live("CP-1", "ocpp1.6", "plain", visits=3)
    await place.settle()
    car = await place.car("CP-1")
    *_, newest = await database.read(
        lambda reader: reader.sessions_of_vehicle(place.owner, car, since=FIRST_AT)
    )
    planted = msgspec.structs.replace(newest, energy_wh=newest.energy_wh + 5)
    await database.write(lambda tx: tx.save_sessions([planted]))
    found = await place.replayed()
    assert (found.sessions, found.sessions_different, found.is_same) == (3, 1, False)
    assert [(one.field, one.rebuilt) for one in found.differences] == [("energy_wh", str(newest.energy_wh))]
    fact = Fact(at=newest.plugged_in_at or FIRST_AT, source="vehicle", soc_percent=40)
    items = [Incoming(index=0, vehicle_id=car, fact=fact)]
    await ingest(place.ports, place.owner, items, received_at=place.clock.at)
    found = await place.replayed()
    assert (found.sessions + found.sessions_open, found.is_same) == (3, True)
    assert found.sessions_open >= 1


async def test_what_we_did_ourselves_is_in_the_journal_too(database: AnyStore) -> None:
    place = await depot(database)
    record = await place.station("CP-1")
    line = place.line(record, "ocpp1.6")
    place.clock.at = FIRST_AT
    begun = await order_start(place.ports, place.owner, evse="DE*CP-1", user_reference="anna")
    for work in place.stations.work:
        await work
    assert begun.token is not None
    place.clock.at += timedelta(seconds=30)
    said = {
        "connectorId": 1,
        "idTag": begun.token.text,
        "meterStart": 100,
        "timestamp": stamp(place.clock.at),
    }
    answer = await line.call(Message(place.clock.at, "StartTransaction", said))
    place.clock.at += timedelta(hours=1)
    await order_stop(place.ports, place.owner, begun.id)
    said = {"transactionId": answer["transactionId"], "meterStop": 900, "timestamp": stamp(place.clock.at)}
    await line.call(Message(place.clock.at, "StopTransaction", said))
    late = await order_start(place.ports, place.owner, evse="DE*CP-1", user_reference="anna")
    place.stations.work.pop().close()
    place.clock.at += timedelta(minutes=10)
    await look_after_transactions(place.ports)
    kept = await database.read(lambda reader: reader.transaction(place.owner, late.id))
    assert kept is not None and kept.status is Status.FAILED
    found = await place.replayed()
    assert (found.same, found.differences, counts(found)) == (2, [], NOTHING_WRONG)


async def test_a_token_or_a_tariff_changed_since_changes_nothing_that_was(database: AnyStore) -> None:
    place = await depot(database)
    await place.live("CP-1", "ocpp1.6", "plain")
    await add_token(place.ports, place.owner, TOKEN, expires_at=FIRST_AT)
    await set_driver_tariff(place.ports, place.owner, DriverTariff(kwh_price=Decimal(9)))
    found = await place.replayed()
    assert (found.same, found.differences, counts(found)) == (2, [], NOTHING_WRONG)


async def test_a_changed_energy_is_named(database: AnyStore) -> None:
    place = await depot(database)
    await place.live("CP-1", "ocpp1.6", "plain", visits=3)
    newest = (await database.read(lambda reader: reader.newest_transactions(place.owner)))[0]
    register = msgspec.structs.replace(newest.register, energy_wh=newest.energy_wh + 7)
    planted = msgspec.structs.replace(newest, register=register)
    await database.write(lambda tx: tx.save_transactions([planted], wake=[None]))
    found = await place.replayed()
    assert (found.same, counts(found), found.is_same) == (2, (1, 0, 0, 0, 0, 0), False)
    named = {one.field: one for one in found.differences}
    assert set(named) == {"energy_wh", "register"}
    assert (named["energy_wh"].stored, named["energy_wh"].rebuilt) == (
        str(newest.energy_wh + 7),
        str(newest.energy_wh),
    )
    only = await place.replayed(Wanted(until=newest.created_at))
    assert (only.same, counts(only)) == (2, NOTHING_WRONG)


async def test_a_stored_transaction_that_no_message_began_is_missing(database: AnyStore) -> None:
    place = await depot(database)
    await place.live("CP-1", "ocpp2.0.1", "plain")
    newest = (await database.read(lambda reader: reader.newest_transactions(place.owner)))[0]
    planted = msgspec.structs.replace(
        newest, id=msgspec.json.decode('"00000000-0000-7000-8000-0000000000ff"')
    )
    await database.write(lambda tx: tx.save_transactions([planted], wake=[None]))
    found = await place.replayed()
    assert (found.same, counts(found)) == (2, (0, 1, 0, 0, 0, 0))
    assert planted.id in found.differences[0].thing


async def test_what_cannot_be_taken_is_told_and_the_rest_goes_on(database: AnyStore) -> None:
    place = await depot(database)
    record = await place.station("CP-1")
    line = place.line(record, "ocpp1.6")
    [(booted_at, taken)] = await journal_of(place, record, line)
    texts = [b'["StartTransaction",{"connectorId":***}]', b'["Nonsense",{}]', b"\xff"]
    bad = [msgspec.structs.replace(taken, text=text) for text in texts]
    old = msgspec.structs.replace(taken, protocol="ocpp0.9")
    await database.write(lambda tx: tx.add_frames([*bad, old]))
    charge = drawn_charge(Random(1), FIRST_AT)
    await play(TELLINGS["ocpp1.6"](charge, "CP-1"), line)
    found = await place.replayed()
    assert (found.same, counts(found)) == (1, (0, 0, 0, 0, 0, 4))
    assert [one.position - booted_at for one in found.unreadable] == [1, 2, 3, 4]
    assert all(one.why and one.station == "CP-1" for one in found.unreadable)


async def test_a_damaged_row_is_told_and_hides_no_other(sqlite_path: Path) -> None:
    store = await SqliteStore.open(sqlite_path)
    place = await depot(store)
    record = await place.station("CP-1")
    line = place.line(record, "ocpp1.6")
    [(booted_at, _)] = await journal_of(place, record, line)
    charge = drawn_charge(Random(1), FIRST_AT)
    await play(TELLINGS["ocpp1.6"](charge, "CP-1"), line)
    with closing(sqlite3.connect(sqlite_path)) as file, file:
        file.execute("UPDATE station_frames SET taken = x'c1' WHERE position = ?", (booted_at,))
    try:
        found = await place.replayed()
        page = await store.read(lambda reader: reader.newest_frames((place.owner, record.id), limit=1_000))
    finally:
        await store.close()
    assert (found.same, counts(found)) == (1, (0, 0, 0, 0, 0, 1))
    assert [(one.position, one.why) for one in found.unreadable] == [
        (booted_at, "what it was taken with cannot be read")
    ]
    assert [position for position, row in page if row.damaged] == [booted_at]


async def test_secrets_that_were_blackened_keep_no_message_from_being_taken(database: AnyStore) -> None:
    place = await depot(database)
    record = await place.station("CP-1")
    line = place.line(record, "ocpp1.6")
    [(_, booted)] = await journal_of(place, record, line)
    text = b'["DataTransfer",{"vendorId":"V","data":"x","password":"***"}]'
    await database.write(lambda tx: tx.add_frames([msgspec.structs.replace(booted, text=text)]))
    found = await place.replayed()
    assert (found.frames, found.unread) == (2, 0)


async def test_rows_from_before_are_told_and_not_judged(database: AnyStore) -> None:
    place = await depot(database)
    record = await place.station("CP-1")
    line = place.line(record, "ocpp1.6")
    charge = drawn_charge(Random(1), FIRST_AT)
    await play(TELLINGS["ocpp1.6"](charge, "CP-1"), line)
    [(_, first), *_] = await database.read(lambda reader: reader.frames((place.owner, record.id)))
    await database.write(lambda tx: tx.add_frames([msgspec.structs.replace(first, taken=None)]))
    found = await place.replayed()
    assert (found.unread, found.not_judged, found.same) == (1, 1, 0)


async def test_an_evse_that_was_heard_of_later_is_not_known_before(database: AnyStore) -> None:
    place = await depot(database)
    place.clock.at = FIRST_AT
    line = place.line(await place.station("CP-1"), "ocpp1.6")
    at = stamp(place.clock.at)
    start = {"connectorId": 2, "idTag": TOKEN, "meterStart": 0, "timestamp": at}
    await line.call(Message(place.clock.at, "StartTransaction", start))
    status = {"connectorId": 2, "errorCode": "NoError", "status": "Charging", "timestamp": at}
    await line.call(Message(place.clock.at, "StatusNotification", status))
    [kept] = await database.read(lambda reader: reader.newest_transactions(place.owner))
    assert kept.status is Status.INVALID
    found = await place.replayed()
    assert (found.same, found.differences, counts(found)) == (1, [], NOTHING_WRONG)


async def test_a_journal_that_begins_too_late_judges_what_it_has_whole(database: AnyStore) -> None:
    place = await depot(database)
    line = place.line(await place.station("CP-1"), "ocpp1.6")
    for days in (0, 1, 100, 101, 102):  # messages are kept for 90 days
        charge = drawn_charge(Random(days), FIRST_AT + timedelta(days=days))
        await play(TELLINGS["ocpp1.6"](charge, f"tx-{days}"), line)
        while await forget_frames(place.ports):
            pass
    found = await place.replayed()
    assert (found.same, found.not_judged, found.differences, found.is_same) == (2, 3, [], True)


async def journal_of(place: Depot, record: StationRecord, line: Direct) -> list[tuple[int, FrameRow]]:
    """The journal after a boot."""
    place.clock.at = FIRST_AT - timedelta(hours=1)
    booted = {"chargePointVendor": "V", "chargePointModel": "M"}
    await line.call(Message(place.clock.at, "BootNotification", booted))
    return await place.ports.store.read(lambda reader: reader.frames((place.owner, record.id)))
