"""The Flex dialect's answers to what use cases raise: every class of the error tree has its row."""

from __future__ import annotations

from collections.abc import Mapping

from dwell.api.shared.answers import Answer
from dwell.api.shared.problems import issues_of, unavailable_detail, write_problem
from dwell.domain.errors import Conflict, DwellError, NotFound, PeerFault, Refused, Unavailable

STATUS: Mapping[type[DwellError], int] = {
    Refused: 400,
    NotFound: 404,
    Conflict: 409,
    PeerFault: 502,
    Unavailable: 503,
}
RETRY_AFTER_S = 1


def answer_error(error: DwellError) -> Answer:
    """The problem that tells of the error."""
    status = next(status for kind, status in STATUS.items() if isinstance(error, kind))
    headers = {"retry-after": str(RETRY_AFTER_S)} if status == STATUS[Unavailable] else None
    detail = unavailable_detail(error, "Nothing was changed.") if headers else error.message
    return write_problem(status, detail, issues=issues_of(error.faults), headers=headers)
