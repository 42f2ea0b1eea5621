"""Vehicles, their charge policies and boosts, as rows of the dialect's table."""

from __future__ import annotations

from dwell.api.partner import schemas, vehicle_serving
from dwell.api.partner import vehicle_schemas as bodies
from dwell.api.partner.paths import USER, VEHICLE, operation
from dwell.api.shared.operations import Operation

_TAG = "Electric Vehicles"
_VEHICLES = USER + "/electric-vehicles"
_BODY_REFUSALS = {400: schemas.Detail, 408: schemas.Detail, 413: schemas.Detail, 415: schemas.Detail}
_WRITTEN = {409: schemas.Detail, **_BODY_REFUSALS}


def vehicle_operations() -> tuple[Operation, ...]:
    """Vehicles and what may be done with them."""
    return (*_OF_VEHICLES, *_OF_POLICIES, *_OF_BOOSTS)


_OF_VEHICLES = (
    operation(
        "GET",
        _VEHICLES,
        "listPartnerVehicles",
        vehicle_serving.list_vehicles,
        summary="A user's vehicles",
        tag=_TAG,
        answers={200: list[bodies.ElectricVehicle]},
    ),
    operation(
        "POST",
        _VEHICLES,
        "createPartnerVehicle",
        vehicle_serving.post_vehicle,
        summary="A new vehicle of the user",
        tag=_TAG,
        body=bodies.VehicleFields,
        answers={201: bodies.ElectricVehicle, **_WRITTEN},
    ),
    operation(
        "GET",
        VEHICLE,
        "getPartnerVehicle",
        vehicle_serving.get_vehicle,
        summary="One vehicle; a deleted one stays readable",
        tag=_TAG,
        answers={200: bodies.ElectricVehicle},
    ),
    operation(
        "PUT",
        VEHICLE,
        "updatePartnerVehicle",
        vehicle_serving.put_vehicle,
        summary="Change a vehicle; what the body does not name stays as it is",
        description="A running session follows at once: its plan, its order, and an event.",
        tag=_TAG,
        body=bodies.VehicleFields,
        answers={200: bodies.ElectricVehicle, **_WRITTEN},
    ),
    operation(
        "DELETE",
        VEHICLE,
        "deletePartnerVehicle",
        vehicle_serving.remove_vehicle,
        summary="Take a vehicle out of use; its sessions stay readable",
        tag=_TAG,
        answers={204: None},
    ),
)
_OF_POLICIES = (
    operation(
        "GET",
        VEHICLE + "/charge-policy",
        "getPartnerChargePolicy",
        vehicle_serving.get_policy,
        summary="The policy that a vehicle is charged by",
        tag=_TAG,
        answers={200: bodies.ChargePolicy},
    ),
    operation(
        "PUT",
        VEHICLE + "/charge-policy",
        "updatePartnerChargePolicy",
        vehicle_serving.put_policy,
        summary="Change the days that are named; null takes a day's deadline away",
        tag=_TAG,
        body=bodies.PolicyFields,
        answers={200: bodies.ChargePolicy, **_WRITTEN},
    ),
)
_OF_BOOSTS = (
    operation(
        "POST",
        VEHICLE + "/boost",
        "boostPartnerVehicle",
        vehicle_serving.post_boost,
        summary="Charge now, or at the next plug-in",
        tag=_TAG,
        answers={204: None, 409: bodies.BoostRefusal},
    ),
    operation(
        "DELETE",
        VEHICLE + "/boost",
        "disarmPartnerVehicle",
        vehicle_serving.delete_boost,
        summary="Disarm a boost for the next plug-in",
        tag=_TAG,
        answers={204: None},
    ),
)
