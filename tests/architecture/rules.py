"""The house's habits as functions from the text of a file to its breaches. What is asked of the tree: test_house.py.

Each rule reads one file and looks at nothing else, so that each can be shown to fail on a few lines: test_rules.py.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

FUNCTION_LINES = 60
MODULE_LINES = 500
POSITIONAL_PARAMETERS = 4
VAGUE_NAMES = frozenset({"utils", "util", "helpers", "helper", "common", "misc", "base", "manager"})
REASON_LETTERS = 10  # fewer cannot be a reason

Rule = Callable[[str], Iterator[str]]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def long_function(text: str) -> Iterator[str]:
    """A function takes 60 lines at most, decorators and docstring included."""
    for function in _functions(text):
        first = min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)])
        lines = (function.end_lineno or first) - first + 1
        if lines > FUNCTION_LINES:
            yield f"{first}: {function.name} has {lines} lines, at most {FUNCTION_LINES}"


def long_module(text: str) -> Iterator[str]:
    """A module takes 500 lines at most."""
    lines = len(text.splitlines())
    if lines > MODULE_LINES:
        yield f"1: the module has {lines} lines, at most {MODULE_LINES}"


def many_positional(text: str) -> Iterator[str]:
    """Four parameters at most may be given by position; `self` and `cls` do not count."""
    for function in _functions(text):
        count = len(_positional(function))
        if count > POSITIONAL_PARAMETERS:
            yield f"{function.lineno}: {function.name} takes {count} by position, at most {POSITIONAL_PARAMETERS}"


def boolean_positional(text: str) -> Iterator[str]:
    """A bare True or False at a call says nothing: booleans are given by name."""
    for function in _functions(text):
        arguments = function.args
        parameters = [*arguments.posonlyargs, *arguments.args]
        defaults = [None] * (len(parameters) - len(arguments.defaults)) + list(arguments.defaults)
        for parameter, default in zip(parameters, defaults, strict=True):
            typed = parameter.annotation is not None and "bool" in _union_members(parameter.annotation)
            if typed or (isinstance(default, ast.Constant) and isinstance(default.value, bool)):
                yield f"{parameter.lineno}: {function.name} takes the boolean {parameter.arg} by position"


def vague_module_name(path: PurePosixPath) -> Iterator[str]:
    """A file or folder is named for what it holds."""
    for part in path.with_suffix("").parts:
        if VAGUE_NAMES & set(part.lower().strip("_").split("_")):
            yield f"1: `{part}` does not say what is in it"


def broad_except(text: str) -> Iterator[str]:
    """Catching everything needs its reason in a comment on the same line."""
    comments = _comments(text)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ExceptHandler):
            broad = node.type is None or _catches_all(node.type)
        elif isinstance(node, ast.Call) and _last_name(node.func) == "suppress":
            broad = any(_catches_all(argument) for argument in node.args)
        else:
            continue
        if broad and not _is_reason(comments.get(node.lineno, "")):
            yield f"{node.lineno}: catches everything and does not say why on its line"


def unreasoned_ignore(text: str) -> Iterator[str]:
    """`type: ignore` and `noqa` name what they ignore, and why."""
    for line, comment in _comments(text).items():
        if re.search(r"#\s*type:\s*ignore(?!\[)|#\s*(ruff:\s*|flake8:\s*)?noqa(?!:)", comment):
            yield f"{line}: ignores everything: name the rule"
        elif re.search(r"type:\s*ignore|noqa", comment) and not _is_reason(comment):
            yield f"{line}: ignores a rule and does not say why on its line"


def skipped_test(text: str) -> Iterator[str]:
    """A test that may be left out is no test."""
    leaves_out = {
        "skip",
        "skipif",
        "xfail",
        "importorskip",
        "skipTest",
        "skipIf",
        "skipUnless",
        "expectedFailure",
    }
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, ast.Attribute)
            and node.attr in leaves_out
            and _root(node) in {"pytest", "unittest", "self"}
        ):
            yield f"{node.lineno}: {ast.unparse(node)} leaves a test out"
        elif isinstance(node, ast.ImportFrom) and node.module in {"pytest", "unittest"}:
            for name in leaves_out & {alias.name for alias in node.names}:
                yield f"{node.lineno}: {name} leaves a test out"


def sleeping_test(text: str) -> Iterator[str]:
    """A test waits for a fact, not for time to pass; `asyncio.sleep(0)` only gives way and is let be."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and _last_name(node.func) in {"sleep", "sleep_until", "sleep_forever"}:
            gives_way = [ast.unparse(argument) for argument in node.args] == ["0"]
            if not gives_way or ast.unparse(node.func) == "time.sleep":
                yield f"{node.lineno}: {ast.unparse(node.func)} in a test: wait for what it waits for"


def mocking_test(text: str) -> Iterator[str]:
    """Fakes are small real implementations, not recordings of calls."""
    for node in ast.walk(ast.parse(text)):
        modules = (
            {f"{node.module}.{alias.name}" for alias in node.names} | {node.module or ""}
            if isinstance(node, ast.ImportFrom)
            else {alias.name for alias in node.names}
            if isinstance(node, ast.Import)
            else set()
        )
        if modules & {"unittest.mock", "mock"}:
            yield f"{getattr(node, 'lineno', 1)}: a mock library in a test"


def asks_the_machine(text: str) -> Iterator[str]:
    """Time, identity and chance are arguments; this text asks for them itself, or hands on what does."""
    asking = {
        "datetime": {"now", "utcnow", "today"},
        "date": {"today"},
        "uuid": {"uuid1", "uuid4", "uuid6", "uuid7"},
        "time": {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "sleep"},
        "os": {"urandom", "environ", "getenv"},
        "asyncio": {"sleep"},
        "anyio": {"sleep", "current_time"},
    }
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Attribute(value=owner, attr=name) if name in asking.get(_last_name(owner), ()):
                yield f"{node.lineno}: {ast.unparse(node)} asks the machine; take it as an argument or through a port"
            case ast.ImportFrom(module=str(module), names=aliases):
                for name in sorted(asking.get(module, set()) & {alias.name for alias in aliases}):
                    yield f"{node.lineno}: {module}.{name} asks the machine; take it as an argument or through a port"


def registry_address(text: str) -> Iterator[str]:
    """Lock files say what and which hash, never from where."""
    for number, line in enumerate(text.splitlines(), start=1):
        if re.search(r"://|^\s*(--?(extra-)?index-url|-i\s|--find-links|-f\s)", line):
            yield f"{number}: an address in a lock file: {line.strip()[:60]}"


def _functions(text: str) -> Iterator[Function]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, Function):
            yield node


def _positional(function: Function) -> list[ast.arg]:
    parameters = [*function.args.posonlyargs, *function.args.args]
    return parameters[1:] if parameters and parameters[0].arg in {"self", "cls"} else parameters


def _union_members(annotation: ast.expr) -> set[str]:
    """`bool | None` → {"bool", "None"}; only the outermost union, so that `list[bool]` is not a boolean."""
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        return _union_members(annotation.left) | _union_members(annotation.right)
    return {ast.unparse(annotation)}


def _catches_all(expression: ast.expr) -> bool:
    members = expression.elts if isinstance(expression, ast.Tuple) else [expression]
    return any(_last_name(member) in {"Exception", "BaseException"} for member in members)


def _last_name(expression: ast.expr) -> str:
    match expression:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _root(expression: ast.expr) -> str:
    while isinstance(expression, ast.Attribute):
        expression = expression.value
    return _last_name(expression)


def _comments(text: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}


def _is_reason(comment: str) -> bool:
    """Whether words remain when marks and rule names are taken away."""
    words = re.sub(
        r"type:\s*ignore(\[[\w\-, ]*\])?|(ruff:\s*)?noqa(:\s*[A-Z]+\d+([,\s]+[A-Z]+\d+)*)?", "", comment
    )
    return len(re.findall(r"[^\W\d_]", words)) >= REASON_LETTERS
