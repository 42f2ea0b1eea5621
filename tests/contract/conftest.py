"""Servers for the contract tests: one on each database for the whole run, a tenant of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contract.serving import Home, Serving, Tenant, serving


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server on each database in turn."""
    if request.param == "sqlite":
        with serving(f"sqlite:///{tmp_path_factory.mktemp('contract')}/dwell.sqlite3") as one:
            yield one
        return
    cluster = request.getfixturevalue("postgres_cluster")
    url = cluster.create_database("contract")
    try:
        with serving(url) as one:
            yield one
    finally:
        cluster.drop_database("contract")


@pytest.fixture
def tenant(server: Serving) -> Tenant:
    """A new organization."""
    return server.tenant()


@pytest.fixture
def home(tenant: Tenant) -> Home:
    """A user with a location, a vehicle and a policy."""
    return tenant.home()
