"""The session as it is kept and shown: one record, from which all three contracts take their views.

Energies are whole Wh, powers whole W, charge levels percent, money exact decimals in `currency`.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec

from dwell.domain.ids import LocationId, OrganizationId, PolicyId, SessionId, UserId, VehicleId
from dwell.domain.policy.terms import VisitTerms
from dwell.domain.session.visit import REGULAR, Target

UPCOMING = "UPCOMING"
ACTIVE = "ACTIVE"
SETTLED = "SETTLED"


class Block(msgspec.Struct, frozen=True, gc=False):
    """A contiguous charging window in one mode; a fact if past, a plan that may move if coming."""

    type: str
    start_at: datetime
    end_at: datetime
    energy_wh: int


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """A plan as the session keeps it: what was promised, when, and on what evidence."""

    made_at: datetime
    target_number: int
    blocks: tuple[Block, ...] = ()
    powers_w: tuple[int, ...] = ()
    reasons: tuple[str, ...] = ()
    reached_at: datetime | None = None
    soc_at_ready_by_percent: float | None = None
    reachable: bool = True
    reachable_soc_percent: float | None = None
    price_coverage: float = 0.0
    expected_savings: Decimal | None = None
    start_soc_percent: float | None = None
    sentence: str = ""
    share: float | None = None
    """The share of the told power that the vehicle was known to give; None where that was not asked."""


def known_share(promise: Promise | None) -> float:
    """What the vehicle is taken to give of the power it is told: by the plan in force, else all of it."""
    return 1.0 if promise is None or promise.share is None else promise.share


class OutcomeState(msgspec.Struct, frozen=True):
    """Will the target be met, was it: ON_TRACK | AT_RISK while active, REACHED | MISSED once known."""

    state: str
    target_number: int
    soc_at_ready_by_percent: float | None
    reached_at: datetime | None


class SessionError(msgspec.Struct, frozen=True):
    """What is wrong with the session's control: START_FAILED, STOP_FAILED or CHARGE_INTERRUPTED."""

    type: str
    detail: str
    created_at: datetime


class Valuation(msgspec.Struct, frozen=True):
    """Cost of the energy charged and of the same energy charged at once; exact, None where prices are missing."""

    currency: str
    cost: Decimal | None
    baseline_cost: Decimal | None
    savings: Decimal | None


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One charging visit, anticipated, running or over."""

    id: SessionId
    organization_id: OrganizationId
    user_id: UserId
    vehicle_id: VehicleId
    policy_id: PolicyId | None
    location_id: LocationId | None
    state: str
    created_at: datetime
    updated_at: datetime
    terms: VisitTerms
    revision: int = 1
    settled_at: datetime | None = None
    mode: str = REGULAR
    plugged_in_at: datetime | None = None
    plugged_out_at: datetime | None = None
    inferred_end_at: datetime | None = None
    at_home: bool = False
    short: bool = False
    suspect: tuple[str, ...] = ()
    suspect_accepted: bool = False
    energy_wh: int = 0
    energy_source: str | None = None
    rows_from_at: datetime | None = None
    rows_wh: tuple[int, ...] = ()
    blocks: tuple[Block, ...] = ()
    soc_from_percent: float | None = None
    soc_to_percent: float | None = None
    soc_observed_at: datetime | None = None
    average_power_w: int | None = None
    peak_power_w: int | None = None
    charging: bool = False
    target: Target | None = None
    outcome: OutcomeState | None = None
    reason: str = "unknown"
    valuation: Valuation | None = None
    promise: Promise | None = None
    first_promise: Promise | None = None
    error: SessionError | None = None

    @property
    def ended_at(self) -> datetime | None:
        """The plug-out, observed or inferred."""
        return self.plugged_out_at or self.inferred_end_at

    @property
    def managed(self) -> bool:
        """Tied to a policy: the system controls the charge."""
        return self.policy_id is not None


RECORDS_ONLY = frozenset(
    {
        "id",
        "revision",
        "created_at",
        "updated_at",
        "settled_at",
        "promise",
        "first_promise",
        "error",
        "suspect_accepted",
    }
)
"""Fields outside the law of settlement: stamps and promises, not functions of the facts."""


_LAWFUL = tuple(name for name in Session.__struct_fields__ if name not in RECORDS_ONLY)


def by_law(session: Session) -> tuple[object, ...]:
    """All of the record that the law of settlement covers: a function of facts, terms and prices."""
    return tuple(getattr(session, name) for name in _LAWFUL)
