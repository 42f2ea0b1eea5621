"""Vehicles: registered for a user, with what they can do."""

from __future__ import annotations

from dataclasses import dataclass

from dwell.application.case import Moment
from dwell.application.ports import Ports, Transaction
from dwell.application.users import user_named, write_naming_user
from dwell.domain.ids import OrganizationId, VehicleId
from dwell.domain.registry import Information, Vehicle


@dataclass(frozen=True, slots=True, kw_only=True)
class Specification:
    """What a caller says of a vehicle: Wh, W; `control` is on_off, modulating or none."""

    vendor: str
    information: Information
    battery_capacity_wh: int | None
    power_max_w: int
    power_min_w: int = 1_400
    efficiency: float = 0.9
    control: str = "on_off"


async def add_vehicle(
    ports: Ports, organization_id: OrganizationId, user_reference: str, specification: Specification
) -> Vehicle:
    """Register a vehicle of the user, who is made if this is the first word of him."""
    now = ports.clock.now()

    async def work(tx: Transaction) -> Vehicle:
        user = await user_named(Moment(tx, ports.ids, now), organization_id, user_reference)
        vehicle = Vehicle(
            id=VehicleId(ports.ids.new_id()),
            organization_id=organization_id,
            user_id=user.id,
            vendor=specification.vendor,
            information=specification.information,
            battery_capacity_wh=specification.battery_capacity_wh,
            power_max_w=specification.power_max_w,
            power_min_w=specification.power_min_w,
            efficiency=specification.efficiency,
            control=specification.control,
            created_at=now,
            updated_at=now,
        )
        await tx.save_vehicle(vehicle)
        return vehicle

    return await write_naming_user(ports, work)
