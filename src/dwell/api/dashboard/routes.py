"""The operations of the dashboard, and how those of the dialects are lent to its pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from dwell.api.dashboard.pages import asset, page, vendored
from dwell.api.dashboard.signing import may_look, me, sign_in, sign_out
from dwell.api.dashboard.views import AHEAD, BEFORE, now_of
from dwell.api.shared.answers import Answer, answer_json
from dwell.api.shared.operations import Access, Call, Operation, anyone_known
from dwell.application.board import board
from dwell.domain.errors import DwellError

UNDER = "/ui"
_LENT = frozenset({Access.FLEX, Access.NATIVE})


async def get_now(call: Call) -> Answer:
    """The first page's data."""
    ports = call.backend.ports
    found = await board(ports, call.organization_id, before=BEFORE, ahead=AHEAD)
    return answer_json(200, now_of(found, ports.clock.now()))


def lent(operations: Iterable[Operation]) -> tuple[Operation, ...]:
    """The dialects' operations once more, under `/ui`, for whoever has signed in to the dashboard."""
    return tuple(
        replace(
            one,
            path=f"{UNDER}{one.path}",
            name=f"ui {one.name}",
            access=Access.BROWSER,
            allow=may_look,
            documented=False,
        )
        for one in operations
        if one.access in _LENT
    )


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
            is_audited=serve
            is not sign_out,  # it ends the very credential that the audit would ask for again
            allow=may_look if access is Access.BROWSER else anyone_known,
        )
        for method, path, serve, access in rows
    )
