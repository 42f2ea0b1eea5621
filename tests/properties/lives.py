"""Lives of a vehicle for property tests: facts as a real link would give them, with gaps, flaps, resets and silence."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from dwell.domain.session.facts import Fact

FIRST_AT = datetime(2026, 3, 27, 15, 0, tzinfo=UTC)
HOME = (52.5, 13.4)
AWAY = (52.6, 13.6)


@dataclass
class Life:
    """A seeded stretch of life; `facts` in the order in which they were true."""

    chance: random.Random
    at: datetime = FIRST_AT
    register_wh: float = 120_000.0
    soc_percent: float = 55.0
    odometer_m: int = 10_000_000
    place: tuple[float, float] = HOME
    facts: list[Fact] = field(default_factory=list)

    def say(self, *, plugged: bool | None, power_w: int = 0) -> None:
        """One report; each part may be missing from it."""
        some = self.chance.random
        located = some() < 0.3
        self.facts.append(
            Fact(
                at=self.at,
                source=self.chance.choice(["vehicle", "vehicle", "app"]),
                plugged_in=plugged,
                charging=None if some() < 0.2 else power_w > 0,
                power_w=None if some() < 0.3 else power_w,
                soc_percent=None if some() < 0.3 else round(self.soc_percent, 1),
                energy_register_wh=None if some() < 0.4 else round(self.register_wh),
                charge_limit_percent=80 if some() < 0.05 else None,
                latitude=self.place[0] if located else None,
                longitude=self.place[1] if located else None,
                odometer_m=self.odometer_m if some() < 0.3 else None,
            )
        )

    def go_on(self, minutes: float, power_w: int = 0) -> None:
        """Time passes, perhaps with power."""
        self.at += timedelta(minutes=minutes)
        energy_wh = power_w * minutes / 60
        self.register_wh += energy_wh
        self.soc_percent = min(100.0, self.soc_percent + energy_wh * 0.9 / 77_000 * 100)

    def drive(self) -> None:
        self.odometer_m += self.chance.randint(1_000, 40_000)
        self.soc_percent = max(6.0, self.soc_percent - self.chance.uniform(2, 20))
        self.place = self.chance.choice([HOME, HOME, AWAY])
        self.go_on(self.chance.uniform(10, 300))


def life_of(seed: int, *, visits: int = 3) -> list[Fact]:
    """The facts of a few visits, in order of time."""
    life = Life(random.Random(seed))
    chance = life.chance
    for _ in range(visits):
        if chance.random() < 0.5:
            life.say(plugged=False)
            life.go_on(chance.uniform(0.2, 30))
        _visit(life)
        life.drive()
    return life.facts


def _visit(life: Life) -> None:
    chance = life.chance
    life.say(plugged=True)
    for _ in range(chance.randint(0, 9)):
        power_w = chance.choice([0, 0, 3_700, 7_400, 11_000])
        if power_w:
            life.say(plugged=chance.choice([True, True, None]), power_w=power_w)
        life.go_on(chance.choice([0.3, 5, 15, 15, 60, 200]), power_w)
        if chance.random() < 0.05:
            life.register_wh = chance.choice([0.0, life.register_wh])
        if chance.random() < 0.1:
            _flap(life)
        life.say(plugged=chance.choice([True, True, None]), power_w=power_w)
    life.go_on(chance.uniform(1, 600))
    if chance.random() < 0.8:
        life.say(plugged=False)
    elif chance.random() < 0.3:
        life.go_on(60 * chance.uniform(25, 40))


def _flap(life: Life) -> None:
    life.say(plugged=False)
    life.go_on(life.chance.choice([0.2, 0.9, 1.5, 20]))
    life.say(plugged=True)
