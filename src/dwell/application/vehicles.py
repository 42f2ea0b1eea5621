"""Vehicles: registered for a user, with what they can do; changed, switched, paused, and taken out of use."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta

import msgspec
from msgspec import UNSET, UnsetType

from dwell.application.case import Case, Moment
from dwell.application.controls import case_now, take_effect
from dwell.application.places import terms_with
from dwell.application.ports import Ports, Transaction
from dwell.application.recut import recut_from
from dwell.application.steer import let_go
from dwell.application.users import user_named, write_naming_user
from dwell.application.visits import end_visit, refresh
from dwell.domain.errors import Fault, Refused
from dwell.domain.ids import OrganizationId, VehicleId
from dwell.domain.registry import Information, Switched, Vehicle
from dwell.domain.session.cut import End

CONTROLS = ("on_off", "modulating", "none")
CHARGING_MODES = ("optimized", "solar_only")
PAUSED_AT_MOST = timedelta(days=366)
SWITCHED_KEPT = 100
"""How many turns of its switches a vehicle remembers."""


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
    ports: Ports,
    organization_id: OrganizationId,
    user_reference: str,
    specification: Specification,
    *,
    change: VehicleChange | None = None,
) -> Vehicle:
    """Register a vehicle of the user, who is made if this is the first word of him; `change` says what more is known.

    Raises Refused with every fault of the change.
    """
    now = ports.clock.now()

    async def work(tx: Transaction) -> Vehicle:
        user = await user_named(Moment.of(ports, tx, now), organization_id, user_reference)
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
        if change is not None:
            before, vehicle = vehicle, _changed(vehicle, change, now)
            faults = _faults_of(before, vehicle, now)
            if faults:
                raise Refused.because(*faults)
        await tx.save_vehicle(vehicle)
        return vehicle

    return await write_naming_user(ports, work)


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleChange:
    """What is to be different about a vehicle; what is UNSET stays. Wh, W.

    `charging_mode` is optimized or solar_only, `link_valid` the state of its data link; `paused_until` None ends a
    pause.
    """

    vendor: str | UnsetType = UNSET
    information: Information | UnsetType = UNSET
    battery_capacity_wh: int | UnsetType | None = UNSET
    power_max_w: int | UnsetType = UNSET
    power_min_w: int | UnsetType = UNSET
    efficiency: float | UnsetType = UNSET
    control: str | UnsetType = UNSET
    smart_charging: bool | UnsetType = UNSET
    charging_mode: str | UnsetType = UNSET
    link_valid: bool | UnsetType = UNSET
    paused_until: datetime | UnsetType | None = UNSET


async def change_vehicle(
    ports: Ports, organization_id: OrganizationId, vehicle_id: VehicleId, change: VehicleChange
) -> Vehicle:
    """Change the vehicle; its running and waiting sessions follow at once, settled ones stay as they are.

    Raises NotFound, Refused with every fault.
    """
    now = ports.clock.now()

    async def work(tx: Transaction) -> Vehicle:
        moment = Moment.of(ports, tx, now)
        case = await case_now(moment, organization_id, vehicle_id)
        before, after = case.vehicle, _changed(case.vehicle, change, now)
        faults = _faults_of(before, after, now)
        if faults:
            raise Refused.because(*faults)
        if after == before:
            return before
        case.vehicle = msgspec.structs.replace(after, updated_at=now)
        await tx.save_vehicle(case.vehicle)
        await _tell_sessions(moment, case, before)
        await take_effect(moment, case)
        return case.vehicle

    return await ports.store.write(work)


async def delete_vehicle(ports: Ports, organization_id: OrganizationId, vehicle_id: VehicleId) -> None:
    """Take the vehicle out of use: its visit is settled as it was last known, its policies end, its facts are refused.

    It leaves the lists and stays readable by id, as do its sessions. Raises NotFound.
    """
    now = ports.clock.now()

    async def work(tx: Transaction) -> None:
        moment = Moment.of(ports, tx, now)
        case = await case_now(moment, organization_id, vehicle_id)
        case.vehicle = msgspec.structs.replace(case.vehicle, deleted_at=now, updated_at=now)
        await tx.save_vehicle(case.vehicle)
        policies, case.policies = case.policies, []
        for policy in policies:
            await tx.save_policy(msgspec.structs.replace(policy, deleted_at=now, updated_at=now))
        for waiting in case.upcoming.values():
            case.withdraw(waiting)
        case.upcoming.clear()
        await _end_as_known(moment, case)
        await take_effect(moment, case)

    await ports.store.write(work)


async def _end_as_known(moment: Moment, case: Case) -> None:
    """Settle what runs where it was last known to be plugged in; nothing will be heard of it any more."""
    span = case.cutter.span
    if case.active is not None and span is not None:
        out_at = span.unplugged_at
        end = End(span.last_plugged_at, observed=False) if out_at is None else End(out_at, observed=True)
        await end_visit(moment, case, end)
    case.cutter.span, case.visit, case.current, case.order = None, None, None, None


def _changed(vehicle: Vehicle, change: VehicleChange, now: datetime) -> Vehicle:
    named = {field.name: getattr(change, field.name) for field in fields(change)}
    after = msgspec.structs.replace(vehicle, **{k: v for k, v in named.items() if v is not UNSET})
    if after.switches == vehicle.switches:
        return after
    past = (*vehicle.switched, Switched(now, vehicle.switches))
    return msgspec.structs.replace(after, switched=past[-SWITCHED_KEPT:])


def _faults_of(before: Vehicle, after: Vehicle, now: datetime) -> list[Fault]:
    """What is wrong with the vehicle as it would be."""
    capacity_wh, until = after.battery_capacity_wh, after.paused_until
    if until == before.paused_until:
        until = None
    checks = (
        ("battery_capacity_wh", capacity_wh is None or capacity_wh > 0, "must be above 0"),
        ("power_max_w", after.power_max_w > 0, "must be above 0"),
        ("power_min_w", 0 < after.power_min_w <= after.power_max_w, "must be above 0, at most power_max_w"),
        ("efficiency", 0.1 <= after.efficiency <= 1, "must be from 0.1 to 1"),
        ("control", after.control in CONTROLS, f"must be one of {', '.join(CONTROLS)}"),
        (
            "charging_mode",
            after.charging_mode in CHARGING_MODES,
            f"must be one of {', '.join(CHARGING_MODES)}",
        ),
        ("paused_until", until is None or until > now, "must lie ahead"),
        (
            "paused_until",
            until is None or until <= now + PAUSED_AT_MOST,
            f"must be at most {PAUSED_AT_MOST.days} days ahead",
        ),
    )
    return [Fault(field=name, message=message) for name, good, message in checks if not good]


async def _tell_sessions(moment: Moment, case: Case, before: Vehicle) -> None:
    """Waiting sessions take the vehicle as it is now; a running visit is worked out anew where that matters to it."""
    for policy_id, waiting in case.upcoming.items():
        told = msgspec.structs.replace(waiting, terms=terms_with(waiting.terms, case.vehicle))
        case.upcoming[policy_id] = told
        case.save(told)
    running, visit = case.active, case.visit
    if running is None or visit is None:
        return
    terms = terms_with(running.terms, case.vehicle)
    case.plan_wanted = case.plan_wanted or terms != running.terms
    case.plan_wanted = case.plan_wanted or case.vehicle.paused_until != before.paused_until
    case.current = msgspec.structs.replace(running, terms=terms)
    if (terms.battery_capacity_wh, terms.efficiency) != (before.battery_capacity_wh, before.efficiency):
        await recut_from(moment, case, visit.plugged_in_at)
        case.plan_wanted = True
    if before.smart_charging and not case.vehicle.smart_charging:
        refresh(case, moment.now)
        let_go(moment, case)
