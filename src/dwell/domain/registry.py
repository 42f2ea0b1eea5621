"""What is registered: users, their locations, their vehicles, the policies between the two, and who may call us."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, get_args

import msgspec

from dwell.domain.ids import LocationId, OrganizationId, PolicyId, UserId, VehicleId
from dwell.domain.policy.connection import BaseLoad
from dwell.domain.policy.override import Override
from dwell.domain.policy.terms import Agreed, PolicyTerms
from dwell.domain.tariff.contracts import IMPORT, resolved_zone


class Organization(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant."""

    id: OrganizationId
    name: str
    created_at: datetime


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """A secret that an organization may show us; only its keyed hash is kept.

    `kind` is `client` (OAuth2 client credentials; `name` is the client id), `api_key`, `token` (bearer, expiring) or
    `password` (of `user_id`; `name` is the login, and the hash a slow one). A token of a user names it and its
    `generation`.
    `last_used_at` is coarse: it may be some minutes behind, and tokens have none.
    A key that `reads_only` changes nothing.
    """

    organization_id: OrganizationId
    kind: str
    name: str
    secret_hash: bytes
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    dialect: str = ""
    last_used_at: datetime | None = None
    user_id: str = ""
    generation: int = 0
    reads_only: bool = False


Role = Literal["admin", "staff", "user", "guest"]
"""What a user who signs in may do; which operations that is, each dialect says."""
ADMIN, STAFF, USER, GUEST = ROLES = get_args(Role)


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A customer, driver or colleague: a UUID of ours and the caller's own reference.

    `login` is what it signs in by, empty where it cannot. `generation` counts its passwords: tokens of others are void.
    """

    id: UserId
    organization_id: OrganizationId
    reference: str
    created_at: datetime
    updated_at: datetime | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    role: Role = "user"
    login: str = ""
    generation: int = 0


class Location(msgspec.Struct, frozen=True, kw_only=True):
    """A place with a grid connection. Coordinates in degrees, radius in metres, limit in W.

    `formula_revision` counts the import tariff formulas that the location has had.
    """

    id: LocationId
    organization_id: OrganizationId
    user_id: UserId
    name: str
    latitude: float
    longitude: float
    timezone: str
    zone: str | None
    area: str | None = None
    radius_m: int = 150
    grid_limit_w: int | None = None
    base_load: tuple[BaseLoad, ...] = ()
    formula_revision: int = 0
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None

    @property
    def price_zone(self) -> str | None:
        """Whose prices the location pays: those that its formula gives, else those of its market zone."""
        return resolved_zone(self.id, IMPORT) if self.formula_revision else self.zone


class Information(msgspec.Struct, frozen=True, kw_only=True):
    """How people name a vehicle."""

    brand: str
    model: str
    year: int | None = None
    vin: str | None = None
    display_name: str | None = None


class Switches(msgspec.Struct, frozen=True):
    """How a vehicle is steered: `charging_mode` optimized or solar_only, `link_valid` the state of its data link."""

    smart_charging: bool = True
    charging_mode: str = "optimized"
    link_valid: bool = True


class Switched(msgspec.Struct, frozen=True):
    """How the switches stood until an instant."""

    until_at: datetime
    switches: Switches


class Vehicle(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle and what it can do. `control` is on_off, modulating or none; capacity in Wh, None unknown.

    `switched` is how its switches stood before, in order of time. While paused nothing is charged but the reserve.
    """

    id: VehicleId
    organization_id: OrganizationId
    user_id: UserId
    vendor: str
    information: Information
    battery_capacity_wh: int | None
    power_max_w: int
    power_min_w: int = 1_400
    efficiency: float = 0.9
    control: str = "on_off"
    smart_charging: bool = True
    charging_mode: str = "optimized"
    link_valid: bool = True
    switched: tuple[Switched, ...] = ()
    paused_until: datetime | None = None
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None

    @property
    def switches(self) -> Switches:
        """How the switches stand now."""
        return Switches(self.smart_charging, self.charging_mode, self.link_valid)

    def switches_at(self, instant: datetime) -> Switches:
        """How the switches stood at `instant`, as far back as is remembered."""
        return next((past.switches for past in self.switched if instant < past.until_at), self.switches)


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """One vehicle at one location; `agreed` keeps every edit with its instant, the latest is in force.

    `overrides` keeps what was asked of its sessions, in order of time.
    """

    id: PolicyId
    organization_id: OrganizationId
    vehicle_id: VehicleId
    location_id: LocationId
    user_id: UserId
    agreed: tuple[Agreed, ...]
    overrides: tuple[Override, ...] = ()
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None

    @property
    def terms(self) -> PolicyTerms:
        """The terms in force."""
        return self.agreed[-1].terms
