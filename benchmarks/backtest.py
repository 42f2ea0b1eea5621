"""How fast a backtest is: `python -m benchmarks.backtest [--visits N] [--processes N]`; a table, memory beside SQLite.

The shipped Norwegian visits are laid on the shipped priced days of DE-LU, spread over all of them, and lived through
the whole engine. Peak memory is the sum of the processes' greatest resident sets, the one that waits included. CPU
time over the number of processes is about what the run would take on cores of its own.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from collections.abc import Sequence
from functools import partial

from rich.console import Console
from rich.table import Table

from dwell.cli.backtest import open_memory, open_sqlite
from dwell.data import DE_LU, shipped_prices, shipped_visits
from dwell.domain.ids import Zone
from dwell.domain.tariff.curve import PriceCurve
from dwell.domain.tariff.replacement import layered
from dwell.protocols.prices import read_prices
from dwell.simulation.backtest import Plan
from dwell.simulation.shards import Lived, OpenShardStore, live_in_shards
from dwell.simulation.visits import Visit, lay_on, read_visit_contents

VISITS, PROCESSES = 30_000, 2
GOAL = "goal: 30,000 visits in under 60 s on two cores, under 1 GB, in memory"
ZONE = Zone("DE-LU")


def main() -> None:
    """Run both stores and print what they took."""
    parser = argparse.ArgumentParser(prog="benchmarks.backtest")
    parser.add_argument("--visits", type=int, default=VISITS)
    parser.add_argument("--processes", type=int, default=PROCESSES)
    parser.add_argument("--store", choices=["memory", "sqlite", "both"], default="both")
    given = parser.parse_args()
    curve = prices()
    visits = some_visits(curve, given.visits)
    table = Table(title=f"backtest, {given.processes} processes ({GOAL})", title_justify="left")
    for name in (
        "store",
        "visits",
        "s",
        "CPU s",
        "visits/s",
        "facts/s",
        "peak MB",
        "targets reached",
        "saved",
    ):
        table.add_column(name, justify="left" if name == "store" else "right")
    with tempfile.TemporaryDirectory(prefix="dwell-benchmark-") as folder:
        stores: dict[str, OpenShardStore] = {"memory": open_memory, "sqlite": partial(open_sqlite, folder)}
        for name, open_store in stores.items():
            if given.store in {name, "both"}:
                before_s = cpu_s()
                lived = live_in_shards(
                    visits, curve, Plan(zone=ZONE), open_store=open_store, processes=given.processes
                )
                table.add_row(name, *figures(lived, cpu_s() - before_s))
    Console(width=110).print(table)


def prices() -> PriceCurve:
    """The shipped prices of DE-LU."""
    documents = [read_prices(name, content, zone=ZONE) for name, content in shipped_prices(DE_LU)]
    return layered(documents[0].currency, [document.slots for document in documents])


def some_visits(curve: PriceCurve, count: int) -> Sequence[Visit]:
    """`count` of the shipped visits, whole vehicles first, so that few visits are lived as many are."""
    laid = lay_on(read_visit_contents(shipped_visits()).visits, curve, timezone="Europe/Oslo").visits
    users = {visit.user_reference: number for number, visit in enumerate(reversed(laid))}
    chosen = sorted(
        laid, key=lambda visit: (users[visit.user_reference] * 7919 % len(laid), visit.plugged_in_at)
    )
    return sorted(chosen[:count], key=lambda visit: (visit.plugged_in_at, visit.user_reference))


def cpu_s() -> float:
    """CPU seconds of this process and of those it started that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def figures(lived: Lived, used_s: float) -> list[str]:
    """A row of the table."""
    rows, seconds = lived.tally.rows, lived.duration_s
    reached = sum(row.reached for row in rows)
    saved = sum(row.savings for row in rows if row.savings is not None)
    return [
        f"{len(rows):,}",
        f"{seconds:.1f}",
        f"{used_s:.1f}",
        f"{len(rows) / seconds:,.0f}",
        f"{lived.tally.fact_count / seconds:,.0f}",
        f"{lived.peak_memory_bytes / 1e6:,.0f}",
        f"{reached / max(1, len(rows)):.1%}",
        f"{saved:,.0f} {lived.tally.currency}",
    ]


if __name__ == "__main__":
    main()
