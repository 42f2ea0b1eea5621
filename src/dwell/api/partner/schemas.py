"""The bodies of the Partner dialect, in its own words."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

import msgspec

HiddenReason = Literal["short_duration"]
SessionOutcome = Literal[
    "not_at_home",
    "not_authenticated",
    "smart_optimization_disabled",
    "no_battery_capacity",
    "already_at_target",
    "ev_not_found",
    "hems_only_mode",
    "immediate_start",
    "oem_not_capable",
    "insufficient_price_coverage",
    "user_unplugged_early",
    "commands_failed",
    "oem_reported_full",
    "boosted",
    "in_progress",
    "optimized",
    "other",
    "unknown",
]


class SessionItem(msgspec.Struct, frozen=True, kw_only=True):
    """One charging session."""

    id: UUID
    plug_in_time: datetime
    unplug_time: datetime | None
    inferred_session_end: datetime | None
    desired_charging_start_time: datetime | None
    desired_charging_end_time: datetime | None
    charge_deadline: datetime | None
    target_soc_pct: float | None
    initial_soc_pct: float | None
    final_soc_pct: float | None
    energy_charged_kwh: float | None
    avg_charge_power_kw: float | None
    peak_charge_power_kw: float | None
    actual_cost_eur: Decimal | None
    expected_savings_eur: Decimal | None
    actual_savings_eur: Decimal | None
    is_at_home: bool
    session_outcome: SessionOutcome
    is_hidden: bool = False
    hidden_reason: HiddenReason | None = None
    target_reachable: bool | None = None
    reachable_soc_pct: int | None = None


class CurrentSessionResponse(msgspec.Struct, frozen=True):
    """The session that runs, or null."""

    session: SessionItem | None


class FoundSession(msgspec.Struct, frozen=True):
    """One session by its id."""

    session: SessionItem


class PartnerToken(msgspec.Struct, frozen=True):
    """A bearer token."""

    access_token: str
    expires_in: int
    token_type: str
    scope: str


class Detail(msgspec.Struct, frozen=True):
    """A refusal."""

    detail: str


class InvalidParameter(msgspec.Struct, frozen=True):
    """One wrong parameter: where it stands, and what is wrong with it."""

    type: str
    loc: tuple[str, ...]
    msg: str


class InvalidParameters(msgspec.Struct, frozen=True):
    """Every wrong parameter."""

    detail: tuple[InvalidParameter, ...]
