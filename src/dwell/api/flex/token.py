"""The token endpoint: OAuth2 client credentials (RFC 6749, 4.4), HTTP Basic, form in, one opaque bearer token out."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable
from urllib.parse import parse_qsl, unquote_plus

import msgspec

from dwell.api.flex.schemas import Token, TokenError
from dwell.api.shared.answers import Answer
from dwell.api.shared.callers import FLEX
from dwell.api.shared.limits import FAILURE_COSTS, FORM_BYTES, RateLimit
from dwell.api.shared.operations import Call
from dwell.api.shared.problems import HttpRefusal
from dwell.application.credentials import TOKEN_EXPIRES_IN_S, issue_token
from dwell.domain.errors import DwellError

FORM_TYPES = ("application/x-www-form-urlencoded",)
_NEVER_KEPT = {"cache-control": "no-store", "pragma": "no-cache"}
_SCOPE = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]*")
_BASIC = {"www-authenticate": 'Basic realm="dwell", charset="UTF-8"'}


class TokenEndpoint:
    """Issues tokens, and holds each address to a rate of attempts. `monotonic_s` is a clock that never goes back."""

    def __init__(self, per_minute: int, monotonic_s: Callable[[], float]) -> None:
        self._rate = RateLimit(per_minute)
        self._monotonic_s = monotonic_s

    async def serve(self, call: Call) -> Answer:
        """The answer to one attempt."""
        wait_s = self._rate.wait_s(call.address, self._monotonic_s())
        if wait_s > 0:
            headers = {"retry-after": str(math.ceil(wait_s))}
            raise HttpRefusal(429, "There were too many attempts from this address.", headers=headers)
        # A failure is paid for before the attempt: many at once see each other's. What succeeds gets it back.
        paid = self._rate.charge(call.address, self._monotonic_s(), units=FAILURE_COSTS)
        try:
            answer = await _attempt(call)
        except DwellError:  # the store's fault, not the caller's
            self._rate.refund(call.address, self._monotonic_s(), units=paid)
            raise
        if answer.status == 200:
            self._rate.refund(call.address, self._monotonic_s(), units=paid - 1)
        return answer


async def _attempt(call: Call) -> Answer:
    basic = call.headers.get("authorization")
    try:
        body = await call.body(at_most=FORM_BYTES)
        form = _read_form(body)
    except HttpRefusal as refusal:
        return _error(400, "invalid_request", refusal.detail)
    except ValueError:
        return _error(400, "invalid_request", "The form cannot be read, or names something twice.")
    if basic is not None and ("client_id" in form or "client_secret" in form):
        return _error(400, "invalid_request", "Authenticate in one way only: by HTTP Basic.")
    grant = form.get("grant_type")
    if grant is None:
        return _error(400, "invalid_request", "grant_type is missing.")
    if grant != "client_credentials":
        return _error(400, "unsupported_grant_type", "Only client_credentials is supported.")
    if not _SCOPE.fullmatch(form.get("scope", "")):
        return _error(400, "invalid_scope", "The scope holds characters that no scope has.")
    client_id, client_secret = _read_basic(basic)
    token = await issue_token(
        call.backend.credential_ports,
        call.backend.keyring,
        client_id=client_id,
        client_secret=client_secret,
        dialect=FLEX,
    )
    if token is None:
        return _error(401, "invalid_client", "The client is not known by this id and secret.", **_BASIC)
    granted = Token(access_token=token, expires_in=TOKEN_EXPIRES_IN_S, token_type="bearer", scope="")
    return Answer(200, msgspec.json.encode(granted), headers=dict(_NEVER_KEPT))


def _read_form(body: bytes) -> dict[str, str]:
    """The form's fields. Raises ValueError."""
    fields = parse_qsl(
        body.decode("utf-8"),
        keep_blank_values=True,
        strict_parsing=bool(body),
        errors="strict",
        max_num_fields=50,
    )
    form = dict(fields)
    if len(form) != len(fields):
        raise ValueError("a field is given twice")
    return form


def _read_basic(header: str | None) -> tuple[str, str]:
    """Id and secret from the header; empty ones, which nobody has, from anything else."""
    scheme, _, packed = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        text = base64.b64decode(packed.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return "", ""
    client_id, _, client_secret = text.partition(":")
    return unquote_plus(client_id), unquote_plus(client_secret)


def _error(status: int, error: str, description: str, **headers: str) -> Answer:
    body = msgspec.json.encode({"error": error, "error_description": description})
    return Answer(status, body, headers={**_NEVER_KEPT, **headers})


def answer_error(error: DwellError) -> Answer:
    """The store could not serve."""
    del error
    body = TokenError(error="temporarily_unavailable", error_description="Try again in a moment.")
    return Answer(503, msgspec.json.encode(body), headers={**_NEVER_KEPT, "retry-after": "1"})
