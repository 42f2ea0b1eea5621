"""The planning problem of many vehicles behind one connection, valid by construction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from itertools import pairwise

from dwell.domain.errors import Fault, Refused
from dwell.domain.planning.prices import PriceGrid
from dwell.domain.planning.problem import (
    Bounds,
    Ceiling,
    ImmediateStart,
    Target,
    VehicleLimits,
    Window,
    instant_fault,
)

SITE_BOUNDS = {
    "limit_kw": Bounds(0, 1e9),
    "base_load_kw": Bounds(-1e9, 1e9),  # below zero: something behind the connection feeds in
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseLoad:
    """What else draws `power_kw` behind the connection in `[start_at, end_at)`; below zero it feeds in."""

    start_at: datetime
    end_at: datetime
    power_kw: float

    def __post_init__(self) -> None:
        message = SITE_BOUNDS["base_load_kw"].fault(self.power_kw)
        faults = [Fault(field="power_kw", message=message)] if message else []
        faults += instant_fault("start", self.start_at) + instant_fault("end", self.end_at)
        if not faults and self.end_at <= self.start_at:
            faults.append(Fault(field="end", message="must be after start"))
        if faults:
            raise Refused.because(*faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteVehicle:
    """One vehicle of the connection. It is planned as modulating, whatever its control; power_min may be 0."""

    vehicle: VehicleLimits
    target: Target
    ceilings: tuple[Ceiling, ...] = ()
    restrictions: tuple[Window, ...] = ()

    @property
    def reserve_percent(self) -> float:
        """The level below which the battery is charged at once."""
        return min(self.target.battery_reserve_percent, self.vehicle.charge_limit_percent)

    @property
    def wanted_percent(self) -> float:
        """The level that the target asks for, capped by the charge limit."""
        return min(self.target.minimum_charge_percent, self.vehicle.charge_limit_percent)

    @property
    def ready_by_at(self) -> datetime | None:
        """The deadline, or None for an immediate start."""
        return None if isinstance(self.target, ImmediateStart) else self.target.ready_by_at


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteProblem:
    """Everything the planner needs for one connection. The room in kW is max(0, `limit_kw` − base load)."""

    now_at: datetime
    vehicles: tuple[SiteVehicle, ...]
    prices: PriceGrid
    limit_kw: float
    base_load: tuple[BaseLoad, ...] = ()
    timezone: tzinfo = UTC
    charge_when_negative: bool = True

    def __post_init__(self) -> None:
        faults = instant_fault("now", self.now_at)
        message = SITE_BOUNDS["limit_kw"].fault(self.limit_kw)
        if message:
            faults.append(Fault(field="site.limit_kw", message=message))
        faults += overlaps(self.base_load)
        if faults:
            raise Refused.because(*faults)


def overlaps(base_load: tuple[BaseLoad, ...]) -> list[Fault]:
    """A fault for each base load that begins before another's end: nobody could say which of them holds."""
    order = sorted(range(len(base_load)), key=lambda i: (base_load[i].start_at, base_load[i].end_at))
    return [
        Fault(field=f"site.base_load[{after}].start", message=f"overlaps site.base_load[{before}]")
        for before, after in pairwise(order)
        if base_load[after].start_at < base_load[before].end_at
    ]
