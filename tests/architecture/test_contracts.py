"""Every import contract of pyproject.toml can fail: on a small house of empty rooms, one wrong import at a time."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYPROJECT = (ROOT / "pyproject.toml").read_text()
CONTRACTS = [contract["name"] for contract in tomllib.loads(PYPROJECT)["tool"]["importlinter"]["contracts"]]
HOUSE, PURE, PORTS, DIALECTS, VERSIONS, APART, ACYCLIC = CONTRACTS
DEADLINE_S = 60

ROOMS = [
    "__main__", "cli.demo", "bootstrap", "settings",
    "api.flex.routes", "api.partner.routes", "api.fleet.routes", "api.native.routes", "api.dashboard.pages",
    "api.shared.cursors",
    "gateway.sockets", "workers.planning", "adapters.clock", "adapters.storage.sqlite", "simulation.vehicle",
    "application.ports", "application.telemetry",
    "protocols.prices.csv",
    "protocols.ocpp.rpc", "protocols.ocpp.payloads", "protocols.ocpp.translation", "protocols.ocpp.quirks",
    "protocols.ocpp.v16.boot", "protocols.ocpp.v201.boot", "protocols.ocpp.versions",
    "domain.errors", "domain.session.visit", "domain.planning.problem", "data.loader",
]  # fmt: skip

ALLOWED = [
    ("__main__", "dwell.cli.demo"),
    ("cli.demo", "dwell.bootstrap"),
    ("bootstrap", "dwell.settings"),
    ("bootstrap", "dwell.adapters.storage.sqlite"),
    ("api.flex.routes", "dwell.api.shared.cursors"),
    ("api.flex.routes", "litestar"),
    ("gateway.sockets", "dwell.protocols.ocpp.v16.boot"),
    ("gateway.sockets", "dwell.application.telemetry"),
    ("simulation.vehicle", "dwell.application.ports"),
    ("simulation.vehicle", "dwell.data.loader"),
    ("application.telemetry", "dwell.domain.session.visit"),
    ("application.telemetry", "asyncio"),
    ("protocols.ocpp.v16.boot", "dwell.protocols.ocpp.rpc"),
    ("protocols.ocpp.v16.boot", "dwell.protocols.ocpp.translation"),
    ("protocols.ocpp.versions", "dwell.protocols.ocpp.v16.boot"),
    ("protocols.ocpp.versions", "dwell.protocols.ocpp.v201.boot"),
    ("adapters.clock", "time"),
]

FORBIDDEN = [
    (HOUSE, "domain.errors", "dwell.application.ports"),
    (HOUSE, "domain.errors", "dwell.protocols.prices.csv"),
    (HOUSE, "domain.errors", "dwell.data.loader"),
    (HOUSE, "application.ports", "dwell.protocols.prices.csv"),
    (HOUSE, "protocols.prices.csv", "dwell.application.ports"),
    (HOUSE, "application.ports", "dwell.adapters.clock"),
    (HOUSE, "api.flex.routes", "dwell.adapters.storage.sqlite"),
    (HOUSE, "workers.planning", "dwell.gateway.sockets"),
    (HOUSE, "adapters.clock", "dwell.settings"),
    (HOUSE, "simulation.vehicle", "dwell.adapters.clock"),
    (HOUSE, "settings", "dwell.bootstrap"),
    (HOUSE, "bootstrap", "dwell.cli.demo"),
    (PURE, "domain.session.visit", "time"),
    (PURE, "domain.planning.problem", "logging"),
    (PURE, "protocols.ocpp.v16.boot", "asyncio"),
    (PURE, "protocols.prices.csv", "aiohttp"),
    (PORTS, "application.telemetry", "sqlite3"),
    (PORTS, "application.telemetry", "random"),
    (DIALECTS, "api.flex.routes", "dwell.api.partner.routes"),
    (DIALECTS, "api.dashboard.pages", "dwell.api.native.routes"),
    (DIALECTS, "api.shared.cursors", "dwell.api.fleet.routes"),
    (VERSIONS, "protocols.ocpp.v201.boot", "dwell.protocols.ocpp.v16.boot"),
    (VERSIONS, "protocols.ocpp.rpc", "dwell.protocols.ocpp.v16.boot"),
    (VERSIONS, "protocols.ocpp.v16.boot", "dwell.protocols.ocpp.versions"),
    (VERSIONS, "protocols.ocpp.quirks", "dwell.protocols.ocpp.v201.boot"),
    (APART, "domain.session.visit", "dwell.domain.planning.problem"),
    (APART, "domain.planning.problem", "dwell.domain.session.visit"),
]


def build_house(place: Path, *imports: tuple[str, str]) -> Path:
    """A tree under our own contracts with every room, all empty but for `imports` (room, what it imports)."""
    (place / "pyproject.toml").write_text(PYPROJECT)
    for room in ROOMS:
        path = place.joinpath("dwell", *room.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for folder in [place / "dwell", *(path for path in (place / "dwell").rglob("*") if path.is_dir())]:
        (folder / "__init__.py").touch()
    for room, module in imports:
        with place.joinpath("dwell", *room.split(".")).with_suffix(".py").open("a") as file:
            file.write(f"import {module}\n")
    return place


def broken_contracts(place: Path) -> set[str]:
    """The names of the contracts that import-linter finds broken in the tree."""
    linter = f"import sys; sys.path.insert(0, {str(place)!r}); import importlinter.cli as c; c.lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", linter, "--no-cache"],
        cwd=place, capture_output=True, text=True, check=False, timeout=DEADLINE_S,
    )  # fmt: skip
    assert "Contracts: " in done.stdout, done.stdout + done.stderr
    broken = {name for name in CONTRACTS if f"{name} BROKEN" in " ".join(done.stdout.split())}
    assert bool(broken) == (done.returncode != 0)
    return broken


def test_a_house_with_all_its_rooms_and_their_rightful_imports_stands(tmp_path: Path) -> None:
    assert broken_contracts(build_house(tmp_path, *ALLOWED)) == set()


@pytest.mark.parametrize(("contract", "room", "module"), FORBIDDEN)
def test_a_wrong_import_breaks_its_contract(tmp_path: Path, contract: str, room: str, module: str) -> None:
    assert contract in broken_contracts(build_house(tmp_path, (room, module)))


def test_a_new_floor_must_be_placed(tmp_path: Path) -> None:
    house = build_house(tmp_path)
    (house / "dwell" / "cellar.py").touch()

    assert broken_contracts(house) == {HOUSE}


def test_a_round_trip_inside_a_floor_is_a_cycle(tmp_path: Path) -> None:
    there_and_back = [
        ("adapters.clock", "dwell.adapters.storage.sqlite"),
        ("adapters.storage.sqlite", "dwell.adapters.clock"),
    ]
    assert broken_contracts(build_house(tmp_path, *there_and_back)) == {ACYCLIC}


def test_a_forbidden_import_is_found_behind_another_room(tmp_path: Path) -> None:
    detour = [("domain.session.visit", "dwell.domain.errors"), ("domain.errors", "socket")]
    assert broken_contracts(build_house(tmp_path, *detour)) == {PURE}


def test_every_contract_is_seen_to_fail_here() -> None:
    assert {contract for contract, _, _ in FORBIDDEN} | {ACYCLIC} == set(CONTRACTS)
