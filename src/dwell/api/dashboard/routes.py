"""The operations of the dashboard, and how those of the dialects are lent to its pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from dwell.api.dashboard import price_files
from dwell.api.dashboard.lists import CSV_QUERY, LIST_QUERY, get_csv, get_sessions
from dwell.api.dashboard.pages import asset, page, vendored
from dwell.api.dashboard.people import get_people
from dwell.api.dashboard.price_files import post_price_file
from dwell.api.dashboard.savings import QUERIES as SAVINGS_QUERIES
from dwell.api.dashboard.savings import ROWS as SAVINGS_ROWS
from dwell.api.dashboard.signing import may_look, me, sign_in, sign_out
from dwell.api.dashboard.stations import QUERIES as STATION_QUERIES
from dwell.api.dashboard.stations import ROWS as STATION_ROWS
from dwell.api.dashboard.views import AHEAD, BEFORE, curve_of, now_of
from dwell.api.dashboard.visits import delete_boost, delete_pause, get_session_page, post_boost, post_pause
from dwell.api.shared.answers import Answer, answer_json
from dwell.api.shared.operations import JSON_TYPES, Access, Call, Operation, Parameter, anyone_known
from dwell.application.board import Wanted, board
from dwell.domain.errors import DwellError
from dwell.domain.ids import LocationId

UNDER = "/ui"
_LENT = frozenset({Access.FLEET, Access.FLEX, Access.NATIVE, Access.PARTNER})
_NOW_QUERY = (
    Parameter(name="location", description="Of this location only."),
    Parameter(name="after", description="Where the page before ended."),
)
_QUERIES = {
    f"{UNDER}/now": _NOW_QUERY,
    f"{UNDER}/prices/import": price_files.QUERY,
    f"{UNDER}/sessions": LIST_QUERY,
    f"{UNDER}/sessions.csv": CSV_QUERY,
    **{f"{UNDER}{path}": query for path, query in (STATION_QUERIES | SAVINGS_QUERIES).items()},
}
_PRICES_BEFORE, _PRICES_AHEAD = timedelta(days=2), timedelta(days=2)


async def get_now(call: Call) -> Answer:
    """The first page's data."""
    ports = call.backend.ports
    location = call.query.get("location")
    wanted = Wanted(location_id=LocationId(location) if location else None, after=call.query.get("after", ""))
    found = await board(ports, call.organization_id, before=BEFORE, ahead=AHEAD, wanted=wanted)
    return answer_json(200, now_of(found, ports.clock.now()))


async def get_prices(call: Call) -> Answer:
    """The curve of each zone that the organization's locations lie in."""
    ports = call.backend.ports
    now = ports.clock.now()
    found = await board(ports, call.organization_id, before=_PRICES_BEFORE, ahead=_PRICES_AHEAD)
    window = (now - _PRICES_BEFORE, now + _PRICES_AHEAD)
    curves = [curve_of(zone, curve, *window) for zone, curve in found.curves.items()]
    zone = found.locations[0].timezone if found.locations else "UTC"
    return answer_json(
        200, {"now": now, "start": window[0], "end": window[1], "timezone": zone, "curves": curves}
    )


def lent(operations: Iterable[Operation]) -> tuple[Operation, ...]:
    """The dialects' operations once more, under `/ui`, for whoever has signed in to the dashboard."""
    return tuple(
        replace(
            one,
            path=f"{UNDER}{one.path}",
            name=f"ui {one.name}",
            access=Access.BROWSER,
            allow=_both(one),
            documented=False,
        )
        for one in operations
        if one.access in _LENT
    )


def _both(own: Operation) -> Callable[[Call], None]:
    """What the dialect refuses stays refused; it knows the operation by its own path."""

    def allow(call: Call) -> None:
        may_look(call)
        own.allow(replace(call, operation=own))

    return allow


def operations(on_error: Callable[[DwellError], Answer]) -> tuple[Operation, ...]:
    """The pages, signing in and out, and what only the pages ask for."""
    rows: tuple[tuple[str, str, Any, Access], ...] = (
        ("GET", "/dashboard", page, Access.ANYBODY),
        ("GET", "/dashboard/{name}", asset, Access.ANYBODY),
        ("GET", "/dashboard/vendor/{name}", vendored, Access.ANYBODY),
        ("POST", f"{UNDER}/sign-in", sign_in, Access.ANYBODY),
        ("POST", f"{UNDER}/sign-out", sign_out, Access.BROWSER),
        ("GET", f"{UNDER}/me", me, Access.BROWSER),
        ("GET", f"{UNDER}/now", get_now, Access.BROWSER),
        ("GET", f"{UNDER}/prices", get_prices, Access.BROWSER),
        ("POST", f"{UNDER}/prices/import", post_price_file, Access.BROWSER),
        ("GET", f"{UNDER}/people", get_people, Access.BROWSER),
        ("GET", f"{UNDER}/sessions", get_sessions, Access.BROWSER),
        ("GET", f"{UNDER}/sessions.csv", get_csv, Access.BROWSER),
        ("GET", f"{UNDER}/sessions/{{sessionId}}", get_session_page, Access.BROWSER),
        ("POST", f"{UNDER}/boost/{{vehicleId}}", post_boost, Access.BROWSER),
        ("DELETE", f"{UNDER}/boost/{{vehicleId}}", delete_boost, Access.BROWSER),
        ("POST", f"{UNDER}/pause/{{vehicleId}}", post_pause, Access.BROWSER),
        ("DELETE", f"{UNDER}/pause/{{vehicleId}}", delete_pause, Access.BROWSER),
        *(
            (method, f"{UNDER}{path}", serve, Access.BROWSER)
            for method, path, serve in (*STATION_ROWS, *SAVINGS_ROWS)
        ),
    )
    return tuple(
        Operation(
            method=method,
            path=path,
            name=f"dashboard {method} {path}",
            summary="For the dashboard's pages",
            serve=serve,
            access=access,
            tag="Dashboard",
            answers={200: None},
            on_error=on_error,
            documented=False,
            query=_QUERIES.get(path, ()),
            body_types=price_files.BODY_TYPES if serve is post_price_file else JSON_TYPES,
            is_audited=serve
            is not sign_out,  # it ends the very credential that the audit would ask for again
            allow=may_look if access is Access.BROWSER else anyone_known,
        )
        for method, path, serve, access in rows
    )
