"""The law of settlement as a comparison of two lists of settled sessions."""

from __future__ import annotations

from collections.abc import Sequence

from dwell.domain.session.record import Session, by_law

ABOUT_ORDERS = "commands_failed"
"""A reason that tells of orders, which are outside the law."""


def agree(ones: Sequence[Session], others: Sequence[Session]) -> bool:
    """Equal in all that the law covers."""
    return len(ones) == len(others) and all(
        left == right or ABOUT_ORDERS in (left, right)
        for one, other in zip(ones, others, strict=True)
        for left, right in zip(by_law(one), by_law(other), strict=True)
    )
