"""Servers for the Fleet tests, apart from the others': here time passes while a vehicle charges."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contract.serving import Serving, serving_on


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server on each database in turn, whose clock the tests of this folder move."""
    with serving_on(request, tmp_path_factory, "fleet") as one:
        yield one
