"""Between two plans: charging power that gives way to what the meter of a connection measures.

`step` is a pure function, called once for each reading of the meter:

    site = Site(limit_kw=43.5)
    state = step(site, state, Reading(load_kw=41.0, seconds=10.0), (Charger(id="a", wanted_kw=11.0, …), …))

What else draws power is the measured load less what the chargers draw. Its *envelope* rises with it at once and sinks
slowly (ENVELOPE_S), so that the same peak, coming again, finds its room still free: that is why nothing swings.
Then, in this order:

1. never above: the set-points together are at most the limit less the envelope, from this step on;
2. coming down: the missing power is taken in proportion to laxity (hours that a vehicle could still wait), so the
   least lax gives last; a vehicle that cannot wait gives only when nobody else has anything left;
3. power_min: what would be left below it is 0; of those the laxest pauses first, and the others share what it frees;
4. going up, or towards a fairer division: only CALM_S after the last coming down, by at most the whole power in
   RAISE_S; what has paused stays so for OFF_S and comes back only with RESUME of its least power free,
   or after LONG_OFF_S with its least.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from dwell.domain.errors import Fault, Refused

ENVELOPE_S = 600.0
"""After this long the envelope has come down to 1/e of the way to a lower load."""
CALM_S = 60.0
RAISE_S = 300.0
"""A charger goes from nothing to its whole power in no less than this."""
OFF_S = 300.0
ON_S = 900.0
"""A charger that runs is not paused before this for another's sake; for the limit's, at any time."""
RESUME = 1.25
"""A paused charger comes back when this much of its least power is free: else it would pause at the next kettle."""
LONG_OFF_S = 3_600.0
"""After so long its least power is enough: rather a pause at the next kettle than none of the night."""
HAIR_KW = 1e-9
A_MOMENT_H, LONG_H = 1e-3, 1000.0
"""Laxities below the one are none, and above the other all one: a vehicle without a deadline can wait for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A connection and what it may carry, in kW."""

    limit_kw: float

    def __post_init__(self) -> None:
        _refuse_unless({"limit_kw": self.limit_kw})


@dataclass(frozen=True, slots=True, kw_only=True)
class Charger:
    """One EVSE at this step. `wanted_kw` is what its plan asks for now, 0 for none; `drawn_kw` what was measured.

    `laxity_h`: hours to the deadline less the hours that the rest takes at full power; below 0 it is late. Where a
    charger has no meter of its own give 0: then its power counts twice, which wastes room and is safe.
    """

    id: str
    wanted_kw: float
    laxity_h: float
    drawn_kw: float
    power_min_kw: float = 0.0

    def __post_init__(self) -> None:
        numbers = {
            "wanted_kw": self.wanted_kw,
            "power_min_kw": self.power_min_kw,
            "drawn_kw": self.drawn_kw,
        }
        _refuse_unless(numbers)
        if math.isnan(self.laxity_h):
            raise Refused.because(Fault(field="laxity_h", message="must be a number"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The load of the whole connection, None where the meter is silent, and the time since the reading before."""

    load_kw: float | None
    seconds: float

    def __post_init__(self) -> None:
        _refuse_unless({"seconds": self.seconds})
        if self.load_kw is not None and not math.isfinite(self.load_kw):  # below 0: the roof feeds in
            raise Refused.because(Fault(field="load_kw", message="must be a finite number"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPoint:
    """What a charger is told, and for how long it has been on or off."""

    power_kw: float = 0.0
    since_s: float = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What is remembered from step to step. The first one knows nothing and starts from 0."""

    set_points: Mapping[str, SetPoint] = field(default_factory=dict)
    envelope_kw: float | None = None
    calm_s: float = math.inf

    def power_kw(self, charger_id: str) -> float:
        """What the charger is told now."""
        return self.set_points.get(charger_id, _OFF).power_kw

    @property
    def total_kw(self) -> float:
        return sum(point.power_kw for point in self.set_points.values())


_OFF = SetPoint()


def step(site: Site, before: Balance, reading: Reading, chargers: Sequence[Charger]) -> Balance:
    """The set-points after `reading`. Chargers that are no longer named are gone; new ones begin at 0.

    A silent meter holds the envelope and lets nothing go up. Raises Refused where two chargers share an id.
    """
    if len({charger.id for charger in chargers}) < len(chargers):
        raise Refused.because(Fault(field="chargers", message="must have ids of their own"))
    envelope_kw = _envelope_kw(before, reading, chargers)
    room_kw = max(0.0, site.limit_kw - envelope_kw) if envelope_kw is not None else 0.0
    held = {c.id: min(before.power_kw(c.id), c.wanted_kw) for c in chargers}
    kept = divide(room_kw, [replace(c, wanted_kw=held[c.id]) for c in chargers])
    shed = sum(held.values()) > room_kw + HAIR_KW
    calm_s = 0.0 if shed else before.calm_s + reading.seconds
    if not shed and reading.load_kw is not None and calm_s >= CALM_S:
        kept = _moved(before, reading.seconds, room_kw, (kept, chargers))
    points = {c.id: _point(before, c.id, kept[c.id], reading.seconds) for c in chargers}
    return Balance(set_points=points, envelope_kw=envelope_kw, calm_s=calm_s)


def divide(room_kw: float, chargers: Sequence[Charger]) -> dict[str, float]:
    """`room_kw` among the chargers: each what it wants less a cut in proportion to its laxity; 0 or at least its least.

    Together at most `room_kw`. Equal chargers get equal power, unless only some of them can have their least.
    """
    running = [c for c in chargers if c.wanted_kw > 0 and c.wanted_kw >= c.power_min_kw - HAIR_KW]
    given = {c.id: 0.0 for c in chargers}
    while running:
        powers = _cut(room_kw, running)
        short = [c for c in running if powers[c.id] < c.power_min_kw - HAIR_KW]
        if not short:
            return given | powers
        laxest = max(short, key=lambda c: (c.laxity_h, c.id))
        running = [c for c in running if c.id != laxest.id]
    return given


def _cut(room_kw: float, chargers: Sequence[Charger]) -> dict[str, float]:
    """What is wanted, less `rate` × laxity each and never below 0, with the rate at which the sum fits the room.

    Where those who can wait have nothing left, the others give in proportion to what they want.
    """
    missing_kw = sum(c.wanted_kw for c in chargers) - room_kw
    if missing_kw <= 0:
        return {c.id: c.wanted_kw for c in chargers}
    given = {c.id: c.wanted_kw for c in chargers}
    # The rate grows until one after the other is at 0: the order in which that happens is wanted / laxity.
    laxity_of = {c.id: min(c.laxity_h, LONG_H) for c in chargers}
    patient = sorted(
        (c for c in chargers if c.laxity_h >= A_MOMENT_H), key=lambda c: c.wanted_kw / laxity_of[c.id]
    )
    laxities_h = sum(laxity_of[c.id] for c in patient)
    for charger in patient:
        laxity_h = laxity_of[charger.id]
        part_kw = min(charger.wanted_kw, missing_kw * laxity_h / laxities_h)
        given[charger.id] = charger.wanted_kw - part_kw
        missing_kw -= part_kw
        laxities_h -= laxity_h
    if missing_kw > HAIR_KW:
        pressed = [c for c in chargers if c.laxity_h < A_MOMENT_H]
        wanted_kw = sum(c.wanted_kw for c in pressed)
        for charger in pressed:
            given[charger.id] = charger.wanted_kw * max(0.0, 1 - missing_kw / wanted_kw)
    return given


def _envelope_kw(before: Balance, reading: Reading, chargers: Sequence[Charger]) -> float | None:
    """What else draws power: follows a rise at once and a fall slowly. None before the first reading."""
    if reading.load_kw is None:
        return before.envelope_kw
    others_kw = max(0.0, reading.load_kw - sum(c.drawn_kw for c in chargers))
    if before.envelope_kw is None:
        return others_kw
    sunk_kw = others_kw + (before.envelope_kw - others_kw) * math.exp(-reading.seconds / ENVELOPE_S)
    return max(others_kw, sunk_kw)


def _moved(
    before: Balance, seconds: float, room_kw: float, now: tuple[dict[str, float], Sequence[Charger]]
) -> dict[str, float]:
    """From the set-points that are kept, a slow step towards the fair division of all the room."""
    kept, chargers = now
    fair = divide(room_kw, [_with_hysteresis(before, c, kept[c.id]) for c in chargers])
    after = dict(kept)
    for charger in chargers:  # first what goes down, to make room for what goes up
        step_kw = max(charger.wanted_kw, charger.power_min_kw) * seconds / RAISE_S
        power_kw, aim_kw = kept[charger.id], fair[charger.id]
        if aim_kw >= power_kw:
            continue
        lower_kw = max(aim_kw, power_kw - step_kw)
        after[charger.id] = _not_between(before, charger, (power_kw, lower_kw, aim_kw))
    free_kw = room_kw - sum(after.values())
    for charger in sorted(chargers, key=lambda c: (c.laxity_h, c.id)):
        step_kw = max(charger.wanted_kw, charger.power_min_kw) * seconds / RAISE_S
        power_kw, aim_kw = kept[charger.id], fair[charger.id]
        if aim_kw <= power_kw:
            continue
        higher_kw = min(aim_kw, max(power_kw + step_kw, charger.power_min_kw), power_kw + max(0.0, free_kw))
        if higher_kw >= charger.power_min_kw - HAIR_KW:
            after[charger.id] = higher_kw
            free_kw -= higher_kw - power_kw
    return after


def _with_hysteresis(before: Balance, charger: Charger, kept_kw: float) -> Charger:
    """A paused charger counts as wanting nothing for a while, and then as needing more than its least."""
    if kept_kw > 0:
        return charger
    off_s = before.set_points.get(charger.id, _OFF).since_s
    if off_s < OFF_S:
        return replace(charger, wanted_kw=0.0)
    if off_s >= LONG_OFF_S:
        return charger
    return replace(charger, power_min_kw=min(charger.wanted_kw, charger.power_min_kw * RESUME))


def _not_between(before: Balance, charger: Charger, powers_kw: tuple[float, float, float]) -> float:
    """Going down for a fairer division: not below the least, and off only after it has run for a while."""
    _, lower_kw, aim_kw = powers_kw
    if lower_kw >= charger.power_min_kw:
        return lower_kw
    ran_long = before.set_points.get(charger.id, _OFF).since_s >= ON_S
    return 0.0 if aim_kw <= 0 and ran_long else min(powers_kw[0], charger.power_min_kw)


def _point(before: Balance, charger_id: str, power_kw: float, seconds: float) -> SetPoint:
    point = before.set_points.get(charger_id, _OFF)
    switched = (power_kw > 0) != (point.power_kw > 0)
    return SetPoint(power_kw=power_kw, since_s=0.0 if switched else point.since_s + seconds)


def _refuse_unless(numbers: dict[str, float]) -> None:
    faults = [
        Fault(field=name, message="must be a finite number, 0 or above")
        for name, value in numbers.items()
        if not math.isfinite(value) or value < 0
    ]
    if faults:
        raise Refused.because(*faults)
