"""A backtest over several processes: the same result as in one, faults that surface, nothing left behind."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from dwell.cli.backtest import open_memory
from dwell.domain.session.settle import Stretch
from dwell.domain.tariff.curve import PriceCurve, PriceSlot
from dwell.simulation.backtest import ClosableStore, Plan, quarters_of
from dwell.simulation.report import Study, summarise
from dwell.simulation.shards import ShardFailed, divided, live_in_shards
from dwell.simulation.visits import Visit

START = datetime(2026, 1, 12, tzinfo=UTC)
PLAN = Plan(zone="AT", seed=7)


def prices(days: int) -> PriceCurve:
    hours = [START + timedelta(hours=n) for n in range(24 * days + 1)]
    slots = [
        PriceSlot(at, at + timedelta(hours=1), Decimal(30 + (7 * at.hour) % 24 + at.day) / 1000)
        for at in hours[:-1]
    ]
    return PriceCurve.of("EUR", slots)


def visits(users: int, days: int) -> list[Visit]:
    return [
        Visit(
            visit_id=f"{user}-{day}",
            user_reference=f"user-{user}",
            plugged_in_at=START + timedelta(days=day, hours=15 + user % 5, minutes=7 * user),
            plugged_out_at=START + timedelta(days=day + 1, hours=6 + user % 3),
            timezone="Europe/Vienna",
            energy_wh=4_321 + 977 * user + 555 * day,
            power_w=3_700 if user % 2 else 11_000,
        )
        for day in range(days)
        for user in range(users)
    ]


async def refuse(shard: int) -> ClosableStore:
    if shard == 1:
        raise OSError("no room for a store")
    return await open_memory(shard)


async def vanish(shard: int) -> ClosableStore:
    del shard
    os._exit(3)


async def stay(shard: int) -> ClosableStore:
    """A store that never opens; says so to whoever waits for it."""
    os.write(1, b"lives\n")
    await asyncio.Event().wait()
    return await open_memory(shard)


def live_for_ever() -> None:
    """What an interrupt is to end."""
    try:
        live_in_shards(visits(4, 2), prices(4), PLAN, open_store=stay, processes=2)
    except KeyboardInterrupt:
        os.write(1, b"interrupted\n")


def children() -> Iterator[str]:
    return (process.name for process in multiprocessing.active_children())


def test_one_and_two_processes_find_the_same() -> None:
    curve, lived = prices(5), visits(5, 3)

    found = [
        live_in_shards(lived, curve, PLAN, open_store=open_memory, processes=processes).tally
        for processes in (1, 2)
    ]

    assert len(found[0].rows) == len(lived)
    assert found[0] == found[1]


def test_the_same_seed_finds_the_same_again() -> None:
    curve, lived = prices(4), visits(3, 2)

    one, other = (live_in_shards(lived, curve, PLAN, open_store=open_memory).tally for _ in range(2))

    assert one == other


def test_sums_are_those_of_the_sessions() -> None:
    curve, lived = prices(4), visits(4, 2)
    found = live_in_shards(lived, curve, PLAN, open_store=open_memory)
    study = Study(
        visits=lived,
        row_count=len(lived),
        left_out=(),
        adjusted={},
        curve=curve,
        timezone="Europe/Vienna",
        plan=PLAN,
    )

    summary = summarise(study, found)

    rows = found.tally.rows
    assert summary.energy_kwh * 1000 == sum(row.energy_wh for row in rows)
    assert sum(found.tally.smart_wh.values()) == sum(row.energy_wh for row in rows)
    assert sum(found.tally.baseline_wh.values()) == sum(row.energy_wh for row in rows)
    for name in ("cost", "baseline_cost", "savings"):
        exact = sum((getattr(row, name) for row in rows), Decimal(0))
        assert getattr(summary, name) == exact.quantize(Decimal("0.000001"))
    assert summary.savings == summary.baseline_cost - summary.cost
    assert summary.targets_reached == sum(row.reached for row in rows)


def test_users_stay_together_and_shares_are_even() -> None:
    shares = divided(visits(7, 3), 3)

    users = [{visit.user_reference for visit in share} for share in shares]
    assert sum(len(share) for share in shares) == 21
    assert not users[0] & users[1] and not users[1] & users[2] and not users[0] & users[2]
    assert max(map(len, shares)) - min(map(len, shares)) <= 3


def test_progress_reaches_the_number_of_visits() -> None:
    told: list[int] = []

    live_in_shards(visits(4, 2), prices(4), PLAN, open_store=open_memory, processes=2, on_settled=told.append)

    assert told == sorted(told)
    assert told[-1] == 8


def test_no_visits_are_no_fault() -> None:
    assert live_in_shards([], prices(1), PLAN, open_store=open_memory, processes=2).tally.rows == []


def test_what_went_wrong_in_a_shard_is_told_with_its_traceback() -> None:
    with pytest.raises(ShardFailed, match=r"(?s)Traceback.*no room for a store"):
        live_in_shards(visits(4, 2), prices(4), PLAN, open_store=refuse, processes=2)

    assert list(children()) == []


def test_a_process_that_vanishes_is_told_of() -> None:
    with pytest.raises(ShardFailed, match="exit code 3"):
        live_in_shards(visits(4, 2), prices(4), PLAN, open_store=vanish, processes=2)

    assert list(children()) == []


def test_interrupted_it_ends_at_once_and_leaves_no_process() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "import test_backtest_shards as here; here.live_for_ever()"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        cwd=Path(__file__).parent,
    ) as process:
        assert process.stdout is not None
        for _ in range(2):
            assert process.stdout.readline() == b"lives\n"
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
        # Every process of ours holds these pipes, so that their end is the end of all.
        out, err = process.communicate(timeout=20)

    assert out == b"interrupted\n"
    assert err == b""


def test_quarters_of_a_stretch_add_up_to_it() -> None:
    start_at = START + timedelta(minutes=7, seconds=11)
    stretch = Stretch(start_at, start_at + timedelta(hours=2, minutes=31), 12_345)

    quarters = list(quarters_of(stretch))

    assert sum(energy_wh for _, energy_wh in quarters) == 12_345
    assert [at.minute % 15 for at, _ in quarters] == [0] * len(quarters)
    assert quarters[0][0] == START
    inner = [energy_wh for _, energy_wh in quarters[1:-1]]
    assert max(inner) - min(inner) <= 1
