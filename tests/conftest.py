"""What every test may ask for. Files beside this one import by their own name: `from receiver import Answer`.

Async tests: mark them `@pytest.mark.anyio`, or a whole file by `pytestmark = pytest.mark.anyio`. They run on
asyncio's own loop. Async fixtures work in them too; one of wider scope than a function asks for `anyio_backend`,
which is of the session. An async test without the mark fails, it is not passed over.

Databases: `postgres_database` is the address of a fresh, empty PostgreSQL database; `postgres_cluster` is the
server itself, which a test may crash (`postgres_cluster.restart("immediate")`). Neither ever skips. `store` and
`database` are opened stores, see stores.py.

Hypothesis: profiles `dev` (new examples every time), `ci` (the same every time; chosen where CI is set) and
`soak` (thousands). Chance in simulations: a test with an argument `seed` runs once for each of `--seeds N`.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from receiver import Receiver, running_receiver
from scripts.private_postgres import Cluster, private_cluster

pytest_plugins = ["stores"]

USUAL_SEEDS = 3

settings.register_profile("dev", deadline=None, print_blob=True)
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
settings.register_profile(
    "soak", deadline=None, print_blob=True, max_examples=5000, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

_database_numbers = itertools.count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seeds", type=int, default=USUAL_SEEDS, help="how many seeds each simulation runs")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(1, metafunc.config.getoption("seeds") + 1))


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, object]]:
    """asyncio as it comes: tests should not depend on the loop that production prefers."""
    return "asyncio", {"use_uvloop": False}


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """A PostgreSQL server of this run alone, started by the first test that asks."""
    with private_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def postgres_url(postgres_cluster: Cluster) -> str:
    """The address of the cluster's maintenance database; tests keep their tables out of it."""
    return postgres_cluster.url("postgres")


@pytest.fixture
def postgres_database(postgres_cluster: Cluster) -> Iterator[str]:
    """The address of a fresh, empty database, dropped after the test whoever is still connected."""
    name = f"test_{next(_database_numbers)}"
    yield postgres_cluster.create_database(name)
    postgres_cluster.drop_database(name)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A real HTTP receiver on loopback; see receiver.py."""
    with running_receiver() as one:
        yield one
