"""Where one visit ends and the next begins, read from the facts of one vehicle in time order.

Rules, first match wins:
  - outside a visit, a fact that says plugged opens one;
  - a fact that says unplugged ends the visit it lies in (observed); one that says plugged again within FLAP, with
    register and odometer agreeing, undoes that (a telemetry flap);
  - a fact that shows the vehicle gone (odometer moved, position left, charge lost over a long silence) ends the visit
    at the last instant at which it was known plugged (inferred);
  - silence ends a visit, too, but only as seen from now: `ended_by` is asked with the present instant.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import msgspec

from dwell.domain.session.facts import Fact, believable_soc
from dwell.domain.session.rules import Rules

FLAP = timedelta(seconds=60)
MOVED_M = 200
"""Odometer difference that is driving, not rounding."""
LEFT_M = 300.0
"""Distance that is a departure, not the scatter of a position fix in a garage."""
LOST_PERCENT = 3.0
"""Charge lost over a long silence that standing does not explain."""
FLAP_REGISTER_WH = 50
CARRY = timedelta(minutes=30)
"""How old a position may be and still tell where a plug-in happened."""
_EARTH_M = 6_371_000.0


class End(msgspec.Struct, frozen=True):
    """How a visit ended: `observed` by an unplugged fact, or inferred; the instant in either case."""

    at: datetime
    observed: bool


class Span(msgspec.Struct, kw_only=True):
    """One visit while it is being cut; every instant is a fact's, every reading was taken within the visit.

    `carried` is the last position known before the plug-in, if it is young enough to tell where that happened.
    """

    plugged_in_at: datetime
    last_at: datetime
    last_plugged_at: datetime
    unplugged_at: datetime | None = None
    latitude: float | None = None
    longitude: float | None = None
    carried: tuple[float, float] | None = None
    odometer_m: int | None = None
    soc_percent: float | None = None
    register_wh: int | None = None

    @property
    def position(self) -> tuple[float, float] | None:
        """Where the visit takes place, in degrees: as told in it, else as carried."""
        if self.latitude is None or self.longitude is None:
            return self.carried
        return self.latitude, self.longitude


class Cutter(msgspec.Struct, kw_only=True):
    """The cutter's state between two facts of a vehicle: the open visit, and the last known position."""

    span: Span | None = None
    position: tuple[float, float] | None = None
    position_at: datetime | None = None

    def copy(self) -> Cutter:
        """A cutter that can go on without changing this one."""
        twin = msgspec.structs.replace(self)
        if self.span is not None:
            twin.span = msgspec.structs.replace(self.span)
        return twin

    def take(self, fact: Fact, rules: Rules) -> tuple[End | None, bool]:
        """Place the next fact: the end of the open visit if the fact shows one, and whether the fact is in a visit.

        A fact that ends a visit and is in one has opened the next.
        """
        carried = self._carried(fact)
        self.remember(fact)
        span, plugged = self.span, fact.says_plugged
        ended: End | None = None
        if span is not None:
            if span.unplugged_at is not None:
                if not plugged:
                    return None, False
                if not _is_flap(span, fact):
                    ended = End(span.unplugged_at, observed=True)
            elif plugged is not False and _is_gone(span, fact, rules.silent_after):
                ended = End(span.last_plugged_at, observed=False)
            if ended is None:
                self._stay(span, fact)
                return None, True
            self.span = None
        if not plugged:
            return ended, False
        self._open(fact, carried)
        return ended, True

    def _carried(self, fact: Fact) -> tuple[float, float] | None:
        fresh = self.position_at is not None and fact.at - self.position_at <= CARRY
        return self.position if fresh else None

    def _open(self, fact: Fact, carried: tuple[float, float] | None) -> None:
        self.span = Span(
            plugged_in_at=fact.at,
            last_at=fact.at,
            last_plugged_at=fact.at,
            latitude=fact.latitude,
            longitude=fact.longitude,
            carried=carried,
            odometer_m=fact.odometer_m,
            soc_percent=believable_soc(fact.soc_percent, None),
            register_wh=fact.energy_register_wh,
        )

    def _stay(self, span: Span, fact: Fact) -> None:
        span.last_at = fact.at
        plugged = fact.says_plugged
        if plugged is False:
            span.unplugged_at = fact.at
        else:
            span.unplugged_at = None
            if plugged:
                span.last_plugged_at = fact.at
        if span.latitude is None and fact.latitude is not None:
            span.latitude, span.longitude = fact.latitude, fact.longitude
        if fact.odometer_m is not None:
            span.odometer_m = fact.odometer_m
        soc_percent = believable_soc(fact.soc_percent, span.soc_percent)
        if soc_percent is not None:
            span.soc_percent = soc_percent
        if fact.energy_register_wh is not None:
            span.register_wh = fact.energy_register_wh

    def remember(self, fact: Fact) -> None:
        """Note where the vehicle is."""
        if fact.latitude is not None and fact.longitude is not None:
            self.position, self.position_at = (fact.latitude, fact.longitude), fact.at


def ended_by(span: Span, now: datetime, deadline: datetime | None, rules: Rules) -> End | None:
    """The end of an open visit as seen at `now`: the plug-out once no flap can undo it, or a long silence.

    Silence ends a visit only when no deadline of it (`deadline`, that of the target in force) lies ahead.
    """
    if span.unplugged_at is not None:
        return End(span.unplugged_at, observed=True) if now >= span.unplugged_at + FLAP else None
    if now >= silence_ends_at(span, deadline, rules):
        return End(span.last_plugged_at, observed=False)
    return None


def silence_ends_at(span: Span, deadline: datetime | None, rules: Rules) -> datetime:
    """When the visit ends if no further fact comes."""
    if span.unplugged_at is not None:
        return span.unplugged_at + FLAP
    quiet = span.last_at + rules.silent_after
    return quiet if deadline is None else max(quiet, deadline)


def distance_m(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Great-circle distance in metres of two positions in degrees (haversine on a sphere)."""
    north, other_north = math.radians(latitude), math.radians(other_latitude)
    half_north = (other_north - north) / 2
    half_east = math.radians(other_longitude - longitude) / 2
    square = math.sin(half_north) ** 2 + math.cos(north) * math.cos(other_north) * math.sin(half_east) ** 2
    return 2 * _EARTH_M * math.asin(min(1.0, math.sqrt(square)))


def _is_flap(span: Span, fact: Fact) -> bool:
    if span.unplugged_at is None or fact.at - span.unplugged_at > FLAP:
        return False
    moved = _moved(span.odometer_m, fact.odometer_m)
    metered = (
        span.register_wh is not None
        and fact.energy_register_wh is not None
        and abs(fact.energy_register_wh - span.register_wh) > FLAP_REGISTER_WH
    )
    return not moved and not metered and not _left(span, fact)


def _is_gone(span: Span, fact: Fact, silent_after: timedelta) -> bool:
    if _moved(span.odometer_m, fact.odometer_m) or _left(span, fact):
        return True
    soc_percent = believable_soc(fact.soc_percent, span.soc_percent)
    if fact.at - span.last_at <= silent_after or soc_percent is None or span.soc_percent is None:
        return False
    return span.soc_percent - soc_percent >= LOST_PERCENT


def _moved(before_m: int | None, now_m: int | None) -> bool:
    return before_m is not None and now_m is not None and now_m - before_m > MOVED_M


def _left(span: Span, fact: Fact) -> bool:
    if span.latitude is None or span.longitude is None or fact.latitude is None or fact.longitude is None:
        return False
    if (span.latitude, span.longitude) == (fact.latitude, fact.longitude):
        return False
    return distance_m(span.latitude, span.longitude, fact.latitude, fact.longitude) > LEFT_M
