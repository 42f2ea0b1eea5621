"""The operations of the Partner dialect: sessions of one vehicle of one user of the caller's organization."""

from __future__ import annotations

from collections.abc import Mapping

from dwell.api.partner import schemas
from dwell.api.partner.document import document_operation
from dwell.api.partner.errors import invalid
from dwell.api.partner.mapping import session_item
from dwell.api.partner.paths import VEHICLE, id_of, operation, path_faults
from dwell.api.partner.roles import guarded
from dwell.api.partner.token import TokenEndpoint
from dwell.api.partner.token_routes import token_operations
from dwell.api.partner.user_routes import user_operations
from dwell.api.shared.answers import Answer, answer_json
from dwell.api.shared.operations import Call, Operation, Parameter
from dwell.application.queries import active_session_of_vehicle, session_of_vehicle
from dwell.domain.ids import SessionId, UserId, VehicleId

CURRENT = "integrations_api_api_v2_organizations_users_electric_vehicles_sessions_router_get_current_session_endpoint"
_WORDS: Mapping[str, bool] = {"true": True, "1": True, "false": False, "0": False}
_SHOW_HIDDEN = "Include the active session even if flagged hidden. Back-office/debugging use."


async def get_current_session(call: Call) -> Answer:
    """The vehicle's session that runs, or null; never 404 for want of one."""
    faults = path_faults(call)
    shown = _WORDS.get(call.query.get("include_hidden", "false").lower())
    if shown is None:
        faults["query", "include_hidden"] = "must be true or false"
    if faults:
        return invalid(faults)
    session = await active_session_of_vehicle(
        call.backend.ports,
        call.organization_id,
        UserId(id_of(call, "user_id")),
        VehicleId(id_of(call, "electric_vehicle_id")),
    )
    if session is not None and session.short and not shown:
        session = None
    return answer_json(
        200, schemas.CurrentSessionResponse(None if session is None else session_item(session))
    )


async def get_session(call: Call) -> Answer:
    """One session of the vehicle that has begun, hidden ones included."""
    faults = path_faults(call)
    if faults:
        return invalid(faults)
    session = await session_of_vehicle(
        call.backend.ports,
        call.organization_id,
        UserId(id_of(call, "user_id")),
        VehicleId(id_of(call, "electric_vehicle_id")),
        session_id=SessionId(id_of(call, "session_id")),
    )
    return answer_json(200, schemas.FoundSession(session_item(session)))


def operations(tokens: TokenEndpoint) -> tuple[Operation, ...]:
    """All operations of the dialect, each allowed to whom its row in `roles` allows it."""
    rows = tuple(
        guarded(row) for row in (*token_operations(tokens), *user_operations(), *_session_operations())
    )
    return (document_operation(rows), *rows)


def _session_operations() -> tuple[Operation, ...]:
    return (
        operation(
            "GET",
            VEHICLE + "/sessions/current",
            CURRENT,
            get_current_session,
            summary="Get the currently active charging session for an electric vehicle",
            description='`{"session": null}` when none is active, so that clients can poll.',
            tag="Electric Vehicle Sessions",
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
            VEHICLE + "/sessions/{session_id}",
            "getPartnerSession",
            get_session,
            summary="One session of an electric vehicle",
            tag="Electric Vehicle Sessions",
            answers={200: schemas.FoundSession},
        ),
    )
