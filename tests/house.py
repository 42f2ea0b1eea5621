"""A house for tests: one user with a home, a vehicle and the product that looks after it, on a virtual clock.

house = await a_house(store)
await house.tell(house.fact(at, plugged_in=True, soc_percent=40))
await house.live_until(later)
[session] = await house.settled()
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from dwell.application.engine import BATCH, Engine, next_wake_at, run_due
from dwell.application.policies import create_policy
from dwell.application.ports import Ports, Reader, Store, Transaction
from dwell.application.prices import import_prices
from dwell.application.records import SessionFilter
from dwell.application.telemetry import ingest
from dwell.domain.ids import LocationId, OrganizationId, UserId, VehicleId
from dwell.domain.registry import Information, Location, Organization, Policy, User, Vehicle
from dwell.domain.session.facts import Fact
from dwell.domain.session.incoming import Incoming, Receipt
from dwell.domain.session.record import Session
from dwell.domain.session.rules import Rules
from dwell.domain.session.steering import Order
from dwell.domain.session.track import Track
from dwell.domain.tariff.curve import PriceSlot
from dwell.simulation.clock import SeededIds, VirtualClock

ORGANIZATION = OrganizationId("00000000-0000-7000-8000-00000000000a")
USER = UserId("00000000-0000-7000-8000-00000000000b")
HOME = LocationId("00000000-0000-7000-8000-00000000000c")
CAR = VehicleId("00000000-0000-7000-8000-00000000000d")
ZONE = "DE-LU"
BUILT_AT = datetime(2026, 3, 25, 12, 0, tzinfo=UTC)
AT_HOME = (52.5, 13.4)
ELSEWHERE = (52.6, 13.6)


def hourly_prices(days: int = 12) -> list[PriceSlot]:
    """Prices from three days before the house was built on: cheap at night, negative at noon."""
    first_at = BUILT_AT.replace(hour=0) - timedelta(days=3)
    hours = [first_at + timedelta(hours=hour) for hour in range(24 * days)]
    return [PriceSlot(at, at + timedelta(hours=1), Decimal(at.hour * 7 % 24 - 3) / 50) for at in hours]


@dataclass
class Deaf:
    """A vehicle that takes every order and does as it likes; the orders are kept."""

    given: list[Order] = field(default_factory=list)

    async def give(self, order: Order) -> str:
        self.given.append(order)
        return "accepted"


@dataclass
class House:
    """The ports, the clock, and what a test wants to say and see."""

    ports: Ports
    clock: VirtualClock
    engine: Engine
    vehicle: Deaf
    policy: Policy | None = None

    async def tell(self, *facts: Fact, at: datetime | None = None) -> Receipt:
        """The facts come in at `at`, or when the newest of them was true if that is later than now."""
        self.clock.move_to(at or max(fact.at for fact in facts))
        return await self._ingest(facts)

    async def _ingest(self, facts: Sequence[Fact]) -> Receipt:
        items = [Incoming(index=i, vehicle_id=CAR, fact=fact) for i, fact in enumerate(facts)]
        return await ingest(self.ports, ORGANIZATION, items, received_at=self.clock.now())

    async def look(self) -> None:
        """The engine looks after what is due now."""
        while (await run_due(self.engine)).due >= BATCH:
            pass

    async def live_until(self, at: datetime) -> None:
        """Time goes by, and the engine wakes whenever it wants to."""
        while (wake_at := await next_wake_at(self.ports)) is not None and wake_at <= at:
            self.clock.move_to(wake_at)
            await self.look()
        self.clock.move_to(at)
        await self.look()

    async def settled(self, *, include_hidden: bool = True) -> list[Session]:
        """Settled sessions, oldest first."""

        async def work(reader: Reader) -> list[Session]:
            wanted = SessionFilter(include_hidden=include_hidden)
            return await reader.settled_page(ORGANIZATION, wanted, limit=200)

        return (await self.ports.store.read(work))[::-1]

    async def unsettled(self) -> list[Session]:
        """UPCOMING and ACTIVE sessions of the vehicle."""

        async def work(tx: Transaction) -> list[Session]:
            return (await tx.unsettled_sessions(ORGANIZATION, [CAR])).get(CAR, [])

        return await self.ports.store.write(work)

    async def track(self) -> Track:
        """The engine's working state of the vehicle."""

        async def work(reader: Reader) -> Track | None:
            return await reader.track(ORGANIZATION, CAR)

        track = await self.ports.store.read(work)
        assert track is not None
        return track


async def a_house(
    store: Store, *, with_policy: bool = True, with_prices: bool = True, rules: Rules | None = None
) -> House:
    """A built and furnished house at BUILT_AT."""
    clock = VirtualClock(BUILT_AT)
    ports = Ports(store, clock, SeededIds(7), rules=rules or Rules())
    await ports.store.write(_register)
    vehicle = Deaf()
    house = House(ports, clock, Engine(ports, vehicle), vehicle)
    if with_prices:
        await import_prices(ports, ZONE, "EUR", hourly_prices())
    if with_policy:
        house.policy = await create_policy(ports, ORGANIZATION, CAR, HOME)
    return house


async def _register(tx: Transaction) -> None:
    at = BUILT_AT
    await tx.add_organization(Organization(id=ORGANIZATION, name="house", created_at=at))
    await tx.add_user(User(id=USER, organization_id=ORGANIZATION, reference="owner", created_at=at))
    await tx.save_location(home())
    await tx.save_vehicle(
        Vehicle(
            id=CAR,
            organization_id=ORGANIZATION,
            user_id=USER,
            vendor="TEST",
            information=Information(brand="a", model="b"),
            battery_capacity_wh=77_000,
            power_max_w=11_000,
            created_at=at,
            updated_at=at,
        )
    )


def home(location_id: LocationId = HOME, position: tuple[float, float] = AT_HOME) -> Location:
    """A location of the user's."""
    return Location(
        id=location_id,
        organization_id=ORGANIZATION,
        user_id=USER,
        name="home",
        latitude=position[0],
        longitude=position[1],
        timezone="Europe/Berlin",
        zone=ZONE,
        created_at=BUILT_AT,
        updated_at=BUILT_AT,
    )
