"""Whether a station keeps the profile that it took: its composite schedule beside what it was sent.

Compared is what both speak of, in the unit of the answer. A difference counts above TOLERANCE_A per phase (stations
round to whole amperes) and if it lasts longer than EDGE (they round edges too). Less than was sent may be another limit
of the station's own; more than was sent means that it ignores the profile.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

import msgspec

from dwell.domain.station.orders import ScheduleRead
from dwell.domain.station.profile import ChargingProfile, Purpose, RateUnit

TOLERANCE_A = 1.0
EDGE = timedelta(minutes=1)


class Holding(StrEnum):
    """What came of the comparison; UNKNOWN: the station cannot be asked, or its answer says nothing."""

    HOLDS = "HOLDS"
    DIFFERS = "DIFFERS"
    UNKNOWN = "UNKNOWN"


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Where the two are furthest apart: what was sent and what the station keeps, in `unit` (A is per phase)."""

    at: datetime
    sent: float
    kept: float
    unit: RateUnit


class ReadBack(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a station's composite schedule showed. `ignored`: it allows more than was sent.

    `why` is for UNKNOWN; the seconds say how much was compared, and how much of it differs.
    """

    at: datetime
    evse_number: int
    purpose: Purpose
    holding: Holding
    why: str = ""
    ignored: bool = False
    compared_s: int = 0
    differs_s: int = 0
    worst: Difference | None = None


class _Limit(NamedTuple):
    from_at: datetime
    limit: float


class _Stretch(NamedTuple):
    start_at: datetime
    end_at: datetime
    sent: float
    kept: float

    @property
    def over(self) -> float:
        return self.kept - self.sent


def compare(
    sent: ChargingProfile, read: ScheduleRead, *, asked_at: datetime, voltage_v: int, phases: int
) -> tuple[int, list[Difference], float]:
    """How many seconds were compared, the differences that count (furthest first), and the seconds they last.

    `asked_at` stands in for a start that the answer leaves out.
    """
    start_at = read.start_at or asked_at
    kept = [_Limit(start_at + timedelta(seconds=start_s), limit) for start_s, limit in read.limits]
    wanted = [
        _Limit(
            sent.start_at + timedelta(seconds=one.start_s), _in(read.unit, sent.unit, float(one.limit), per_a)
        )
        for one in sent.periods
        for per_a in (voltage_v * (one.phases or phases),)
    ]
    ends = [
        begin + timedelta(seconds=duration_s)
        for begin, duration_s in ((start_at, read.duration_s), (sent.start_at, sent.duration_s))
        if duration_s is not None
    ]
    if not kept:
        return 0, [], 0.0
    from_at = max(wanted[0].from_at, kept[0].from_at)
    until = min(ends, default=max(wanted[-1].from_at, kept[-1].from_at) + EDGE * 2)
    stretches = _stretches(wanted, kept, from_at, until)
    tolerance = TOLERANCE_A if read.unit is RateUnit.AMPERE else TOLERANCE_A * voltage_v * phases
    lasting = [run for run in _runs(stretches, tolerance) if run[-1].end_at - run[0].start_at > EDGE]
    furthest = [max(run, key=lambda one: abs(one.over)) for run in lasting]
    furthest.sort(key=lambda one: -abs(one.over))
    differences = [
        Difference(at=one.start_at, sent=round(one.sent, 1), kept=round(one.kept, 1), unit=read.unit)
        for one in furthest
    ]
    lasted = sum((run[-1].end_at - run[0].start_at for run in lasting), timedelta())
    return max(0, int((until - from_at).total_seconds())), differences, lasted.total_seconds()


def judged(blank: ReadBack, compared: tuple[int, list[Difference], float]) -> ReadBack:
    """The read-back with what the comparison showed."""
    compared_s, differences, differs_s = compared
    if compared_s == 0:
        return msgspec.structs.replace(blank, why="its schedule covers nothing of what was sent")
    return msgspec.structs.replace(
        blank,
        holding=Holding.DIFFERS if differences else Holding.HOLDS,
        ignored=any(one.kept > one.sent for one in differences),
        compared_s=compared_s,
        differs_s=int(differs_s),
        worst=differences[0] if differences else None,
    )


def _in(unit: RateUnit, sent_unit: RateUnit, limit: float, per_ampere_w: int) -> float:
    """A limit that was sent, in the unit of the answer."""
    if unit is sent_unit:
        return limit
    return limit * per_ampere_w if unit is RateUnit.WATT else limit / per_ampere_w


def _stretches(
    wanted: Sequence[_Limit], kept: Sequence[_Limit], from_at: datetime, until: datetime
) -> list[_Stretch]:
    edges = {one.from_at for one in (*wanted, *kept) if from_at < one.from_at < until}
    return [
        _Stretch(start_at, end_at, _at(wanted, start_at), _at(kept, start_at))
        for start_at, end_at in pairwise(sorted({from_at, *edges, max(from_at, until)}))
    ]


def _at(limits: Sequence[_Limit], at: datetime) -> float:
    return next(one.limit for one in reversed(limits) if one.from_at <= at)


def _runs(stretches: Sequence[_Stretch], tolerance: float) -> list[list[_Stretch]]:
    """Stretches beyond the tolerance to the same side, those that follow each other together."""
    runs: list[list[_Stretch]] = []
    for one in stretches:
        if abs(one.over) <= tolerance:
            continue
        before = runs[-1][-1] if runs else None
        if before is not None and before.end_at == one.start_at and (before.over > 0) == (one.over > 0):
            runs[-1].append(one)
        else:
            runs.append([one])
    return runs
