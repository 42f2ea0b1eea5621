"""Money in CSV: every digit, and nothing that a spreadsheet might not read."""

from __future__ import annotations

from decimal import Decimal

import pytest

from dwell.api.dashboard.lists import plain_figure


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Decimal("0E-8"), "0.00000000"),
        (Decimal("-1.5E-7"), "-0.00000015"),
        (Decimal("2E+2"), "200"),
        (None, ""),
    ],
)
def test_money_is_written_without_an_exponent(amount: Decimal | None, text: str) -> None:
    assert plain_figure(amount) == text
