"""The Partner dialect's token endpoint: OAuth2 client credentials and passwords (RFC 6749, 4.3 and 4.4).

JSON and form bodies, HTTP Basic or credentials in the body. A client's token acts as administrator of its
organization; a user's acts in the user's role.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from dwell.api.partner.schemas import PartnerToken
from dwell.api.shared.answers import Answer
from dwell.api.shared.callers import PARTNER
from dwell.api.shared.limits import FORM_BYTES
from dwell.api.shared.operations import JSON_TYPES, Call
from dwell.api.shared.problems import HttpRefusal
from dwell.api.shared.tokens import (
    BASIC,
    FORM_TYPES,
    SCOPE,
    RatedEndpoint,
    granted,
    read_basic,
    read_form,
    read_json,
    refused,
    too_many,
)
from dwell.application.credentials import client_of, issue_token, issue_user_token
from dwell.application.passwords import TooSoon

LIFETIME = timedelta(hours=10)
SCOPE_GRANTED = "read write"
BODY_TYPES = (*JSON_TYPES, *FORM_TYPES)
_READERS: Mapping[str, Callable[[bytes], dict[str, str]]] = {
    **dict.fromkeys(JSON_TYPES, read_json),
    **dict.fromkeys(FORM_TYPES, read_form),
}
_INVALID_CLIENT = refused(401, "invalid_client", **BASIC)


class TokenEndpoint(RatedEndpoint):
    """Issues tokens that open this dialect, at whichever of its addresses."""

    async def attempt(self, call: Call) -> Answer:
        """The answer to one attempt."""
        try:
            body = await call.body(at_most=FORM_BYTES)
            form = _READERS[call.media_type()](body)
            client = _client(call.headers.get("authorization"), form)
        except (HttpRefusal, ValueError):
            return refused(400, "invalid_request")
        if not SCOPE.fullmatch(form.get("scope", "")):
            return refused(400, "invalid_scope")
        match form.get("grant_type"):
            case "client_credentials":
                return await _to_client(call, client or ("", ""))
            case "password":
                return await _to_user(call, client, form)
            case None:
                return refused(400, "invalid_request")
            case _:
                return refused(400, "unsupported_grant_type")


def _client(header: str | None, form: Mapping[str, str]) -> tuple[str, str] | None:
    """Id and secret, None where no client is named. Raises ValueError where two ways are used at once.

    A bearer token names no client: who asks for a new token often still sends the old one along.
    """
    in_body = "client_id" in form or "client_secret" in form
    if header is not None and not header.lower().startswith("bearer "):
        if in_body:
            raise ValueError("credentials in two places")
        return read_basic(header)
    return (form.get("client_id", ""), form.get("client_secret", "")) if in_body else None


async def _to_client(call: Call, client: tuple[str, str]) -> Answer:
    token = await issue_token(
        call.backend.credential_ports,
        call.backend.keyring,
        client_id=client[0],
        client_secret=client[1],
        dialect=PARTNER,
        lifetime=LIFETIME,
    )
    return _INVALID_CLIENT if token is None else _token(token)


async def _to_user(call: Call, client: tuple[str, str] | None, form: Mapping[str, str]) -> Answer:
    """A token for the user of these; a client need not be named, but one that is must be right, and the user's own."""
    backend = call.backend
    ports, keyring = backend.credential_ports, backend.keyring
    if "username" not in form or "password" not in form:
        return refused(400, "invalid_request")
    known = await client_of(ports, keyring, *client) if client is not None else None
    if client is not None and known is None:
        return _INVALID_CLIENT
    user = await backend.passwords.check(ports, form["username"], form["password"], address=call.address)
    if isinstance(user, TooSoon):
        raise too_many("There were too many attempts at this user name.", user.wait_s)
    if user is None or (known is not None and known.organization_id != user.organization_id):
        return refused(400, "invalid_grant")
    return _token(await issue_user_token(ports, keyring, user, dialect=PARTNER, lifetime=LIFETIME))


def _token(text: str) -> Answer:
    return granted(PartnerToken(text, int(LIFETIME.total_seconds()), "Bearer", SCOPE_GRANTED))
