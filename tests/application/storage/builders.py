"""Things to store, with no more said than the test wants to say."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from dwell.adapters.storage.bodies import decode_event, decode_order
from dwell.adapters.storage.memory import MemoryStore
from dwell.adapters.storage.postgres import PostgresStore
from dwell.adapters.storage.sql_reader import SqlReader
from dwell.adapters.storage.sqlite import SqliteStore
from dwell.application.ports import Reader, Transaction
from dwell.application.records import Event, PageKey, StoredFact
from dwell.domain.ids import LocationId, OrderId, OrganizationId, PolicyId, SessionId, UserId, VehicleId
from dwell.domain.policy.connection import BaseLoad
from dwell.domain.policy.terms import Agreed, PolicyTerms, VisitTerms
from dwell.domain.registry import (
    Credential,
    Information,
    Location,
    Organization,
    Policy,
    User,
    Vehicle,
)
from dwell.domain.session.facts import Fact, digest_of
from dwell.domain.session.record import SETTLED, Session, Valuation
from dwell.domain.session.steering import Order
from dwell.domain.session.track import Track
from dwell.domain.tariff.curve import PriceSlot

T = TypeVar("T")
AnyStore = MemoryStore | SqliteStore | PostgresStore

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
OURS = OrganizationId("0198f5a0-0000-7000-8000-000000000001")
THEIRS = OrganizationId("0198f5a0-0000-7000-8000-000000000002")
ANNA = UserId("0198f5a0-0000-7000-8000-0000000000a1")
CAR = VehicleId("0198f5a0-0000-7000-8000-0000000000c1")
HOME = LocationId("0198f5a0-0000-7000-8000-0000000000b1")
DEAL = PolicyId("0198f5a0-0000-7000-8000-0000000000d1")


def organization(id: OrganizationId = OURS) -> Organization:
    return Organization(id=id, name="Strom & Söhne", created_at=NOON)


def credential(**said: Any) -> Credential:
    plain: dict[str, Any] = {
        "organization_id": OURS,
        "kind": "client",
        "name": "c-1",
        "secret_hash": b"\x00\xff",
        "created_at": NOON,
    }
    return Credential(**(plain | said))


def user(**said: Any) -> User:
    plain: dict[str, Any] = {"id": ANNA, "organization_id": OURS, "reference": "anna", "created_at": NOON}
    return User(**(plain | said))


def location(**said: Any) -> Location:
    plain: dict[str, Any] = {
        "id": HOME,
        "organization_id": OURS,
        "user_id": ANNA,
        "name": "Home \x00 sweet",
        "latitude": 52.5,
        "longitude": 13.4,
        "timezone": "Europe/Berlin",
        "zone": "DE-LU",
        "base_load": (BaseLoad("06:00", 400),),
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Location(**(plain | said))


def vehicle(**said: Any) -> Vehicle:
    plain: dict[str, Any] = {
        "id": CAR,
        "organization_id": OURS,
        "user_id": ANNA,
        "vendor": "Nordwagen",
        "information": Information(brand="Nordwagen", model="4"),
        "battery_capacity_wh": 60_000,
        "power_max_w": 11_000,
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Vehicle(**(plain | said))


def policy(**said: Any) -> Policy:
    plain: dict[str, Any] = {
        "id": DEAL,
        "organization_id": OURS,
        "vehicle_id": CAR,
        "location_id": HOME,
        "user_id": ANNA,
        "agreed": (Agreed(NOON, PolicyTerms()),),
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Policy(**(plain | said))


def track(**said: Any) -> Track:
    plain: dict[str, Any] = {"organization_id": OURS, "vehicle_id": CAR}
    return Track(**(plain | said))


def session(id: str = "s-1", **said: Any) -> Session:
    """A settled visit of an hour from noon on, unless said otherwise."""
    plain: dict[str, Any] = {
        "id": SessionId(id),
        "organization_id": OURS,
        "user_id": ANNA,
        "vehicle_id": CAR,
        "policy_id": None,
        "location_id": HOME,
        "state": SETTLED,
        "created_at": NOON,
        "updated_at": NOON,
        "terms": VisitTerms(zone="DE-LU", agreed=(Agreed(NOON, PolicyTerms()),)),
        "plugged_in_at": NOON,
        "plugged_out_at": said.get("plugged_in_at", NOON) + HOUR
        if said.get("state", SETTLED) == SETTLED
        else None,
        "energy_wh": 11_000,
        "rows_wh": (2_750,) * 4,
        "valuation": Valuation("EUR", Decimal("1.2345678901"), Decimal("-0.10"), None),
    }
    return Session(**(plain | said))


def order(**said: Any) -> Order:
    plain: dict[str, Any] = {
        "id": OrderId("o-1"),
        "organization_id": OURS,
        "vehicle_id": CAR,
        "session_id": SessionId("s-1"),
        "kind": "START",
        "power_w": 11_000,
        "created_at": NOON,
    }
    return Order(**(plain | said))


def event(id: str, about: Session, *, significant: bool = False, withdrawn: bool = False) -> Event:
    return Event(
        id=id,
        organization_id=about.organization_id,
        session=about,
        created_at=NOON,
        significant=significant,
        withdrawn=withdrawn,
    )


def fact(minutes: float, *, of: VehicleId = CAR, **said: Any) -> StoredFact:
    """A plugged fact so many minutes after noon."""
    plain: dict[str, Any] = {"plugged_in": True}
    one = Fact(NOON + timedelta(minutes=minutes), **(plain | said))
    return StoredFact(of, digest_of(one), one)


def slots(start_at: datetime, *prices: str, minutes: int = 60) -> list[PriceSlot]:
    step = timedelta(minutes=minutes)
    return [
        PriceSlot(start_at + n * step, start_at + (n + 1) * step, Decimal(price))
        for n, price in enumerate(prices)
    ]


def key_of(one: Session) -> PageKey:
    assert one.plugged_in_at is not None
    return PageKey(one.plugged_in_at, one.id)


async def put(store: AnyStore, method: str, *arguments: Any, **named: Any) -> Any:
    """One write in a transaction of its own."""

    async def work(tx: Transaction) -> Any:
        return await getattr(tx, method)(*arguments, **named)

    return await store.write(work)


async def get(store: AnyStore, method: str, *arguments: Any, **named: Any) -> Any:
    """One read in a transaction of its own."""

    async def work(reader: Reader) -> Any:
        return await getattr(reader, method)(*arguments, **named)

    return await store.read(work)


async def events_in(store: AnyStore) -> list[Event]:
    """The outbox; it has no port yet but the one that fills it."""
    if isinstance(store, MemoryStore):
        return store.events
    found = await rows_in(store, "SELECT body FROM outbox ORDER BY position")
    return [decode_event(body) for (body,) in found]


async def orders_in(store: AnyStore) -> list[Order]:
    if isinstance(store, MemoryStore):
        return store.orders
    return [decode_order(body) for (body,) in await rows_in(store, "SELECT body FROM orders ORDER BY id")]


async def rows_in(store: SqliteStore | PostgresStore, sql: str) -> list[Any]:
    async def work(reader: Reader) -> list[Any]:
        assert isinstance(reader, SqlReader)
        return [tuple(row) for row in await reader._rows.all(sql)]

    return await store.read(work)


def works(
    store: AnyStore, count: int, work: Callable[[Transaction, int], Awaitable[T]]
) -> list[Awaitable[T]]:
    """`count` works with their numbers, to be gathered."""

    def numbered(number: int) -> Awaitable[T]:
        return store.write(lambda tx: work(tx, number))

    return [numbered(number) for number in range(count)]
