"""No statement forgets the tenant, and none is written twice for two engines."""

from __future__ import annotations

import itertools
import re

import pytest

from dwell.adapters.storage import statements
from dwell.adapters.storage.dialect import POSTGRES, SQLITE, Insert, compiled, compiled_insert
from dwell.adapters.storage.tables import metadata

TENANTS = {name for name, table in metadata.tables.items() if "organization_id" in table.c}
OF_ALL_ORGANIZATIONS = {
    "CREDENTIAL",  # tells which organization it is
    "DUE_TRACKS",
    "NEXT_WAKE",
    "LIVE_VEHICLES_IN_ZONE",  # a price change concerns whoever charges in its zone
    "SETTLED_IN_ZONE",
}
TEXTS = {name: text for name, text in vars(statements).items() if name.isupper() and isinstance(text, str)}
INSERTS = {name: one for name, one in vars(statements).items() if isinstance(one, Insert)}


def built() -> list[str]:
    names = list(statements.PAGE_FILTERS)
    pages = [
        statements.settled_page(frozenset(chosen))
        for count in range(3)
        for chosen in itertools.combinations(names, count)
    ]
    return pages + [
        statements.list_of(table, frozenset(statements.LIST_FILTERS)) for table in statements.LISTS
    ]


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
