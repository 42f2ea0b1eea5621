"""Visits of other years laid on the days for which prices exist, keeping weekday and local time of day.

How a visit is placed, deterministically:

1. A visit whose own days are priced stays.
2. Weeks of visits go to weeks of prices in order: calendar week n to priced week n modulo their number, so that the
   weeks of a vehicle follow each other as they did. Each full turn is a *lap*, lived by a virtual copy of the vehicle
   (`user~lap`): three years of one vehicle become a dozen vehicles of one quarter.
3. A visit that cannot stand in its week (the day has no prices, the run of priced days ends before the visit, its
   energy does not fit a night that spring shortens) goes to another priced day of the same weekday where it can,
   the choice again turning with its week; where there is none it is left out with the reason.
4. Where moved visits of a copy meet, a further copy takes one (`user~lap+2`): no visit is lost to an overlap, and
   no vehicle is in two places.

Local times are kept at both ends, so on a night of a clock change the visit lasts an hour more or less.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from dwell.domain.tariff.coverage import Span, runs
from dwell.domain.tariff.curve import PriceCurve
from dwell.domain.units import HOUR_S
from dwell.simulation.visits.copies import with_copies
from dwell.simulation.visits.local_time import instants_of, zone_of
from dwell.simulation.visits.visit import LeftOut, Reason, Visit

_DAY = timedelta(days=1)


class Laid(NamedTuple):
    """Visits by plug-in on priced days, and those left out."""

    visits: tuple[Visit, ...]
    left_out: tuple[LeftOut, ...]


def lay_on(visits: Iterable[Visit], curve: PriceCurve, *, timezone: str) -> Laid:
    """`visits` moved to the days that `curve` covers whole, days and times being those of `timezone` (IANA).

    A visit's local times are those of its own zone. Raises ValueError for an unknown zone.
    """
    calendar = _Calendar.of(curve, zone_of(timezone), timezone)
    laid: list[Visit] = []
    left_out: list[LeftOut] = []
    for visit in visits:
        moved = calendar.place(visit)
        if isinstance(moved, Visit):
            laid.append(moved)
        else:
            left_out.append(LeftOut(reason=moved, visit_id=visit.visit_id))
    return Laid(tuple(with_copies(laid)), tuple(left_out))


def keep_priced(visits: Iterable[Visit], curve: PriceCurve) -> Laid:
    """The visits that lie within one run of priced time, unmoved; the others left out with the reason."""
    spans = _Spans(runs(curve))
    kept: list[Visit] = []
    left_out: list[LeftOut] = []
    for visit in visits:
        if spans.hold(visit.plugged_in_at, visit.plugged_out_at):
            kept.append(visit)
            continue
        touched = any(curve.between(visit.plugged_in_at, visit.plugged_out_at))
        reason = Reason.CROSSES_END_OF_PRICES if touched else Reason.NO_PRICES
        left_out.append(LeftOut(reason=reason, visit_id=visit.visit_id))
    return Laid(tuple(kept), tuple(left_out))


class _Spans:
    """Ordered spans; asks whether one of them holds an interval whole."""

    def __init__(self, spans: tuple[Span, ...]) -> None:
        self._spans = spans
        self._starts = [span.start_at for span in spans]

    def hold(self, start_at: datetime, end_at: datetime) -> bool:
        index = bisect_right(self._starts, start_at) - 1
        return index >= 0 and end_at <= self._spans[index].end_at


class _Local(NamedTuple):
    """A visit's wall clock, as shifts from the midnight of its first local day."""

    day: date
    plugged_in: timedelta
    plugged_out: timedelta
    stated_departure: timedelta | None


class _Calendar(NamedTuple):
    """The priced days of a zone, and the weeks that have any."""

    spans: _Spans
    zone: ZoneInfo
    timezone: str
    touched_days: frozenset[date]
    """Days with any price at all."""
    days_by_weekday: tuple[tuple[date, ...], ...]
    """Days with prices throughout, for Monday to Sunday."""
    weeks: tuple[int, ...]
    """Numbers of the weeks (Monday to Sunday, counted from the year 1) with a priced day."""

    @classmethod
    def of(cls, curve: PriceCurve, zone: ZoneInfo, timezone: str) -> _Calendar:
        spans = _Spans(runs(curve))
        touched = {slot.start_at.astimezone(zone).date() for slot in curve.slots}
        days = [
            day for day in sorted(touched) if spans.hold(_midnight(day, zone), _midnight(day + _DAY, zone))
        ]
        by_weekday = tuple(tuple(day for day in days if day.weekday() == n) for n in range(7))
        weeks = tuple(sorted({_week_of(day) for day in days}))
        return cls(spans, zone, timezone, frozenset(touched), by_weekday, weeks)

    def place(self, visit: Visit) -> Visit | Reason:
        """`visit` where rules 1 to 3 put it, under the name of its lap; or why it cannot be put anywhere."""
        local = _local_of(visit)
        if local.day in self.touched_days and (stayed := self._on(local.day, local, visit)) is not None:
            return stayed
        candidates = self.days_by_weekday[local.day.weekday()]
        if not candidates:
            return Reason.NO_PRICES
        week = _week_of(local.day)
        lap, turn = divmod(week, len(self.weeks))
        weekday = local.day.weekday()
        first = date.fromordinal(self.weeks[turn] * 7 + 1 + weekday)
        moved = self._on(first, local, visit)
        if moved is None:
            standing = [m for day in candidates if (m := self._on(day, local, visit)) is not None]
            if not standing:
                return Reason.CROSSES_END_OF_PRICES
            moved = standing[week % len(standing)]
        return replace(moved, user_reference=f"{visit.user_reference}~{lap}")

    def _on(self, day: date, local: _Local, visit: Visit) -> Visit | None:
        """`visit` with its first local day on `day`, or None where it cannot stand."""
        if day == local.day and visit.timezone == self.timezone:
            plugged_in_at, plugged_out_at = visit.plugged_in_at, visit.plugged_out_at
        else:
            plugged_in_at, plugged_out_at = self._at(day, local.plugged_in), self._at(day, local.plugged_out)
        if plugged_out_at <= plugged_in_at or not self.spans.hold(plugged_in_at, plugged_out_at):
            return None
        hours = (plugged_out_at - plugged_in_at).total_seconds() / HOUR_S
        if visit.power_w is not None and visit.energy_wh > visit.power_w * hours:
            return None
        departure = local.stated_departure
        return replace(
            visit,
            plugged_in_at=plugged_in_at,
            plugged_out_at=plugged_out_at,
            timezone=self.timezone,
            stated_departure_at=None if departure is None else self._at(day, departure),
        )

    def _at(self, day: date, shift: timedelta) -> datetime:
        return instants_of(_wall_midnight(day) + shift, self.zone)[0]


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return instants_of(_wall_midnight(day), zone)[0]


def _wall_midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 - wall clock time, given a zone by instants_of


def _week_of(day: date) -> int:
    """Day 1 of the proleptic calendar was a Monday."""
    return (day.toordinal() - 1) // 7


def _local_of(visit: Visit) -> _Local:
    zone = zone_of(visit.timezone)
    plugged_in = visit.plugged_in_at.astimezone(zone).replace(tzinfo=None)
    midnight = plugged_in.replace(hour=0, minute=0, second=0, microsecond=0)
    plugged_out = visit.plugged_out_at.astimezone(zone).replace(tzinfo=None)
    departure = visit.stated_departure_at
    return _Local(
        midnight.date(),
        plugged_in - midnight,
        plugged_out - midnight,
        None if departure is None else departure.astimezone(zone).replace(tzinfo=None) - midnight,
    )
