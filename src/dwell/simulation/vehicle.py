"""A virtual vehicle: a battery that charges at constant power while it is plugged in and told to, and says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dwell.domain.ids import VehicleId
from dwell.domain.session.facts import Fact
from dwell.domain.session.steering import START, Order
from dwell.domain.units import HOUR_S


@dataclass(slots=True)
class VirtualVehicle:
    """Its state at `at`; energies in Wh at the meter, `soc_percent` of `battery_wh`.

    `share` is what it gives of the power that it is told.
    """

    vehicle_id: VehicleId
    battery_wh: float
    power_w: int
    at: datetime
    efficiency: float = 0.9
    share: float = 1.0
    soc_percent: float = 50.0
    limit_percent: float = 100.0
    plugged_in: bool = False
    charging_w: int = 0
    register_wh: float = 0.0
    latitude: float | None = None
    longitude: float | None = None
    charged_wh: float = field(default=0.0)

    def move_to(self, at: datetime) -> None:
        """Let the battery charge until `at`, and stop where it is full."""
        if self.charging_w > 0:
            hours = (at - self.at).total_seconds() / HOUR_S
            energy_wh = min(self.charging_w * hours, self._room_wh())
            self.register_wh += energy_wh
            self.charged_wh += energy_wh
            self.soc_percent += energy_wh * self.efficiency / self.battery_wh * 100
            if self._room_wh() <= 0.5:
                self.charging_w = 0
                self.soc_percent = max(self.soc_percent, self.limit_percent)  # full is full, not a hair below
        self.at = max(self.at, at)

    def full_at(self) -> datetime | None:
        """When the battery will be full at the present power; None while it does not charge."""
        if self.charging_w <= 0:
            return None
        return self.at + timedelta(hours=self._room_wh() / self.charging_w)

    def plug_in(self, at: datetime, soc_percent: float) -> None:
        self.at = at
        self.plugged_in, self.charging_w, self.charged_wh = True, 0, 0.0
        self.soc_percent = soc_percent

    def plug_out(self, at: datetime) -> None:
        self.move_to(at)
        self.plugged_in, self.charging_w = False, 0

    def obey(self, order: Order, at: datetime) -> bool:
        """Do what the order says. Whether it changed anything."""
        self.move_to(at)
        before = self.charging_w
        wanted = round(min(order.power_w, self.power_w) * self.share) if order.kind == START else 0
        self.charging_w = wanted if self.plugged_in and self._room_wh() > 0.5 else 0
        return self.charging_w != before

    def says(self) -> Fact:
        """The vehicle's report of itself."""
        full = self._room_wh() <= 0.5
        return Fact(
            at=self.at,
            plugged_in=self.plugged_in,
            charging=self.charging_w > 0,
            power_w=self.charging_w,
            soc_percent=round(min(100.0, self.soc_percent), 3),
            energy_register_wh=round(self.register_wh),
            fully_charged=full,
            latitude=self.latitude,
            longitude=self.longitude,
        )

    def _room_wh(self) -> float:
        """Energy at the meter until the charge limit."""
        return max(0.0, (self.limit_percent - self.soc_percent) / 100 * self.battery_wh / self.efficiency)
