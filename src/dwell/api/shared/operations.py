"""Operations: one row for each method and path, from which come the route, its access check and its documentation.

Nothing reaches a use case but through `Call`, which is made after the caller has been identified: an operation
cannot forget to ask who is there.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any
from urllib.parse import parse_qsl

from dwell.api.shared.answers import Answer
from dwell.api.shared.bodies import Receive, read_body
from dwell.api.shared.limits import SMALL_BODY_BYTES, HttpLimits
from dwell.api.shared.metrics import Metrics
from dwell.api.shared.problems import HttpRefusal, Issue, answer_refusal
from dwell.application.credentials import Caller, Keyring
from dwell.application.passwords import Passwords
from dwell.application.ports import Clock, Ports
from dwell.application.usage import Usage
from dwell.application.webhooks import Office
from dwell.domain.errors import DwellError
from dwell.domain.ids import OrganizationId

JSON_TYPES = ("application/json",)
PARAMETER = re.compile(r"\{(\w+)\}")


class Access(Enum):
    """Who may call: anybody; with a bearer token (FLEX, PARTNER), an API key (FLEET) or either (NATIVE); or a browser.

    A browser shows the cookie of a person who has signed in, and with each change also that it knows the page's token.
    """

    ANYBODY = "anybody"
    FLEET = "fleet"
    FLEX = "flex"
    NATIVE = "native"
    PARTNER = "partner"
    BROWSER = "browser"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """What operations work with. `wall` is the time of day by which credentials live, also where `ports` has another.

    `changed` is called after each commit that may have given the engine something to do.
    """

    ports: Ports
    wall: Clock
    keyring: Keyring
    limits: HttpLimits
    metrics: Metrics
    office: Office
    passwords: Passwords
    changed: Callable[[], None]
    stopping: Callable[[], bool] = lambda: False
    """Whether the server has been asked to stop: what would run on for ever then ends."""
    usage: Usage = field(default_factory=Usage)

    @property
    def credential_ports(self) -> Ports:
        """The ports for questions about credentials."""
        return replace(self.ports, clock=self.wall)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, its caller identified."""

    backend: Backend
    operation: Operation
    scope: Mapping[str, Any]
    headers: Mapping[str, str]
    path: Mapping[str, str]
    query: Mapping[str, str]
    receive: Receive
    caller: Caller | None = None

    @property
    def organization_id(self) -> OrganizationId:
        """Whose request this is. Only for operations that are not open to anybody."""
        return self.who.organization_id

    @property
    def who(self) -> Caller:
        """Who is calling. Only for operations that are not open to anybody."""
        if self.caller is None:
            raise LookupError("an open operation asked who is calling")
        return self.caller

    @property
    def address(self) -> str:
        """Where the request came from."""
        client = self.scope.get("client")
        return str(client[0]) if client else "unknown"

    async def body(self, *, at_most: int = SMALL_BODY_BYTES) -> bytes:
        """The whole body, of a type that the operation takes. Raises HttpRefusal."""
        self.media_type()
        timeout_s = self.backend.limits.body_timeout_s
        return await read_body(self.headers, self.receive, at_most=at_most, timeout_s=timeout_s)

    def media_type(self) -> str:
        """The body's type, as stated or else the operation's first. Raises HttpRefusal with 415."""
        stated = self.headers.get("content-type")
        if stated is None:
            return self.operation.body_types[0]
        name, _, rest = stated.partition(";")
        charset = re.search(r'charset\s*=\s*"?([^\s";]+)', rest, re.IGNORECASE)
        known = name.strip().lower() in self.operation.body_types
        if not known or (charset is not None and charset[1].lower() not in {"utf-8", "utf8", "us-ascii"}):
            types = ", ".join(self.operation.body_types)
            raise HttpRefusal(415, f"The body must be {types} in UTF-8.", headers={"accept": types})
        return name.strip().lower()


Serve = Callable[[Call], Awaitable[Answer]]


def anyone_known(call: Call) -> None:
    """Every caller who is known may do everything within its organization."""
    del call


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A query parameter, as documented; operations check its value themselves."""

    name: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A method and a path, what serves them, what they take, and what they give: status to type, None for no body.

    `allow` raises what a caller is answered who is known but may not do this.
    `is_audited`: what is changed is noted in the audit log. Not for ingest: facts are a record themselves, and many.
    """

    method: str
    path: str
    name: str
    summary: str
    serve: Serve
    access: Access
    tag: str
    answers: Mapping[int, Any]
    on_error: Callable[[DwellError], Answer]
    on_refusal: Callable[[HttpRefusal], Answer] = answer_refusal
    query: tuple[Parameter, ...] = ()
    path_schemas: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    body: Any = None
    body_types: tuple[str, ...] = JSON_TYPES
    answer_types: Mapping[int, str] = field(default_factory=dict)
    """By status, where it is not JSON."""
    description: str = ""
    documented: bool = True
    allow: Callable[[Call], None] = anyone_known
    is_audited: bool = True

    @property
    def path_names(self) -> tuple[str, ...]:
        """The names of the path's variable parts."""
        return tuple(PARAMETER.findall(self.path))


def read_query(operation: Operation, query: bytes) -> dict[str, str]:
    """The parameters given. Raises HttpRefusal, with every fault, for unknown, repeated or unreadable ones."""
    known = {parameter.name for parameter in operation.query}
    values: dict[str, str] = {}
    issues = list[Issue]()
    try:
        given = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError as error:
        raise HttpRefusal(400, "The query cannot be read.") from error
    for name, value in given:
        if name not in known:
            issues.append(Issue(_shown(name), "is not a parameter of this operation"))
        elif name in values:
            issues.append(Issue(name, "is given more than once"))
        elif "\x00" in value:
            issues.append(Issue(name, "must not hold U+0000"))
        else:
            values[name] = value
    if issues:
        raise HttpRefusal(400, "The query has faults.", issues=issues)
    return values


def _shown(name: str) -> str:
    """A name as it may be repeated in an answer."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in name[:64])
