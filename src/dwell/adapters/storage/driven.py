"""Running a unit of work to its end on the spot, for stores whose transactions never wait."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


def run_now(work: Awaitable[T]) -> T:
    """The answer of `work`, whose awaits must all be ready. Raises what it raises, RuntimeError if it waits."""
    steps = work.__await__()
    try:
        next(steps)
    except StopIteration as done:
        answer: T = done.value
        return answer
    steps.close()
    raise RuntimeError("a unit of work waited for something other than its transaction")
