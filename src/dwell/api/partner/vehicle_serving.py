"""Serving vehicles, their charge policies and boosts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dwell.api.partner import vehicle_schemas as schemas
from dwell.api.partner.errors import invalid
from dwell.api.partner.paths import Faults, id_of, path_faults
from dwell.api.partner.vehicle_mapping import DAYS, policy_of, vehicle_of
from dwell.api.shared.answers import Answer, answer_json
from dwell.api.shared.documents import Document, read_document
from dwell.api.shared.operations import Call
from dwell.api.shared.problems import HttpRefusal
from dwell.api.shared.vehicle_bodies import read_vehicle, read_vehicle_change
from dwell.application.boost import boost, disarm_boost
from dwell.application.garage import (
    Parked,
    in_use,
    only_place,
    place_to_agree,
    vehicle_of_user,
    vehicles_of_user,
)
from dwell.application.policies import change_policy, create_policy, laid_over
from dwell.application.users import user_by_id
from dwell.application.vehicles import (
    CHARGING_MODES,
    VehicleChange,
    add_vehicle,
    change_vehicle,
    delete_vehicle,
)
from dwell.domain.errors import Conflict, Refused
from dwell.domain.ids import UserId, VehicleId
from dwell.domain.policy.schedule import Deadline, EveryDay, minutes_of
from dwell.domain.policy.terms import PolicyTerms
from dwell.domain.session.boost import BoostRefused

_SAID = {
    "battery_capacity_wh": "batteryCapacity",
    "power_max_w": "maxPower",
    "power_min_w": "minPower",
    "paused_until": "pause_power_until",
}
"""By what a caller knows what a use case names otherwise."""


async def list_vehicles(call: Call) -> Answer:
    """The user's vehicles, a bare list."""
    faults = path_faults(call)
    if faults:
        return invalid(faults)
    ports = call.backend.ports
    found = await vehicles_of_user(ports, call.organization_id, UserId(id_of(call, "user_id")))
    now = ports.clock.now()
    return answer_json(200, [vehicle_of(one, ports.rules, now) for one in found])


async def get_vehicle(call: Call) -> Answer:
    """One vehicle, a deleted one too."""
    faults = path_faults(call)
    return (
        invalid(faults) if faults else await _shown(call, 200, VehicleId(id_of(call, "electric_vehicle_id")))
    )


async def post_vehicle(call: Call) -> Answer:
    """Register a vehicle of the user."""
    faults = path_faults(call)
    body = read_document(await call.body())
    controls = _read_controls(body)
    terms = _read_terms(body)
    try:
        specification = read_vehicle(body, unknown=True)
    except HttpRefusal as refusal:
        return invalid(faults | _named(refusal))
    if faults:
        return invalid(faults)
    ports, organization_id = call.backend.ports, call.organization_id
    user = await user_by_id(ports, organization_id, UserId(id_of(call, "user_id")))
    if terms:
        # Before anything is written: a vehicle without its terms would be half of what was asked for.
        await only_place(ports, organization_id, user.id)
    change = VehicleChange(**controls)
    try:
        vehicle = await add_vehicle(ports, organization_id, user.reference, specification, change=change)
    except Refused as refused:
        return _refused(refused)
    if terms:
        await _agree(call, vehicle.id, terms)
    return await _shown(call, 201, vehicle.id)


async def put_vehicle(call: Call) -> Answer:
    """Change what the body names; it takes effect at once."""
    faults = path_faults(call)
    body = read_document(await call.body())
    said: dict[str, Any] = {**read_vehicle_change(body), **_read_controls(body)}
    terms = _read_terms(body)
    try:
        body.end(unknown=True)
    except HttpRefusal as refusal:
        faults |= _named(refusal)
    if faults:
        return invalid(faults)
    vehicle_id = await _vehicle(call)
    ports, organization_id = call.backend.ports, call.organization_id
    if terms:
        await place_to_agree(ports, organization_id, UserId(id_of(call, "user_id")), vehicle_id)
    if said:
        try:
            await change_vehicle(ports, organization_id, vehicle_id, VehicleChange(**said))
        except Refused as refused:
            return _refused(refused)
        call.backend.changed()
    if terms:
        await _agree(call, vehicle_id, terms)
    return await _shown(call, 200, vehicle_id)


async def remove_vehicle(call: Call) -> Answer:
    """Take the vehicle out of use; it stays readable by its id."""
    faults = path_faults(call)
    if faults:
        return invalid(faults)
    await delete_vehicle(call.backend.ports, call.organization_id, await _vehicle(call))
    call.backend.changed()
    return Answer(204, b"")


async def get_policy(call: Call) -> Answer:
    """The policy that the vehicle is charged by."""
    faults = path_faults(call)
    return invalid(faults) if faults else answer_json(200, policy_of(await _parked(call)))


async def put_policy(call: Call) -> Answer:
    """Change the days that are named; a policy is made where there is none and one building."""
    faults = path_faults(call)
    body = read_document(await call.body())
    inner = (body.child("data", required=True) if body.has("data") else body) or body
    timezone = inner.text("timezone", at_most=64)
    days = {weekday: _read_day(inner, name) for weekday, name in enumerate(DAYS) if inner.has(name)}
    try:
        body.end(unknown=True)
    except HttpRefusal as refusal:
        faults |= _named(refusal)
    if faults:
        return invalid(faults)
    vehicle_id = await _vehicle(call)
    try:
        fault = await _agree(call, vehicle_id, {"days": days}, timezone=timezone)
    except Refused as refused:
        # A week is called data here.
        return invalid({("body", "data"): refused.faults[0].message})
    if fault is not None:
        return invalid({("body", "data", "timezone"): fault})
    return answer_json(200, policy_of(await _parked(call)))


async def post_boost(call: Call) -> Answer:
    """Charge now, or at the next plug-in."""
    faults = path_faults(call)
    if faults:
        return invalid(faults)
    vehicle_id = await _vehicle(call)
    try:
        await boost(call.backend.ports, call.organization_id, vehicle_id)
    except BoostRefused as refused:
        return answer_json(409, schemas.BoostRefusal(refused.state, refused.reason))
    call.backend.changed()
    return Answer(204, b"")


async def delete_boost(call: Call) -> Answer:
    """Disarm a boost for the next plug-in; one that runs goes on."""
    faults = path_faults(call)
    if faults:
        return invalid(faults)
    await disarm_boost(call.backend.ports, call.organization_id, await _vehicle(call))
    call.backend.changed()
    return Answer(204, b"")


async def _parked(call: Call, vehicle_id: VehicleId | None = None) -> Parked:
    found = vehicle_id or VehicleId(id_of(call, "electric_vehicle_id"))
    user_id = UserId(id_of(call, "user_id"))
    return await vehicle_of_user(call.backend.ports, call.organization_id, user_id, found)


async def _shown(call: Call, status: int, vehicle_id: VehicleId) -> Answer:
    parked, ports = await _parked(call, vehicle_id), call.backend.ports
    return answer_json(status, vehicle_of(parked, ports.rules, ports.clock.now()))


async def _vehicle(call: Call) -> VehicleId:
    """The vehicle of the path, which must be the user's and in use. Raises NotFound."""
    found = await in_use(
        call.backend.ports,
        call.organization_id,
        UserId(id_of(call, "user_id")),
        VehicleId(id_of(call, "electric_vehicle_id")),
    )
    return found.id


def _refused(refused: Refused) -> Answer:
    """Every fault of a vehicle, in the names of the body."""
    return invalid({("body", _SAID.get(f.field, f.field)): f.message for f in refused.faults})


async def _agree(
    call: Call, vehicle_id: VehicleId, terms: Mapping[str, Any], *, timezone: str | None = None
) -> str | None:
    """Bring the terms into force. Returns what is wrong with the time zone, None for nothing."""
    ports, organization_id = call.backend.ports, call.organization_id
    user_id = UserId(id_of(call, "user_id"))
    policy, location = await place_to_agree(ports, organization_id, user_id, vehicle_id)
    if timezone is not None and timezone != location.timezone:
        return f"is the building's: {location.timezone}"
    if policy is None:
        agreed = laid_over(PolicyTerms(), **terms)
        try:
            await create_policy(ports, organization_id, vehicle_id, location.id, terms=agreed)
        except Conflict:
            # Somebody else has made it since we looked: ours is a change of it.
            policy, _ = await place_to_agree(ports, organization_id, user_id, vehicle_id)
    if policy is not None:
        await change_policy(ports, organization_id, policy.id, **terms)
    call.backend.changed()
    return None


def _read_controls(body: Document) -> dict[str, Any]:
    """Switches and pause, by the names of `VehicleChange`."""
    said: dict[str, Any] = {}
    for name, member in (
        ("smart_charging", "is_smart_optimization_active"),
        ("link_valid", "is_authenticated"),
    ):
        value = body.flag(member, required=body.has(member))
        if value is not None:
            said[name] = value
    mode = body.choice("charging_mode", CHARGING_MODES, required=body.has("charging_mode"))
    if mode is not None:
        said["charging_mode"] = mode
    if body.has("pause_power_until"):
        said["paused_until"] = body.instant("pause_power_until")
    return said


def _read_terms(body: Document) -> dict[str, Any]:
    """What is said of the policy as a whole, by the names of `change_policy`."""
    reserve, least = body.integer("minimum_charge_limit", 0, 100), body.integer("charge_target_min", 0, 100)
    deadline = body.text("charge_deadline_at", at_most=5)
    if deadline is not None:
        _wall_time(body, "charge_deadline_at", deadline)
    terms: dict[str, Any] = {"battery_reserve_percent": reserve} if reserve is not None else {}
    if deadline is not None or least is not None:
        terms["every_day"] = EveryDay(deadline=deadline, minimum_charge_percent=least)
    return terms


def _read_day(inner: Document, name: str) -> Deadline | None:
    day = inner.child(name)
    if day is None:
        return None
    percent = day.integer("charge_percentage", 0, 100, required=True)
    text = day.text("charge_deadline", at_most=5, required=True)
    return Deadline(_wall_time(day, "charge_deadline", text or "00:00"), percent or 0)


def _wall_time(body: Document, name: str, text: str) -> str:
    try:
        minutes_of(text)
    except ValueError:
        body.fault(name, "must be a local time HH:MM, 24:00 for the end of the day")
    return text


def _named(refusal: HttpRefusal) -> Faults:
    """The faults of a body, by where they stand."""
    if not refusal.issues:
        raise refusal
    return {("body", *issue.field.split(".")): issue.message for issue in refusal.issues}
