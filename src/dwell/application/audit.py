"""Who changed what, noted in the transaction of the change, for whoever acts through the API or the command line.

An edge gives its use cases `acting(ports, actor)`. What they save of the registry, of tariffs and of prices is then
noted without their doing; ingest and the engine act for nobody and touch no chain, so a chain holds neither of them up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar, cast

import msgspec

from dwell.application.credentials import TOKEN, CredentialEnded
from dwell.application.ports import Clock, Ports, Reader, Store, Transaction
from dwell.domain.audit import (
    INSTALLATION,
    START,
    Actor,
    Break,
    Change,
    Entry,
    Head,
    Verifier,
    entry_after,
)
from dwell.domain.ids import OrganizationId, UserId, VehicleId
from dwell.domain.registry import Credential, Location, Organization, Policy, User, Vehicle
from dwell.domain.station.equipment import ChargingStation
from dwell.domain.station.registry import Site, StationRecord, TariffInForce, TokenRecord
from dwell.domain.tariff.contracts import Tariff, TariffFormula
from dwell.domain.tariff.curve import PriceSlot
from dwell.domain.webhooks.subscription import Webhook

T = TypeVar("T")
PAGE = 500
"""So many entries are read at a time when a chain is verified."""
_TURN = "audit:"
"""No vehicle's id begins so."""
_DERIVED = "location:"
_TARIFF = "tariff:"
_SECRETS = ("secret_hash", "secret", "header_value")
"""Members that are never told, hashed or sealed as they are."""
_SET = "(set)"
_PERSONAL = ("email", "first_name", "last_name", "login")
"""Members told only as set or not: a log that nobody can change must not keep what a person may have erased."""


def acting(
    ports: Ports,
    actor: Actor,
    organization_id: OrganizationId = INSTALLATION,
    *,
    holds: Callable[[Reader], Awaitable[bool]] | None = None,
) -> Ports:
    """The ports in the hands of `actor`: what is changed through them is in the audit log.

    `holds`: whether the actor may still act, asked in the transaction of each change; CredentialEnded is raised if not.
    Works of one organization take turns, for each would append to the same chain: do not ingest through these.
    """
    turn = VehicleId(f"{_TURN}{organization_id}")
    return replace(ports, store=AuditedStore(ports.store, ports.clock, actor, turn=turn, holds=holds))


def note(tx: Transaction, organization_id: OrganizationId, change: Change) -> None:
    """Have an act noted that no saved thing tells of; where nobody acts, nothing is noted."""
    if isinstance(tx, NotingTransaction):
        tx.note(organization_id, change)


async def newest_entries(
    ports: Ports, organization_id: OrganizationId, *, before: int | None, limit: int
) -> list[Entry]:
    """A page of the log, newest first."""

    async def look(reader: Reader) -> list[Entry]:
        return await reader.audit_entries_before(organization_id, before, limit=limit)

    return await ports.store.read(look)


async def verify_chain(
    ports: Ports, organization_id: OrganizationId, anchor: Head | None = None
) -> tuple[Head, Break | None]:
    """The last entry that holds, and the first that does not; `anchor` is a head that was kept outside."""
    verifier = Verifier(organization_id, anchor)

    async def look(reader: Reader) -> None:
        after = -1
        while entries := await reader.audit_entries(organization_id, after=max(after, 0), limit=PAGE):
            verifier.take(entries)
            after = entries[-1].number
            if verifier.broken is not None:
                return

    await ports.store.read(look)
    return verifier.head, verifier.finish()


class AuditedStore:
    """A Store in whose transactions every change is noted under one actor's name."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        actor: Actor,
        *,
        turn: VehicleId,
        holds: Callable[[Reader], Awaitable[bool]] | None,
    ) -> None:
        self._holds = holds
        self._store = store
        self._turn = turn
        self._clock = clock
        self._actor = actor

    async def write(
        self, work: Callable[[Transaction], Awaitable[T]], *, about: Iterable[VehicleId] = ()
    ) -> T:
        async def noted(tx: Transaction) -> T:
            if self._holds is not None and not await self._holds(tx):
                raise CredentialEnded
            noting = NotingTransaction(tx)
            answer = await work(cast(Transaction, noting))  # what it does not do itself it hands on
            await noting.write_down(self._actor, self._clock.now())
            return answer

        return await self._store.write(noted, about=[*about, self._turn])

    async def read(self, work: Callable[[Reader], Awaitable[T]]) -> T:
        return await self._store.read(work)

    @property
    def trouble(self) -> str | None:
        """Why the last commit failed."""
        return self._store.trouble


class NotingTransaction:
    """Hands everything on to a Transaction, and remembers the changes. The chains are read and written last of all.

    So a chain's newest entry is waited for by others only from there to the commit, and after every other row: no two
    transactions can each hold what the other waits for.
    """

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._changes: list[tuple[OrganizationId, Change]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)

    def note(self, organization_id: OrganizationId, change: Change) -> None:
        """Remember what was done."""
        self._changes.append((organization_id, change))

    async def write_down(self, actor: Actor, at: datetime) -> None:
        """Append what was noted to each organization's chain."""
        heads: dict[OrganizationId, Head] = {}
        for organization_id, change in sorted(self._changes, key=lambda pair: pair[0]):
            head = heads.get(organization_id) or await self._head(organization_id)
            entry = entry_after(head, organization_id, at, actor=actor, change=change)
            await self._tx.add_audit_entry(entry)
            heads[organization_id] = Head(entry.number, entry.hash)

    async def _head(self, organization_id: OrganizationId) -> Head:
        newest = await self._tx.audit_entries_before(organization_id, None, limit=1)
        return Head(newest[0].number, newest[0].hash) if newest else Head(0, START)

    async def add_organization(self, organization: Organization) -> None:
        await self._tx.add_organization(organization)
        self._saved(organization.id, ("organization", organization.id), None, organization)

    async def save_credential(self, credential: Credential) -> None:
        before = await self._tx.credential(credential.kind, credential.name)
        await self._tx.save_credential(credential)
        if credential.kind != TOKEN or before is not None:  # signing in changes nothing
            name = credential.user_id or credential.name  # a person's login is not told
            self._saved(credential.organization_id, (credential.kind, name), before, credential)

    async def add_user(self, user: User) -> None:
        await self._tx.add_user(user)
        self._saved(user.organization_id, ("user", user.id), None, user)

    async def save_user(self, user: User) -> None:
        before = await self._tx.user(user.organization_id, user.id)
        await self._tx.save_user(user)
        self._saved(user.organization_id, ("user", user.id), before, user)

    async def save_location(self, location: Location) -> None:
        before = await self._tx.location(location.organization_id, location.id)
        await self._tx.save_location(location)
        self._saved(location.organization_id, ("location", location.id), before, location)

    async def save_vehicle(self, vehicle: Vehicle) -> None:
        before = await self._tx.vehicle(vehicle.organization_id, vehicle.id)
        await self._tx.save_vehicle(vehicle)
        self._saved(vehicle.organization_id, ("vehicle", vehicle.id), before, vehicle)

    async def save_policy(self, policy: Policy) -> None:
        before = await self._tx.policy(policy.organization_id, policy.id)
        await self._tx.save_policy(policy)
        self._saved(policy.organization_id, ("policy", policy.id), before, policy)

    async def save_webhook(self, webhook: Webhook) -> None:
        before = await self._tx.webhook(webhook.organization_id, webhook.id)
        await self._tx.save_webhook(webhook)
        self._saved(webhook.organization_id, ("webhook", webhook.id), before, webhook)

    async def save_tariff(self, tariff: Tariff) -> None:
        before = await self._tx.tariff(tariff.organization_id, tariff.id)
        await self._tx.save_tariff(tariff)
        self._saved(tariff.organization_id, ("tariff", tariff.id), before, tariff)

    async def save_formula(self, formula: TariffFormula) -> None:
        owner, place = formula.organization_id, formula.location_id
        before = await self._tx.formula(owner, place, formula.direction)
        await self._tx.save_formula(formula)
        self._saved(owner, ("formula", f"{place}:{formula.direction}"), before, formula)

    async def save_station(self, record: StationRecord) -> None:
        before = await self._tx.station(record.organization_id, record.id)
        await self._tx.save_station(record)
        self._saved(
            record.organization_id, ("station", record.id), _as_registered(before), _as_registered(record)
        )

    async def save_id_token(self, token: TokenRecord) -> None:
        before = await self._tx.id_token(token.organization_id, token.token.text)
        await self._tx.save_id_token(token)
        name = f"…{token.token.text[-4:]}"  # whole, it could be shown at a station
        self._saved(token.organization_id, ("id_token", name), _as_allowed(before), _as_allowed(token))

    async def save_driver_tariff(self, tariff: TariffInForce) -> None:
        before = await self._tx.driver_tariff(tariff.organization_id, tariff.scope)
        await self._tx.save_driver_tariff(tariff)
        name = tariff.scope or "*"
        self._saved(tariff.organization_id, ("driver_tariff", name), before, tariff)

    async def replace_prices(self, zone: str, currency: str, slots: Sequence[PriceSlot]) -> None:
        if not zone.startswith(_DERIVED) and slots:  # what follows from formulas was changed by nobody
            start_at, end_at = min(s.start_at for s in slots), max(s.end_at for s in slots)
            curve = await self._tx.curve(zone, start_at, end_at)
            present = list(curve.between(start_at, end_at)) if curve is not None else []
            change = Change(
                thing="prices",
                thing_id=zone,
                action="replaced",
                before=_prices_said(currency, present),
                after=_prices_said(currency, slots),
            )
            self.note(_owner_of(zone), change)
        await self._tx.replace_prices(zone, currency, slots)

    def _saved(
        self, organization_id: OrganizationId, name: tuple[str, str], before: object, after: object
    ) -> None:
        if before == after:
            return
        change = Change(
            thing=name[0],
            thing_id=name[1],
            action=_action(before, after),
            before=_said(before),
            after=_said(after),
        )
        self.note(organization_id, change)


class _Registered(msgspec.Struct, frozen=True):
    """What an operator says of a station; `key` is a digest's beginning, so that a renewal shows."""

    station: ChargingStation
    site: Site
    key: str
    deleted_at: datetime | None


class _Allowed(msgspec.Struct, frozen=True):
    """What an operator says of a token, whose text is not told."""

    user_id: UserId | None
    vehicle_id: VehicleId | None
    expires_at: datetime | None
    blocked_at: datetime | None


def _as_registered(record: StationRecord | None) -> _Registered | None:
    """The record without what the station says of itself."""
    if record is None:
        return None
    key = hashlib.sha256(record.key_hash or b"").hexdigest()[:12]
    return _Registered(record.station, record.site, key, record.removed_at)


def _as_allowed(token: TokenRecord | None) -> _Allowed | None:
    if token is None:
        return None
    return _Allowed(token.user_id, token.vehicle_id, token.expires_at, token.blocked_at)


def _action(before: object, after: object) -> str:
    if before is None:
        return "created"
    for stamp, action in (("deleted_at", "deleted"), ("revoked_at", "revoked")):
        if getattr(after, stamp, None) is not None and getattr(before, stamp, None) is None:
            return action
    return "changed"


def _said(thing: object) -> str:
    """The thing as JSON with its keys in order; no secrets, and of a policy the terms in force."""
    if thing is None:
        return ""
    fields: dict[str, Any] = msgspec.structs.asdict(cast(msgspec.Struct, thing))
    for secret in _SECRETS:
        fields.pop(secret, None)
    if isinstance(thing, Policy):
        fields["agreed"] = thing.agreed[-1]
    if isinstance(thing, User):
        fields |= {name: _SET for name in _PERSONAL if fields[name]}
    if isinstance(thing, Credential) and thing.user_id:
        fields["name"] = _SET
    return msgspec.json.encode(fields, order="sorted").decode()


def _prices_said(currency: str, slots: Sequence[PriceSlot]) -> str:
    """Prices are many: how many, from when to when, and a digest of them all."""
    if not slots:
        return ""
    ordered = sorted(slots, key=lambda slot: slot.start_at)
    rows = [(slot.start_at, slot.end_at, str(slot.price_per_kwh)) for slot in ordered]
    said = {
        "currency": currency,
        "slots": len(rows),
        "from": rows[0][0],
        "to": rows[-1][1],
        "sha256": hashlib.sha256(msgspec.json.encode(rows)).hexdigest(),
    }
    return msgspec.json.encode(said, order="sorted").decode()


def _owner_of(zone: str) -> OrganizationId:
    return OrganizationId(zone.split(":")[1]) if zone.startswith(_TARIFF) else INSTALLATION
