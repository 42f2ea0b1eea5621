"""What smart charging saved: for an organization, a location or a vehicle, by the very figures of the sessions.

Read are the records of settled sessions, a page at a time and never more than SESSIONS_AT_MOST; nothing is kept beside
them that could disagree. Days are those of one zone: the vehicle's, the location's, or of the organization's first
location (docs/decisions/0028).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

import msgspec

from dwell.application.ports import Ports, Reader
from dwell.application.queries import NO_LOCATION
from dwell.application.records import PageKey, SessionFilter
from dwell.application.series import PAGE, Asked, timezone_of, vehicle_and_place, window_of
from dwell.domain.errors import Fault, NotFound, Refused
from dwell.domain.ids import LocationId, OrganizationId, VehicleId
from dwell.domain.registry import Location
from dwell.domain.series import Resolution, Saved, is_saving, period_at, savings_of
from dwell.domain.session.record import Session
from dwell.domain.session.valuation import emissions_of, exact_sum
from dwell.domain.tariff.contracts import carbon_zone
from dwell.domain.tariff.cost import EXACT
from dwell.domain.tariff.curve import PriceCurve

SESSIONS_AT_MOST = 100_000
EMISSIONS_AT_MOST = 2_000
"""Emissions are worked out quarter hour by quarter hour, so for fewer visits than money is added up for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Of whom: a vehicle, a location, or (neither) all of the organization."""

    vehicle_id: VehicleId | None = None
    location_id: LocationId | None = None


@dataclass(slots=True)
class Emitted:
    """CO2 in g, as charged and as charged at once, of so many visits of a period: those where it is known."""

    sessions: int = 0
    emissions_g: Decimal = Decimal(0)
    baseline_emissions_g: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopedSavings:
    """Savings in order, and by the same places their emissions (None: there are too many visits).

    `currency` is None where nothing was saved, or the visits were paid in several (`mixed`).
    """

    periods: list[Saved]
    emitted: list[Emitted] | None
    currency: str | None
    mixed: bool
    timezone: str


def total_emitted(periods: Sequence[Emitted]) -> Emitted:
    """All of them as one."""
    return Emitted(
        sessions=sum(one.sessions for one in periods),
        emissions_g=exact_sum([one.emissions_g for one in periods]),
        baseline_emissions_g=exact_sum([one.baseline_emissions_g for one in periods]),
    )


async def savings_over(
    ports: Ports,
    organization_id: OrganizationId,
    scope: Scope,
    resolution: Resolution,
    *,
    days: tuple[date, date],
) -> ScopedSavings:
    """What was saved by the visits that began on these local days, both included. Raises NotFound, Refused."""

    async def place(reader: Reader) -> str:
        return await _timezone(reader, organization_id, scope)

    timezone = await ports.store.read(place)
    window, edges = window_of(resolution, timezone, days)
    counted = await _counted(ports, organization_id, scope, window)
    currencies = {s.valuation.currency for s in counted if s.valuation is not None}
    mixed = len(currencies) > 1
    emitted = None
    if len(counted) <= EMISSIONS_AT_MOST:

        async def look(reader: Reader) -> list[Emitted]:
            until = max([window[1], *(s.ended_at for s in counted if s.ended_at is not None)])
            return await _emitted(_Intensities(reader, (window[0], until)), counted, edges)

        emitted = await ports.store.read(look)
    return ScopedSavings(
        periods=savings_of(() if mixed else counted, edges, window),
        emitted=emitted,
        currency=next(iter(currencies)) if len(currencies) == 1 else None,
        mixed=mixed,
        timezone=timezone,
    )


async def _timezone(reader: Reader, organization_id: OrganizationId, scope: Scope) -> str:
    place: Location | None
    if scope.vehicle_id is not None:
        asked = Asked(vehicle_id=scope.vehicle_id, user_id=None, resolution=Resolution.DAY)
        place = (await vehicle_and_place(reader, organization_id, asked))[1]
    elif scope.location_id is not None:
        place = await reader.location(organization_id, scope.location_id)
        if place is None:
            raise NotFound(NO_LOCATION)
    else:
        place = next(iter(await reader.locations(organization_id, limit=1)), None)
    return timezone_of(place)


async def _counted(
    ports: Ports, organization_id: OrganizationId, scope: Scope, window: tuple[datetime, datetime]
) -> list[Session]:
    """The settled sessions that began within the window and count; the store is free between two pages."""
    wanted = SessionFilter(
        vehicle_id=scope.vehicle_id,
        location_id=scope.location_id,
        plugged_in_from=window[0],
        include_hidden=True,
    )
    counted, seen, after = list[Session](), 0, PageKey(window[1], "")
    while True:

        async def look(reader: Reader, after: PageKey = after) -> list[Session]:
            return await reader.settled_page(organization_id, wanted, after=after, limit=PAGE)

        page = await ports.store.read(look)
        found = [session for session in page if is_saving(session)]
        if len(counted) + len(found) <= EMISSIONS_AT_MOST:
            counted += found
        else:  # only money is added up for so many: a hundred thousand whole records would fill the memory
            counted += [_lean(session) for session in found]
        seen += len(page)
        if len(page) < PAGE or page[-1].plugged_in_at is None:
            return counted
        if seen >= SESSIONS_AT_MOST:
            message = f"these are more than {SESSIONS_AT_MOST} visits; ask for fewer days or for one location"
            raise Refused.because(Fault(field="to", message=message), code="window_too_long")
        after = PageKey(page[-1].plugged_in_at, page[-1].id)


def _lean(session: Session) -> Session:
    """The record without its rows, blocks and plans."""
    return msgspec.structs.replace(session, rows_wh=(), blocks=(), promise=None, first_promise=None)


async def _emitted(intensities: _Intensities, counted: list[Session], edges: list[datetime]) -> list[Emitted]:
    periods = [Emitted() for _ in edges[1:]]
    for session in counted:
        curve, at = await intensities.of(session), session.plugged_in_at
        grams = emissions_of(session, curve) if curve is not None else None
        if grams is None or at is None:
            continue
        period = periods[period_at(edges, at)]
        period.sessions += 1
        period.emissions_g = EXACT.add(period.emissions_g, grams[0])
        period.baseline_emissions_g = EXACT.add(period.baseline_emissions_g, grams[1])
    return periods


@dataclass(slots=True)
class _Intensities:
    """The grid's carbon intensity over a window where a session's location lies now; everything is read once."""

    reader: Reader
    window: tuple[datetime, datetime]
    zones: dict[LocationId, str | None] = field(default_factory=dict)
    curves: dict[str, PriceCurve | None] = field(default_factory=dict)

    async def of(self, session: Session) -> PriceCurve | None:
        location_id = session.location_id
        if location_id is None:
            return None
        if location_id not in self.zones:
            location = await self.reader.location(session.organization_id, location_id)
            self.zones[location_id] = location.zone if location is not None else None
        zone = self.zones[location_id]
        if zone is None:
            return None
        if zone not in self.curves:
            self.curves[zone] = await self.reader.curve(carbon_zone(zone), *self.window)
        return self.curves[zone]
