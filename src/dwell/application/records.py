"""What goes through the ports beside the domain's own values: rows as the use cases mean them."""

from __future__ import annotations

from datetime import datetime

import msgspec

from dwell.domain.ids import LocationId, OrganizationId, PolicyId, VehicleId
from dwell.domain.session.facts import Fact
from dwell.domain.session.record import Session


class StoredFact(msgspec.Struct, frozen=True):
    """A fact with the vehicle it speaks of and the digest that names it."""

    vehicle_id: VehicleId
    digest: bytes
    fact: Fact


class Quarantined(msgspec.Struct, frozen=True, kw_only=True):
    """Something that came in and is kept but never applied: why, and its raw bytes."""

    organization_id: OrganizationId
    vehicle_id: VehicleId | None
    received_at: datetime
    reason: str
    raw: bytes


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A committed change of a session, with the whole session as it is after it.

    `significant`: state, target or error changed; only others may merge with an undelivered predecessor.
    `withdrawn`: the session is gone (joined into an earlier one, or its policy was deleted).
    """

    id: str
    organization_id: OrganizationId
    session: Session
    created_at: datetime
    significant: bool
    withdrawn: bool = False


class PageKey(msgspec.Struct, frozen=True):
    """Where a page of settled sessions ends: plug-in instant, then id."""

    plugged_in_at: datetime
    id: str


class SessionFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which settled sessions a list holds; None means any. `plugged_in_from` ≥, `plugged_out_to` ≤ (ended at)."""

    plugged_in_from: datetime | None = None
    plugged_out_to: datetime | None = None
    policy_id: PolicyId | None = None
    location_id: LocationId | None = None
    vehicle_id: VehicleId | None = None
    include_hidden: bool = False


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How much there is: unsettled sessions of policies and orders, each by state; events kept, at most."""

    sessions: dict[str, int]
    orders: dict[str, int]
    events: int


class KeptAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A request with an idempotency key: the digest of its body, and its answer once there is one.

    While `status` is None somebody is at work on it, until `locked_until` at most.
    """

    organization_id: OrganizationId
    key: str
    body_digest: bytes
    created_at: datetime
    locked_until: datetime
    holder: str
    status: int | None = None
    body: bytes = b""
