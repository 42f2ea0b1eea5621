"""No statement forgets the tenant, and none is written twice for two engines."""

from __future__ import annotations

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
    "COUNT_EVENTS",  # measures are of the whole store
    "COUNT_ORDERS",
    "COUNT_SESSIONS",
    "CREDENTIAL",  # tells which organization it is
    "CREDENTIALS",  # for who looks after the store: expired tokens go, an operator looks at keys
    "REMOVE_CREDENTIAL",  # by the name that its secret has
    "FORGET_EVENTS",  # time takes from all alike
    "FORGET_QUARANTINED",  # the same
    "DUE_TRACKS",
    "NEXT_WAKE",
    "LIVE_VEHICLES_IN_ZONE",  # a price change concerns whoever charges in its zone
    "SETTLED_IN_ZONE",
}
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
    lists = [
        statements.list_of(table, frozenset({*([owner] if owner else []), *key}))
        for table, names in LISTED_BY.items()
        for owner in (None, *names)
        for key in ([], ["after_id"], ["before_id"])
    ]
    return pages + lists


def tables_in(text: str) -> set[str]:
    return set(re.findall(r"(?:FROM|INTO|UPDATE|JOIN)\s+(\w+)", text))


def forgets_the_tenant(text: str) -> bool:
    """Whether some SELECT, UPDATE or DELETE on a tenant's table is not bound to an organization."""
    parts = re.split(r"(?=\bSELECT\b|\bDELETE\b|\bUPDATE\b)", text)
    return any(
        tables_in(part) & TENANTS and "organization_id = :organization_id" not in part for part in parts
    )


@pytest.mark.parametrize("name", sorted(set(TEXTS) - OF_ALL_ORGANIZATIONS))
def test_a_statement_names_the_organization(name: str) -> None:
    assert not forgets_the_tenant(TEXTS[name])


def test_a_built_statement_names_the_organization() -> None:
    assert not [text for text in built() if forgets_the_tenant(text)]


def test_a_forgetful_statement_would_be_found() -> None:
    assert all(forgets_the_tenant(TEXTS[name]) for name in OF_ALL_ORGANIZATIONS)
    assert forgets_the_tenant("SELECT body FROM sessions WHERE id = :id")


@pytest.mark.parametrize("name", sorted(INSERTS))
def test_a_replaced_row_is_one_of_the_same_organization(name: str) -> None:
    key = re.search(r"ON CONFLICT \((.*?)\)", INSERTS[name].conflict)
    table = INSERTS[name].table
    if key is not None and table.name in TENANTS - {"credentials"}:
        assert key[1].startswith("organization_id, ")


@pytest.mark.parametrize("name", sorted(set(TEXTS) - {"ZONES"}))
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
