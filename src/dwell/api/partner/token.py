"""The Partner dialect's token endpoint: OAuth2 client credentials (RFC 6749, 4.4), HTTP Basic, JSON in."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import unquote_plus

import msgspec

from dwell.api.partner.schemas import PartnerToken
from dwell.api.shared.answers import Answer
from dwell.api.shared.callers import PARTNER
from dwell.api.shared.limits import FAILURE_COSTS, FORM_BYTES, RateLimit
from dwell.api.shared.operations import Call
from dwell.api.shared.problems import HttpRefusal
from dwell.application.credentials import issue_token

LIFETIME = timedelta(hours=10)
_NEVER_KEPT = {"cache-control": "no-store", "pragma": "no-cache"}
_BASIC = {"www-authenticate": 'Basic realm="dwell", charset="UTF-8"'}


class Grant(msgspec.Struct, frozen=True):
    """What is asked for."""

    grant_type: str
    scope: str = ""


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
        answer = await _attempt(call)
        units = 1 if answer.status == 200 else FAILURE_COSTS
        self._rate.charge(call.address, self._monotonic_s(), units=units)
        return answer


async def _attempt(call: Call) -> Answer:
    """A token that acts as administrator of the client's organization."""
    try:
        grant = msgspec.json.decode(await call.body(at_most=FORM_BYTES), type=Grant)
    except (HttpRefusal, msgspec.DecodeError, UnicodeDecodeError):
        return _error(400, "invalid_request")
    if grant.grant_type != "client_credentials":
        return _error(400, "unsupported_grant_type")
    client_id, client_secret = _read_basic(call.headers.get("authorization", ""))
    token = await issue_token(
        call.backend.credential_ports,
        call.backend.keyring,
        client_id=client_id,
        client_secret=client_secret,
        dialect=PARTNER,
        lifetime=LIFETIME,
    )
    if token is None:
        return _error(401, "invalid_client", **_BASIC)
    granted = PartnerToken(token, int(LIFETIME.total_seconds()), "Bearer", "read write")
    return Answer(200, msgspec.json.encode(granted), headers=dict(_NEVER_KEPT))


def _read_basic(header: str) -> tuple[str, str]:
    """Id and secret from the header; empty ones, which nobody has, from anything else."""
    scheme, _, packed = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        text = base64.b64decode(packed.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return "", ""
    client_id, _, client_secret = text.partition(":")
    return unquote_plus(client_id), unquote_plus(client_secret)


def _error(status: int, error: str, **headers: str) -> Answer:
    return Answer(status, msgspec.json.encode({"error": error}), headers={**_NEVER_KEPT, **headers})
