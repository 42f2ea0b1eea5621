"""Serving `data` and `savings`: a vehicle over time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from dwell.api.partner.errors import invalid
from dwell.api.partner.paths import id_of, path_faults
from dwell.api.shared.answers import Answer
from dwell.api.shared.operations import Call
from dwell.api.shared.series import FILL_MISSING, serve_data, serve_savings
from dwell.domain.errors import Refused
from dwell.domain.ids import UserId, VehicleId

_Serve = Callable[[Call, VehicleId, UserId | None], Awaitable[Answer]]


async def get_data(call: Call) -> Answer:
    """The user's vehicle over time."""
    return await _served(call, serve_data)


async def get_savings(call: Call) -> Answer:
    """The savings of the user's vehicle."""
    return await _served(call, serve_savings)


async def _served(call: Call, serve: _Serve) -> Answer:
    faults = path_faults(call)
    if faults:
        return invalid(faults)
    user_id, vehicle_id = UserId(id_of(call, "user_id")), VehicleId(id_of(call, "electric_vehicle_id"))
    try:
        return await serve(call, vehicle_id, user_id)
    except Refused as refused:
        where = {FILL_MISSING: "header"}
        return invalid({(where.get(f.field, "query"), f.field): f.message for f in refused.faults})
