"""From a vehicle and all that is known of it to the words of the Partner dialect."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from dwell.api.partner import vehicle_schemas as schemas
from dwell.api.partner.paths import zone_as_told
from dwell.application.garage import Parked
from dwell.application.users import person_of
from dwell.domain.policy.schedule import Deadline
from dwell.domain.registry import Location, Policy
from dwell.domain.session.rules import Rules
from dwell.domain.units import WH_PER_KWH

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LOST_AFTER = timedelta(hours=24)
"""A vehicle that was not heard of for longer is taken to be out of reach."""
NO_POLICY = "The vehicle has no charge policy."


def vehicle_of(parked: Parked, rules: Rules, now: datetime) -> schemas.ElectricVehicle:
    """The vehicle as it is at `now`."""
    vehicle, seen, policy = parked.vehicle, parked.seen, parked.policy
    person = person_of(parked.owner)
    today = _today(policy, parked.location, now)
    return schemas.ElectricVehicle(
        id=UUID(vehicle.id),
        owner=schemas.Owner(
            id=UUID(parked.owner.id),
            email=person.email,
            first_name=person.first_name,
            last_name=person.last_name,
            external_id=person.external_id,
        ),
        created_at=vehicle.created_at,
        updated_at=vehicle.updated_at,
        deleted_at=vehicle.deleted_at,
        device_model=schemas.DeviceModel(
            vendor=vehicle.vendor,
            brand=vehicle.information.brand,
            model=vehicle.information.model,
            year=vehicle.information.year,
        ),
        price_zone=zone_as_told(parked.location.zone) if parked.location is not None else None,
        building=UUID(parked.location.id) if parked.location is not None else None,
        lifecycle_state="active" if vehicle.deleted_at is None else "deleted",
        is_authenticated=vehicle.link_valid,
        connection_status=_connection(parked, now),
        monitoring_status=_monitoring(parked, rules, now),
        steering_status=_steering(parked),
        is_smart_optimization_active=vehicle.smart_charging,
        charging_mode="solar_only" if vehicle.charging_mode == "solar_only" else "optimized",
        pause_power_until=vehicle.paused_until,
        is_pause_power_active=vehicle.paused_until is not None and vehicle.paused_until > now,
        charge_target_min=today.minimum_charge_percent if today is not None else None,
        charge_target_max=seen.charge_limit_percent,
        is_charge_policy_enabled=policy is not None,
        minimum_charge_limit=policy.terms.battery_reserve_percent if policy is not None else None,
        charge_deadline_at=today.deadline if today is not None else None,
        charge_policy_last_updated_at=policy.updated_at if policy is not None else None,
        is_plugged_in=seen.plugged_in,
        is_charging=seen.charging,
        is_fully_charged=seen.fully_charged,
        charge_rate_w=seen.power_w,
        battery_level=seen.soc_percent,
        battery_capacity_kwh=None
        if vehicle.battery_capacity_wh is None
        else vehicle.battery_capacity_wh / WH_PER_KWH,
        driving_range=None,
        boost_state=parked.boost.state,
        boost_for_next_session=parked.boost.for_next_session,
        current_state_last_updated_at=seen.at,
    )


def policy_of(parked: Parked) -> schemas.ChargePolicy:
    """The vehicle's policy, or a week without a deadline and the reason."""
    policy, location = parked.policy, parked.location
    week: tuple[Deadline | None, ...] = policy.terms.schedule if policy is not None else (None,) * len(DAYS)
    days = {name: _day(deadline) for name, deadline in zip(DAYS, week, strict=True)}
    return schemas.ChargePolicy(
        metadata=schemas.PolicyMetadata(
            electric_vehicle_id=UUID(parked.vehicle.id),
            user_id=UUID(parked.vehicle.user_id),
            error=None if policy is not None else NO_POLICY,
        ),
        data=schemas.PolicyWeek(timezone=location.timezone if location is not None else None, **days),
    )


def _day(deadline: Deadline | None) -> schemas.PolicyDay | None:
    if deadline is None:
        return None
    return schemas.PolicyDay(
        charge_percentage=deadline.minimum_charge_percent, charge_deadline=deadline.deadline
    )


def _today(policy: Policy | None, location: Location | None, now: datetime) -> Deadline | None:
    """Of the weekday that it is at the building, else the first that there is from then on."""
    if policy is None or location is None:
        return None
    weekday = now.astimezone(ZoneInfo(location.timezone)).weekday()
    week = policy.terms.schedule
    return next((day for day in (*week[weekday:], *week[:weekday]) if day is not None), None)


def _connection(parked: Parked, now: datetime) -> schemas.Connection:
    heard_at = parked.seen.received_at or parked.seen.at
    if heard_at is None:
        return "unknown"
    return "connected" if parked.vehicle.link_valid and now - heard_at <= LOST_AFTER else "disconnected"


def _monitoring(parked: Parked, rules: Rules, now: datetime) -> schemas.Steering:
    heard_at = parked.seen.received_at or parked.seen.at
    if heard_at is None:
        return "unknown"
    if not parked.vehicle.link_valid or now - heard_at > LOST_AFTER:
        return "error"
    late = parked.seen.plugged_in and now - heard_at > rules.fresh_within
    return "warning" if late else "ok"


def _steering(parked: Parked) -> schemas.Steering:
    active = parked.active
    if active is None or not active.managed:
        return "unknown"
    if active.error is not None:
        return "error"
    at_risk = active.outcome is not None and active.outcome.state == "AT_RISK"
    return "warning" if at_risk else "ok"
