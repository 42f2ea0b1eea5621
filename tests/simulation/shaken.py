"""A world in which the link is poor and the process dies: facts get lost, doubled, held up; transactions are cut off.

The sender behaves as a good one does: what was not acknowledged is sent again.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from dwell.application.boost import boost, disarm_boost
from dwell.application.engine import BATCH, Engine, run_due
from dwell.application.ports import Ports, Reader, Store, Transaction
from dwell.application.targets import override_target, remove_override
from dwell.application.vehicles import VehicleChange, change_vehicle
from dwell.domain.errors import Conflict
from dwell.domain.ids import PolicyId, SessionId, VehicleId
from dwell.domain.policy.override import Immediate, Regular, Wanted
from dwell.domain.registry import Policy, Vehicle
from dwell.domain.session.facts import Fact
from dwell.simulation.world import ARRIVAL, Happening, Obedient, World

T = TypeVar("T")


class Killed(Exception):
    """The process died here."""


class DyingStore:
    """A store whose process dies at random: within a transaction, or after its commit but before the answer."""

    def __init__(self, store: Store, chance: random.Random, share: float) -> None:
        self._store = store
        self._chance = chance
        self._share = share
        self.deaths = 0

    @property
    def trouble(self) -> str | None:
        return self._store.trouble

    async def write(
        self, work: Callable[[Transaction], Awaitable[T]], *, about: Iterable[VehicleId] = ()
    ) -> T:
        fate = self._chance.random()

        async def cut_off(tx: Transaction) -> T:
            answer = await work(tx)
            if fate < self._share / 2:
                raise Killed
            return answer

        try:
            answer = await self._store.write(cut_off, about=about)
        except Killed:
            self.deaths += 1
            raise
        if self._share / 2 <= fate < self._share:
            self.deaths += 1
            raise Killed
        return answer

    async def read(self, work: Callable[[Reader], Awaitable[T]]) -> T:
        return await self._store.read(work)


@dataclass(frozen=True, slots=True)
class Said:
    """All that people said."""

    policies: dict[PolicyId, Policy] = field(default_factory=dict)
    vehicles: dict[VehicleId, Vehicle] = field(default_factory=dict)


class ShakenWorld(World):
    """The world with a poor link and a mortal process."""

    def shake(self, seed: int, *, deaths: float = 0.01) -> None:
        """From now on."""
        self.chance = random.Random(seed)
        self.told: list[tuple[VehicleId, Fact]] = []
        self.said = Said()
        self.dying = DyingStore(self.ports.store, random.Random(seed + 1), deaths)
        self.ports = Ports(self.dying, self.ports.clock, self.ports.ids)
        self.engine = Engine(self.ports, Obedient(self))

    def link(self, vehicle_id: VehicleId, fact: Fact) -> Iterable[Fact]:
        fate = self.chance.random()
        if fate < 0.05:
            return ()
        if fate < 0.10:
            return (fact, fact)
        if fate < 0.20:
            minutes = self.chance.choice([1, 10, 60, 600, 2_000])
            self.expect(
                fact.at + timedelta(minutes=minutes, seconds=self.chance.random()),
                Happening(ARRIVAL, vehicle_id, fact=fact),
            )
            return ()
        return (fact,)

    async def report(self, facts: Sequence[tuple[VehicleId, Fact]], now: datetime) -> None:
        self.chance.shuffle(shuffled := list(facts))
        self.told += shuffled
        await self._until_it_lives(lambda: super(ShakenWorld, self).report(shuffled, now))

    async def tend(self) -> None:
        due = BATCH
        while due >= BATCH:
            due = (await self._until_it_lives(lambda: run_due(self.engine))).due

    async def say_something(self, chance: random.Random) -> None:
        """Somebody overrides, boosts, pauses or switches a vehicle; what cannot be had is refused."""
        vehicle_id, now = chance.choice(list(self.vehicles)), self.ports.clock.now()
        hours, percent = timedelta(hours=chance.uniform(0.5, 30)), chance.choice([30, 60, 90])
        organization_id = self.organization_id
        changes = [
            VehicleChange(paused_until=now + hours),
            VehicleChange(smart_charging=False),
            VehicleChange(smart_charging=True),
            VehicleChange(smart_charging=True, paused_until=None),
        ]
        session_id = await self._unsettled_of(vehicle_id)
        wanted: Wanted = Regular(minimum_charge_percent=percent, ready_by=now + hours)
        if chance.random() < 0.4:
            wanted = Immediate(minimum_charge_percent=percent)
        change = chance.choice(changes)
        acts: list[Callable[[], Awaitable[object]]] = [
            lambda: override_target(self.ports, organization_id, session_id, wanted),
            lambda: override_target(self.ports, organization_id, session_id, wanted),
            lambda: remove_override(self.ports, organization_id, session_id),
            lambda: boost(self.ports, organization_id, vehicle_id),
            lambda: disarm_boost(self.ports, organization_id, vehicle_id),
            lambda: change_vehicle(self.ports, organization_id, vehicle_id, change),
        ]
        try:
            await self._until_it_lives(chance.choice(acts))
        except Conflict:
            return
        await self._note_what_was_said(vehicle_id)

    async def _unsettled_of(self, vehicle_id: VehicleId) -> SessionId:
        async def look(reader: Reader) -> SessionId:
            policy_id = self.policies[vehicle_id]
            session = await reader.unsettled_session_of_policy(self.organization_id, policy_id)
            assert session is not None
            return session.id

        return await self.ports.store.read(look)

    async def _note_what_was_said(self, vehicle_id: VehicleId) -> None:
        """Remember it for good: the product forgets what no fact can ask for any more."""

        async def look(reader: Reader) -> tuple[Policy, Vehicle]:
            policy = await reader.policy(self.organization_id, self.policies[vehicle_id])
            vehicle = await reader.vehicle(self.organization_id, vehicle_id)
            assert policy is not None and vehicle is not None
            return policy, vehicle

        policy, self.said.vehicles[vehicle_id] = await self.ports.store.read(look)
        before = self.said.policies.get(policy.id)
        asked = {entry.at: entry for entry in (*(before.overrides if before else ()), *policy.overrides)}
        self.said.policies[policy.id] = msgspec.structs.replace(policy, overrides=tuple(asked.values()))

    async def remember(self, said: Said) -> None:
        """Know from the beginning what will be said."""

        async def work(tx: Transaction) -> None:
            for policy in said.policies.values():
                await tx.save_policy(policy)
            for vehicle in said.vehicles.values():
                await tx.save_vehicle(vehicle)

        await self.ports.store.write(work)

    async def _until_it_lives(self, act: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await act()
            except Killed:
                self.engine = Engine(self.ports, Obedient(self))

    async def _due(self, now: datetime) -> list[VehicleId]:
        return await self._until_it_lives(lambda: super(ShakenWorld, self)._due(now))

    async def _next_at(self) -> datetime | None:
        return await self._until_it_lives(lambda: super(ShakenWorld, self)._next_at())
