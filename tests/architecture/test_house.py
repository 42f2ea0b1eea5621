"""The house keeps its habits: every rule of rules.py, asked of the tree as it stands."""

from __future__ import annotations

import ast
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from architecture import rules
from architecture.rules import Rule

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "dwell"
PURE = ("domain", "protocols", "application")
NOT_OURS = {".git", ".venv", "build", "dist", "node_modules", "__pycache__"}
PRODUCT = ("src", "scripts", "benchmarks")
EVERYWHERE = (*PRODUCT, "tests")

HABITS: list[tuple[Rule, tuple[str, ...]]] = [
    (rules.long_function, PRODUCT),
    (rules.long_module, PRODUCT),
    (rules.many_positional, PRODUCT),
    (rules.boolean_positional, PRODUCT),
    (rules.broad_except, EVERYWHERE),
    (rules.unreasoned_ignore, EVERYWHERE),
    (rules.skipped_test, ("tests",)),
    (rules.sleeping_test, ("tests",)),
    (rules.mocking_test, ("tests",)),
    (rules.asks_the_machine, tuple(f"src/dwell/{floor}" for floor in PURE)),
]


def files_under(*folders: str, suffix: str = "") -> Iterator[Path]:
    """Our own files, without what is installed or built."""
    for folder in folders:
        for place, inner, names in os.walk(ROOT / folder):
            inner[:] = sorted(name for name in inner if name not in NOT_OURS and not name.endswith("_cache"))
            yield from (Path(place, name) for name in sorted(names) if name.endswith(suffix))


def breaches(rule: Rule, path: Path) -> list[str]:
    return [f"{path.relative_to(ROOT)}:{breach}" for breach in rule(path.read_text())]


@pytest.mark.parametrize(("rule", "folders"), HABITS, ids=[rule.__name__ for rule, _ in HABITS])
def test_habit(rule: Rule, folders: tuple[str, ...]) -> None:
    found = [breach for path in files_under(*folders, suffix=".py") for breach in breaches(rule, path)]
    assert not found, "\n".join(found)


def test_every_file_is_named_for_what_it_holds() -> None:
    paths = [PurePosixPath(path.relative_to(ROOT)) for path in files_under(*EVERYWHERE, suffix=".py")]
    found = [f"{path}:{breach}" for path in paths for breach in rules.vague_module_name(path)]
    assert paths and not found, "\n".join(found)


def test_no_lock_file_carries_an_address() -> None:
    locks = [*files_under("requirements"), *files_under(".", suffix="package-lock.json")]
    found = [breach for path in locks for breach in breaches(rules.registry_address, path)]
    assert locks and not found, "\n".join(found)


def test_there_is_no_lock_file_of_a_kind_that_records_addresses() -> None:
    kinds = {"uv.lock", "pylock.toml", "poetry.lock", "Pipfile.lock", "yarn.lock", "pnpm-lock.yaml"}
    assert not [path for path in files_under(".") if path.name in kinds]


def test_every_requirement_is_pinned_by_hash() -> None:
    for lock in (ROOT / "requirements").glob("*.lock"):
        for entry in re.split(r"\n(?=\S)", lock.read_text()):
            if not entry.startswith("#"):
                assert "==" in entry and "--hash=sha256:" in entry, f"{lock.name}: {entry[:60]}"


def test_what_tests_run_on_is_what_the_product_runs_on() -> None:
    pins = {
        name: set(re.findall(r"^\S+==\S+", read("requirements", name), re.M))
        for name in ("run.lock", "dev.lock")
    }
    assert pins["run.lock"] and pins["run.lock"] <= pins["dev.lock"]


@pytest.mark.parametrize("table", ["dependencies", "dev"])
def test_every_named_dependency_is_locked(table: str) -> None:
    project = tomllib.loads(read("pyproject.toml"))
    named = (
        project["project"]["dependencies"] if table == "dependencies" else project["dependency-groups"]["dev"]
    )
    lock = read("requirements", "run.lock" if table == "dependencies" else "dev.lock")
    for requirement in named:
        name = re.match(r"[\w.-]+", requirement)
        assert name and re.search(rf"^{re.escape(name[0])}==", lock, re.M), f"{requirement}: make lock"


def test_the_tree_stands_alone() -> None:
    outside = ".." + "/shared"
    found = [path for path in files_under(".") if outside.encode() in path.read_bytes()]
    assert not found, f"these name a folder that only we have: {found}"


def test_every_folder_of_code_is_a_package() -> None:
    # Without __init__.py the import contracts would not see what is in it.
    folders = {path.parent for path in files_under("src/dwell", suffix=".py")}
    assert folders and not [folder for folder in folders if not (folder / "__init__.py").exists()]


@pytest.mark.parametrize("floor", PURE)
def test_the_front_door_of_a_pure_floor_imports_nothing_from_outside(floor: str) -> None:
    door = PACKAGE / floor / "__init__.py"
    for node in ast.walk(ast.parse(door.read_text() if door.exists() else "")):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
            assert (module or "").partition(".")[0] in {"dwell", "__future__"}, ast.unparse(node)


@pytest.mark.parametrize("siblings", ["api", "protocols/ocpp"])
def test_every_dialect_and_version_is_placed_in_its_contract(siblings: str) -> None:
    contracts = tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    placed = " ".join(layer for contract in contracts for layer in contract.get("layers", []))
    for folder in (PACKAGE / siblings).glob("*/__init__.py"):
        module = ".".join(folder.parent.relative_to(ROOT / "src").parts)
        assert f"({module})" in placed, f"{module}: place it in the contracts of pyproject.toml"


def read(*parts: str) -> str:
    return ROOT.joinpath(*parts).read_text()
