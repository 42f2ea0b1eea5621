"""Serving sessions of one vehicle of one user."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from dwell.api.partner import schemas
from dwell.api.partner.errors import invalid
from dwell.api.partner.mapping import session_item
from dwell.api.partner.paths import Faults, id_of, path_faults
from dwell.api.shared.answers import Answer, answer_json
from dwell.api.shared.operations import Call
from dwell.application.garage import sessions_of_days
from dwell.application.queries import active_session_of_vehicle, session_of_vehicle
from dwell.domain.ids import SessionId, UserId, VehicleId
from dwell.domain.instants import read_day

_WORDS: Mapping[str, bool] = {"true": True, "1": True, "false": False, "0": False}
LIMIT, LIMIT_AT_MOST, OFFSET_AT_MOST = 50, 200, 1_000_000
FIRST, LAST = date(2000, 1, 1), date(2100, 1, 1)


async def get_current_session(call: Call) -> Answer:
    """The vehicle's session that runs, or null; never 404 for want of one."""
    faults = path_faults(call)
    shown = _shows_hidden(call, faults)
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


async def list_sessions(call: Call) -> Answer:
    """Settled sessions by the UTC day of their plug-in, newest first."""
    faults = path_faults(call)
    first, last = _day(call, "from", faults), _day(call, "to", faults)
    limit = _number(call, "limit", (LIMIT, 1, LIMIT_AT_MOST), faults)
    offset = _number(call, "offset", (0, 0, OFFSET_AT_MOST), faults)
    shown = _shows_hidden(call, faults)
    if first is not None and last is not None and first > last:
        faults["query", "to"] = "must not be before from"
    if faults or first is None or last is None:
        return invalid(faults)
    found = await sessions_of_days(
        call.backend.ports,
        (call.organization_id, UserId(id_of(call, "user_id"))),
        VehicleId(id_of(call, "electric_vehicle_id")),
        (_midnight(first), _midnight(last) + timedelta(days=1)),
        include_hidden=shown,
        page=(limit, offset),
    )
    items = [session_item(session) for session in found.items]
    return answer_json(200, schemas.SessionsResponse(total=found.total, items=items))


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


def _shows_hidden(call: Call, faults: Faults) -> bool:
    shown = _WORDS.get(call.query.get("include_hidden", "false").lower())
    if shown is None:
        faults["query", "include_hidden"] = "must be true or false"
    return bool(shown)


def _day(call: Call, name: str, faults: Faults) -> date | None:
    text = call.query.get(name)
    try:
        day = read_day(text) if text is not None else None
    except ValueError:
        day = None
    if text is None:
        faults["query", name] = "is required"
    elif day is None or not FIRST <= day < LAST:
        faults["query", name] = f"must be a day, YYYY-MM-DD, {FIRST.year} to {LAST.year - 1}"
        return None
    return day


def _number(call: Call, name: str, bounds: tuple[int, int, int], faults: Faults) -> int:
    """A whole number of the query; `bounds`: the usual one, the least, the most."""
    usual, least, most = bounds
    text = call.query.get(name, str(usual))
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else -1
    if not least <= number <= most:
        faults["query", name] = f"must be a whole number from {least} to {most}"
        return usual
    return number


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
