"""The bodies of the Partner dialect, in its own words."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

import msgspec

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""An instant with its zone, and so documented as a date and time."""
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
    plug_in_time: Instant
    unplug_time: Instant | None
    inferred_session_end: Instant | None
    desired_charging_start_time: Instant | None
    desired_charging_end_time: Instant | None
    charge_deadline: Instant | None
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


class SessionsResponse(msgspec.Struct, frozen=True):
    """How many sessions match, and a page of them."""

    total: int
    items: list[SessionItem]


class FoundSession(msgspec.Struct, frozen=True):
    """One session by its id."""

    session: SessionItem


class TokenRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for, and by whom. A client may name itself by HTTP Basic instead, and not in both ways."""

    grant_type: Literal["client_credentials", "password"]
    client_id: str | None = None
    client_secret: str | None = None
    username: str | None = None
    password: str | None = None
    scope: str = ""


class TokenFault(msgspec.Struct, frozen=True):
    """Why there is no token (RFC 6749, 5.2)."""

    error: Literal[
        "invalid_request", "invalid_client", "invalid_grant", "unsupported_grant_type", "invalid_scope"
    ]


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


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A person of the organization. `external_id` is the caller's own name for it, null where it has none."""

    id: UUID
    email: str | None
    first_name: str | None
    last_name: str | None
    external_id: str | None
    role: Literal["admin", "staff", "user", "guest"]
    created_at: Instant
    updated_at: Instant


class UserFields(msgspec.Struct, frozen=True, kw_only=True):
    """What may be said of a user: what is left out stays as it is, null takes it away. Other members are let be."""

    email: Annotated[str, msgspec.Meta(max_length=254)] | None = None
    first_name: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    last_name: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    external_id: Annotated[str, msgspec.Meta(max_length=128)] | None = None


class Building(msgspec.Struct, frozen=True, kw_only=True):
    """A place where a user's vehicles charge: what a vehicle's `building` names."""

    id: UUID
    name: str
    latitude: float
    longitude: float
    timezone: str
    price_zone: str | None
    created_at: Instant
    updated_at: Instant
