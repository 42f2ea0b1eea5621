"""What serves the Flex dialect: each function takes an identified call to one use case and shows its answer."""

from __future__ import annotations

from typing import Any

from dwell.api.flex import schemas
from dwell.api.flex.mapping import location_of, policy_of, session_of, vehicle_of
from dwell.api.flex.requests import (
    Filters,
    canonical_uuid,
    read_location,
    read_new_policy,
    read_policy_change,
    read_target,
    read_user_id,
)
from dwell.api.shared.answers import NO_CONTENT, Answer, answer_json
from dwell.api.shared.cursors import Key
from dwell.api.shared.documents import read_document
from dwell.api.shared.operations import Call
from dwell.api.shared.pages import Page, Pages
from dwell.api.shared.vehicle_bodies import read_vehicle
from dwell.application import queries
from dwell.application.locations import add_location, change_location, delete_location
from dwell.application.policies import change_policy, create_policy, delete_policy
from dwell.application.queries import LocationView, Window
from dwell.application.records import PageKey, SessionFilter
from dwell.application.targets import override_target, remove_override
from dwell.application.vehicles import add_vehicle
from dwell.domain.errors import NotFound
from dwell.domain.ids import LocationId, PolicyId, SessionId, VehicleId
from dwell.domain.instants import instant_of, micros_of
from dwell.domain.session.record import Session

_NO_LOCATION_OF_USER = "There is no such location of the vehicle's user."


# --- sessions ---


async def get_current_session(call: Call) -> Answer:
    """The policy's session that is not settled."""
    policy_id = PolicyId(_id(call, "policyId", queries.NO_POLICY))
    current = await queries.current_session(call.backend.ports, call.organization_id, policy_id)
    now = call.backend.ports.clock.now()
    limit = current.charge_limit_percent
    return answer_json(200, session_of(current.session, now, charge_limit_percent=limit))


async def get_settled_session(call: Call) -> Answer:
    """One settled session."""
    policy_id = PolicyId(_id(call, "policyId", queries.NO_POLICY))
    session_id = SessionId(_id(call, "sessionId", queries.NO_SESSION))
    ports = call.backend.ports
    session = await queries.settled_session(ports, call.organization_id, policy_id, session_id)
    return answer_json(200, session_of(session, ports.clock.now()))


async def put_target(call: Call) -> Answer:
    """Override the target of a session that is not settled."""
    session_id = SessionId(_id(call, "sessionId", queries.NO_SESSION))
    wanted = read_target(read_document(await call.body()), call.backend.ports.clock.now())
    ports = call.backend.ports
    return _show_current(call, await override_target(ports, call.organization_id, session_id, wanted))


async def remove_target(call: Call) -> Answer:
    """Return to the policy's target."""
    session_id = SessionId(_id(call, "sessionId", queries.NO_SESSION))
    return _show_current(call, await remove_override(call.backend.ports, call.organization_id, session_id))


def _show_current(call: Call, current: queries.CurrentSession) -> Answer:
    call.backend.changed()
    limit = current.charge_limit_percent
    now = call.backend.ports.clock.now()
    return answer_json(200, session_of(current.session, now, charge_limit_percent=limit))


async def list_settled_sessions(call: Call) -> Answer:
    """A page of settled sessions, newest plug-in first."""
    filters = Filters(call.query)
    policy_id, location_id = filters.uuid("policyId"), filters.uuid("locationId")
    vehicle_id = filters.uuid("vehicleId")
    from_at, to_at = filters.instant("from"), filters.instant("to")
    pages = pages_of(call, filters)
    wanted = SessionFilter(
        plugged_in_from=from_at,
        plugged_out_to=to_at,
        policy_id=PolicyId(policy_id) if policy_id is not None else None,
        location_id=LocationId(location_id) if location_id is not None else None,
        vehicle_id=VehicleId(vehicle_id) if vehicle_id is not None else None,
    )
    ports = call.backend.ports
    rows = await queries.settled_sessions(
        ports,
        call.organization_id,
        wanted,
        after=_page_key(pages.after),
        before=_page_key(pages.before),
        limit=pages.limit,
    )
    page = pages.cut(rows, _key_of_session, reversed_before=False)
    now = ports.clock.now()
    data = tuple(session_of(row, now) for row in page.rows)
    return answer_json(200, schemas.SessionPage(data=data, pagination=pagination_of(page)))


def _key_of_session(session: Session) -> Key:
    return micros_of(session.plugged_in_at or session.created_at), session.id


def _page_key(key: Key | None) -> PageKey | None:
    return None if key is None else PageKey(instant_of(int(key[0])), str(key[1]))


# --- policies ---


async def list_policies(call: Call) -> Answer:
    """A page of policies."""
    filters = Filters(call.query)
    vehicle_id, location_id = filters.uuid("vehicleId"), filters.uuid("locationId")
    pages = pages_of(call, filters)
    rows = await queries.policy_views(
        call.backend.ports,
        call.organization_id,
        vehicle_id=VehicleId(vehicle_id) if vehicle_id is not None else None,
        location_id=LocationId(location_id) if location_id is not None else None,
        user_reference=filters.text("userId"),
        window=window_of(pages),
    )
    page = pages.cut(rows, lambda row: (row.policy.id,), reversed_before=True)
    data = tuple(policy_of(row) for row in page.rows)
    return answer_json(200, schemas.PolicyPage(data=data, pagination=pagination_of(page)))


async def post_policy(call: Call) -> Answer:
    """Join a vehicle and a location."""
    vehicle_id, location_id = read_new_policy(read_document(await call.body()))
    if not vehicle_id or not location_id:
        raise NotFound(queries.NO_VEHICLE if not vehicle_id else _NO_LOCATION_OF_USER)
    ports = call.backend.ports
    policy = await create_policy(ports, call.organization_id, VehicleId(vehicle_id), LocationId(location_id))
    call.backend.changed()
    return await _show_policy(call, policy.id, 201)


async def get_policy(call: Call) -> Answer:
    """One policy."""
    return await _show_policy(call, PolicyId(_id(call, "policyId", queries.NO_POLICY)), 200)


async def patch_policy(call: Call) -> Answer:
    """Agree on other terms."""
    policy_id = PolicyId(_id(call, "policyId", queries.NO_POLICY))
    reserve, days = read_policy_change(read_document(await call.body()))
    ports = call.backend.ports
    await change_policy(ports, call.organization_id, policy_id, battery_reserve_percent=reserve, days=days)
    call.backend.changed()
    return await _show_policy(call, policy_id, 200)


async def remove_policy(call: Call) -> Answer:
    """End the policy."""
    policy_id = PolicyId(_id(call, "policyId", queries.NO_POLICY))
    await delete_policy(call.backend.ports, call.organization_id, policy_id)
    call.backend.changed()
    return NO_CONTENT


async def _show_policy(call: Call, policy_id: PolicyId, status: int) -> Answer:
    view = await queries.policy_view(call.backend.ports, call.organization_id, policy_id)
    return answer_json(status, policy_of(view))


# --- locations ---


async def post_location(call: Call) -> Answer:
    """A new location of the user."""
    user_id = read_user_id(call.path["userId"])
    premises = read_location(read_document(await call.body()))
    location = await add_location(call.backend.ports, call.organization_id, user_id, premises)
    return answer_json(201, location_of(LocationView(location=location, user_reference=user_id)))


async def list_locations(call: Call) -> Answer:
    """A page of locations."""
    pages = pages_of(call, Filters(call.query))
    rows = await queries.location_views(
        call.backend.ports, call.organization_id, user_reference=_user_of(call), window=window_of(pages)
    )
    page = pages.cut(rows, lambda row: (row.location.id,), reversed_before=True)
    data = tuple(location_of(row) for row in page.rows)
    return answer_json(200, schemas.LocationPage(data=data, pagination=pagination_of(page)))


async def get_location(call: Call) -> Answer:
    """One location."""
    location_id = LocationId(_id(call, "locationId", queries.NO_LOCATION))
    view = await queries.location_view(call.backend.ports, call.organization_id, location_id)
    return answer_json(200, location_of(view))


async def put_location(call: Call) -> Answer:
    """Replace what is known of the location."""
    location_id = LocationId(_id(call, "locationId", queries.NO_LOCATION))
    premises = read_location(read_document(await call.body()))
    await change_location(call.backend.ports, call.organization_id, location_id, premises)
    call.backend.changed()
    return await get_location(call)


async def remove_location(call: Call) -> Answer:
    """Take the location out of use."""
    location_id = LocationId(_id(call, "locationId", queries.NO_LOCATION))
    await delete_location(call.backend.ports, call.organization_id, location_id)
    return NO_CONTENT


# --- vehicles ---


async def post_vehicle(call: Call) -> Answer:
    """A new vehicle of the user."""
    user_id = read_user_id(call.path["userId"])
    specification = read_vehicle(read_document(await call.body()))
    ports = call.backend.ports
    vehicle = await add_vehicle(ports, call.organization_id, user_id, specification)
    view = await queries.vehicle_view(ports, call.organization_id, vehicle.id)
    return answer_json(201, vehicle_of(view, ports.clock.now()))


async def list_vehicles(call: Call) -> Answer:
    """A page of vehicles."""
    pages = pages_of(call, Filters(call.query))
    ports = call.backend.ports
    rows = await queries.vehicle_views(
        ports, call.organization_id, user_reference=_user_of(call), window=window_of(pages)
    )
    page = pages.cut(rows, lambda row: (row.vehicle.id,), reversed_before=True)
    now = ports.clock.now()
    data = tuple(vehicle_of(row, now) for row in page.rows)
    return answer_json(200, schemas.VehiclePage(data=data, pagination=pagination_of(page)))


async def get_vehicle(call: Call) -> Answer:
    """One vehicle."""
    vehicle_id = VehicleId(_id(call, "vehicleId", queries.NO_VEHICLE))
    ports = call.backend.ports
    view = await queries.vehicle_view(ports, call.organization_id, vehicle_id)
    return answer_json(200, vehicle_of(view, ports.clock.now()))


# --- what they share ---


def _id(call: Call, name: str, unknown: str) -> str:
    """The id in the path. One that cannot be ours is unknown like any other."""
    found = canonical_uuid(call.path[name])
    if found is None:
        raise NotFound(unknown)
    return found


def _user_of(call: Call) -> str | None:
    text = call.path.get("userId")
    return None if text is None else read_user_id(text)


def pages_of(call: Call, filters: Filters) -> Pages:
    """Which page is asked for. Raises HttpRefusal with every fault of the query."""
    size = filters.page_size()
    filters.one_direction()
    filters.end()
    return Pages(call, size)


def window_of(pages: Pages) -> Window:
    """The page as a window of a list by id."""
    after, before = pages.after, pages.before
    return Window(
        after_id=None if after is None else str(after[0]),
        before_id=None if before is None else str(before[0]),
        limit=pages.limit,
    )


def pagination_of(page: Page[Any]) -> schemas.Pagination:
    """The cursors that go with the page."""
    return schemas.Pagination(after=page.after, before=page.before)
