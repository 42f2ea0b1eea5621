"""The planning problem of one vehicle, valid by construction: what is known, what is wanted, what is allowed.

Powers are kW, energies kWh at the meter, prices and costs in the currency of the prices, instants aware.
Building an invalid value raises Refused with every fault of it, by field.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import StrEnum

from dwell.domain.errors import Fault, Refused
from dwell.domain.planning.prices import PriceGrid

FIRST_INSTANT = datetime(1970, 1, 1, tzinfo=UTC)
LAST_INSTANT = datetime(2200, 1, 1, tzinfo=UTC)  # room for every run to end within what datetime can hold


@dataclass(frozen=True, slots=True)
class Bounds:
    """The closed range of a number, or open below where `above` says so."""

    least: float
    most: float
    above: bool = False

    def fault(self, value: float) -> str | None:
        """What is wrong with `value`, or None."""
        if isinstance(value, float) and not math.isfinite(value):  # an int may be past any float
            return "must be a finite number"
        if value < self.least or value > self.most or (self.above and value == self.least):
            return f"must be {'above' if self.above else 'at least'} {self.least:g} and at most {self.most:g}"
        return None


PERCENT = Bounds(0, 100)
BOUNDS = {
    "battery_capacity_kwh": Bounds(0.01, 50_000),  # full within what datetime can hold, at any power
    "soc_percent": PERCENT,
    "charge_limit_percent": PERCENT,
    "power_max_kw": Bounds(0.01, 100_000),  # less than 10 W charges no vehicle
    "power_min_kw": Bounds(0, 100_000),
    "efficiency": Bounds(0.1, 1),
    "battery_reserve_percent": PERCENT,
    "minimum_charge_percent": PERCENT,
    "power_kw": Bounds(0, 1e9),
    "price": Bounds(-1e6, 1e6),
    "start_cost": Bounds(0, 1e6),
}
"""What a number may be, by the name that it has here and in the JSON of `dwell plan`."""
NO_POWER = "must be above 0 for a vehicle that is planned alone"


class Control(StrEnum):
    """ON_OFF: full power or none. MODULATING: none, or anything from power_min to the ceiling."""

    ON_OFF = "on_off"
    MODULATING = "modulating"


def _numbers(values: dict[str, float]) -> list[Fault]:
    found = ((name, BOUNDS[name].fault(value)) for name, value in values.items())
    return [Fault(field=name, message=message) for name, message in found if message]


def instant_fault(name: str, instant: datetime) -> list[Fault]:
    """The fault of an instant that is naive or outside 1970–2200, in a list that may be empty."""
    if instant.tzinfo is None:
        return [Fault(field=name, message="must have a zone")]
    if not FIRST_INSTANT <= instant < LAST_INSTANT:
        return [Fault(field=name, message="must be from 1970 to 2199")]
    return []


def _refuse(faults: list[Fault]) -> None:
    if faults:
        raise Refused.because(*faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleLimits:
    """The battery and what it takes. `charging_now` says that power flows at this moment."""

    battery_capacity_kwh: float
    soc_percent: float
    power_max_kw: float
    charge_limit_percent: float = 100.0
    power_min_kw: float = 0.001
    efficiency: float = 0.9
    control: Control = Control.ON_OFF
    charging_now: bool = False

    def __post_init__(self) -> None:
        faults = _numbers(
            {
                "battery_capacity_kwh": self.battery_capacity_kwh,
                "soc_percent": self.soc_percent,
                "charge_limit_percent": self.charge_limit_percent,
                "power_max_kw": self.power_max_kw,
                "power_min_kw": self.power_min_kw,
                "efficiency": self.efficiency,
            }
        )
        if not faults and self.power_min_kw > self.power_max_kw:
            faults.append(Fault(field="power_min_kw", message="must be at most power_max_kw"))
        _refuse(faults)

    def energy_kwh(self, from_percent: float, to_percent: float) -> float:
        """Energy at the meter that takes the battery from one level to another, 0 if it is there."""
        return max(0.0, to_percent - from_percent) / 100 * self.battery_capacity_kwh / self.efficiency

    def gain_percent(self, energy_kwh: float) -> float:
        """What `energy_kwh` at the meter adds to the state of charge."""
        return energy_kwh * self.efficiency / self.battery_capacity_kwh * 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RegularTarget:
    """At least `minimum_charge_percent` by `ready_by_at` at the least cost; below the reserve, charge at once."""

    minimum_charge_percent: float
    ready_by_at: datetime
    battery_reserve_percent: float = 0.0

    def __post_init__(self) -> None:
        numbers = {
            "minimum_charge_percent": self.minimum_charge_percent,
            "battery_reserve_percent": self.battery_reserve_percent,
        }
        _refuse(_numbers(numbers) + instant_fault("ready_by", self.ready_by_at))


@dataclass(frozen=True, slots=True, kw_only=True)
class ImmediateStart:
    """Full power from now to `minimum_charge_percent`; no deadline, and restrictions do not apply."""

    minimum_charge_percent: float
    battery_reserve_percent: float = 0.0

    def __post_init__(self) -> None:
        numbers = {
            "minimum_charge_percent": self.minimum_charge_percent,
            "battery_reserve_percent": self.battery_reserve_percent,
        }
        _refuse(_numbers(numbers))


Target = RegularTarget | ImmediateStart


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A restriction: no charging in `[start_at, end_at)`, save for the reserve and an immediate start."""

    start_at: datetime
    end_at: datetime

    def __post_init__(self) -> None:
        _refuse(_window(self.start_at, self.end_at))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """At most `power_kw` in `[start_at, end_at)`; where ceilings overlap the least holds."""

    start_at: datetime
    end_at: datetime
    power_kw: float

    def __post_init__(self) -> None:
        _refuse(_numbers({"power_kw": self.power_kw}) + _window(self.start_at, self.end_at))


def _window(start_at: datetime, end_at: datetime) -> list[Fault]:
    faults = instant_fault("start", start_at) + instant_fault("end", end_at)
    if not faults and end_at <= start_at:
        faults.append(Fault(field="end", message="must be after start"))
    return faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Everything the planner needs for one vehicle. `timezone` decides what the same local hour is."""

    now_at: datetime
    vehicle: VehicleLimits
    target: Target
    prices: PriceGrid
    timezone: tzinfo = UTC
    ceilings: tuple[Ceiling, ...] = ()
    restrictions: tuple[Window, ...] = ()
    start_cost: float = 0.02
    charge_when_negative: bool = True

    def __post_init__(self) -> None:
        message = BOUNDS["start_cost"].fault(self.start_cost)
        faults = instant_fault("now", self.now_at)
        if message:
            faults.append(Fault(field="start_cost", message=message))
        if self.vehicle.power_min_kw <= 0.0:
            faults.append(Fault(field="vehicle.power_min_kw", message=NO_POWER))
        _refuse(faults)

    @property
    def reserve_percent(self) -> float:
        """The level below which the battery is charged at once."""
        return min(self.target.battery_reserve_percent, self.vehicle.charge_limit_percent)

    @property
    def wanted_percent(self) -> float:
        """The level that the target asks for, capped by the charge limit."""
        return min(self.target.minimum_charge_percent, self.vehicle.charge_limit_percent)
