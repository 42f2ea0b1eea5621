"""Is every deadline that can be met met? `python -m benchmarks.nights [--nights N] [--seed N] [--weak SHARE]`.

Lives seeded nights with 5 % of the orders lost and vehicles that give 10 % less than they promise, on the shipped
engine with the care it comes with; prices come a day ahead, some late, some corrected.
Printed is what truly came of them.
"""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import click

from dwell.adapters.storage.memory import MemoryStore
from dwell.simulation.nights import Hazards, Night, live_nights


async def _open_store() -> MemoryStore:
    return MemoryStore()


def _minutes(spans: list[timedelta]) -> str:
    return f"{max(spans, default=timedelta(0)).total_seconds() / 60:.1f} min"


def tell(title: str, nights: list[Night], seconds: float) -> None:
    """Print what came of the nights."""
    feasible = [night for night in nights if night.feasible]
    others = [night for night in nights if not night.feasible]
    short = [night for night in nights if not night.met]
    hopeless = [night for night in others if not night.feasible_at_full_power]
    said = [night for night in short if night.announced_after is not None]
    print(f"\n{title}: {len(nights)} nights in {seconds:.0f} s")
    print(f"  feasible                       {len(feasible)}, met {sum(n.met for n in feasible)}")
    print(f"  others                         {len(others)}, met all the same {sum(n.met for n in others)}")
    print(f"  missed                         {len(short)}, announced {len(said)}")
    told = [n.announced_at - n.plugged_in_at for n in hopeless if n.announced_at is not None]
    print(
        f"  infeasible at full power       {len(hopeless)}, announced {len(told)}, {_minutes(told)} after plug-in"
    )
    print(
        f"  latest announcement            {_minutes([n.announced_after for n in said if n.announced_after])}"
    )
    print(f"  most switches within an hour   {max((n.switches_an_hour for n in nights), default=0)}")
    print(f"  longest charge after a stop    {_minutes([n.longest_stop for n in nights])}")


@click.command()
@click.option("--nights", default=1_000, show_default=True, help="How many nights.")
@click.option("--seed", default=1, show_default=True)
@click.option(
    "--weak",
    multiple=True,
    type=float,
    default=(1.0, 0.5),
    show_default=True,
    help="In what share of nights power is short.",
)
def main(nights: int, seed: int, weak: tuple[float, ...]) -> None:
    """Print the figures for weak vehicles in every night, and in every second one."""
    for share in weak:
        began_s = time.perf_counter()
        hazards = Hazards(weak_nights=share)
        lived = asyncio.run(live_nights(nights, seed, open_store=_open_store, hazards=hazards))
        tell(f"10 % less power in {100 * share:g} % of nights", lived, time.perf_counter() - began_s)


if __name__ == "__main__":
    main()
