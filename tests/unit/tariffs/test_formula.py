"""Formulas: what they say, what they are worth, and what is refused."""

from __future__ import annotations

import random
from decimal import Decimal

import numpy as np
import pytest

from dwell.domain.tariff.formula import LIMIT_DEPTH, FormulaFault, rate_of, read_formula


def worth(text: str, **variables: float) -> float:
    """The formula at one place."""
    vectors = {name: np.array([value]) for name, value in variables.items()}
    return float(read_formula(text).values(vectors)[0])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("8 - 4 - 2", 2),
        ("16 / 4 / 2", 2),
        ("-2 * -3", 6),
        ("2 - -3", 5),
        ("min(3, 1, 2)", 1),
        ("max(3, 1, 2)", 3),
        ("clamp(5, 0, 2)", 2),
        ("clamp(-5, 0, 2)", 0),
        ("abs(-4.5)", 4.5),
        ("round(2.5)", 3),
        ("round(-2.5)", -3),
        ("round(2.675, 2)", 2.68),
        ("round(1.005, 2)", 1.01),
        (" 1\n+\t1 ", 2),
    ],
)
def test_a_formula_is_worth(text: str, value: float) -> None:
    assert worth(text) == pytest.approx(value, abs=1e-12)


def test_variables_are_looked_up_and_vectors_evaluated_place_by_place() -> None:
    formula = read_formula("(spot + fee) * vat")
    values = formula.values(
        {"spot": np.array([0.1, -0.2]), "fee": np.array([0.05, 0.05]), "vat": np.array([2.0, 2.0])}
    )

    assert formula.variables == ("fee", "spot", "vat")
    assert values.tolist() == pytest.approx([0.3, -0.3])


@pytest.mark.parametrize("text", ["1 / a", "a / a", "1 / (a - a)", "a * b"])
def test_a_value_that_is_none_is_none(text: str) -> None:
    vectors = {"a": np.array([0.0]), "b": np.array([np.nan])}

    assert np.isnan(read_formula(text).values(vectors)).all()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "ends too soon"),
        ("a +", "ends too soon"),
        ("a b", "'b' at character 3"),
        ("a ** 2", "'*' at character 4"),
        ("__import__('os')", "character 12"),
        ("a.b", "character 2"),
        ("a[0]", "character 2"),
        ("a < 1", "character 3"),
        ("lambda: 1", "character 7"),
        ("foo(1)", "no function foo"),
        ("min(1)", "takes 2 to 16"),
        ("clamp(1, 2)", "takes 3 arguments, not 2"),
        ("round(1, 10)", "0 to 9"),
        ("round(1, a)", "0 to 9"),
        ("1" * 3_000, "characters"),
        ("-" * (LIMIT_DEPTH + 1) + "1", "deep"),
        ("+".join(f"v{n}" for n in range(33)), "33 variables"),
    ],
)
def test_what_is_no_formula_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(FormulaFault, match=said.replace("(", r"\(").replace("*", r"\*")):
        read_formula(text)


def test_brackets_as_deep_as_the_text_is_long_are_no_danger() -> None:
    assert worth("(" * 990 + "1" + ")" * 990) == 1


def test_formulas_drawn_at_random_are_worth_what_plain_arithmetic_says() -> None:
    rng = random.Random(7)

    def drawn(depth: int) -> tuple[str, float]:
        if depth == 0:
            number = rng.randint(1, 99) / 4
            return str(number), number
        (left, x), (right, y) = drawn(depth - 1), drawn(depth - 1)
        match rng.randrange(6):
            case 0:
                return f"({left}) + {right}", x + y
            case 1:
                return f"({left}) - ({right})", x - y
            case 2:
                return f"({left}) * ({right})", x * y
            case 3:
                return f"-({left})", -x
            case 4:
                return f"min({left}, {right})", min(x, y)
            case _:
                return f"max({left}, {right})", max(x, y)

    for _ in range(300):
        text, value = drawn(rng.randint(1, 5))
        assert worth(text) == pytest.approx(value, rel=1e-9)


def test_a_value_becomes_money_at_nine_decimals() -> None:
    assert rate_of(0.1 + 0.2) == Decimal("0.3")
    assert rate_of(-0.0) == 0
    assert str(rate_of(100.0)) == "1E+2" or rate_of(100.0) == 100
    assert rate_of(1 / 3) == Decimal("0.333333333")
