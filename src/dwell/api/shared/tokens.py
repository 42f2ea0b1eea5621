"""What token endpoints share: attempts held to a rate, credentials and grants read, errors told (RFC 6749)."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import parse_qsl, unquote_plus

import msgspec

from dwell.api.shared.answers import Answer
from dwell.api.shared.limits import FAILURE_COSTS
from dwell.api.shared.operations import Call
from dwell.api.shared.problems import HttpRefusal
from dwell.application.rates import RateLimit
from dwell.domain.errors import DwellError

T = TypeVar("T")
FORM_TYPES = ("application/x-www-form-urlencoded",)
NEVER_KEPT = {"cache-control": "no-store", "pragma": "no-cache"}
BASIC = {"www-authenticate": 'Basic realm="dwell", charset="UTF-8"'}
SCOPE = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]*")
"""What a scope may be made of."""
FIELDS_AT_MOST = 50


class RatedEndpoint:
    """Holds each address to a rate of attempts. `monotonic_s` is a clock that never goes back."""

    def __init__(self, per_minute: int, monotonic_s: Callable[[], float]) -> None:
        self._rate = RateLimit(per_minute)
        self._monotonic_s = monotonic_s

    async def attempt(self, call: Call) -> Answer:
        """The answer to one attempt: 200 where it was granted."""
        raise NotImplementedError

    async def serve(self, call: Call) -> Answer:
        """The answer to one attempt, if the address may make one. Raises HttpRefusal with 429."""
        wait_s = self._rate.wait_s(call.address, self._monotonic_s())
        if wait_s > 0:
            raise too_many("There were too many attempts from this address.", wait_s)
        # A failure is paid for before the attempt: many at once see each other's. What succeeds gets it back.
        paid = self._rate.charge(call.address, self._monotonic_s(), units=FAILURE_COSTS)
        try:
            answer = await self.attempt(call)
        except DwellError:  # the store's fault, not the caller's
            self._rate.refund(call.address, self._monotonic_s(), units=paid)
            raise
        if answer.status == 200:
            self._rate.refund(call.address, self._monotonic_s(), units=paid - 1)
        return answer


def too_many(detail: str, wait_s: float) -> HttpRefusal:
    """The refusal of who has to wait for so long."""
    return HttpRefusal(429, detail, headers={"retry-after": str(math.ceil(wait_s))})


def granted(body: object) -> Answer:
    """A token's answer."""
    return Answer(200, msgspec.json.encode(body), headers=dict(NEVER_KEPT))


def refused(status: int, error: str, description: str = "", **headers: str) -> Answer:
    """The answer that gives the code of RFC 6749, 5.2, and perhaps a sentence."""
    told = {"error": error, "error_description": description} if description else {"error": error}
    return Answer(status, msgspec.json.encode(told), headers={**NEVER_KEPT, **headers})


def read_form(body: bytes) -> dict[str, str]:
    """The form's fields. Raises ValueError for what is no form, or names a field twice."""
    fields = parse_qsl(
        body.decode("utf-8"),
        keep_blank_values=True,
        strict_parsing=bool(body),
        errors="strict",
        max_num_fields=FIELDS_AT_MOST,
    )
    return _each_once(fields)


def read_json(body: bytes) -> dict[str, str]:
    """The members of a flat JSON object of texts; null says nothing. Raises ValueError for anything else."""
    try:
        # As pairs all the way down: an object within shows as a list, and is refused with every other non-text.
        pairs = json.loads(body.decode("utf-8"), object_pairs_hook=_Pairs)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not isinstance(pairs, _Pairs) or not all(isinstance(value, str | None) for _, value in pairs):
        raise ValueError("not an object of texts")
    return {name: value for name, value in _each_once(pairs).items() if value is not None}


class _Pairs(list[tuple[str, str | None]]):
    """An object of JSON as it was written."""


def _each_once(fields: Sequence[tuple[str, T]]) -> dict[str, T]:
    form = dict(fields)
    if len(form) != len(fields):
        raise ValueError("a field is given twice")
    return form


def read_basic(header: str | None) -> tuple[str, str]:
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
