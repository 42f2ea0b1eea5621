"""The native dialect's answers to what use cases raise: every class of the error tree has its row."""

from __future__ import annotations

from collections.abc import Mapping

from dwell.api.shared.answers import Answer
from dwell.api.shared.problems import issues_of, unavailable_detail, write_problem
from dwell.domain.errors import Conflict, DwellError, NotFound, PeerFault, Refused, Unavailable
from dwell.protocols.observations import TOO_MANY

STATUS: Mapping[type[DwellError], int] = {
    Refused: 400,
    NotFound: 404,
    Conflict: 409,
    PeerFault: 502,
    Unavailable: 503,
}
BY_CODE: Mapping[str, int] = {TOO_MANY: 413}
"""Codes that have an answer of their own, whatever their class."""
RETRY_AFTER_S = 1


def answer_error(error: DwellError) -> Answer:
    """The problem that tells of the error."""
    status = BY_CODE.get(error.code) or next(s for kind, s in STATUS.items() if isinstance(error, kind))
    if status == STATUS[Unavailable]:
        # Sent again, what was stored after all counts as known: that is safe either way.
        detail = unavailable_detail(error, "Nothing was stored; send it again.")
        return write_problem(status, detail, headers={"retry-after": str(RETRY_AFTER_S)})
    return write_problem(status, error.message, issues=issues_of(error.faults))
