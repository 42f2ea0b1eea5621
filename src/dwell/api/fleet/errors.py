"""The Fleet dialect's refusals: always one sentence, whatever was refused."""

from __future__ import annotations

from collections.abc import Mapping

from dwell.api.fleet.schemas import FleetMessage
from dwell.api.shared.answers import Answer, answer_json
from dwell.api.shared.problems import HttpRefusal, unavailable_detail
from dwell.domain.errors import Conflict, DwellError, NotFound, PeerFault, Refused, Unavailable

STATUS: Mapping[type[DwellError], int] = {
    Refused: 400,
    NotFound: 404,
    Conflict: 409,
    PeerFault: 504,
    Unavailable: 503,
}
FORBIDDEN = "Forbidden"
RETRY_AFTER_S = 1


def answer_refusal(refusal: HttpRefusal) -> Answer:
    """The answer to a request that was refused for its form or its key; a wrong key is told nothing more."""
    if refusal.status in {401, 403}:
        return answer_json(403, FleetMessage(FORBIDDEN))
    message = "; ".join(f"{issue.field}: {issue.message}" for issue in refusal.issues) or refusal.detail
    return _answer(refusal.status, message, refusal.headers)


def answer_error(error: DwellError) -> Answer:
    """The answer to what a use case raised."""
    status = next(status for kind, status in STATUS.items() if isinstance(error, kind))
    if status == STATUS[Unavailable]:
        detail = unavailable_detail(error, "Nothing was changed.")
        return _answer(status, detail, {"retry-after": str(RETRY_AFTER_S)})
    return _answer(status, error.message, {})


def _answer(status: int, message: str, headers: Mapping[str, str]) -> Answer:
    answer = answer_json(status, FleetMessage(message))
    answer.headers.update(headers)
    return answer
