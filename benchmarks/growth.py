"""What vehicles and visits take, and what works cost as vehicles grow in number: `python -m benchmarks.growth`.

For each number of vehicles and each store, prints:
  vehicle   bytes of an idle vehicle: itself, policy, location, waiting session and track, with all indexes
  visit     bytes of a settled visit: its session and its packed facts (a night of 60)
  alone     durable works a second that load one vehicle, add a fact, save its session and track, one after the other
  company   the same with 64 under way at once (on SQLite: group commit)
  raw       facts a second in works of 1,000 that do nothing else, for comparison
  due       milliseconds of asking for the 100 soonest due tracks (50th percentile)
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import asyncpg
import click
import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.pages import name, one_session, percentile
from dwell.adapters.storage import open_store, schema
from dwell.adapters.storage.memory import MemoryStore
from dwell.application.ports import Store, Transaction
from dwell.application.records import StoredFact
from dwell.domain.ids import LocationId, OrganizationId, PolicyId, SessionId, UserId, VehicleId
from dwell.domain.policy.terms import Agreed, PolicyTerms, VisitTerms
from dwell.domain.registry import Information, Location, Policy, Vehicle
from dwell.domain.session.facts import Fact, digest_of
from dwell.domain.session.record import ACTIVE, UPCOMING, Session
from dwell.domain.session.track import Seen, Track
from scripts.private_postgres import private_cluster

OURS = OrganizationId(name(0, 1))
NOW = datetime(2026, 1, 10, 17, 0, tzinfo=UTC)
BATCH = 500
WORKS_ALONE, WORKS_IN_COMPANY, COMPANY = 200, 3_000, 64
VISITS, FACTS_A_VISIT = 500, 60
RAW_FACTS = 20_000


LASTING = """
SELECT SUM(pg_total_relation_size(oid)) FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'facts'
"""
"""All tables but that of young facts, whose rows give way to packs and whose space is used again."""


@dataclass(frozen=True, slots=True)
class Place:
    """A store and how to learn what it takes on disk."""

    label: str
    store: Store
    size: Callable[[], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Figures:
    """One row of the table."""

    vehicle_bytes: float
    visit_bytes: float
    alone_per_s: float
    company_per_s: float
    raw_per_s: float
    due_ms: float


def vehicle_id(number: int) -> VehicleId:
    """The id of one of the vehicles."""
    return VehicleId(name(3, number))


def waiting(number: int) -> Session:
    """The session that a vehicle's policy waits with."""
    return Session(
        id=SessionId(name(1, number)),
        organization_id=OURS,
        user_id=UserId(name(2, number)),
        vehicle_id=vehicle_id(number),
        policy_id=PolicyId(name(4, number)),
        location_id=LocationId(name(5, number)),
        state=UPCOMING,
        created_at=NOW,
        updated_at=NOW,
        terms=VisitTerms(zone="DE-LU", agreed=(Agreed(NOW, PolicyTerms()),)),
    )


async def register(tx: Transaction, number: int) -> Track:
    """Save everything of an idle vehicle but its session and track; returns the track."""
    user_id, vid = UserId(name(2, number)), vehicle_id(number)
    await tx.save_vehicle(
        Vehicle(
            id=vid,
            organization_id=OURS,
            user_id=user_id,
            vendor="Nordwagen",
            information=Information(brand="Nordwagen", model="4", year=2025, vin="WDW00000000000000"),
            battery_capacity_wh=60_000,
            power_max_w=11_000,
            created_at=NOW,
            updated_at=NOW,
        )
    )
    await tx.save_location(
        Location(
            id=LocationId(name(5, number)),
            organization_id=OURS,
            user_id=user_id,
            name="Home",
            latitude=52.5,
            longitude=13.4,
            timezone="Europe/Berlin",
            zone="DE-LU",
            created_at=NOW,
            updated_at=NOW,
        )
    )
    await tx.save_policy(
        Policy(
            id=PolicyId(name(4, number)),
            organization_id=OURS,
            vehicle_id=vid,
            location_id=LocationId(name(5, number)),
            user_id=user_id,
            agreed=(Agreed(NOW, PolicyTerms()),),
            created_at=NOW,
            updated_at=NOW,
        )
    )
    wake_at = NOW + timedelta(seconds=number % 86_400)
    return Track(organization_id=OURS, vehicle_id=vid, seen=Seen(at=NOW, soc_percent=50.0), wake_at=wake_at)


async def register_all(store: Store, count: int) -> None:
    """All vehicles, in batches."""
    for start in range(0, count, BATCH):
        numbers = range(start, min(count, start + BATCH))

        async def work(tx: Transaction, numbers: range = numbers) -> None:
            tracks = [await register(tx, number) for number in numbers]
            await tx.save_sessions([waiting(number) for number in numbers])
            await tx.save_tracks(tracks)

        await store.write(work)


def samples(vehicle: VehicleId, count: int, *, since: datetime) -> Iterator[StoredFact]:
    """Facts of a charging vehicle, one in ten minutes."""
    for number in range(count):
        fact = Fact(
            since + timedelta(minutes=10 * number),
            plugged_in=True,
            charging=True,
            power_w=10_800 + number % 37,
            soc_percent=40 + number / 4,
            energy_register_wh=1_000_000 + 1_800 * number,
        )
        yield StoredFact(vehicle, digest_of(fact), fact)


async def live_visits(store: Store, count: int) -> None:
    """So many settled visits with their packed facts."""
    chance = random.Random(5)
    for number in range(count):
        session = msgspec.structs.replace(one_session(chance), id=SessionId(name(9, number)))
        facts = list(samples(vehicle_id(number), FACTS_A_VISIT, since=NOW - timedelta(days=9)))

        async def work(tx: Transaction, session: Session = session, facts: list[StoredFact] = facts) -> None:
            await tx.add_facts(OURS, facts, received_at=NOW)
            await tx.save_sessions([session])
            await tx.pack_facts(OURS, facts[0].vehicle_id, until=NOW)

        await store.write(work)


async def one_fact(tx: Transaction, vehicle: VehicleId, minute: int) -> None:
    """What ingest does to the store for one fact of one vehicle."""
    await tx.vehicles_by_id(OURS, [vehicle])
    track = (await tx.tracks(OURS, [vehicle]))[vehicle]
    await tx.policies_of_vehicles(OURS, [vehicle])
    await tx.locations_of_users(OURS, [UserId(vehicle.replace("01980003", "01980002"))])
    session = (await tx.unsettled_sessions(OURS, [vehicle]))[vehicle][0]
    at = NOW + timedelta(minutes=minute)
    fact = Fact(at, plugged_in=True, charging=True, power_w=10_800)
    await tx.add_facts(OURS, [StoredFact(vehicle, digest_of(fact), fact)], received_at=NOW)
    await tx.save_sessions([msgspec.structs.replace(session, state=ACTIVE, plugged_in_at=NOW, updated_at=at)])
    await tx.save_tracks([msgspec.structs.replace(track, newest_at=at)])


async def works_per_s(store: Store, vehicles: int, works: int, company: int) -> float:
    """Durable works a second with `company` of them under way at once, each about another vehicle."""
    numbers = iter(range(works))
    step = max(1, vehicles // works)

    async def lane() -> None:
        for number in numbers:
            vehicle = vehicle_id(number * step % vehicles)
            await store.write(lambda tx: one_fact(tx, vehicle, number))  # noqa: B023 - run before the next turn

    start_s = time.perf_counter()
    await asyncio.gather(*(lane() for _ in range(company)))
    return works / (time.perf_counter() - start_s)


async def raw_rows_per_s(store: Store) -> float:
    """Facts a second in works of 1,000."""
    facts = samples(vehicle_id(0), RAW_FACTS, since=NOW + timedelta(days=9))
    batches = list(iter(lambda: list(islice(facts, 1_000)), []))
    start_s = time.perf_counter()
    for batch in batches:
        await store.write(lambda tx: tx.add_facts(OURS, batch, received_at=NOW))  # noqa: B023 - run before the next turn
    return RAW_FACTS / (time.perf_counter() - start_s)


async def due_ms(store: Store) -> float:
    """Milliseconds of asking for due tracks, with every track due."""
    times = []
    for _ in range(30):
        start_s = time.perf_counter()
        await store.write(lambda tx: tx.due_tracks(NOW + timedelta(days=2), limit=100))
        times.append((time.perf_counter() - start_s) * 1000)
    return percentile(times, 0.5)


async def measured(place: Place, vehicles: int) -> Figures:
    """The figures of an empty store that is filled with `vehicles`."""
    empty = await place.size()
    await register_all(place.store, vehicles)
    idle = await place.size()
    await live_visits(place.store, VISITS)
    lived = await place.size()
    return Figures(
        vehicle_bytes=(idle - empty) / vehicles,
        visit_bytes=(lived - idle) / VISITS,
        alone_per_s=await works_per_s(place.store, vehicles, WORKS_ALONE, 1),
        company_per_s=await works_per_s(place.store, vehicles, WORKS_IN_COMPANY, COMPANY),
        raw_per_s=await raw_rows_per_s(place.store),
        due_ms=await due_ms(place.store),
    )


async def on_memory(vehicles: int) -> Figures:
    """The in-memory store, whose bytes are not measured here."""

    async def nothing() -> int:
        return 0

    return await measured(Place("memory", MemoryStore(), nothing), vehicles)


async def on_sqlite(vehicles: int) -> Figures:
    """A fresh SQLite file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "growth.db"
        await schema.upgrade(f"sqlite:///{path}")
        store = await open_store(f"sqlite:///{path}")

        async def size() -> int:
            return pages_in_use(path)

        found = await measured(Place("SQLite", store, size), vehicles)
        await store.close()
        return found


def pages_in_use(path: Path) -> int:
    """Bytes of the pages that hold something, those in the log included."""
    with closing(sqlite3.connect(path)) as connection:
        ((count, free, size),) = connection.execute(
            "SELECT * FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
        )
    return int((count - free) * size)


async def on_postgres(url: str, vehicles: int) -> Figures:
    """A fresh PostgreSQL database."""
    await schema.upgrade(url)
    store = await open_store(url)
    watching = await asyncpg.connect(url)

    async def size() -> int:
        return int(await watching.fetchval(LASTING))

    found = await measured(Place("PostgreSQL", store, size), vehicles)
    await watching.close()
    await store.close()
    return found


@click.command()
@click.option("--vehicles", multiple=True, type=int, default=(1_000, 10_000, 100_000), show_default=True)
def main(vehicles: tuple[int, ...]) -> None:
    """Growth in vehicles, on every store."""
    table = Table(title="Growth in vehicles")
    for column in ("store", "vehicles", "vehicle", "visit", "alone", "company", "raw", "due"):
        table.add_column(column, justify="left" if column == "store" else "right", no_wrap=True)
    with private_cluster() as cluster:
        for count in vehicles:
            rows = {
                "memory": asyncio.run(on_memory(count)),
                "SQLite": asyncio.run(on_sqlite(count)),
                "PostgreSQL": asyncio.run(on_postgres(cluster.create_database(f"growth_{count}"), count)),
            }
            for label, figures in rows.items():
                table.add_row(label, f"{count:,}", *_written(figures))
    Console().print(table)


def _written(figures: Figures) -> list[str]:
    whole = (
        figures.vehicle_bytes,
        figures.visit_bytes,
        figures.alone_per_s,
        figures.company_per_s,
        figures.raw_per_s,
    )
    return [*(f"{value:,.0f}" if value else "" for value in whole), f"{figures.due_ms:.1f}"]


if __name__ == "__main__":
    main()
