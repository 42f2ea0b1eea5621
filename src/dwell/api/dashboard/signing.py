"""Signing in and out, and who is signed in. The session is a token like any other user's, kept as a keyed hash."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from dwell.api.shared.answers import Answer, answer_json
from dwell.api.shared.callers import BROWSER, COOKIE, SECURE_COOKIE, cookie_of, page_token
from dwell.api.shared.limits import FORM_BYTES
from dwell.api.shared.operations import Call
from dwell.api.shared.problems import HttpRefusal, Issue
from dwell.application.credentials import issue_user_token, revoke
from dwell.application.passwords import TooSoon
from dwell.application.ports import Reader
from dwell.domain.ids import OrganizationId
from dwell.domain.instants import write_instant
from dwell.domain.registry import ADMIN, STAFF, User

LIFETIME = timedelta(hours=12)
ROLES = frozenset({ADMIN, STAFF})
"""The dashboard shows all of an organization; drivers and guests see their own things elsewhere."""


class SignIn(msgspec.Struct, frozen=True):
    """What a person types."""

    login: str = ""
    password: str = ""


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """Who is signed in, and the token that the page shows with each change. `now` is the server's present."""

    name: str
    role: str
    organization: str
    organization_id: str
    page_token: str
    now: str


def may_look(call: Call) -> None:
    """Raises HttpRefusal for a role that the dashboard is not for."""
    if call.who.role not in ROLES:
        raise HttpRefusal(403, "The dashboard is for administrators and staff.")


async def sign_in(call: Call) -> Answer:
    """A cookie for whoever gives a login and its password."""
    if call.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise HttpRefusal(403, "Sign in from the dashboard's own page.")
    try:
        given = msgspec.json.decode(await call.body(at_most=FORM_BYTES), type=SignIn)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise HttpRefusal(400, "The body cannot be read.") from error
    empty = [name for name in ("login", "password") if not getattr(given, name)]
    if empty:
        raise HttpRefusal(400, "Something is missing.", issues=[Issue(n, "is needed") for n in empty])
    backend = call.backend
    ports = backend.credential_ports
    user = await backend.passwords.check(ports, given.login, given.password, address=call.address)
    if isinstance(user, TooSoon):
        wait_s = str(max(1, round(user.wait_s)))
        raise HttpRefusal(429, "Too many attempts; wait a little.", headers={"retry-after": wait_s})
    if user is None:
        raise HttpRefusal(401, "Name and password do not belong together.")
    if user.role not in ROLES:
        raise HttpRefusal(403, "The dashboard is for administrators and staff.")
    token = await issue_user_token(ports, backend.keyring, user, dialect=BROWSER, lifetime=LIFETIME)
    answer = answer_json(200, await _signed_in(call, user, token))
    answer.headers["set-cookie"] = _cookie(call, token, seconds=int(LIFETIME.total_seconds()))
    return answer


async def sign_out(call: Call) -> Answer:
    """The session ends, here and wherever else its cookie went."""
    await revoke(call.backend.credential_ports, call.backend.keyring, cookie_of(call.headers))
    return Answer(204, headers={"set-cookie": _cookie(call, "", seconds=0)})


async def me(call: Call) -> Answer:
    """Who is signed in."""

    async def look(reader: Reader) -> User | None:
        user_id = call.who.user_id
        return await reader.user(call.organization_id, user_id) if user_id is not None else None

    user = await call.backend.ports.store.read(look)
    if user is None:
        raise HttpRefusal(401, "Please sign in.")
    return answer_json(200, await _signed_in(call, user, cookie_of(call.headers)))


async def _signed_in(call: Call, user: User, cookie: str) -> SignedIn:
    async def look(reader: Reader) -> str:
        found = await reader.organization(OrganizationId(user.organization_id))
        return found.name if found is not None else ""

    return SignedIn(
        name=" ".join(part for part in (user.first_name, user.last_name) if part) or user.login,
        role=user.role,
        organization=await call.backend.ports.store.read(look),
        organization_id=user.organization_id,
        page_token=page_token(call.backend.keyring, cookie),
        now=write_instant(call.backend.ports.clock.now()),
    )


def _cookie(call: Call, text: str, *, seconds: int) -> str:
    secure = call.scope.get("scheme") == "https"
    name, extra = (SECURE_COOKIE, "; Secure") if secure else (COOKIE, "")
    return f"{name}={text}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{extra}"
