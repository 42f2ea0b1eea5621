"""Migrations make what the tables say, on both engines; a schema that is not ours is refused, saying what helps."""

from __future__ import annotations

import asyncio
import io
import re
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_mock_engine
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement

from dwell.adapters.storage import open_store, schema, tables
from dwell.domain.errors import Refused, Unavailable

pytestmark = pytest.mark.anyio

CATALOG = """
SELECT 'column', table_name, column_name, data_type, COALESCE(collation_name, ''), is_nullable,
       COALESCE(column_default, '') || is_identity
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL
SELECT 'index', tablename, indexname, indexdef, '', '', '' FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', '', ''
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
ORDER BY 1, 2, 3
"""

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"


def created(dialect: str) -> list[str]:
    """The statements that make the tables as they are declared."""
    engine = create_mock_engine(f"{dialect}://", lambda *_, **__: None)
    statements: list[ExecutableDDLElement] = []
    for table in tables.metadata.sorted_tables:
        statements += [CreateTable(table), *(CreateIndex(index) for index in table.indexes)]
    return [str(statement.compile(dialect=engine.dialect)) for statement in statements]


def sqlite_catalog(connection: sqlite3.Connection) -> set[str]:
    rows = connection.execute(
        "SELECT sql FROM sqlite_master WHERE name NOT LIKE 'alembic%' AND sql IS NOT NULL"
    )
    spaced = (re.sub(r"\s+", " ", sql).strip() for (sql,) in rows)
    return {re.sub(r" ([,)])", r"\1", sql) for sql in spaced}  # a column that was added is spaced otherwise


async def postgres_catalog(url: str) -> list[tuple[str, ...]]:
    connection = await asyncpg.connect(url)
    rows = [tuple(row) for row in await connection.fetch(CATALOG)]
    await connection.close()
    return [row for row in rows if "alembic" not in row[1]]


def test_all_migrations_make_the_declared_tables_on_sqlite(sqlite_template: Path) -> None:
    with (
        closing(sqlite3.connect(":memory:")) as declared,
        closing(sqlite3.connect(sqlite_template)) as migrated,
    ):
        for statement in created("sqlite"):
            declared.execute(statement)
        assert sqlite_catalog(migrated) == sqlite_catalog(declared)
        assert len(sqlite_catalog(declared)) > 20


async def test_all_migrations_make_the_declared_tables_on_postgres(
    migrated_url: str, postgres_database: str
) -> None:
    connection = await asyncpg.connect(postgres_database)
    for statement in created("postgresql+asyncpg"):
        await connection.execute(statement)
    await connection.close()
    declared = await postgres_catalog(postgres_database)
    assert await postgres_catalog(migrated_url) == declared
    assert len(declared) > 100


def test_the_newest_migration_is_the_one_the_code_asks_for() -> None:
    config = Config(output_buffer=io.StringIO())
    config.set_main_option("script_location", "dwell.adapters.storage:migrations")
    steps = ScriptDirectory.from_config(config)
    assert steps.get_heads() == [tables.SCHEMA]
    assert all(re.fullmatch(r"\d{4}", step.revision) for step in steps.walk_revisions())


async def test_upgrading_twice_or_at_once_is_upgrading_once(tmp_path: Path, postgres_database: str) -> None:
    for url in (f"sqlite:///{tmp_path}/new/dwell.db", postgres_database):
        await asyncio.gather(*(schema.upgrade(url) for _ in range(3)))
        await schema.upgrade(url)
        await schema.check(url)


@pytest.mark.parametrize(
    ("number", "code"), [(None, "schema_missing"), ("0000", "schema_old"), ("9999", "schema_new")]
)
async def test_a_schema_that_is_not_ours_is_refused(
    sqlite_path: Path, postgres_database: str, number: str | None, code: str
) -> None:
    await schema.upgrade(postgres_database)
    for url in (f"sqlite:///{sqlite_path}", postgres_database):
        await renumber(url, number)
        with pytest.raises(Unavailable, match="dwell db upgrade") as caught:
            await open_store(url)
        assert caught.value.code == code


async def renumber(url: str, number: str | None) -> None:
    statements = ["DELETE FROM alembic_version"]
    if number is not None:
        statements.append("INSERT INTO alembic_version VALUES ('" + number + "')")  # noqa: S608 - ours, of four digits
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            run_all(connection, statements)
    else:
        postgres = await asyncpg.connect(url)
        for statement in statements:
            await postgres.execute(statement)
        await postgres.close()


def run_all(connection: sqlite3.Connection, statements: Iterable[str]) -> None:
    for statement in statements:
        connection.execute(statement)
    connection.commit()


async def test_a_newer_schema_is_not_touched(sqlite_path: Path) -> None:
    await renumber(f"sqlite:///{sqlite_path}", "9999")
    with pytest.raises(Unavailable, match="newer"):
        await schema.upgrade(f"sqlite:///{sqlite_path}")
    with closing(sqlite3.connect(sqlite_path)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]


async def test_a_migration_that_fails_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "dwell.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE price_slots (mine TEXT)")
    with pytest.raises(Unavailable, match="price_slots"):
        await schema.upgrade(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection:
        assert sqlite_catalog(connection) == {"CREATE TABLE price_slots (mine TEXT)"}


async def test_a_migration_that_fails_leaves_nothing_on_postgres_either(postgres_database: str) -> None:
    connection = await asyncpg.connect(postgres_database)
    await connection.execute("CREATE TABLE price_slots (mine TEXT)")
    with pytest.raises(Unavailable, match="price_slots"):
        await schema.upgrade(postgres_database)
    assert [row["tablename"] for row in await connection.fetch(TABLES)] == ["price_slots"]
    await connection.close()


async def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    await schema.upgrade(f"sqlite:///{tmp_path}/dwell.db")
    assert (tmp_path / "dwell.db").stat().st_mode & 0o777 == 0o600


async def test_a_place_where_no_file_can_be_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable):
        await schema.upgrade(f"sqlite:///{tmp_path}/file/dwell.db")


async def test_stores_open_by_address(sqlite_path: Path, migrated_url: str) -> None:
    for url in (f"sqlite:///{sqlite_path}", migrated_url):
        store = await open_store(url)
        assert await store.read(lambda reader: reader.zones()) is not None
        await store.close()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "dwell.db",
        "sqlite:///",
        "sqlite://x",
        "mysql://root:hunter2@db/x",
        "postgresql://",
        "postgres-hunter2",
    ],
)
async def test_other_addresses_are_refused_without_telling_passwords(address: str) -> None:
    with pytest.raises(Refused, match="not a database address") as caught:
        await open_store(address)
    assert "hunter2" not in str(caught.value)


async def test_an_address_that_the_driver_cannot_read_is_refused_without_telling_it() -> None:
    with pytest.raises(Refused) as caught:
        await open_store("postgresql://me:hunter2@db:notaport/x")
    assert "hunter2" not in str(caught.value)


def test_a_migration_keeps_what_is_there(tmp_path: Path) -> None:
    written = io.StringIO()
    config = Config(output_buffer=written)
    config.set_main_option("script_location", "dwell.adapters.storage:migrations")
    config.attributes["dialect"] = "sqlite"
    command.upgrade(config, "0001", sql=True)
    path = tmp_path / "dwell.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(written.getvalue())
        kept = [(n, "ours", None, n * 1_000, "late", b"{}") for n in (1, 2)]
        connection.executemany("INSERT INTO quarantine VALUES (?, ?, ?, ?, ?, ?)", kept)
        connection.commit()
    asyncio.run(schema.upgrade(f"sqlite:///{path}"))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT * FROM quarantine").fetchall() == [(*row, None) for row in kept]
