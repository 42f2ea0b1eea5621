"""One visit, folded: facts in time order go in, and what they mean under the visit's terms comes out.

`begin` and `step` are the fold. `pass_time` lets deadlines, policy edits and overrides between two facts take effect at
their own instants; what was said at the very instant of a fact was said before it. The functions change the visit they
are given; `Visit.copy` first where the old one is still wanted.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from dwell.domain.instants import floor_quarter
from dwell.domain.metering.ledger import Ledger, Reading, seconds_after
from dwell.domain.policy.override import Immediate, Regular
from dwell.domain.policy.schedule import next_due
from dwell.domain.policy.terms import VisitTerms
from dwell.domain.session.facts import Fact, believable_soc

REGULAR = "REGULAR"
BATTERY_RESERVE = "BATTERY_RESERVE"
IMMEDIATE_START = "IMMEDIATE_START"

_ENOUGH = 1e-9


class Target(msgspec.Struct, frozen=True):
    """What a session charges towards; `number` counts its revisions from 1."""

    number: int
    type: str
    source: str
    battery_reserve_percent: float
    minimum_charge_percent: float
    ready_by: datetime | None


class Verdict(msgspec.Struct, frozen=True):
    """What a deadline found when it passed."""

    target: Target
    soc_percent: float | None
    reached_at: datetime | None


class Visit(msgspec.Struct, kw_only=True):
    """The state of a visit after its latest fact."""

    plugged_in_at: datetime
    last_at: datetime
    clock_at: datetime
    ledger: Ledger
    mode: str = REGULAR
    target: Target | None = None
    verdict: Verdict | None = None
    reached_at: datetime | None = None
    boosted: bool = False
    """Whether an immediate start was ever asked for."""
    soc_percent: float | None = None
    soc_energy_wh: float = 0.0
    soc_from_percent: float | None = None
    soc_observed_at: datetime | None = None
    charge_limit_percent: float | None = None
    fully_charged_at: datetime | None = None
    latitude: float | None = None
    longitude: float | None = None
    last_plugged_fact_at: datetime | None = None

    def copy(self) -> Visit:
        """A visit that can go on without changing this one."""
        twin = msgspec.structs.replace(self)
        twin.ledger = self.ledger.copy()
        return twin

    def soc_now_percent(self) -> float | None:
        """The charge level at the latest fact: as reported, carried on by the energy since; None unknown."""
        return self._carried(self.ledger.energy_since_wh(self.soc_energy_wh))

    def soc_at_percent(self, at: datetime) -> float | None:
        """The charge level expected at `at`, not before the latest fact, if the power of that fact holds on."""
        held_wh = self.ledger.held_energy_wh(seconds_after(self.ledger.origin_at, at))
        return self._carried(self.ledger.energy_since_wh(self.soc_energy_wh) + held_wh)

    def _carried(self, energy_wh: float) -> float | None:
        if self.soc_percent is None or not self.ledger.battery_wh or energy_wh <= 0:
            return self.soc_percent
        gained = energy_wh * self.ledger.efficiency / self.ledger.battery_wh * 100
        ceiling = max(self.soc_percent, min(100.0, self.charge_limit_percent or 100.0))
        return min(ceiling, self.soc_percent + gained)


def begin(fact: Fact, terms: VisitTerms, *, waiting: tuple[Target | None, datetime] | None = None) -> Visit:
    """The visit that `fact` opens. `waiting` saves work: the session's target, and since when it has been right."""
    origin_at = floor_quarter(fact.at)
    ledger = Ledger(
        origin_at=origin_at,
        battery_wh=terms.battery_capacity_wh,
        efficiency=terms.efficiency,
        last_s=seconds_after(origin_at, fact.at),
    )
    visit = Visit(plugged_in_at=fact.at, last_at=fact.at, clock_at=fact.at, ledger=ledger)
    visit.charge_limit_percent = fact.charge_limit_percent
    limit = fact.charge_limit_percent
    if waiting is not None and waiting[1] <= fact.at and terms.anticipated_at is not None:
        visit.target = moved_on(waiting[0], waiting[1], fact.at, terms, charge_limit_percent=limit)
    else:
        visit.target = first_target(terms, fact.at, limit)
    visit.boosted = _is_immediate(visit.target)
    _take_in(visit, fact, terms)
    if terms.overrides:
        _retarget(
            visit, fact.at, terms
        )  # what was asked of the running visit at the very instant of its plug-in
    return visit


def step(visit: Visit, fact: Fact, terms: VisitTerms) -> None:
    """Take in the next fact, later than the one before."""
    pass_time(visit, fact.at, terms, inclusive=False)
    if fact.charge_limit_percent is not None and fact.charge_limit_percent != visit.charge_limit_percent:
        visit.charge_limit_percent = fact.charge_limit_percent
        _retarget(visit, fact.at, terms)
    _take_in(visit, fact, terms)


def pass_time(visit: Visit, until: datetime, terms: VisitTerms, *, inclusive: bool = True) -> None:
    """Let deadlines, policy edits and overrides up to `until` take effect, each at its own instant.

    Of what falls on `until` itself, deadlines count only if `inclusive`.
    """
    while True:
        due_at = visit.target.ready_by if visit.target is not None else None
        told_at = terms.told_after(visit.clock_at)
        next_at = _sooner(due_at, told_at)
        if next_at is None or next_at > until or (next_at == until != told_at and not inclusive):
            return
        if next_at == due_at and visit.target is not None:
            visit.verdict = Verdict(visit.target, visit.soc_at_percent(next_at), visit.reached_at)
        visit.clock_at = max(visit.clock_at, next_at)
        _retarget(visit, next_at, terms)


def first_target(terms: VisitTerms, at: datetime, charge_limit_percent: float | None) -> Target | None:
    """The target at plug-in, numbered from when the session began to wait; None for an unmanaged visit."""
    if terms.anticipated_at is None or terms.anticipated_at >= at:
        return _target_at(terms, at, charge_limit_percent, number=1, plugged_in_at=at)
    return waiting_target(terms, at, charge_limit_percent)


def waiting_target(terms: VisitTerms, now: datetime, charge_limit_percent: float | None) -> Target | None:
    """The target of a session that has waited since `anticipated_at`: each deadline and edit since counts one."""
    if terms.anticipated_at is None:
        return _target_at(terms, now, charge_limit_percent, number=1)
    target = _target_at(terms, terms.anticipated_at, None, number=1)
    return moved_on(target, terms.anticipated_at, now, terms, charge_limit_percent=charge_limit_percent)


def moved_on(
    target: Target | None,
    since: datetime,
    now: datetime,
    terms: VisitTerms,
    *,
    charge_limit_percent: float | None,
) -> Target | None:
    """A waiting session's target, right at `since`, as it is at `now`; the charge limit caps it without counting."""
    clock_at = since
    while target is not None:
        next_at = _sooner(target.ready_by, terms.told_after(clock_at))
        if next_at is None or next_at > now:
            break
        clock_at = next_at
        following = _target_at(terms, next_at, None, number=target.number + 1)
        target = following if following is None or _differs(following, target) else target
    if target is None:
        return None
    return _target_at(terms, max(clock_at, since), charge_limit_percent, number=target.number)


def _sooner(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or other is None:
        return one if other is None else other
    return min(one, other)


def _retarget(visit: Visit, at: datetime, terms: VisitTerms) -> None:
    number = visit.target.number if visit.target is not None else 0
    limit = visit.charge_limit_percent
    target = _target_at(terms, at, limit, number=number + 1, plugged_in_at=visit.plugged_in_at)
    if target is None or visit.target is None or _differs(target, visit.target):
        visit.target = target
        visit.reached_at = None
        visit.boosted = visit.boosted or _is_immediate(target)
        _judge(visit, at)


def _is_immediate(target: Target | None) -> bool:
    return target is not None and target.type == IMMEDIATE_START


def _differs(target: Target, other: Target) -> bool:
    return msgspec.structs.replace(target, number=other.number) != other


def _target_at(
    terms: VisitTerms,
    at: datetime,
    charge_limit_percent: float | None,
    *,
    number: int,
    plugged_in_at: datetime | None = None,
) -> Target | None:
    """The target at `at`: what a person asked for while that stands, else the policy's next deadline."""
    policy = terms.policy_at(at)
    if policy is None:
        return None
    limit = 100.0 if charge_limit_percent is None else charge_limit_percent
    kind, source, reserve = REGULAR, "OVERRIDE", policy.battery_reserve_percent
    wanted = terms.override_at(at, plugged_in_at)
    if isinstance(wanted, Immediate):
        kind, minimum, ready_by = IMMEDIATE_START, wanted.minimum_charge_percent, None
    elif isinstance(wanted, Regular) and wanted.ready_by > at:
        minimum, ready_by = wanted.minimum_charge_percent, wanted.ready_by
        reserve = reserve if wanted.battery_reserve_percent is None else wanted.battery_reserve_percent
    else:
        due = next_due(policy.schedule, at, terms.timezone)
        if due is None:
            return None
        source, minimum, ready_by = "POLICY", due.minimum_charge_percent, due.ready_by
    return Target(
        number=number,
        type=kind,
        source=source,
        battery_reserve_percent=min(reserve, limit),
        minimum_charge_percent=min(minimum, limit),
        ready_by=ready_by,
    )


def _take_in(visit: Visit, fact: Fact, terms: VisitTerms) -> None:
    soc_percent = believable_soc(fact.soc_percent, visit.soc_percent)
    reading = Reading(
        power_w=fact.power_w,
        charging=fact.charging,
        plugged=fact.plugged_in,
        register_wh=fact.energy_register_wh,
        soc_percent=soc_percent,
    )
    visit.ledger.enter(seconds_after(visit.ledger.origin_at, fact.at), reading, visit.mode)
    visit.last_at = visit.clock_at = fact.at
    if fact.says_plugged is not None:
        visit.last_plugged_fact_at = fact.at if fact.says_plugged else None
    if soc_percent is not None:
        if visit.soc_from_percent is None:
            visit.soc_from_percent = soc_percent
        visit.soc_percent, visit.soc_observed_at = soc_percent, fact.at
        visit.soc_energy_wh = visit.ledger.energy_wh + visit.ledger.energy_since_wh(visit.ledger.energy_wh)
    if fact.fully_charged is not None:
        visit.fully_charged_at = (visit.fully_charged_at or fact.at) if fact.fully_charged else None
    if visit.latitude is None and fact.latitude is not None:
        visit.latitude, visit.longitude = fact.latitude, fact.longitude
    _judge(visit, fact.at)


def _judge(visit: Visit, at: datetime) -> None:
    """Arrival at the target, and mode, by the evidence there is at `at`."""
    target, soc_percent = visit.target, visit.soc_now_percent()
    if target is not None and visit.reached_at is None:
        full = soc_percent is None and visit.fully_charged_at is not None
        if full or (soc_percent is not None and soc_percent >= target.minimum_charge_percent - _ENOUGH):
            visit.reached_at = at
    visit.mode = mode_of(target, soc_percent, reached=visit.reached_at is not None)


def mode_of(target: Target | None, soc_percent: float | None, *, reached: bool) -> str:
    """What the system does now; an unknown charge level is no reason to charge at once."""
    if target is None:
        return REGULAR
    if target.type == IMMEDIATE_START and not reached:
        return IMMEDIATE_START
    below = soc_percent is not None and soc_percent < target.battery_reserve_percent
    return BATTERY_RESERVE if below else REGULAR
