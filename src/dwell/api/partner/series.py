"""Partner: `/{ev}/data` and `/{ev}/savings`, to be hung in beside the dialect's other operations."""

from __future__ import annotations

from collections.abc import Callable

from dwell.api.shared.answers import Answer
from dwell.api.shared.operations import Access, Call, Operation
from dwell.api.shared.series import (
    DATA_QUERY,
    SAVINGS_QUERY,
    DataAnswer,
    SavingsAnswer,
    serve_data,
    serve_savings,
)
from dwell.domain.errors import DwellError
from dwell.domain.ids import UserId, VehicleId


async def get_data(call: Call) -> Answer:
    """The user's vehicle over time."""
    return await serve_data(call, VehicleId(call.path["ev_id"]), UserId(call.path["user_id"]))


async def get_savings(call: Call) -> Answer:
    """The savings of the user's vehicle."""
    return await serve_savings(call, VehicleId(call.path["ev_id"]), UserId(call.path["user_id"]))


def series_operations(
    base: str, access: Access, on_error: Callable[[DwellError], Answer]
) -> tuple[Operation, ...]:
    """The two operations under `base`, a path whose parts include `user_id` and `ev_id`."""
    return (
        Operation(
            method="GET",
            path=f"{base}/data",
            name="getElectricVehicleData",
            summary="A vehicle's energy, prices and state over time",
            description="Header `fill-missing: true` keeps periods of which nothing is known.",
            serve=get_data,
            access=access,
            tag="Electric vehicles",
            query=DATA_QUERY,
            answers={200: DataAnswer},
            on_error=on_error,
        ),
        Operation(
            method="GET",
            path=f"{base}/savings",
            name="getElectricVehicleSavings",
            summary="What a vehicle's visits have saved",
            serve=get_savings,
            access=access,
            tag="Electric vehicles",
            query=SAVINGS_QUERY,
            answers={200: SavingsAnswer},
            on_error=on_error,
        ),
    )
