"""Limits, each with its name and its reason."""

from __future__ import annotations

from dataclasses import dataclass

BODY_BYTES = 8 * 1024 * 1024
"""A request's body, as it comes and after inflation."""
SMALL_BODY_BYTES = 256 * 1024
"""The body of an operation on one thing."""
FORM_BYTES = 16 * 1024
URL_BYTES = 8 * 1024
HEADER_BYTES = 32 * 1024
HEADER_COUNT = 100
PAGE_SIZE = 50
PAGE_SIZE_AT_MOST = 200
DRAIN_BYTES = 32 * 1024 * 1024
DRAIN_S = 5.0
"""How much of a refused body is read on, and for how long, so that its sender lives to read the refusal."""
FAILURE_COSTS = 10
"""A refused attempt at a token weighs as much as so many granted ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """Limits that an operator may set."""

    body_timeout_s: float = 30.0
    token_attempts_per_minute: int = 600
