"""Serving users and their buildings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from uuid import UUID

import msgspec

from dwell.api.partner import schemas
from dwell.api.partner.errors import invalid
from dwell.api.partner.paths import Faults, id_of, path_faults, zone_as_told
from dwell.api.partner.roles import own_id
from dwell.api.shared.answers import Answer, answer_json
from dwell.api.shared.limits import PAGE_SIZE_AT_MOST
from dwell.api.shared.operations import Call
from dwell.api.shared.problems import HttpRefusal
from dwell.application.queries import building_of, buildings_of
from dwell.application.users import (
    NO_USER,
    Person,
    add_user,
    change_user,
    faults_of,
    person_of,
    user_by_id,
    user_by_reference,
    users_page,
)
from dwell.domain.errors import NotFound
from dwell.domain.ids import LocationId, UserId
from dwell.domain.registry import USER as DRIVER
from dwell.domain.registry import Location, User

_WRITABLE = tuple(field.name for field in fields(Person))


async def list_users(call: Call) -> Answer:
    """A page of users; of a caller who reaches no other, itself."""
    faults = path_faults(call)
    limit, after = _page(call.query, faults)
    if faults:
        return invalid(faults)
    ports, organization_id, own = call.backend.ports, call.organization_id, own_id(call)
    if own is not None:
        found = [await user_by_id(ports, organization_id, UserId(own))] if after < own else []
    else:
        found = await users_page(ports, organization_id, after_id=after, limit=limit)
    return answer_json(200, [_user(user) for user in found])


async def create_user(call: Call) -> Answer:
    """Make a user."""
    faults = path_faults(call)
    said = _said(await _members(call), faults, role=DRIVER)
    if faults:
        return invalid(faults)
    user = await add_user(call.backend.ports, call.organization_id, replace(Person(), **said))
    return answer_json(201, _user(user))


async def update_user(call: Call) -> Answer:
    """Change what the body names of a user."""
    faults = path_faults(call)
    members = await _members(call)
    ports, organization_id = call.backend.ports, call.organization_id
    known = None if faults else await user_by_id(ports, organization_id, UserId(id_of(call, "user_id")))
    said = _said(members, faults, role=known.role if known is not None else None)
    if known is None or faults:
        return invalid(faults)
    user = await change_user(ports, organization_id, known.id, _changing(said))
    return answer_json(200, _user(user))


async def get_user(call: Call) -> Answer:
    """One user."""
    faults = path_faults(call)
    if faults:
        return invalid(faults)
    user_id = UserId(id_of(call, "user_id"))
    return answer_json(200, _user(await user_by_id(call.backend.ports, call.organization_id, user_id)))


async def get_user_by_external_id(call: Call) -> Answer:
    """The user whom the caller calls so; one whom it does not reach is not there."""
    faults = path_faults(call)
    if faults:
        return invalid(faults)
    user = await user_by_reference(call.backend.ports, call.organization_id, call.path["external_id"])
    if own_id(call) not in (None, user.id):
        raise NotFound(NO_USER)
    return answer_json(200, _user(user))


async def list_buildings(call: Call) -> Answer:
    """A user's buildings."""
    faults = path_faults(call)
    if faults:
        return invalid(faults)
    user_id = UserId(id_of(call, "user_id"))
    found = await buildings_of(call.backend.ports, call.organization_id, user_id)
    return answer_json(200, [_building(location) for location in found])


async def get_building(call: Call) -> Answer:
    """One building of a user."""
    faults = path_faults(call)
    if faults:
        return invalid(faults)
    user_id, location_id = UserId(id_of(call, "user_id")), LocationId(id_of(call, "building_id"))
    found = await building_of(call.backend.ports, call.organization_id, user_id, location_id)
    return answer_json(200, _building(found))


def _page(query: Mapping[str, str], faults: Faults) -> tuple[int, str]:
    """How many, and after which id."""
    limit, after = query.get("limit", str(PAGE_SIZE_AT_MOST)), ""
    if not (
        limit.isascii() and limit.isdecimal() and len(limit) < 5 and 1 <= int(limit) <= PAGE_SIZE_AT_MOST
    ):
        faults["query", "limit"] = f"must be a whole number from 1 to {PAGE_SIZE_AT_MOST}"
        limit = "1"
    if "after" in query:
        try:
            after = str(UUID(query["after"]))
        except ValueError:
            faults["query", "after"] = "must be a UUID"
    return int(limit), after


async def _members(call: Call) -> dict[str, object]:
    """The body, which must be an object. Raises HttpRefusal."""
    try:
        members = msgspec.json.decode(await call.body())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise HttpRefusal(400, "The body is not JSON, or nested too deep.") from error
    if not isinstance(members, dict):
        raise HttpRefusal(400, "The body must be a JSON object.")
    return members


def _said(members: Mapping[str, object], faults: Faults, *, role: str | None) -> dict[str, str | None]:
    """What the body says of the person, every fault of it noted.

    What we gave out ourselves may come back. A role is not changed here; None is that of a user who is not known.
    """
    said = dict[str, str | None]()
    for name in _WRITABLE:
        value = members.get(name)
        if name in members and (value is None or isinstance(value, str)):
            said[name] = value
        elif name in members:
            faults["body", name] = "must be text or null"
    faults |= {("body", fault.field): fault.message for fault in faults_of(Person(**said))}
    if role is not None and members.get("role", role) != role:
        faults["body", "role"] = "is given by an operator: dwell user role"
    return said


def _changing(said: Mapping[str, str | None]) -> Callable[[Person], Person]:
    return lambda person: replace(person, **said)


def _user(user: User) -> schemas.User:
    person = person_of(user)
    return schemas.User(
        id=UUID(user.id),
        email=person.email,
        first_name=person.first_name,
        last_name=person.last_name,
        external_id=person.external_id,
        role=user.role,
        created_at=user.created_at,
        updated_at=user.updated_at or user.created_at,
    )


def _building(location: Location) -> schemas.Building:
    return schemas.Building(
        id=UUID(location.id),
        name=location.name,
        latitude=location.latitude,
        longitude=location.longitude,
        timezone=location.timezone,
        price_zone=zone_as_told(location.zone),
        created_at=location.created_at,
        updated_at=location.updated_at,
    )
