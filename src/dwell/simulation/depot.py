"""The demonstration's depot: six chargers behind one connection that carries less than all of them can give.

Vans come home in the evening and leave in the morning, two more are charged around noon. Their drivers show cards, and
pay by a tariff. All that is known of them comes from the chargers, over their sockets and through the gateway.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

from dwell.application.credentials import Keyring
from dwell.application.locations import Premises, add_location
from dwell.application.policies import create_policy
from dwell.application.ports import Ports
from dwell.application.stations.orders import look_after_transactions
from dwell.application.stations.registry import (
    StationSpecification,
    add_station,
    add_token,
    set_driver_tariff,
)
from dwell.application.vehicles import Specification, add_vehicle
from dwell.domain.ids import LocationId, OrganizationId, StationId, VehicleId, Zone
from dwell.domain.policy.schedule import Deadline
from dwell.domain.policy.terms import PolicyTerms
from dwell.domain.registry import Information
from dwell.domain.station.equipment import Connector, Evse
from dwell.domain.station.registry import Site
from dwell.domain.tariff.coverage import Span
from dwell.domain.tariff.driver import DriverTariff, TimeBand
from dwell.simulation.clock import VirtualClock
from dwell.simulation.stations.charger import Charger
from dwell.simulation.stations.wire import Sign
from dwell.simulation.vehicle import VirtualVehicle

CONNECTION_W = 43_000
"""What the depot's connection carries: not quite four of its six chargers."""
CHARGERS, NIGHT_VANS, DAY_VANS = 6, 6, 2
POWER_W, LEAST_POWER_W = 11_000, 4_140
BATTERIES_WH = (60_000, 77_000)
EFFICIENCY = 0.9
TARGET_PERCENT = 80.0
VERSIONS = ("ocpp1.6", "ocpp2.0.1")
HEARTBEAT_S = 1_800
"""In virtual seconds, which the chargers are told when they boot."""
OWNER = "depot"
TARIFF = DriverTariff(
    kwh_price=Decimal("0.39"), session_price=Decimal("0.50"), time_bands=(TimeBand(960, Decimal("0.02")),)
)
_NIGHT, _DAY = Deadline("06:00", TARGET_PERCENT), Deadline("13:30", TARGET_PERCENT)
_LATITUDE, _LONGITUDE, _TIMEZONE, _ZONE = 47.9870, 7.8300, "Europe/Berlin", Zone("DE-LU")
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Van:
    """A vehicle of the fleet and the card of its driver."""

    vehicle_id: VehicleId
    token: str
    battery_wh: int


@dataclass(frozen=True, slots=True, order=True)
class Stay:
    """A cable in and out again: of which van, at which charger, with what in its battery."""

    from_at: datetime
    until: datetime
    van: int
    charger: int
    soc_percent: float


@dataclass(slots=True)
class Depot:
    """The chargers, who is to come, and what flows. `load_w` holds an instant and a power for each change."""

    ports: Ports
    clock: VirtualClock
    station_ids: list[StationId]
    vans: list[Van]
    chargers: list[Charger]
    stays: list[Stay]
    leaving: list[tuple[datetime, int]] = field(default_factory=list)
    load_w: list[tuple[datetime, int]] = field(default_factory=list)

    @property
    def peak_w(self) -> int:
        """The most that all drew together at any instant."""
        return max((power_w for _, power_w in self.load_w), default=0)

    async def connect(self) -> None:
        """Have every charger come up. Raises what a connection fails with."""
        for charger in self.chargers:
            await charger.connect()

    async def close(self) -> None:
        """Hang up."""
        for charger in self.chargers:
            await charger.wire.close()

    def next_at(self) -> datetime | None:
        """When something happens here."""
        due = [at for charger in self.chargers if (at := charger.next_at()) is not None]
        due += [self.stays[-1].from_at] if self.stays else []
        due += [min(self.leaving)[0]] if self.leaving else []
        return min(due, default=None)

    async def live(self, now: datetime) -> None:
        """Live through one instant, up to what the chargers say of it."""
        for leaving in sorted(one for one in self.leaving if one[0] <= now):
            self.leaving.remove(leaving)
            await self.chargers[leaving[1]].leave(now)
        while self.stays and self.stays[-1].from_at <= now:
            stay = self.stays.pop()
            await self._arrive(stay, now)
        for charger in self.chargers:
            await charger.live(now)
        await self.tend()

    async def tend(self) -> None:
        """Let time pass for transactions."""
        await look_after_transactions(self.ports)

    def note(self, now: datetime) -> None:
        """Take down what flows from this instant on; what is said last of an instant counts, the rest took no time."""
        if self.load_w and self.load_w[-1][0] == now:
            self.load_w.pop()
        drawn_w = sum(charger.power_w for charger in self.chargers)
        if not self.load_w or self.load_w[-1][1] != drawn_w:
            self.load_w.append((now, drawn_w))

    async def _arrive(self, stay: Stay, now: datetime) -> None:
        van = self.vans[stay.van]
        car = VirtualVehicle(van.vehicle_id, van.battery_wh, POWER_W, now, efficiency=EFFICIENCY)
        car.plug_in(now, stay.soc_percent)
        self.leaving.append((stay.until, stay.charger))
        await self.chargers[stay.charger].arrive(now, car, van.token)


async def found_depot(
    ports: Ports, keyring: Keyring, organization_id: OrganizationId, *, address: str, clock: VirtualClock
) -> Depot:
    """Register the place, its chargers, the vans, their drivers' cards and what they pay. Nobody has come yet."""
    premises = Premises(
        name="Depot",
        latitude=_LATITUDE,
        longitude=_LONGITUDE,
        timezone=_TIMEZONE,
        zone=_ZONE,
        grid_limit_w=CONNECTION_W,
    )
    place = await add_location(ports, organization_id, OWNER, premises)
    await set_driver_tariff(ports, organization_id, TARIFF)
    depot = Depot(ports, clock, [], [], [], [])
    for number in range(CHARGERS):
        wanted = _specification(number + 1, place.id)
        record, key = await add_station(ports, keyring, organization_id, wanted)
        protocol = VERSIONS[number % len(VERSIONS)]
        sign = Sign(address=address, name=wanted.name, key=key, protocol=protocol)
        depot.station_ids.append(record.id)
        depot.chargers.append(Charger(sign, clock))
    for number in range(NIGHT_VANS + DAY_VANS):
        depot.vans.append(await _van(ports, organization_id, number + 1, place.id))
    return depot


def stays_within(run: Span, seed: int) -> list[Stay]:
    """Who comes when, the last one first."""
    lots, zone = Random(f"depot {seed}"), ZoneInfo(_TIMEZONE)
    first, last = run.start_at.astimezone(zone).date(), run.end_at.astimezone(zone).date()
    days = (first + timedelta(days=n) for n in range((last - first).days))
    stays = [stay for day in days if day.weekday() < _SATURDAY for stay in _of_day(day, zone, lots)]
    return sorted((stay for stay in stays if stay.from_at > run.start_at), reverse=True)


def _of_day(day: date, zone: ZoneInfo, lots: Random) -> Iterator[Stay]:
    for number in range(DAY_VANS):
        from_at = _at(day, "08:30", zone) + timedelta(minutes=lots.uniform(0, 90))
        until = _at(day, "13:45", zone) + timedelta(minutes=lots.uniform(0, 60))
        yield Stay(from_at, until, NIGHT_VANS + number, lots.randrange(3) + 3 * number, lots.uniform(35, 55))
    for number in range(NIGHT_VANS):
        from_at = _at(day, "16:00", zone) + timedelta(minutes=lots.uniform(0, 210))
        until = _at(day + timedelta(days=1), "06:05", zone) + timedelta(minutes=lots.uniform(0, 75))
        yield Stay(from_at, until, number, number, lots.uniform(18, 45))


def _at(day: date, clock: str, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), zone).astimezone(ZoneInfo("UTC"))


def _specification(number: int, place: LocationId) -> StationSpecification:
    connector = Connector(number=1, plug_type="TYPE_2", power_max_w=POWER_W, cable_attached=True)
    return StationSpecification(
        name=f"DEPOT-{number}",
        evses=[Evse(number=1, evse=f"DE*DWL*EDEPOT{number}*1", connectors=(connector,))],
        site=Site(operator="Demonstration", city="Freiburg im Breisgau", country_code="DEU"),
        location_id=place,
    )


async def _van(ports: Ports, organization_id: OrganizationId, number: int, place: LocationId) -> Van:
    battery_wh = BATTERIES_WH[number % len(BATTERIES_WH)]
    specification = Specification(
        vendor="VIRTUAL",
        information=Information(brand="Virtual", model="Van", display_name=f"Van {number}"),
        battery_capacity_wh=battery_wh,
        power_max_w=POWER_W,
        power_min_w=LEAST_POWER_W,
        efficiency=EFFICIENCY,
        control="modulating",
    )
    vehicle = await add_vehicle(ports, organization_id, OWNER, specification)
    deadline = _NIGHT if number <= NIGHT_VANS else _DAY
    terms = PolicyTerms(schedule=(deadline,) * 7)
    await create_policy(ports, organization_id, vehicle.id, place, terms=terms)
    token = f"CARD{number:04}"
    driver = f"fleet-driver-{number}"
    await add_token(ports, organization_id, token, user_reference=driver, vehicle_id=vehicle.id)
    return Van(vehicle.id, token, battery_wh)
