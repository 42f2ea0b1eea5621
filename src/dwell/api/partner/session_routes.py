"""Sessions of a vehicle, and the vehicle over time, as rows of the dialect's table."""

from __future__ import annotations

from dwell.api.partner import schemas, session_serving
from dwell.api.partner.paths import VEHICLE, operation
from dwell.api.partner.series import get_data, get_savings
from dwell.api.shared.operations import Operation, Parameter
from dwell.api.shared.series import DATA_QUERY, SAVINGS_QUERY, DataAnswer, SavingsAnswer

CURRENT = "integrations_api_api_v2_organizations_users_electric_vehicles_sessions_router_get_current_session_endpoint"
_TAG = "Electric Vehicle Sessions"
_SHOW_HIDDEN = "Include the active session even if flagged hidden. Back-office/debugging use."


def session_operations() -> tuple[Operation, ...]:
    """The session that runs, those that are over, and figures over time."""
    return (*_SESSIONS, *_SERIES)


_SESSIONS = (
    operation(
        "GET",
        VEHICLE + "/sessions/current",
        CURRENT,
        session_serving.get_current_session,
        summary="Get the currently active charging session for an electric vehicle",
        description='`{"session": null}` when none is active, so that clients can poll.',
        tag=_TAG,
        query=(
            Parameter(
                name="include_hidden",
                description=_SHOW_HIDDEN,
                schema={
                    "type": "boolean",
                    "default": False,
                    "title": "Include Hidden",
                    "description": _SHOW_HIDDEN,
                },
            ),
        ),
        answers={200: schemas.CurrentSessionResponse},
    ),
    operation(
        "GET",
        VEHICLE + "/sessions",
        "listPartnerSessions",
        session_serving.list_sessions,
        summary="Completed sessions of an electric vehicle, newest first",
        description="By the UTC day of the plug-in, `from` and `to` included. `total` counts all that match.",
        tag=_TAG,
        query=(
            Parameter(
                name="from",
                description="The first day.",
                schema={"type": "string", "format": "date"},
            ),
            Parameter(
                name="to",
                description="The last day.",
                schema={"type": "string", "format": "date"},
            ),
            Parameter(
                name="limit",
                description="How many at most.",
                schema={
                    "type": "integer",
                    "minimum": 1,
                    "maximum": session_serving.LIMIT_AT_MOST,
                    "default": session_serving.LIMIT,
                },
            ),
            Parameter(
                name="offset",
                description="How many to pass over.",
                schema={
                    "type": "integer",
                    "minimum": 0,
                    "maximum": session_serving.OFFSET_AT_MOST,
                    "default": 0,
                },
            ),
            Parameter(
                name="include_hidden",
                description="Include those flagged hidden.",
                schema={"type": "boolean", "default": False},
            ),
        ),
        answers={200: schemas.SessionsResponse},
    ),
    operation(
        "GET",
        VEHICLE + "/sessions/{session_id}",
        "getPartnerSession",
        session_serving.get_session,
        summary="One session of an electric vehicle",
        tag=_TAG,
        answers={200: schemas.FoundSession},
    ),
)
_SERIES = (
    operation(
        "GET",
        VEHICLE + "/data",
        "getElectricVehicleData",
        get_data,
        summary="A vehicle's energy, prices and state over time",
        description="Header `fill-missing: true` keeps periods of which nothing is known.",
        tag="Electric Vehicles",
        query=DATA_QUERY,
        answers={200: DataAnswer},
    ),
    operation(
        "GET",
        VEHICLE + "/savings",
        "getElectricVehicleSavings",
        get_savings,
        summary="What a vehicle's visits have saved",
        tag="Electric Vehicles",
        query=SAVINGS_QUERY,
        answers={200: SavingsAnswer},
    ),
)
