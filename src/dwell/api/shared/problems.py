"""Problems: how every refusal is answered, whatever the dialect.

`{"type", "title", "detail", "issues"?}`, `type` a URI that ends in the kind. Details are fixed sentences: they never
repeat what was sent, name another organization's thing, or show what lies behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from dwell.api.shared.answers import Answer
from dwell.domain.errors import UNKNOWN_OUTCOME, DwellError, Fault

TYPE_PREFIX = "urn:dwell:problem:"


class Issue(msgspec.Struct, frozen=True):
    """One fault of a request: the path of the field, and a sentence."""

    field: str
    message: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A refusal."""

    type: str
    title: str
    detail: str
    issues: tuple[Issue, ...] | None = None


KINDS: Mapping[int, tuple[str, str]] = {
    400: ("bad-request", "Bad request"),
    401: ("unauthorized", "Unauthorized"),
    403: ("forbidden", "Forbidden"),
    404: ("not-found", "Not found"),
    405: ("method-not-allowed", "Method not allowed"),
    408: ("request-timeout", "Request timeout"),
    409: ("conflict", "Conflict"),
    413: ("content-too-large", "Content too large"),
    414: ("uri-too-long", "URI too long"),
    415: ("unsupported-media-type", "Unsupported media type"),
    422: ("unprocessable-entity", "Unprocessable entity"),
    429: ("too-many-requests", "Too many requests"),
    431: ("request-header-fields-too-large", "Request header fields too large"),
    500: ("internal-server-error", "Internal server error"),
    502: ("bad-gateway", "Bad gateway"),
    503: ("service-unavailable", "Service unavailable"),
    504: ("gateway-timeout", "Gateway timeout"),
}
"""The kind and the title of each status that Dwell answers with."""

NO_SUCH_PATH = "There is nothing at this address."


class HttpRefusal(Exception):
    """A request that is refused for its form, before any use case sees it."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        issues: Iterable[Issue] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.issues = tuple(issues)
        self.headers = dict(headers or {})


def write_problem(
    status: int, detail: str, *, issues: Iterable[Issue] = (), headers: Mapping[str, str] | None = None
) -> Answer:
    """The answer that tells a problem."""
    kind, title = KINDS[status]
    problem = Problem(TYPE_PREFIX + kind, title, detail, tuple(issues) or None)
    return Answer(status, msgspec.json.encode(problem), headers=dict(headers or {}))


def answer_refusal(refusal: HttpRefusal) -> Answer:
    """The answer to a request that was refused for its form."""
    return write_problem(refusal.status, refusal.detail, issues=refusal.issues, headers=refusal.headers)


def unavailable_detail(error: DwellError, nothing_done: str) -> str:
    """The sentence for what could not be served now; `nothing_done` is said only where that is known."""
    if error.code == UNKNOWN_OUTCOME:
        return "The connection to the store was lost at the end. It may have been done: look before sending it again."
    return f"The service cannot serve this now. {nothing_done}"


def issues_of(faults: Iterable[Fault]) -> tuple[Issue, ...]:
    """The faults that a use case found, as issues."""
    return tuple(Issue(fault.field, fault.message) for fault in faults)
