"""A page of 50 settled sessions out of very many, on both databases: `python -m benchmarks.pages [--sessions N]`.

Prints the 50th and 99th percentile of `Store.read` as the product calls it (a transaction, one statement, 50 bodies
decoded), for each filter, at the front of the list and at random places in it, both ways; and what a session takes on
disk with all its indexes. The rows are loaded around the store, indexes last. Bodies are those of 500 sessions over and
over; what is looked up is of all N.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import asyncpg
import click
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, DropIndex

from dwell.adapters.storage import open_store, schema
from dwell.adapters.storage.bodies import encode_session
from dwell.adapters.storage.tables import sessions
from dwell.application.ports import Store
from dwell.application.records import PageKey, SessionFilter
from dwell.domain.ids import LocationId, OrganizationId, PolicyId, SessionId, UserId, VehicleId
from dwell.domain.instants import micros_of
from dwell.domain.policy.terms import Agreed, PolicyTerms, VisitTerms
from dwell.domain.session.record import SETTLED, Block, OutcomeState, Promise, Session, Valuation
from dwell.domain.session.visit import Target
from scripts.private_postgres import private_cluster

PAGE = 50
FIRST_AT = datetime(2021, 1, 1, tzinfo=UTC)
YEARS = timedelta(days=5 * 365)
OURS = OrganizationId("01980000-0000-7000-8000-000000000001")
BODIES = 500
CHUNK = 20_000
VEHICLES, LOCATIONS = 5_000, 3_000
Row = tuple[object, ...]


def name(kind: int, number: int) -> str:
    """A UUID made of what it names."""
    return f"0198{kind:04x}-0000-7000-8000-{number:012x}"


def one_session(chance: random.Random) -> Session:
    """A settled night with its plan and its price."""
    at = FIRST_AT + chance.random() * YEARS
    blocks = tuple(
        Block(
            "REGULAR", at + timedelta(hours=n), at + timedelta(hours=n, minutes=30), chance.randrange(6_000)
        )
        for n in range(chance.randrange(1, 5))
    )
    promise = Promise(
        made_at=at,
        target_number=1,
        blocks=blocks,
        powers_w=(11_000,) * len(blocks),
        reasons=("cheapest",) * len(blocks),
        reached_at=at,
        soc_at_ready_by_percent=80.0,
        price_coverage=1.0,
        expected_savings=Decimal(chance.randrange(200)) / 100,
        sentence="Charges while it is cheapest and is ready in time.",
    )
    return Session(
        id=SessionId(name(1, chance.getrandbits(40))),
        organization_id=OURS,
        user_id=UserId(name(2, chance.randrange(VEHICLES))),
        vehicle_id=VehicleId(name(3, chance.randrange(VEHICLES))),
        policy_id=PolicyId(name(4, chance.randrange(VEHICLES))),
        location_id=LocationId(name(5, chance.randrange(LOCATIONS))),
        state=SETTLED,
        created_at=at,
        updated_at=at,
        terms=VisitTerms(zone="DE-LU", battery_capacity_wh=60_000, agreed=(Agreed(at, PolicyTerms()),)),
        plugged_in_at=at,
        plugged_out_at=at + timedelta(hours=11),
        settled_at=at + timedelta(hours=11),
        energy_wh=sum(block.energy_wh for block in blocks),
        energy_source="power",
        rows_from_at=at,
        rows_wh=tuple(chance.choice((0, 0, chance.randrange(2_750))) for _ in range(44)),
        blocks=blocks,
        soc_from_percent=41.5,
        soc_to_percent=80.0,
        target=Target(1, "REGULAR", "POLICY", 20.0, 80.0, at + timedelta(hours=10)),
        outcome=OutcomeState("REACHED", 1, 80.0, at),
        valuation=Valuation("EUR", Decimal("1.2345"), Decimal("2.3456"), Decimal("1.1111")),
        promise=promise,
        first_promise=promise,
    )


def session_rows(count: int) -> Iterator[list[Row]]:
    """The columns of `tables.sessions`, in order, in chunks."""
    chance = random.Random(1)
    bodies = [encode_session(one_session(chance)) for _ in range(BODIES)]
    made: list[Row] = []
    for number in range(count):
        owner = chance.randrange(VEHICLES)
        at = micros_of(FIRST_AT + chance.random() * YEARS)
        made.append(
            (
                OURS,
                name(1, number),
                name(3, owner),
                name(4, owner),
                name(5, owner % LOCATIONS),
                SETTLED,
                -at,
                at + 11 * 3_600_000_000,
                int(number % 25 == 0),
                "DE-LU",
                bodies[number % BODIES],
            )
        )
        if len(made) == CHUNK or number == count - 1:
            yield made
            made = []


def load_sqlite(path: Path, count: int) -> float:
    """Load the rows; returns bytes a session."""
    dialect = sqlite.dialect()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for index in sessions.indexes:
            connection.execute(str(DropIndex(index).compile(dialect=dialect)))
        before = path.stat().st_size
        connection.execute("BEGIN")
        places = ", ".join("?" * len(sessions.columns))
        insert = " ".join(("INSERT INTO sessions VALUES (", places, ")"))
        for rows in track(session_rows(count), "SQLite", -(-count // CHUNK), transient=True):
            connection.executemany(insert, rows)
        for index in sessions.indexes:
            connection.execute(str(CreateIndex(index).compile(dialect=dialect)))
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return (path.stat().st_size - before) / count


async def load_postgres(url: str, count: int) -> float:
    """Load the rows; returns bytes a session."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves its dialects untyped
    connection = await asyncpg.connect(url)
    for index in sessions.indexes:
        await connection.execute(str(DropIndex(index).compile(dialect=dialect)))
    for rows in track(session_rows(count), "PostgreSQL", -(-count // CHUNK), transient=True):
        await connection.copy_records_to_table("sessions", records=rows)
    for index in sessions.indexes:
        await connection.execute(str(CreateIndex(index).compile(dialect=dialect)))
    await connection.execute("VACUUM ANALYZE sessions")
    size: int = await connection.fetchval("SELECT pg_total_relation_size('sessions')")
    await connection.close()
    return size / count


def filters() -> dict[str, SessionFilter]:
    """One of each kind that callers have, and all of them together."""
    middle, later = FIRST_AT + YEARS / 2, FIRST_AT + YEARS / 2 + timedelta(days=30)
    owner = 77
    return {
        "none": SessionFilter(),
        "with hidden ones": SessionFilter(include_hidden=True),
        "vehicle": SessionFilter(vehicle_id=VehicleId(name(3, owner))),
        "policy": SessionFilter(policy_id=PolicyId(name(4, owner))),
        "location": SessionFilter(location_id=LocationId(name(5, owner))),
        "plugged in from": SessionFilter(plugged_in_from=middle),
        "plugged out to": SessionFilter(plugged_out_to=middle),
        "from and to": SessionFilter(plugged_in_from=middle, plugged_out_to=later),
        "vehicle, from, to": SessionFilter(
            vehicle_id=VehicleId(name(3, owner)), plugged_in_from=middle, plugged_out_to=later
        ),
    }


async def timed(store: Store, wanted: SessionFilter, samples: int) -> tuple[list[float], list[float]]:
    """Milliseconds of the first page, and of pages after and before random keys."""
    chance = random.Random(2)

    async def one(after: PageKey | None = None, before: PageKey | None = None) -> float:
        start_s = time.perf_counter()
        await store.read(lambda r: r.settled_page(OURS, wanted, after=after, before=before, limit=PAGE))
        return (time.perf_counter() - start_s) * 1000

    front, inside = [await one() for _ in range(samples)], list[float]()
    for number in range(samples):
        key = PageKey(FIRST_AT + chance.random() * YEARS, name(1, chance.getrandbits(20)))
        inside.append(await (one(before=key) if number % 2 else one(after=key)))
    return front, inside


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of them do not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


async def measure(url: str, samples: int) -> dict[str, tuple[list[float], list[float]]]:
    """The times of every filter on the store at `url`."""
    store = await open_store(url)
    found = {}
    for label, wanted in filters().items():
        await timed(store, wanted, 5)
        found[label] = await timed(store, wanted, samples)
    await store.close()
    return found


@click.command()
@click.option(
    "--sessions", "count", default=1_000_000, show_default=True, help="settled sessions in each database"
)
@click.option("--samples", default=200, show_default=True, help="pages of each kind")
def main(count: int, samples: int) -> None:
    """A page of 50 settled sessions out of N, on SQLite and on PostgreSQL."""
    console = Console()
    with tempfile.TemporaryDirectory() as folder, private_cluster() as cluster:
        path = Path(folder) / "pages.db"
        urls = {"SQLite": f"sqlite:///{path}", "PostgreSQL": cluster.create_database("pages")}
        for url in urls.values():
            asyncio.run(schema.upgrade(url))
        sizes = {
            "SQLite": load_sqlite(path, count),
            "PostgreSQL": asyncio.run(load_postgres(urls["PostgreSQL"], count)),
        }
        for engine, url in urls.items():
            table = Table(
                title=f"{engine}: {PAGE} of {count:,} sessions of {sizes[engine]:,.0f} bytes; milliseconds"
            )
            table.add_column("filter", no_wrap=True)
            for column in ("first p50", "first p99", "inside p50", "inside p99"):
                table.add_column(column, justify="right")
            for label, (front, inside) in asyncio.run(measure(url, samples)).items():
                times = [percentile(of, share) for of in (front, inside) for share in (0.5, 0.99)]
                table.add_row(label, *(f"{value:.2f}" for value in times))
            console.print(table)


if __name__ == "__main__":
    main()
