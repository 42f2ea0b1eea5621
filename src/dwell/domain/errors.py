"""The one error tree. Errors carry data and a stable code; each dialect owns a table from here to its answers.

DwellError
├── Refused       the request itself is at fault; `faults` names every one, by field
├── NotFound      nothing of that name for this organization (a foreign id is an unknown id)
├── Conflict      right in itself, but not in the present state
├── PeerFault     a station, a vehicle, a receiver or a feed broke its contract
└── Unavailable   the store or a resource cannot serve now; nothing was applied, try again
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault of a document: the path of the field (`vehicle.soc_percent`) and a sentence."""

    field: str
    message: str


class DwellError(Exception):
    """Root of all expected errors; `code` is stable and machine readable."""

    default_code = "error"

    def __init__(self, message: str, *, code: str | None = None, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.faults = faults


class Refused(DwellError):
    default_code = "refused"

    @classmethod
    def because(cls, *faults: Fault, code: str | None = None) -> Refused:
        """A refusal that names every fault, in one sentence and as data."""
        return cls("; ".join(f"{f.field}: {f.message}" for f in faults), code=code, faults=faults)


class NotFound(DwellError):
    default_code = "not_found"


class Conflict(DwellError):
    default_code = "conflict"


class PeerFault(DwellError):
    default_code = "peer_fault"


class Unavailable(DwellError):
    default_code = "unavailable"


UNKNOWN_OUTCOME = "unknown_outcome"
"""Code of the one Unavailable after which the change may have been made: the commit's answer was lost."""
