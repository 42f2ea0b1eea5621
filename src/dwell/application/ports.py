"""What the use cases need of the world. Adapters implement these; the shipped in-memory store is one of them.

A unit of work is an async function of a Transaction. A store may run it again after a lost race, and may run several
in one commit, so it must do nothing but read, decide and write through the transaction, and return its answer.
All ids are scoped: a row of another organization is as absent as one that never was.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

from dwell.application.records import (
    Event,
    KeptAnswer,
    PageKey,
    Quarantined,
    SessionFilter,
    StoredFact,
    Tally,
)
from dwell.application.station_ports import NO_STATIONS, StationOrders, StationReader, StationWriter
from dwell.application.webhook_ports import WebhookReader, WebhookWriter
from dwell.domain.audit import Entry
from dwell.domain.ids import LocationId, OrganizationId, PolicyId, SessionId, UserId, VehicleId
from dwell.domain.policy.load import ConnectionLoad
from dwell.domain.registry import Credential, Location, Organization, Policy, User, Vehicle
from dwell.domain.session.record import Session
from dwell.domain.session.rules import Rules
from dwell.domain.session.steering import Order
from dwell.domain.session.track import Track
from dwell.domain.tariff.contracts import Tariff, TariffFormula
from dwell.domain.tariff.curve import PriceCurve, PriceSlot
from dwell.domain.tariff.origin import PriceOrigin

if TYPE_CHECKING:
    from dwell.domain.planning import Care  # compiles much; not for those who only read

T = TypeVar("T")


class Clock(Protocol):
    """The time of day. `now` is aware UTC."""

    def now(self) -> datetime: ...


class Ids(Protocol):
    """New names: UUIDs that sort by time, and secrets of at least 128 random bits."""

    def new_id(self) -> str: ...

    def new_secret(self) -> str: ...


class VehicleOrders(Protocol):
    """The way to a vehicle. Returns what the other side said; raises PeerFault when it could not be told."""

    async def give(self, order: Order) -> str: ...


@dataclass(frozen=True, slots=True)
class Ports:
    """What every use case is given."""

    store: Store
    clock: Clock
    ids: Ids
    stations: StationOrders = NO_STATIONS
    care: Care | None = None
    """What plans keep in hand; None for the usual."""
    rules: Rules = field(default_factory=Rules)


class Reader(StationReader, WebhookReader, Protocol):
    """What can be read. Each call is one query; ids that are not there are left out of dicts, or give None."""

    async def organization(self, organization_id: OrganizationId) -> Organization | None: ...

    async def organizations(self, *, limit: int) -> list[OrganizationId]:
        """Some of all there are."""
        ...

    async def credential(self, kind: str, name: str) -> Credential | None: ...

    async def credentials(
        self, kind: str, *, after: Credential | None = None, limit: int = 1000
    ) -> list[Credential]:
        """All of a kind, of any organization, in an order of the store's own; `after` is the last one known."""
        ...

    async def user(self, organization_id: OrganizationId, user_id: UserId) -> User | None: ...

    async def user_by_reference(self, organization_id: OrganizationId, reference: str) -> User | None: ...

    async def users(
        self, organization_id: OrganizationId, *, after_id: str = "", limit: int = 50
    ) -> list[User]:
        """Ascending by id."""
        ...

    async def location(self, organization_id: OrganizationId, location_id: LocationId) -> Location | None: ...

    async def locations(
        self,
        organization_id: OrganizationId,
        *,
        user_id: UserId | None = None,
        after_id: str | None = None,
        before_id: str | None = None,
        limit: int = 50,
    ) -> list[Location]:
        """Not deleted, ascending by id (descending when `before_id` is given)."""
        ...

    async def vehicle(self, organization_id: OrganizationId, vehicle_id: VehicleId) -> Vehicle | None:
        """Also a deleted one: `deleted_at` tells."""
        ...

    async def vehicles(
        self,
        organization_id: OrganizationId,
        *,
        user_id: UserId | None = None,
        after_id: str | None = None,
        before_id: str | None = None,
        limit: int = 50,
    ) -> list[Vehicle]:
        """Not deleted, ascending by id (descending when `before_id` is given)."""
        ...

    async def vehicles_by_id(
        self, organization_id: OrganizationId, ids: Iterable[VehicleId]
    ) -> dict[VehicleId, Vehicle]: ...

    async def policy(self, organization_id: OrganizationId, policy_id: PolicyId) -> Policy | None: ...

    async def policies(
        self,
        organization_id: OrganizationId,
        *,
        vehicle_id: VehicleId | None = None,
        location_id: LocationId | None = None,
        user_id: UserId | None = None,
        after_id: str | None = None,
        before_id: str | None = None,
        limit: int = 50,
    ) -> list[Policy]:
        """Not deleted, ascending by id (descending when `before_id` is given)."""
        ...

    async def policies_of_vehicles(
        self, organization_id: OrganizationId, ids: Iterable[VehicleId]
    ) -> dict[VehicleId, list[Policy]]:
        """Not deleted, by vehicle, in order of creation."""
        ...

    async def locations_of_users(
        self, organization_id: OrganizationId, ids: Iterable[UserId]
    ) -> dict[UserId, list[Location]]:
        """Not deleted, by user, in order of creation."""
        ...

    async def track(self, organization_id: OrganizationId, vehicle_id: VehicleId) -> Track | None: ...

    async def session(self, organization_id: OrganizationId, session_id: SessionId) -> Session | None: ...

    async def unsettled_session_of_policy(
        self, organization_id: OrganizationId, policy_id: PolicyId
    ) -> Session | None: ...

    async def settled_page(
        self,
        organization_id: OrganizationId,
        wanted: SessionFilter,
        *,
        after: PageKey | None = None,
        before: PageKey | None = None,
        limit: int = 50,
    ) -> list[Session]:
        """Newest plug-in first, then ascending id. `before` gives the page that ends just ahead of the key."""
        ...

    async def settled_before(
        self,
        organization_id: OrganizationId,
        wanted: SessionFilter,
        *,
        plugged_in_before: datetime,
        limit: int,
        offset: int,
    ) -> tuple[int, list[Session]]:
        """How many settled ones were plugged in before the instant, and those of a page, newest plug-in first."""
        ...

    async def sessions_of_vehicle(
        self, organization_id: OrganizationId, vehicle_id: VehicleId, *, since: datetime
    ) -> list[Session]:
        """Every ACTIVE one and those SETTLED ones that ended at or after `since`, ascending by plug-in."""
        ...

    async def facts(
        self,
        organization_id: OrganizationId,
        vehicle_id: VehicleId,
        *,
        since: datetime,
        until: datetime | None = None,
    ) -> list[StoredFact]:
        """Facts from `since` to `until`, both included, of rows and packs, ascending by instant; each digest once."""
        ...

    async def orders_of_vehicle(
        self,
        organization_id: OrganizationId,
        vehicle_id: VehicleId,
        *,
        since: datetime,
        until: datetime,
        limit: int,
    ) -> list[Order]:
        """The first `limit` orders given from `since` to `until`, each as it stands now, ascending by instant."""
        ...

    async def curve(self, zone: str, start_at: datetime, end_at: datetime) -> PriceCurve | None:
        """The zone's prices over at least the window, as far as there are any; None for an unknown zone."""
        ...

    async def zones(self, *, under: str = "") -> list[tuple[str, str, datetime, datetime]]:
        """Each zone of a market with prices: name, currency, first start, last end. Tariffs are not among them.

        `under` is for curves that are no prices: those whose names begin so (`carbon:`).
        """
        ...

    async def price_origins(self, zone: str, start_at: datetime, end_at: datetime) -> list[PriceOrigin]:
        """What is known of where the window's prices came from, in order of import."""
        ...

    async def audit_entries(
        self, organization_id: OrganizationId, *, after: int = 0, limit: int = 50
    ) -> list[Entry]:
        """The chain's entries whose number is above `after`, ascending."""
        ...

    async def audit_entries_before(
        self, organization_id: OrganizationId, before: int | None, *, limit: int = 50
    ) -> list[Entry]:
        """The entries whose number is below `before` (None: the newest), descending."""
        ...

    async def connection_load(
        self, organization_id: OrganizationId, location_id: LocationId
    ) -> ConnectionLoad | None: ...

    async def tariff(self, organization_id: OrganizationId, tariff_id: str) -> Tariff | None: ...

    async def formula(
        self, organization_id: OrganizationId, location_id: LocationId, direction: str
    ) -> TariffFormula | None: ...

    async def formulas_using(self, source: str) -> list[TariffFormula]:
        """Formulas of any organization that read the price curve of that name."""
        ...

    async def next_wake_at(self) -> datetime | None:
        """The soonest `wake_at` of all tracks."""
        ...

    async def tally(self, *, orders_since: datetime) -> Tally:
        """How much there is. Orders count from those named at or after the instant, by the time in their ids."""
        ...


class Transaction(Reader, StationWriter, WebhookWriter, Protocol):
    """A Reader that can also write; all of it is committed, or none."""

    async def add_organization(self, organization: Organization) -> None: ...

    async def save_credential(self, credential: Credential) -> None: ...

    async def remove_credentials(self, credentials: Sequence[Credential]) -> None: ...

    async def add_user(self, user: User) -> None:
        """Raises Conflict if the organization has a user of that id or reference."""
        ...

    async def save_user(self, user: User) -> None:
        """Change a user that there is. Raises Conflict if another of the organization has its reference."""
        ...

    async def hold_location(
        self, organization_id: OrganizationId, location_id: LocationId
    ) -> Location | None:
        """The location, so that of two works that hold or save it the one that commits later has seen the other."""
        ...

    async def save_location(self, location: Location) -> None: ...

    async def save_vehicle(self, vehicle: Vehicle) -> None: ...

    async def save_policy(self, policy: Policy) -> None:
        """Raises Conflict if another live policy joins the same vehicle and location."""
        ...

    async def tracks(
        self, organization_id: OrganizationId, ids: Iterable[VehicleId]
    ) -> dict[VehicleId, Track]:
        """Locked for this transaction where the store knows locks."""
        ...

    async def due_tracks(self, now: datetime, *, limit: int) -> list[Track]:
        """Tracks of any organization with `wake_at` ≤ now, soonest first; locked, those locked elsewhere left out."""
        ...

    async def save_tracks(self, tracks: Sequence[Track]) -> None:
        """Save each with version + 1, given the version it was loaded with; a lost race runs the work again."""
        ...

    async def unsettled_sessions(
        self, organization_id: OrganizationId, ids: Iterable[VehicleId]
    ) -> dict[VehicleId, list[Session]]:
        """UPCOMING and ACTIVE, by vehicle."""
        ...

    async def save_sessions(self, sessions: Sequence[Session]) -> None: ...

    async def withdraw_sessions(self, organization_id: OrganizationId, ids: Sequence[SessionId]) -> None: ...

    async def add_facts(
        self, organization_id: OrganizationId, facts: Sequence[StoredFact], *, received_at: datetime
    ) -> list[bool]:
        """Store the facts; for each, whether it was new among the rows (not among packs)."""
        ...

    async def remove_facts(
        self, organization_id: OrganizationId, vehicle_id: VehicleId, digests: Sequence[bytes]
    ) -> None: ...

    async def pack_facts(
        self, organization_id: OrganizationId, vehicle_id: VehicleId, *, until: datetime
    ) -> None:
        """Move the rows up to and including `until` into packed columns."""
        ...

    async def add_quarantined(self, items: Sequence[Quarantined]) -> list[bool]:
        """Keep the items; for each, whether it was new: of one vehicle, reason and raw content one is kept."""
        ...

    async def add_events(self, events: Sequence[Event]) -> None: ...

    async def forget_before(self, instant: datetime, *, limit: int) -> int:
        """Remove events and quarantined items recorded before `instant`, of each at most the `limit` oldest.

        Returns how many went.
        """
        ...

    async def save_orders(self, orders: Sequence[Order]) -> None: ...

    async def save_connection_load(self, load: ConnectionLoad) -> None: ...

    async def save_tariff(self, tariff: Tariff) -> None: ...

    async def save_formula(self, formula: TariffFormula) -> None: ...

    async def kept_answer(self, organization_id: OrganizationId, key: str) -> KeptAnswer | None:
        """Locked for this transaction where the store knows locks."""

    async def save_kept_answer(self, answer: KeptAnswer) -> None: ...

    async def forget_kept_answer(self, organization_id: OrganizationId, key: str) -> None: ...

    async def forget_kept_answers_before(
        self, organization_id: OrganizationId, instant: datetime
    ) -> None: ...

    async def remove_prices(self, zone: str, start_at: datetime, end_at: datetime) -> None:
        """Leave the window without prices; slots that reach over its edges are cut."""
        ...

    async def replace_prices(self, zone: str, currency: str, slots: Sequence[PriceSlot]) -> None:
        """Put `slots` in place of every stored slot they overlap; the caller has cut them to fit."""
        ...

    async def add_price_origins(self, origins: Sequence[PriceOrigin]) -> None: ...

    async def add_audit_entry(self, entry: Entry) -> None:
        """Append to the organization's chain. Where another took the number meanwhile, the work runs again."""
        ...

    async def live_vehicles_in_zone(self, zone: str) -> list[tuple[OrganizationId, VehicleId]]:
        """Vehicles with an ACTIVE session whose terms name the zone."""
        ...

    async def running_at(self, organization_id: OrganizationId, location_id: LocationId) -> list[VehicleId]:
        """Vehicles with an ACTIVE session at the location."""
        ...

    async def settled_in_zone(
        self, zone: str, start_at: datetime, end_at: datetime
    ) -> list[tuple[OrganizationId, VehicleId, datetime]]:
        """Vehicles with settled sessions in the zone that meet the window, and the first plug-in of those."""
        ...


OnCommit = Callable[[int, float], None]
"""Told after each transaction that wrote: how many units of work it held, and its seconds. From any thread."""


class Store(Protocol):
    """Where everything is kept."""

    @property
    def trouble(self) -> str | None:
        """Why the last commit failed, for the log and not for strangers; None once one has succeeded."""
        ...

    async def write(
        self, work: Callable[[Transaction], Awaitable[T]], *, about: Iterable[VehicleId] = ()
    ) -> T:
        """Run `work` in one transaction and return its answer after a durable commit.

        `about` names vehicles whose tracks the work will save: works about one vehicle take turns, where they would
        otherwise run side by side and all but one in vain. Raises Unavailable when the store cannot commit; nothing
        is applied then.
        """
        ...

    async def read(self, work: Callable[[Reader], Awaitable[T]]) -> T:
        """Run `work` on a consistent view, without writing."""
        ...
