"""A vehicle's energy and savings over time, in periods of local time. Sums agree at every resolution.

Quarter hours and hours are edges of local clocks, too: where a zone is half an hour off, so are its hours. A day has
23, 24 or 25 hours, or what its zone makes of it; edges are UTC instants, periods half open.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import Enum
from typing import assert_never
from zoneinfo import ZoneInfo

from dwell.domain.instants import QUARTER, floor_quarter, micros_of
from dwell.domain.policy.schedule import local_instant
from dwell.domain.session.record import SETTLED, Session
from dwell.domain.session.settle import row_stretches
from dwell.domain.session.valuation import baseline_by_quarter_uwh, exact_sum
from dwell.domain.tariff.cost import EXACT
from dwell.domain.tariff.curve import PriceCurve

_DAY = timedelta(days=1)
_WEEK_DAYS = 7
_PRICE_DIGITS = 12
_PERCENT = Decimal("0.01")


class Resolution(Enum):
    """How long a period is."""

    QUARTER_HOUR = "15MIN"
    HOUR = "1HOUR"
    DAY = "1DAY"
    WEEK = "1WEEK"
    MONTH = "1MONTH"
    QUARTER = "1QUARTER"
    YEAR = "1YEAR"


class TooManyPeriods(ValueError):
    """The window has more periods than may be asked for at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """What happened in `[start_at, end_at)`. Energies in Wh, the baseline's exact to a µWh; prices per kWh."""

    start_at: datetime
    end_at: datetime
    energy_wh: int
    baseline_energy_wh: Decimal
    charging: bool
    plugged_in: bool
    at_home: bool
    price_per_kwh: Decimal | None
    soc_percent: float | None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known of it."""
        return not self.plugged_in and self.soc_percent is None and self.energy_wh == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """Money of the visits that began in `[start_at, end_at)`: exact, in the currency of all of them."""

    start_at: datetime
    end_at: datetime
    sessions: int
    energy_wh: int
    cost: Decimal
    baseline_cost: Decimal
    savings: Decimal


def edges_of(
    resolution: Resolution, zone: ZoneInfo, start_at: datetime, end_at: datetime, *, at_most: int
) -> list[datetime]:
    """The edges of all periods that meet `[start_at, end_at)`, ascending, one more than there are periods.

    Raises TooManyPeriods.
    """
    match resolution:
        case Resolution.QUARTER_HOUR:
            return _walked(lambda at: True, floor_quarter(start_at), end_at, at_most)
        case Resolution.HOUR:
            begins = _begins_hour(zone)
            first_at = floor_quarter(start_at)
            while not begins(first_at):
                first_at -= QUARTER
            return _walked(begins, first_at, end_at, at_most)
        case Resolution.DAY | Resolution.WEEK | Resolution.MONTH | Resolution.QUARTER | Resolution.YEAR:
            return _dated(resolution, zone, (start_at, end_at), at_most)
        case _ as never:
            assert_never(never)


def periods_of(
    sessions: Iterable[Session],
    edges: Sequence[datetime],
    window: tuple[datetime, datetime],
    *,
    curve: PriceCurve | None = None,
    levels: Sequence[tuple[datetime, float]] = (),
) -> list[Period]:
    """What happened within the window, period by period. `levels` are charge levels by instant, ascending.

    A quarter hour belongs to the period that it begins in. Sessions whose figures cannot be are left out.
    """
    count = len(edges) - 1
    energy, baseline = [0] * count, [0] * count
    plugged, home, charging = [False] * count, [False] * count, [False] * count
    for session in sessions:
        if not _counts(session) or session.plugged_in_at is None:
            continue
        for row in row_stretches(session):
            if window[0] <= row.start_at < window[1]:
                index = bisect_right(edges, row.start_at) - 1
                energy[index] += row.energy_wh
                charging[index] |= row.energy_wh > 0
        for at, micro_wh in baseline_by_quarter_uwh(session).items():
            if window[0] <= at < window[1]:
                baseline[bisect_right(edges, at) - 1] += micro_wh
        until = min(session.ended_at or window[1], window[1])
        for index in _met(edges, max(session.plugged_in_at, window[0]), until):
            plugged[index] = True
            home[index] |= session.at_home
    return [
        Period(
            start_at=edges[n],
            end_at=edges[n + 1],
            energy_wh=energy[n],
            baseline_energy_wh=EXACT.scaleb(Decimal(baseline[n]), -6),
            charging=charging[n],
            plugged_in=plugged[n],
            at_home=home[n],
            price_per_kwh=_mean_price(curve, edges[n], edges[n + 1]) if curve is not None else None,
            soc_percent=_level(levels, edges[n], edges[n + 1]),
        )
        for n in range(count)
    ]


def savings_of(
    sessions: Iterable[Session], edges: Sequence[datetime], window: tuple[datetime, datetime]
) -> list[Saved]:
    """Savings of the visits that began within the window, by the period of their plug-in; each whole or not there.

    Counted are settled visits whose figures can be, with cost and baseline, all of one currency.
    """
    by_period: list[list[Session]] = [[] for _ in edges[1:]]
    for session in sessions:
        at = session.plugged_in_at
        if is_saving(session) and at is not None and window[0] <= at < window[1]:
            by_period[period_at(edges, at)].append(session)
    return [_saved(edges[n], edges[n + 1], found) for n, found in enumerate(by_period)]


def period_at(edges: Sequence[datetime], at: datetime) -> int:
    """The place of the period that holds the instant, which lies between the first edge and the last."""
    return bisect_right(edges, at) - 1


def total_of(periods: Sequence[Saved]) -> Saved:
    """All of them, one at least, as one."""
    return Saved(
        start_at=periods[0].start_at,
        end_at=periods[-1].end_at,
        sessions=sum(one.sessions for one in periods),
        energy_wh=sum(one.energy_wh for one in periods),
        cost=exact_sum([one.cost for one in periods]),
        baseline_cost=exact_sum([one.baseline_cost for one in periods]),
        savings=exact_sum([one.savings for one in periods]),
    )


def share_saved(saved: Saved) -> Decimal | None:
    """Percent of what it would have cost otherwise, to two digits; None where that was nothing or less."""
    if saved.baseline_cost <= 0:
        return None
    return (100 * saved.savings / saved.baseline_cost).quantize(_PERCENT, ROUND_HALF_UP)


def is_saving(session: Session) -> bool:
    """Whether the session has savings that count."""
    money = session.valuation
    return session.state == SETTLED and _counts(session) and money is not None and money.savings is not None


def _saved(start_at: datetime, end_at: datetime, sessions: Sequence[Session]) -> Saved:
    cost = baseline = savings = Decimal(0)
    for money in (session.valuation for session in sessions):
        if money is not None:
            cost = EXACT.add(cost, money.cost or Decimal(0))
            baseline = EXACT.add(baseline, money.baseline_cost or Decimal(0))
            savings = EXACT.add(savings, money.savings or Decimal(0))
    return Saved(
        start_at=start_at,
        end_at=end_at,
        sessions=len(sessions),
        energy_wh=sum(session.energy_wh for session in sessions),
        cost=cost,
        baseline_cost=baseline,
        savings=savings,
    )


def _counts(session: Session) -> bool:
    return not session.suspect or session.suspect_accepted


def _met(edges: Sequence[datetime], start_at: datetime, end_at: datetime) -> range:
    """The periods that meet `[start_at, end_at)`, or hold its one instant."""
    if end_at < start_at or start_at >= edges[-1] or end_at < edges[0]:
        return range(0)
    first = max(0, bisect_right(edges, start_at) - 1)
    last = bisect_right(edges, max(start_at, end_at - timedelta(microseconds=1))) - 1
    return range(first, min(last, len(edges) - 2) + 1)


def _level(levels: Sequence[tuple[datetime, float]], start_at: datetime, end_at: datetime) -> float | None:
    """The last level seen in the period."""
    index = bisect_right(levels, end_at, key=lambda level: level[0])
    while index > 0 and levels[index - 1][0] >= end_at:
        index -= 1
    return levels[index - 1][1] if index > 0 and levels[index - 1][0] >= start_at else None


def _mean_price(curve: PriceCurve, start_at: datetime, end_at: datetime) -> Decimal | None:
    """The mean over time of the prices known in the period."""
    known_us, total = 0, Decimal(0)
    prices = set[Decimal]()
    for slot in curve.between(start_at, end_at):
        length_us = micros_of(min(slot.end_at, end_at)) - micros_of(max(slot.start_at, start_at))
        known_us += length_us
        prices.add(slot.price_per_kwh)
        total = EXACT.add(total, EXACT.multiply(length_us, slot.price_per_kwh))
    if len(prices) <= 1:
        return next(iter(prices), None)
    return round(EXACT.divide(total, Decimal(known_us)), _PRICE_DIGITS)


def _walked(
    begins: Callable[[datetime], bool], first_at: datetime, end_at: datetime, at_most: int
) -> list[datetime]:
    """From `first_at` on, each quarter hour at which a period begins, and where the last one ends."""
    edges, at = [first_at], first_at + QUARTER
    while edges[-1] < end_at or len(edges) < 2:
        if begins(at):
            edges.append(at)
            if len(edges) > at_most + 1:
                raise TooManyPeriods
        at += QUARTER
    return edges


def _begins_hour(zone: ZoneInfo) -> Callable[[datetime], bool]:
    """Whether an hour of the local clock begins; also where the clock is set, by however little."""

    def begins(at: datetime) -> bool:
        local, before = at.astimezone(zone), (at - QUARTER).astimezone(zone)
        return local.minute == 0 or local.utcoffset() != before.utcoffset()

    return begins


def _dated(
    resolution: Resolution, zone: ZoneInfo, window: tuple[datetime, datetime], at_most: int
) -> list[datetime]:
    start_at, end_at = window
    day = _first_day(resolution, start_at.astimezone(zone).date())
    edges = [local_instant(day, 0, zone.key)]
    while edges[-1] < end_at or len(edges) < 2:
        day = _first_day(resolution, _next(resolution, day))
        at = local_instant(day, 0, zone.key)
        if at > edges[-1]:  # a day that a zone leaves out has no length
            edges.append(at)
        if len(edges) > at_most + 1:
            raise TooManyPeriods
    return edges


def _first_day(resolution: Resolution, day: date) -> date:
    """The first day of the period that holds `day`."""
    if resolution is Resolution.WEEK:
        return day - day.weekday() * _DAY
    if resolution is Resolution.MONTH:
        return day.replace(day=1)
    if resolution is Resolution.QUARTER:
        return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    if resolution is Resolution.YEAR:
        return day.replace(month=1, day=1)
    return day


_LONGEST_DAYS = {
    Resolution.DAY: 1,
    Resolution.WEEK: _WEEK_DAYS,
    Resolution.MONTH: 31,
    Resolution.QUARTER: 92,
    Resolution.YEAR: 366,
}
"""From the first day of a period so many days on is a day of the next one."""


def _next(resolution: Resolution, first: date) -> date:
    return first + _LONGEST_DAYS[resolution] * _DAY
