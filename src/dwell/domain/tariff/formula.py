"""Formulas over named tariffs: `base * 1.19 + max(grid, 0.05)`. Parsed once, evaluated on whole vectors.

What there is: decimal numbers, variables, + - * / with the usual precedence, unary minus, parentheses, and the
functions min, max (two arguments or more), clamp (value, low, high), abs and round (half up, with or without a number
of decimals). Nothing else is known, and nothing is ever handed to the host language. Size and depth are bounded, so
that no formula can take long. Division by nought has no value: there is no price then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache, reduce

import numpy as np
from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken
from numpy.typing import NDArray

LIMIT_CHARACTERS = 2_000
LIMIT_DEPTH = 64
LIMIT_VARIABLES = 32
MOST_DECIMALS = 9

Vector = NDArray[np.float64]

_GRAMMAR = r"""
?start: sum
?sum: product
    | sum "+" product       -> add
    | sum "-" product       -> subtract
?product: factor
    | product "*" factor    -> multiply
    | product "/" factor    -> divide
?factor: "-" factor         -> negate
    | NUMBER                -> number
    | NAME                  -> variable
    | NAME "(" [sum ("," sum)*] ")" -> call
    | "(" sum ")"
NAME: /[A-Za-z_][A-Za-z0-9_]{0,63}/
NUMBER: /[0-9]{1,12}(\.[0-9]{1,12})?/
%ignore /[ \t\r\n]+/
"""
_PARSER = Lark(_GRAMMAR, parser="lalr", maybe_placeholders=False)


class FormulaFault(ValueError):
    """The formula cannot be used; the message says what is wrong, and where."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula that has been read: its text, and the names of its variables in order."""

    text: str
    variables: tuple[str, ...]
    _tree: Tree[Token]

    def values(self, of: Mapping[str, Vector]) -> Vector:
        """The formula's value at each place of the variables' vectors, all of one length; nan where there is none.

        Raises KeyError for a variable without a vector.
        """
        length = len(next(iter(of.values()), np.zeros(1)))
        with np.errstate(all="ignore"):
            found = np.broadcast_to(_value(self._tree, of), (length,)).astype(np.float64)
        found[~np.isfinite(found)] = np.nan
        return found


@lru_cache(maxsize=256)
def read_formula(text: str) -> Formula:
    """The formula that `text` spells. Raises FormulaFault."""
    if len(text) > LIMIT_CHARACTERS:
        raise FormulaFault(f"has {len(text)} characters; at most {LIMIT_CHARACTERS} are taken")
    try:
        parsed = _PARSER.parse(text)
    except UnexpectedCharacters as error:
        raise FormulaFault(f"{error.char!r} at character {error.column} is not part of a formula") from error
    except UnexpectedToken as error:
        raise FormulaFault(_unexpected(error)) from error
    except UnexpectedInput as error:
        raise FormulaFault("cannot be read") from error
    if _depth(parsed) > LIMIT_DEPTH:
        raise FormulaFault(f"is nested more than {LIMIT_DEPTH} deep")
    nodes = list(parsed.iter_subtrees())
    for node in nodes:
        if node.data == "call":
            _check_call(node)
    variables = sorted({str(node.children[0]) for node in nodes if node.data == "variable"})
    if len(variables) > LIMIT_VARIABLES:
        raise FormulaFault(f"has {len(variables)} variables; at most {LIMIT_VARIABLES} are taken")
    return Formula(text, tuple(variables), parsed)


def _unexpected(error: UnexpectedToken) -> str:
    if error.token.type == "$END":
        return "ends too soon"
    return f"{str(error.token)[:20]!r} at character {error.column} is not expected there"


def _depth(root: Tree[Token]) -> int:
    """How deep the tree is, counted without recursion: what is too deep must not be walked."""
    deepest, level = 0, [root]
    while level:
        deepest += 1
        level = [child for node in level for child in node.children if isinstance(child, Tree)]
    return deepest


def _check_call(node: Tree[Token]) -> None:
    name, arguments = str(node.children[0]), node.children[1:]
    known = _FUNCTIONS.get(name)
    if known is None:
        raise FormulaFault(f"there is no function {name}; known are {', '.join(_FUNCTIONS)}")
    fewest, most, _ = known
    if not fewest <= len(arguments) <= most:
        wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
        raise FormulaFault(f"{name} takes {wanted} arguments, not {len(arguments)}")
    if name == "round" and len(arguments) == 2 and _decimals(arguments[1]) is None:
        raise FormulaFault(f"round takes a whole number of decimals from 0 to {MOST_DECIMALS}")


def _decimals(node: Tree[Token] | Token) -> int | None:
    if not isinstance(node, Tree) or node.data != "number":
        return None
    text = str(node.children[0])
    return int(text) if text.isdecimal() and int(text) <= MOST_DECIMALS else None


def _value(node: Tree[Token] | Token, of: Mapping[str, Vector]) -> Vector:
    if not isinstance(node, Tree):
        raise TypeError("a formula's leaves are numbers and variables")
    if node.data == "number":
        return np.float64(str(node.children[0]))  # type: ignore[return-value]  # a scalar stands for a vector of it
    if node.data == "variable":
        return of[str(node.children[0])]
    if node.data == "call":
        name, arguments = str(node.children[0]), [_value(child, of) for child in node.children[1:]]
        return _FUNCTIONS[name][2](arguments)
    operands = [_value(child, of) for child in node.children]
    return _OPERATORS[str(node.data)](*operands)


def _rounded(arguments: list[Vector]) -> Vector:
    """Half away from nought, as an invoice is rounded; numpy's own rounds half to even."""
    scale = 10.0 ** (arguments[1] if len(arguments) == 2 else 0)
    value = arguments[0] * scale
    # A little more than the half, so that what decimals cannot spell in binary (2.675) still goes up.
    rounded: Vector = np.sign(value) * np.floor(np.abs(value) * (1 + 1e-13) + 0.5) / scale
    return rounded


_OPERATORS: Mapping[str, Callable[..., Vector]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "negate": np.negative,
}
_Function = tuple[int, int, Callable[[list[Vector]], Vector]]
_FUNCTIONS: Mapping[str, _Function] = {
    "min": (2, 16, lambda arguments: reduce(np.minimum, arguments)),
    "max": (2, 16, lambda arguments: reduce(np.maximum, arguments)),
    "clamp": (3, 3, lambda a: np.minimum(np.maximum(a[0], a[1]), a[2])),
    "abs": (1, 1, lambda arguments: np.abs(arguments[0])),
    "round": (1, 2, _rounded),
}

RATE_DECIMALS = 9
"""A formula's value becomes money at so many decimals: finer than any tariff, coarser than what floats lose."""


def rate_of(value: float) -> Decimal:
    """The rate per kWh that a value stands for, half even at `RATE_DECIMALS` decimals; no trailing noughts."""
    rate = Decimal(value).quantize(Decimal(1).scaleb(-RATE_DECIMALS)).normalize()
    return rate + 0 if rate else Decimal(0)
