"""Servers for the contract tests: one on each database for the whole run, a tenant of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contract.serving import Home, Serving, Tenant, serving_on


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server on each database in turn. All share its clock: who moves it takes a server of its own."""
    with serving_on(request, tmp_path_factory, "contract") as one:
        yield one


@pytest.fixture
def tenant(server: Serving) -> Tenant:
    """A new organization."""
    return server.tenant()


@pytest.fixture
def home(tenant: Tenant) -> Home:
    """A user with a location, a vehicle and a policy."""
    return tenant.home()
