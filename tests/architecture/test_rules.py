"""Every rule can fail, and lets the right thing be."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from architecture import rules
from architecture.rules import Rule

LINES_60 = "def f():\n" + "    x = 1\n" * 59
LINES_61 = "@cache\n" + LINES_60
MODULE_500 = "x = 1\n" * 500

# Marks that the rules look for are put together here, so that this file does not hold them itself.
IGNORE, NOQA = "# type" + ": ignore", "# no" + "qa"

BREACHES: list[tuple[Rule, str]] = [
    (rules.long_function, LINES_61),
    (rules.long_function, "class A:\n" + "".join(f"    {line}\n" for line in LINES_61.splitlines())),
    (rules.long_function, "async " + LINES_60 + "    y = 2\n"),
    (rules.long_module, MODULE_500 + "y = 2\n"),
    (rules.many_positional, "def f(a, b, c, d, e): ..."),
    (rules.many_positional, "def f(a, b, /, c, d, e): ..."),
    (rules.many_positional, "class A:\n    def f(self, a, b, c, d, e): ..."),
    (rules.boolean_positional, "def f(loud: bool): ..."),
    (rules.boolean_positional, "def f(loud: bool | None = None): ..."),
    (rules.boolean_positional, "def f(loud=False): ..."),
    (rules.broad_except, "try: ...\nexcept Exception: ..."),
    (rules.broad_except, "try: ...\nexcept: ..."),
    (rules.broad_except, "try: ...\nexcept (ValueError, BaseException): ..."),
    (rules.broad_except, f"try: ...\nexcept Exception:  {NOQA}: BLE001\n    ..."),
    (rules.broad_except, "with contextlib.suppress(Exception): ..."),
    (rules.unreasoned_ignore, f"x = 1  {IGNORE}"),
    (rules.unreasoned_ignore, f"x = 1  {IGNORE}[arg-type]"),
    (rules.unreasoned_ignore, f"x = 1  {NOQA}"),
    (rules.unreasoned_ignore, f"x = 1  {NOQA} because I say so"),
    (rules.unreasoned_ignore, f"x = 1  {NOQA}: E501, S608"),
    (rules.unreasoned_ignore, f"x = 1  {IGNORE}[arg-type]  {NOQA}: E501"),
    (rules.skipped_test, "@pytest.mark.skip\ndef test_a(): ..."),
    (rules.skipped_test, "@pytest.mark.skipif(True, reason='r')\ndef test_a(): ..."),
    (rules.skipped_test, "def test_a():\n    pytest.xfail('later')"),
    (rules.skipped_test, "numpy = pytest.importorskip('numpy')"),
    (rules.skipped_test, "from pytest import skip"),
    (rules.skipped_test, "parameter = pytest.param(1, marks=pytest.mark.xfail)"),
    (rules.sleeping_test, "time.sleep(0)"),
    (rules.sleeping_test, "async def f(): await asyncio.sleep(0.1)"),
    (rules.sleeping_test, "async def f(): await sleep(delay)"),
    (rules.mocking_test, "from unittest import mock"),
    (rules.mocking_test, "from unittest.mock import Mock"),
    (rules.mocking_test, "import unittest.mock"),
    (rules.asks_the_machine, "at = datetime.now(UTC)"),
    (rules.asks_the_machine, "at = datetime.datetime.now(UTC)"),
    (rules.asks_the_machine, "day = date.today()"),
    (rules.asks_the_machine, "id = uuid.uuid4()"),
    (rules.asks_the_machine, "from uuid import UUID, uuid4"),
    (rules.asks_the_machine, "id: str = field(default_factory=uuid.uuid4)"),
    (rules.asks_the_machine, "async def f(): await asyncio.sleep(1)"),
    (rules.registry_address, "a==1 \\\n    # from https://example.invalid/simple"),
    (rules.registry_address, "--index-url somewhere"),
    (rules.registry_address, "--extra-index-url=somewhere"),
]

RIGHT: list[tuple[Rule, str]] = [
    (rules.long_function, LINES_60),
    (rules.long_module, MODULE_500),
    (rules.many_positional, "def f(a, b, c, d, *, e, f): ..."),
    (rules.many_positional, "class A:\n    def f(self, a, b, c, d): ..."),
    (rules.boolean_positional, "def f(a: list[bool], *, loud: bool = False) -> bool: ..."),
    (rules.broad_except, "try: ...\nexcept ValueError: ..."),
    (
        rules.broad_except,
        f"try: ...\nexcept Exception:  {NOQA}: BLE001 — a receiver may fail in any way\n    ...",
    ),
    (rules.unreasoned_ignore, f"x = 1  {IGNORE}[arg-type]  # the stub says str, the driver takes bytes"),
    (rules.unreasoned_ignore, f"x = 1  {NOQA}: S608 — the name comes from our own table"),
    (rules.unreasoned_ignore, f"x = '{NOQA}'"),
    (rules.skipped_test, "queue.skip()\nitertools.dropwhile"),
    (rules.sleeping_test, "async def f(): await asyncio.sleep(0)"),
    (rules.mocking_test, "import unittest"),
    (rules.asks_the_machine, "at = clock.now()\nid = ids.session()\nread = uuid.UUID(text)"),
    (rules.registry_address, "a==1 \\\n    --hash=sha256:00\n    # via dwell (pyproject.toml)"),
]


def named(case: tuple[Rule, str]) -> str:
    return f"{case[0].__name__}: {case[1][:40]!r}"


@pytest.mark.parametrize("case", BREACHES, ids=named)
def test_a_breach_is_seen(case: tuple[Rule, str]) -> None:
    rule, text = case
    assert len(list(rule(text))) == 1


@pytest.mark.parametrize("case", RIGHT, ids=named)
def test_the_right_thing_is_let_be(case: tuple[Rule, str]) -> None:
    rule, text = case
    assert list(rule(text)) == []


def test_a_breach_names_its_line() -> None:
    (breach,) = rules.broad_except("a = 1\n\ntry: ...\nexcept: ...")
    assert breach.startswith("4: ")


@pytest.mark.parametrize(
    "name", ["utils.py", "api/helpers/x.py", "session_manager.py", "base.py", "_common.py"]
)
def test_a_vague_name_is_seen(name: str) -> None:
    assert list(rules.vague_module_name(PurePosixPath(name)))


@pytest.mark.parametrize("name", ["database.py", "api/flex/routes.py", "baseline.py", "basement/floor.py"])
def test_a_telling_name_is_let_be(name: str) -> None:
    assert not list(rules.vague_module_name(PurePosixPath(name)))
