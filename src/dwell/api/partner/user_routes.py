"""Users and their buildings, as rows of the dialect's table."""

from __future__ import annotations

from dwell.api.partner import schemas, user_serving
from dwell.api.partner.paths import USER, USERS, operation
from dwell.api.shared.limits import PAGE_SIZE_AT_MOST
from dwell.api.shared.operations import Operation, Parameter

_TAG = "Users"
_LIMIT = Parameter(
    name="limit",
    description="How many at most.",
    schema={
        "type": "integer",
        "minimum": 1,
        "maximum": PAGE_SIZE_AT_MOST,
        "default": PAGE_SIZE_AT_MOST,
        "title": "Limit",
    },
)
_AFTER = Parameter(
    name="after",
    description="The last user of the page before: those that follow it are given.",
    schema={"type": "string", "format": "uuid", "title": "After"},
)
_BODY_REFUSALS = {400: schemas.Detail, 408: schemas.Detail, 413: schemas.Detail, 415: schemas.Detail}
_WRITTEN = {409: schemas.Detail, **_BODY_REFUSALS}


def user_operations() -> tuple[Operation, ...]:
    """Users, and their buildings as far as vehicles refer to them."""
    return (*_USERS, *_BUILDINGS)


_USERS = (
    operation(
        "GET",
        USERS,
        "listPartnerUsers",
        user_serving.list_users,
        summary="The organization's users, in order of creation; a user sees itself only",
        tag=_TAG,
        query=(_LIMIT, _AFTER),
        answers={200: list[schemas.User]},
    ),
    operation(
        "POST",
        USERS,
        "createPartnerUser",
        user_serving.create_user,
        summary="A new user",
        tag=_TAG,
        body=schemas.UserFields,
        answers={201: schemas.User, **_WRITTEN},
    ),
    operation(
        "GET",
        USERS + "/by-ext-id/{external_id}",
        "getPartnerUserByExternalId",
        user_serving.get_user_by_external_id,
        summary="The user of an external id",
        tag=_TAG,
        answers={200: schemas.User},
    ),
    operation(
        "GET",
        USER,
        "getPartnerUser",
        user_serving.get_user,
        summary="One user",
        tag=_TAG,
        answers={200: schemas.User},
    ),
    operation(
        "PUT",
        USER,
        "updatePartnerUser",
        user_serving.update_user,
        summary="Change a user; what the body does not name stays as it is",
        tag=_TAG,
        body=schemas.UserFields,
        answers={200: schemas.User, **_WRITTEN},
    ),
)
_BUILDINGS = (
    operation(
        "GET",
        USER + "/buildings",
        "listPartnerBuildings",
        user_serving.list_buildings,
        summary="A user's buildings",
        tag=_TAG,
        answers={200: list[schemas.Building]},
    ),
    operation(
        "GET",
        USER + "/buildings/{building_id}",
        "getPartnerBuilding",
        user_serving.get_building,
        summary="One building of a user",
        tag=_TAG,
        answers={200: schemas.Building},
    ),
)
