"""A world in which the link is poor and the process dies: facts get lost, doubled, held up; transactions are cut off.

The sender behaves as a good one does: what was not acknowledged is sent again.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from dwell.application.engine import BATCH, Engine, run_due
from dwell.application.ports import Ports, Reader, Store, Transaction
from dwell.domain.ids import VehicleId
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

    async def write(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        fate = self._chance.random()

        async def cut_off(tx: Transaction) -> T:
            answer = await work(tx)
            if fate < self._share / 2:
                raise Killed
            return answer

        try:
            answer = await self._store.write(cut_off)
        except Killed:
            self.deaths += 1
            raise
        if self._share / 2 <= fate < self._share:
            self.deaths += 1
            raise Killed
        return answer

    async def read(self, work: Callable[[Reader], Awaitable[T]]) -> T:
        return await self._store.read(work)


class ShakenWorld(World):
    """The world with a poor link and a mortal process."""

    def shake(self, seed: int, *, deaths: float = 0.01) -> None:
        """From now on."""
        self.chance = random.Random(seed)
        self.told: list[tuple[VehicleId, Fact]] = []
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
