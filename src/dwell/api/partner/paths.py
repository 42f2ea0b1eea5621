"""What the paths of the dialect have in common: ids, each a UUID, and how a wrong one is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from dwell.api.partner import schemas
from dwell.api.partner.errors import answer_error, answer_refusal
from dwell.api.partner.roles import BASE
from dwell.api.shared.operations import Access, Call, Operation, Serve

USERS = BASE + "/org/{org_id}/users"
USER = USERS + "/{user_id}"
VEHICLE = USER + "/electric-vehicles/{electric_vehicle_id}"
_NAMES = {
    "org_id": ("Org Id", "The organization ID"),
    "user_id": ("User Id", "The user ID"),
    "electric_vehicle_id": ("Electric Vehicle Id", "The electric vehicle ID"),
    "session_id": ("Session Id", "The session ID"),
    "building_id": ("Building Id", "The building ID"),
}
PATH: Mapping[str, Mapping[str, Any]] = {
    name: {"type": "string", "format": "uuid", "title": title, "description": description}
    for name, (title, description) in _NAMES.items()
}
REFUSALS: Mapping[int, Any] = {
    **dict.fromkeys((401, 403, 404, 500, 503), schemas.Detail),
    422: schemas.InvalidParameters,
}
Faults = dict[tuple[str, ...], str]
"""What is wrong with a request, by where it stands."""


def operation(method: str, path: str, name: str, serve: Serve, **more: Any) -> Operation:
    """A row of the dialect's table, with what all of its rows have in common."""
    answers = {**more.pop("answers"), **REFUSALS}
    return Operation(
        method=method,
        path=path,
        name=name,
        serve=serve,
        access=Access.PARTNER,
        path_schemas=PATH,
        answers=answers,
        on_error=answer_error,
        on_refusal=answer_refusal,
        documented=False,
        **more,
    )


def id_of(call: Call, name: str) -> str:
    """The id of that name in the path, which must be one."""
    return str(UUID(call.path[name]))


def path_faults(call: Call) -> Faults:
    """Every part of the path that is no id and should be one."""
    faults = Faults()
    for name in call.operation.path_names:
        if name not in PATH:
            continue
        try:
            UUID(call.path[name])
        except ValueError:
            faults["path", name] = "must be a UUID"
    return faults


def zone_as_told(zone: str | None) -> str | None:
    """A bidding zone in this dialect's spelling: DE_LU for DE-LU; None where a location has none."""
    return None if zone is None else zone.replace("-", "_")
