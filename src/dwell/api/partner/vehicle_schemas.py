"""The bodies about vehicles and their charge policies."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from dwell.api.partner.schemas import Instant

Connection = Literal["connected", "disconnected", "unknown"]
Steering = Literal["ok", "warning", "error", "unknown"]


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """Whose vehicle it is."""

    id: UUID
    email: str | None
    first_name: str | None
    last_name: str | None
    external_id: str | None


class DeviceModel(msgspec.Struct, frozen=True, kw_only=True):
    """What kind of vehicle it is."""

    vendor: str
    brand: str
    model: str
    year: int | None


class ElectricVehicle(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle as it is known now. Percent, kWh, W; what was never seen is null."""

    id: UUID
    owner: Owner
    created_at: Instant
    updated_at: Instant
    deleted_at: Instant | None
    device_model: DeviceModel
    price_zone: str | None
    building: UUID | None
    lifecycle_state: Literal["active", "deleted"]
    is_authenticated: bool
    connection_status: Connection
    monitoring_status: Steering
    steering_status: Steering
    is_smart_optimization_active: bool
    charging_mode: Literal["optimized", "solar_only"]
    pause_power_until: Instant | None
    is_pause_power_active: bool
    charge_target_min: float | None
    charge_target_max: float | None
    is_charge_policy_enabled: bool
    minimum_charge_limit: float | None
    charge_deadline_at: str | None
    charge_policy_last_updated_at: Instant | None
    is_plugged_in: bool | None
    is_charging: bool | None
    is_fully_charged: bool | None
    charge_rate_w: int | None
    battery_level: float | None
    battery_capacity_kwh: float | None
    driving_range: float | None
    boost_state: Literal["available", "requested", "ongoing", "unavailable"]
    boost_for_next_session: bool
    current_state_last_updated_at: Instant | None


class VehicleFields(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What may be said of a vehicle: what PUT leaves out stays as it is. POST needs vendor to max_power."""

    vendor: str | None = None
    information: dict[str, Any] | None = None
    battery_capacity: float | None = None
    max_power: float | None = None
    min_power: float | None = None
    efficiency: float | None = None
    control: Literal["on_off", "modulating", "none"] | None = None
    is_smart_optimization_active: bool | None = msgspec.field(
        default=None, name="is_smart_optimization_active"
    )
    charging_mode: Literal["optimized", "solar_only"] | None = msgspec.field(
        default=None, name="charging_mode"
    )
    pause_power_until: datetime | None = msgspec.field(default=None, name="pause_power_until")
    is_authenticated: bool | None = msgspec.field(default=None, name="is_authenticated")
    minimum_charge_limit: int | None = msgspec.field(default=None, name="minimum_charge_limit")
    charge_target_min: int | None = msgspec.field(default=None, name="charge_target_min")
    charge_deadline_at: str | None = msgspec.field(default=None, name="charge_deadline_at")


class PolicyDay(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be reached by a local time."""

    charge_percentage: float
    charge_deadline: str


class PolicyWeek(msgspec.Struct, frozen=True, kw_only=True):
    """A week of deadlines; null for a day without one. Times are local to `timezone`, the building's."""

    mon: PolicyDay | None
    tue: PolicyDay | None
    wed: PolicyDay | None
    thu: PolicyDay | None
    fri: PolicyDay | None
    sat: PolicyDay | None
    sun: PolicyDay | None
    timezone: str | None


class PolicyMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """Whose policy it is; `error` says why there is none."""

    electric_vehicle_id: UUID
    user_id: UUID
    error: str | None


class ChargePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The policy that the vehicle is charged by."""

    metadata: PolicyMetadata
    data: PolicyWeek


class PolicyFields(msgspec.Struct, frozen=True, kw_only=True):
    """Days to change, with or without `data` around them; null takes a day's deadline away."""

    data: dict[str, Any] | None = None


class BoostRefusal(msgspec.Struct, frozen=True):
    """Why a boost could do nothing."""

    state: Literal["available", "requested", "ongoing", "unavailable"]
    reason: Literal["already_charging", "fully_charged", "no_active_session", "internal_error"]
