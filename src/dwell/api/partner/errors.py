"""The Partner dialect's refusals: bodies by the contract's table, whatever was refused."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from dwell.api.partner.schemas import Detail, InvalidParameter, InvalidParameters
from dwell.api.shared.answers import Answer, answer_json
from dwell.api.shared.problems import HttpRefusal
from dwell.domain.errors import Conflict, DwellError, NotFound, PeerFault, Refused, Unavailable

STATUS: Mapping[type[DwellError], int] = {
    Refused: 422,
    NotFound: 404,
    Conflict: 409,
    PeerFault: 502,
    Unavailable: 503,
}
WORDS: Mapping[int, str] = {401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}
"""Details that say the same whatever the matter, so that none tells what there is."""
RETRY_AFTER_S = 1


def invalid(faults: Mapping[tuple[str, ...], str]) -> Answer:
    """The refusal that names every wrong parameter: where, and why."""
    issues = tuple(InvalidParameter("value_error", where, why) for where, why in faults.items())
    return answer_json(422, InvalidParameters(issues))


def answer_refusal(refusal: HttpRefusal) -> Answer:
    """The answer to a request that was refused for its form or its credentials."""
    if refusal.issues:
        return invalid({("query", issue.field): issue.message for issue in refusal.issues})
    detail = Detail(WORDS.get(refusal.status, refusal.detail))
    return Answer(refusal.status, msgspec.json.encode(detail), headers=refusal.headers)


def answer_error(error: DwellError) -> Answer:
    """The answer to what a use case raised."""
    status = next(status for kind, status in STATUS.items() if isinstance(error, kind))
    if status == STATUS[Refused] and error.faults:
        return invalid({("body", fault.field): fault.message for fault in error.faults})
    headers = {"retry-after": str(RETRY_AFTER_S)} if status == STATUS[Unavailable] else {}
    detail = "The service cannot serve this now. Nothing was changed." if headers else error.message
    return Answer(status, msgspec.json.encode(Detail(WORDS.get(status, detail))), headers=headers)
