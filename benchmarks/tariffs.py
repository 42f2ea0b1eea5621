"""How long a formula takes: `python -m benchmarks.tariffs`; a year of quarter hours over five tariffs, a table.

Beside it the same worked out slot by slot with exact decimals, which is what the vectors take the place of.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from statistics import median

from rich.console import Console
from rich.table import Table

from dwell.domain.tariff.curve import PriceCurve, PriceSlot
from dwell.domain.tariff.formula import read_formula
from dwell.domain.tariff.resolution import Steps, resolve, slots_of

GOAL = "goal: under 20 ms"
FORMULA = "round((max(a, 0) + b + c) * 1.19, 4) - clamp(d, 0, 0.05) + e / 2"
START_AT = datetime(2026, 1, 1, tzinfo=UTC)
END_AT = START_AT + timedelta(days=365)
STEPS_MINUTES = {"a": 15, "b": 15, "c": 60, "d": 15, "e": 24 * 60}
ROUNDS = 15


def main() -> None:
    """Measure and print."""
    rng = random.Random(1)
    curves = {name: _curve(rng, timedelta(minutes=step)) for name, step in STEPS_MINUTES.items()}
    of = {name: Steps.of(curve) for name, curve in curves.items()}
    formula = read_formula(FORMULA)
    resolved = resolve(formula, of, START_AT, END_AT)
    table = Table(title=f"a year of quarter hours, five tariffs, one formula ({GOAL})", title_justify="left")
    for name in ("what", "ms", "steps"):
        table.add_column(name, justify="left" if name == "what" else "right")
    rows: list[tuple[str, Callable[[], object], int]] = [
        ("read the formula", lambda: read_formula.__wrapped__(FORMULA), ROUNDS),
        ("evaluate over merged breakpoints", lambda: resolve(formula, of, START_AT, END_AT), ROUNDS),
        (
            "and as slots with decimal prices",
            lambda: list(slots_of(resolve(formula, of, START_AT, END_AT))),
            5,
        ),
        ("curves to vectors", lambda: [Steps.of(curve) for curve in curves.values()], 5),
        ("slot by slot, decimals", lambda: _slow(curves), 1),
    ]
    for what, work, rounds in rows:
        table.add_row(what, f"{_median_ms(work, rounds):.2f}", f"{len(resolved.starts):,}")
    Console().print(table)


def _curve(rng: random.Random, step: timedelta) -> PriceCurve:
    count = (END_AT - START_AT) // step
    starts = (START_AT + n * step for n in range(count))
    return PriceCurve.of(
        "EUR", [PriceSlot(at, at + step, Decimal(rng.randint(-50, 300)) / 1000) for at in starts]
    )


def _slow(curves: dict[str, PriceCurve]) -> list[Decimal]:
    low, high, tax = Decimal(0), Decimal("0.05"), Decimal("1.19")
    found = []
    for slot in curves["a"].slots:
        a, b, c, d, e = (curve.at(slot.start_at) for curve in curves.values())
        assert a and b and c and d and e
        gross = ((max(a.price_per_kwh, low) + b.price_per_kwh + c.price_per_kwh) * tax).quantize(
            Decimal("0.0001")
        )
        found.append(gross - min(max(d.price_per_kwh, low), high) + e.price_per_kwh / 2)
    return found


def _median_ms(work: Callable[[], object], rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1000)
    return median(taken)


if __name__ == "__main__":
    main()
