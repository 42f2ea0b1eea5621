"""No statement forgets the tenant, and none is written twice for two engines."""

from __future__ import annotations

import ast
import itertools
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from dwell.adapters.storage import statements
from dwell.adapters.storage.dialect import POSTGRES, SQLITE, Insert, compiled, compiled_insert
from dwell.adapters.storage.tables import metadata

TENANTS = {name for name, table in metadata.tables.items() if "organization_id" in table.c}
OF_ALL_ORGANIZATIONS = {
    "COUNT_EVENTS": "measures are of the whole store",
    "COUNT_ORDERS": "measures are of the whole store",
    "COUNT_SESSIONS": "measures are of the whole store",
    "CREDENTIALS": "for who looks after the store: expired tokens go, an operator looks at keys",
    "REMOVE_CREDENTIAL": "by the name that its secret has",
    "CREDENTIAL": "it tells which organization it is that asks",
    "FORGET_EVENTS": "time takes from all alike, and nothing is told of what it took",
    "FORGET_QUARANTINED": "time takes from all alike, and nothing is told of what it took",
    "STATION_NAMED": "a station names itself by its address; what is found names its organization",
    "DUE_TRANSACTIONS": "time passes for all; what is found names its organization",
    "FORGET_FRAMES": "time takes from all alike, and nothing is told of what it took",
    "DUE_TRACKS": "the engine looks after every vehicle; what it finds names its organization",
    "NEXT_WAKE": "the engine sleeps until the first vehicle of any; an instant is all that is told",
    "LIVE_VEHICLES_IN_ZONE": "a price concerns whoever charges in its zone; what is found names its organization",
    "DUE_LINES": "a worker delivers for all; what it finds names its organization",
    "ORGANIZATIONS_TO_ROUTE": "a worker routes for all; the name of the organization is all that is told",
    "FORGET_ATTEMPTS": "time takes from all alike, and nothing is told of what it took",
    "FORGET_DEAD_LETTERS": "time takes from all alike, and nothing is told of what it took",
    "NUMBER_EVENTS": "bound to the organization inside and out, where this reader of statements does not look",
    "FORMULAS_USING": "a market's prices concern every formula over them; what is found names its organization",
    "SETTLED_IN_ZONE": "a price concerns whoever has charged in its zone; what is found names its organization",
}
"""Statements on tenants' tables that are not bound to one organization, each with its reason."""
STORAGE = Path(statements.__file__).parent
TEXTS = {name: text for name, text in vars(statements).items() if name.isupper() and isinstance(text, str)}
INSERTS = {name: one for name, one in vars(statements).items() if isinstance(one, Insert)}


WALKED = {
    "COUNT_EVENTS": {"SCAN CONSTANT ROW"},  # two look-ups, of the first and the last
    "COUNT_ORDERS": {"SCAN organizations USING COVERING INDEX sqlite_autoindex_organizations_1"},
    "COUNT_SESSIONS": {"SCAN sessions USING INDEX sessions_one_unsettled"},
}
"""What a statement that counts may walk: an index as small as what is counted."""

LISTED_BY = {
    "locations": ("user_id",),
    "vehicles": ("user_id",),
    "policies": ("user_id", "vehicle_id", "location_id"),
}


def built() -> list[str]:
    """Every page by up to three of its filters, both ways."""
    owners = ("vehicle_id", "policy_id", "location_id", "shown", "until")
    bounds: list[set[str]] = [
        set(),
        {"after"},
        {"until_recency"},
        {"since"},
        {"since", "after"},
        {"since", "until_recency"},
        {"before", "backwards"},
        {"before", "backwards", "until_recency"},
        {"since", "backwards"},
    ]
    pages = [
        statements.settled_page(frozenset({*chosen, *bound}))
        for count in range(3)
        for chosen in itertools.combinations(owners, count)
        for bound in bounds
    ]
    windows = [
        statement(frozenset({"vehicle_id", "since", "until_recency", *more}))
        for statement in (statements.settled_page, statements.settled_count)
        for more in ([], ["shown"])
    ]
    lists = [
        statements.list_of(table, frozenset({*([owner] if owner else []), *key}))
        for table, names in LISTED_BY.items()
        for owner in (None, *names)
        for key in ([], ["after_id"], ["before_id"])
    ]
    return pages + windows + lists


def tables_in(text: str) -> set[str]:
    return set(re.findall(r"(?:FROM|INTO|UPDATE|JOIN)\s+(\w+)", text))


def forgets_the_tenant(text: str) -> bool:
    """Whether some SELECT, UPDATE or DELETE on a tenant's table is not bound to an organization."""
    parts = re.split(r"(?=\bSELECT\b|\bDELETE\b|\bUPDATE\b)", text)
    return any(
        tables_in(part) & TENANTS and "organization_id = :organization_id" not in part for part in parts
    )


@pytest.mark.parametrize("name", sorted(set(TEXTS) - set(OF_ALL_ORGANIZATIONS)))
def test_a_statement_names_the_organization(name: str) -> None:
    assert not forgets_the_tenant(TEXTS[name])


def test_a_built_statement_names_the_organization() -> None:
    assert not [text for text in built() if forgets_the_tenant(text)]


def test_a_forgetful_statement_would_be_found() -> None:
    assert all(forgets_the_tenant(TEXTS[name]) for name in OF_ALL_ORGANIZATIONS)
    assert forgets_the_tenant("SELECT body FROM sessions WHERE id = :id")


def sql_in(source: str) -> list[str]:
    """Texts of the module that are SQL on a tenant's table, in whatever pieces they are put together."""
    texts = (node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
    verb = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|FROM|JOIN|RETURNING|WHERE)\b")
    return [
        text for text in texts if isinstance(text, str) and verb.search(text) and set(text.split()) & TENANTS
    ]


@pytest.mark.parametrize("path", sorted(STORAGE.glob("*.py")), ids=lambda path: path.stem)
def test_statements_are_written_where_they_are_read_by_this_test(path: Path) -> None:
    """What is not in `statements` is not seen by the tests above: there is none elsewhere."""
    found = sql_in(path.read_text())
    assert bool(found) == (path.stem == "statements"), found


def test_a_statement_in_pieces_would_be_found() -> None:
    assert sql_in('rows.all("SELECT body FROM sessions WHERE id = :id")')
    assert sql_in('f"SELECT {columns} FROM facts WHERE {condition}"')
    assert not sql_in('"""Sessions, facts and orders of one vehicle."""')


@pytest.mark.parametrize("name", sorted(INSERTS))
def test_a_replaced_row_is_one_of_the_same_organization(name: str) -> None:
    key = re.search(r"ON CONFLICT \((.*?)\)", INSERTS[name].conflict)
    table = INSERTS[name].table
    if key is not None and table.name in TENANTS - {"credentials"}:
        assert f"{key[1]}, ".startswith("organization_id, ")


SCANS = {"ZONES", "NUMBER_EVENTS", "SOME_ORGANIZATIONS"}
"""All there is, and the numbers that were just made."""


@pytest.mark.parametrize("name", sorted(set(TEXTS) - SCANS))
def test_a_statement_finds_its_rows_by_an_index(name: str, sqlite_template: Path) -> None:
    assert set(scanned(sqlite_template, TEXTS[name])) == WALKED.get(name, set())


def test_a_page_is_one_range_of_an_index_whatever_the_filter(sqlite_template: Path) -> None:
    for text in built():
        assert not scanned(sqlite_template, text), text
        assert not [step for step in plan_of(sqlite_template, text) if "TEMP B-TREE" in step], text


def scanned(path: Path, text: str) -> list[str]:
    return [step for step in plan_of(path, text) if re.match(r"SCAN (?!json_each)", step)]


def plan_of(path: Path, text: str) -> list[str]:
    """How SQLite means to run the statement: one line a step."""
    statement, names = compiled(text, SQLITE)
    with closing(sqlite3.connect(path)) as connection:
        steps = connection.execute(" ".join(("EXPLAIN QUERY PLAN", statement)), ["[]"] * len(names))
        return [step for *_, step in steps]


def test_marks_become_what_each_engine_says() -> None:
    text = "SELECT body FROM tracks WHERE a = :a AND b @in(ids) AND c = :a @for_update @skip_locked"
    assert compiled(text, SQLITE) == (
        "SELECT body FROM tracks WHERE a = ?1 AND b IN (SELECT value FROM json_each(?2)) AND c = ?1  ",
        ("a", "ids"),
    )
    assert compiled(text, POSTGRES) == (
        "SELECT body FROM tracks WHERE a = $1 AND b = ANY(CAST($2 AS text[])) AND c = $1 FOR UPDATE SKIP LOCKED",
        ("a", "ids"),
    )


def test_inserts_go_by_row_or_by_column() -> None:
    slot = statements.ADD_SLOT
    assert compiled_insert(slot, SQLITE).endswith("VALUES ( ?1, ?2, ?3, ?4 )")
    assert "unnest( CAST($1 AS text[]), CAST($2 AS bigint[])" in compiled_insert(slot, POSTGRES)
