"""An evening at the house: the vehicle comes home at 19:00 local time and is to be ready at 07:00.

Prices of that night (Berlin, hours UTC, per kWh): 18h 0.06, 19h 0.20, 20h 0.34, 21h 0.00, 22h 0.14, 23h 0.28, 0h -0.06,
1h 0.08, 2h 0.22, 3h 0.36, 4h 0.02, 5h 0.16.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from dwell.application.engine import Engine
from dwell.application.ports import Store, Transaction
from dwell.domain.session.facts import Fact
from dwell.domain.session.record import ACTIVE, Session
from dwell.domain.session.steering import Order
from dwell.simulation.vehicle import VirtualVehicle
from house import BUILT_AT, CAR, ORGANIZATION, House, a_house

EVENING = BUILT_AT + timedelta(hours=6)
DEADLINE = EVENING + timedelta(hours=12)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def plugged(at_h: float, **said: object) -> Fact:
    """A fact `at_h` hours after the evening began, plugged in unless it says otherwise."""
    return Fact(EVENING + at_h * HOUR, **{"plugged_in": True, **said})  # type: ignore[arg-type]  # a builder names the fields


def unplugged(at_h: float, **said: object) -> Fact:
    return plugged(at_h, plugged_in=False, **said)


def hours_of(order: Order) -> float:
    """When the order was first given, in hours after the evening began."""
    return (order.created_at - EVENING) / HOUR


async def running(house: House) -> Session:
    """The session of the visit that runs."""
    [session] = [s for s in await house.unsettled() if s.state == ACTIVE]
    return session


async def with_vehicle(house: House, **changes: object) -> House:
    """The house with another vehicle."""

    async def exchange(tx: Transaction) -> None:
        vehicle = (await tx.vehicles_by_id(ORGANIZATION, [CAR]))[CAR]
        await tx.save_vehicle(msgspec.structs.replace(vehicle, **changes))

    await house.ports.store.write(exchange)
    return house


class Garage:
    """A vehicle that obeys and reports, with the house that looks after it."""

    def __init__(self, house: House, soc_percent: float) -> None:
        self.house = house
        self.car = VirtualVehicle(vehicle_id=CAR, battery_wh=77_000, power_w=11_000, at=EVENING)
        self.car.plug_in(EVENING, soc_percent)
        self.given: list[Order] = []
        house.engine = Engine(house.ports, self)

    async def give(self, order: Order) -> str:
        self.given.append(order)
        self.car.obey(order, self.house.clock.now())
        return "accepted"

    async def report(self) -> None:
        self.car.move_to(self.house.clock.now())
        await self.house.tell(self.car.says())
        await self.house.look()

    async def live_until(self, until: datetime, *, every: timedelta = 4 * MINUTE) -> None:
        """Time goes by with a report at its beginning, at its end, and every so often between."""
        await self.report()
        while (now := self.house.clock.now()) < until:
            await self.house.live_until(min(now + every, until))
            await self.report()

    async def leave(self, at: datetime) -> Session:
        """Plug out; the session as settled."""
        await self.live_until(at)
        self.house.clock.move_to(at + MINUTE)
        self.car.plug_out(self.house.clock.now())
        await self.report()
        await self.house.live_until(self.house.clock.now() + 2 * MINUTE)
        return (await self.house.settled())[-1]


async def a_garage(store: Store, soc_percent: float) -> Garage:
    """A vehicle that has just come home with that charge."""
    return Garage(await a_house(store), soc_percent)
