"""A vehicle's year of savings, and its month of quarter hours, as they are asked for again and again.

Run: python -m benchmarks.savings [--sessions 700] [--times 20]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

from dwell.adapters.clock import SystemClock
from dwell.adapters.ids import SystemIds
from dwell.adapters.storage import open_store, schema
from dwell.application.ports import Ports, Transaction
from dwell.application.savings import Scope, ScopedSavings, savings_over
from dwell.application.series import Asked, DataView, SavingsView, vehicle_data, vehicle_savings
from dwell.domain.ids import OrganizationId, SessionId, UserId, VehicleId
from dwell.domain.policy.terms import VisitTerms
from dwell.domain.registry import Information, Vehicle
from dwell.domain.series import Resolution
from dwell.domain.session.record import SETTLED, Session, Valuation

OWNER, USER, CAR = OrganizationId("o"), UserId("u"), VehicleId("v")
FIRST = datetime(2025, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
QUARTERS = 48


def a_session(number: int, count: int) -> Session:
    """A night of twelve hours."""
    at = FIRST + number * (YEAR / count)
    rows = tuple(1_000 + n for n in range(QUARTERS))
    return Session(
        id=SessionId(f"{number:08}"),
        organization_id=OWNER,
        user_id=USER,
        vehicle_id=CAR,
        policy_id=None,
        location_id=None,
        state=SETTLED,
        created_at=at,
        updated_at=at,
        terms=VisitTerms(),
        plugged_in_at=at,
        plugged_out_at=at + timedelta(hours=11, minutes=50),
        energy_wh=sum(rows),
        rows_from_at=at.replace(minute=0, second=0, microsecond=0),
        rows_wh=rows,
        valuation=Valuation("EUR", Decimal("3.0123456"), Decimal("4.0654321"), Decimal("1.0530865")),
    )


async def filled(ports: Ports, count: int) -> None:
    """A vehicle with a year of visits."""
    vehicle = Vehicle(
        id=CAR,
        organization_id=OWNER,
        user_id=USER,
        vendor="ACME",
        information=Information(brand="a", model="b"),
        battery_capacity_wh=60_000,
        power_max_w=11_000,
        created_at=FIRST,
        updated_at=FIRST,
    )

    async def work(tx: Transaction) -> None:
        await tx.save_vehicle(vehicle)
        await tx.save_sessions([a_session(number, count) for number in range(count)])

    await ports.store.write(work)


async def measured(what: str, ask: Callable[[], Awaitable[object]], times: int) -> None:
    """Print the median and the worst of so many."""
    taken_ms = list[float]()
    for _ in range(times):
        started_s = time.perf_counter()
        await ask()
        taken_ms.append((time.perf_counter() - started_s) * 1000)
    print(f"{what:34} median {statistics.median(taken_ms):7.1f} ms   worst {max(taken_ms):7.1f} ms")


async def savings(ports: Ports, resolution: Resolution) -> SavingsView:
    """All of the year."""
    asked = Asked(vehicle_id=CAR, user_id=None, resolution=resolution)
    return await vehicle_savings(ports, OWNER, asked, (date(2025, 1, 1), date(2025, 12, 31)))


async def whole(ports: Ports, resolution: Resolution) -> ScopedSavings:
    """All of the year, of everybody."""
    days = date(2025, 1, 1), date(2025, 12, 31)
    return await savings_over(ports, OWNER, Scope(), resolution, days=days)


async def data(ports: Ports, resolution: Resolution) -> DataView:
    """The year's last thirty days."""
    asked = Asked(vehicle_id=CAR, user_id=None, resolution=resolution)
    window = FIRST + YEAR - timedelta(days=30), FIRST + YEAR
    return await vehicle_data(ports, OWNER, asked, window, with_prices=False, with_levels=True)


async def run(count: int, times: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder)}/savings.db"
        await schema.upgrade(url)
        store = await open_store(url)
        ports = Ports(store, SystemClock(), SystemIds())
        await filled(ports, count)
        for resolution in (Resolution.DAY, Resolution.MONTH, Resolution.YEAR):
            await measured(
                f"savings of a year by {resolution.value}", partial(savings, ports, resolution), times
            )
        everybody = partial(whole, ports, Resolution.MONTH)
        await measured("of the organization, by 1MONTH", everybody, times)
        found = await savings(ports, Resolution.DAY)
        if sum(saved.sessions for saved in found.periods) != count:
            raise SystemExit("sessions are missing from the savings")
        for resolution in (Resolution.QUARTER_HOUR, Resolution.DAY):
            await measured(f"data of a month by {resolution.value}", partial(data, ports, resolution), times)
        await store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=700)
    parser.add_argument("--times", type=int, default=20)
    given = parser.parse_args()
    asyncio.run(run(given.sessions, given.times))


if __name__ == "__main__":
    main()
