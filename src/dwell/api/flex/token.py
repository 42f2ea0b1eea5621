"""The token endpoint: OAuth2 client credentials (RFC 6749, 4.4), HTTP Basic, form in, one opaque bearer token out."""

from __future__ import annotations

import msgspec

from dwell.api.flex.schemas import Token, TokenError
from dwell.api.shared.answers import Answer
from dwell.api.shared.callers import FLEX
from dwell.api.shared.limits import FORM_BYTES
from dwell.api.shared.operations import Call
from dwell.api.shared.problems import HttpRefusal
from dwell.api.shared.tokens import (
    BASIC,
    NEVER_KEPT,
    SCOPE,
    RatedEndpoint,
    granted,
    read_basic,
    read_form,
    refused,
)
from dwell.application.credentials import TOKEN_EXPIRES_IN_S, issue_token
from dwell.domain.errors import DwellError


class TokenEndpoint(RatedEndpoint):
    """Issues tokens that open this dialect and the native interface."""

    async def attempt(self, call: Call) -> Answer:
        """The answer to one attempt."""
        basic = call.headers.get("authorization")
        try:
            form = read_form(await call.body(at_most=FORM_BYTES))
        except HttpRefusal as refusal:
            return refused(400, "invalid_request", refusal.detail)
        except ValueError:
            return refused(400, "invalid_request", "The form cannot be read, or names something twice.")
        if basic is not None and ("client_id" in form or "client_secret" in form):
            return refused(400, "invalid_request", "Authenticate in one way only: by HTTP Basic.")
        grant = form.get("grant_type")
        if grant is None:
            return refused(400, "invalid_request", "grant_type is missing.")
        if grant != "client_credentials":
            return refused(400, "unsupported_grant_type", "Only client_credentials is supported.")
        if not SCOPE.fullmatch(form.get("scope", "")):
            return refused(400, "invalid_scope", "The scope holds characters that no scope has.")
        client_id, client_secret = read_basic(basic)
        token = await issue_token(
            call.backend.credential_ports,
            call.backend.keyring,
            client_id=client_id,
            client_secret=client_secret,
            dialect=FLEX,
        )
        if token is None:
            return refused(401, "invalid_client", "The client is not known by this id and secret.", **BASIC)
        return granted(
            Token(access_token=token, expires_in=TOKEN_EXPIRES_IN_S, token_type="bearer", scope="")
        )


def answer_error(error: DwellError) -> Answer:
    """The store could not serve."""
    del error
    body = TokenError(error="temporarily_unavailable", error_description="Try again in a moment.")
    return Answer(503, msgspec.json.encode(body), headers={**NEVER_KEPT, "retry-after": "1"})
