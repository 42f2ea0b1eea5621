"""Who may do what: role by operation, as data. An operation that has no row is refused to everybody.

Below an organization that is not the token's nothing is told apart: 403, always the same. Within it, what a role does
not reach does not exist: a foreign user is answered as an unknown one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum
from uuid import UUID

from dwell.api.shared.operations import PARAMETER, Access, Call, Operation
from dwell.api.shared.problems import HttpRefusal
from dwell.domain.errors import NotFound
from dwell.domain.registry import ROLES

BASE = "/api/partners/v2.0"


class Reach(Enum):
    """How far a role reaches with an operation: all of its organization, itself only, or not at all."""

    ALL = "all"
    OWN = "own"
    NONE = "none"


ALL, OWN, NONE = Reach
_USER = "/org/{}/users/{}"
_VEHICLES = f"{_USER}/electric-vehicles"
_VEHICLE = f"{_VEHICLES}/{{}}"

TABLE: Mapping[str, tuple[Reach, Reach, Reach, Reach]] = {
    # operation                                   admin staff user guest
    "GET /org/{}/users": (ALL, ALL, OWN, OWN),
    "POST /org/{}/users": (ALL, ALL, NONE, NONE),
    "GET /org/{}/users/by-ext-id/{}": (ALL, ALL, OWN, OWN),
    f"GET {_USER}": (ALL, ALL, OWN, OWN),
    f"PUT {_USER}": (ALL, ALL, OWN, NONE),
    f"GET {_USER}/buildings": (ALL, ALL, OWN, OWN),
    f"GET {_USER}/buildings/{{}}": (ALL, ALL, OWN, OWN),
    f"GET {_VEHICLES}": (ALL, ALL, OWN, OWN),
    f"POST {_VEHICLES}": (ALL, ALL, OWN, NONE),
    f"GET {_VEHICLE}": (ALL, ALL, OWN, OWN),
    f"PUT {_VEHICLE}": (ALL, ALL, OWN, NONE),
    f"DELETE {_VEHICLE}": (ALL, ALL, OWN, NONE),
    f"GET {_VEHICLE}/sessions/current": (ALL, ALL, OWN, OWN),
    f"GET {_VEHICLE}/sessions": (ALL, ALL, OWN, OWN),
    f"GET {_VEHICLE}/sessions/{{}}": (ALL, ALL, OWN, OWN),
    f"GET {_VEHICLE}/charge-policy": (ALL, ALL, OWN, OWN),
    f"PUT {_VEHICLE}/charge-policy": (ALL, ALL, OWN, NONE),
    f"POST {_VEHICLE}/boost": (ALL, ALL, OWN, NONE),
    f"DELETE {_VEHICLE}/boost": (ALL, ALL, OWN, NONE),
    f"GET {_VEHICLE}/data": (ALL, ALL, OWN, OWN),
    f"GET {_VEHICLE}/savings": (ALL, ALL, OWN, OWN),
    "GET /org/{}/trading/dayahead/prices": (ALL, ALL, ALL, ALL),
    "PATCH /org/{}/trading/dayahead/prices": (ALL, NONE, NONE, NONE),
}
"""Columns in the order of the roles: admin, staff, user, guest. Rows by method and path, its parts unnamed."""
_NOBODY = (NONE,) * len(ROLES)


def row_of(operation: Operation) -> str:
    """The name of an operation's row."""
    return f"{operation.method} {PARAMETER.sub('{}', operation.path.removeprefix(BASE))}"


def guarded(operation: Operation) -> Operation:
    """The operation, allowed to whom its row allows it. One that is open to anybody stays so."""
    if operation.access is Access.ANYBODY:
        return operation
    return replace(operation, allow=_allow)


def own_id(call: Call) -> str | None:
    """The only user that the caller reaches; None for one who reaches all."""
    return call.who.user_id if reach_of(call) is OWN else None


def reach_of(call: Call) -> Reach:
    """How far the caller reaches with the operation it calls."""
    row = TABLE.get(row_of(call.operation), _NOBODY)
    return row[ROLES.index(call.who.role)]


def _allow(call: Call) -> None:
    """Raises HttpRefusal with 403, and NotFound. What is no UUID is left to the operation, which names it."""
    reach = reach_of(call)
    if not _is(call, "org_id", call.who.organization_id) or reach is NONE:
        raise HttpRefusal(403, "Forbidden")
    if reach is OWN and not _is(call, "user_id", call.who.user_id or ""):
        raise NotFound("There is no such user.")


def _is(call: Call, name: str, known: str) -> bool:
    """Whether the path names this id, or nothing at all under that name."""
    try:
        return name not in call.path or str(UUID(call.path[name])) == known
    except ValueError:
        return True
