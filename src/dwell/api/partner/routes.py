"""The operations of the Partner dialect: sessions of one vehicle of one user of the caller's organization."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from dwell.api.partner import schemas
from dwell.api.partner.errors import answer_error, answer_refusal, invalid
from dwell.api.partner.mapping import session_item
from dwell.api.partner.token import TokenEndpoint
from dwell.api.shared.answers import Answer, answer_json
from dwell.api.shared.operations import Access, Call, Operation, Parameter
from dwell.api.shared.problems import HttpRefusal
from dwell.application.queries import active_session_of_vehicle, session_of_vehicle
from dwell.domain.ids import SessionId, UserId, VehicleId

BASE = "/api/partners/v2.0"
VEHICLE = BASE + "/org/{org_id}/users/{user_id}/electric-vehicles/{electric_vehicle_id}"
CURRENT = "integrations_api_api_v2_organizations_users_electric_vehicles_sessions_router_get_current_session_endpoint"
_WORDS: Mapping[str, bool] = {"true": True, "1": True, "false": False, "0": False}
_SHOW_HIDDEN = "Include the active session even if flagged hidden. Back-office/debugging use."
_NAMES = {
    "org_id": ("Org Id", "The organization ID"),
    "user_id": ("User Id", "The user ID"),
    "electric_vehicle_id": ("Electric Vehicle Id", "The electric vehicle ID"),
    "session_id": ("Session Id", "The session ID"),
}
_PATH: Mapping[str, Mapping[str, Any]] = {
    name: {"type": "string", "format": "uuid", "title": title, "description": description}
    for name, (title, description) in _NAMES.items()
}
_REFUSALS: Mapping[int, Any] = {
    **dict.fromkeys((401, 403, 404, 503), schemas.Detail),
    422: schemas.InvalidParameters,
}


async def get_current_session(call: Call) -> Answer:
    """The vehicle's session that runs, or null; never 404 for want of one."""
    faults = _path_faults(call)
    shown = _WORDS.get(call.query.get("include_hidden", "false").lower())
    if shown is None:
        faults["query", "include_hidden"] = "must be true or false"
    if faults:
        return invalid(faults)
    _own_organization(call)
    session = await active_session_of_vehicle(
        call.backend.ports,
        call.organization_id,
        UserId(_id(call, "user_id")),
        VehicleId(_id(call, "electric_vehicle_id")),
    )
    if session is not None and session.short and not shown:
        session = None
    return answer_json(
        200, schemas.CurrentSessionResponse(None if session is None else session_item(session))
    )


async def get_session(call: Call) -> Answer:
    """One session of the vehicle that has begun, hidden ones included."""
    faults = _path_faults(call)
    if faults:
        return invalid(faults)
    _own_organization(call)
    session = await session_of_vehicle(
        call.backend.ports,
        call.organization_id,
        UserId(_id(call, "user_id")),
        VehicleId(_id(call, "electric_vehicle_id")),
        session_id=SessionId(_id(call, "session_id")),
    )
    return answer_json(200, schemas.FoundSession(session_item(session)))


def _id(call: Call, name: str) -> str:
    return str(UUID(call.path[name]))


def _path_faults(call: Call) -> dict[tuple[str, ...], str]:
    faults = dict[tuple[str, ...], str]()
    for name in call.operation.path_names:
        try:
            UUID(call.path[name])
        except ValueError:
            faults["path", name] = "must be a UUID"
    return faults


def _own_organization(call: Call) -> None:
    """Raise HttpRefusal with 403 for any organization but the token's, existing or not."""
    if _id(call, "org_id") != call.organization_id:
        raise HttpRefusal(403, "Forbidden")


def operations(tokens: TokenEndpoint) -> tuple[Operation, ...]:
    """All operations of the dialect. They are undocumented until the dialect serves its own document."""
    return (
        Operation(
            method="POST",
            path=BASE + "/auth/token",
            name="issuePartnerToken",
            summary="A bearer token for a client",
            serve=tokens.serve,
            access=Access.ANYBODY,
            tag="Authentication",
            answers={200: schemas.PartnerToken},
            on_error=answer_error,
            on_refusal=answer_refusal,
            documented=False,
        ),
        Operation(
            method="GET",
            path=VEHICLE + "/sessions/current",
            name=CURRENT,
            summary="Get the currently active charging session for an electric vehicle",
            description='`{"session": null}` when none is active, so that clients can poll.',
            serve=get_current_session,
            access=Access.PARTNER,
            tag="Electric Vehicle Sessions",
            path_schemas=_PATH,
            query=(
                Parameter(
                    name="include_hidden",
                    description=_SHOW_HIDDEN,
                    schema={"type": "boolean", "default": False, "title": "Include Hidden"},
                ),
            ),
            answers={200: schemas.CurrentSessionResponse, **_REFUSALS},
            on_error=answer_error,
            on_refusal=answer_refusal,
            documented=False,
        ),
        Operation(
            method="GET",
            path=VEHICLE + "/sessions/{session_id}",
            name="getPartnerSession",
            summary="One session of an electric vehicle",
            serve=get_session,
            access=Access.PARTNER,
            tag="Electric Vehicle Sessions",
            path_schemas=_PATH,
            answers={200: schemas.FoundSession, **_REFUSALS},
            on_error=answer_error,
            on_refusal=answer_refusal,
            documented=False,
        ),
    )
