"""A vehicle's energy and savings over time, read from the records of its sessions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from dwell.application.ports import Ports, Reader
from dwell.application.queries import NO_VEHICLE
from dwell.application.records import PageKey, SessionFilter
from dwell.domain.errors import Fault, NotFound, Refused
from dwell.domain.ids import OrganizationId, UserId, VehicleId
from dwell.domain.policy.schedule import local_instant
from dwell.domain.registry import Location, Vehicle
from dwell.domain.series import (
    Period,
    Resolution,
    Saved,
    TooManyPeriods,
    edges_of,
    is_saving,
    periods_of,
    savings_of,
)
from dwell.domain.session.record import Session

PERIODS = 4_000
"""At most so many periods are answered at once: quarter hours of 41 days, days of ten years."""
LEVELS_WITHIN = timedelta(days=62)
"""Charge levels are read from facts, which are many: so far apart may the window's ends be."""
PAGE = 500
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Of which vehicle, of whose (None: of anybody's), and how long the periods are."""

    vehicle_id: VehicleId
    user_id: UserId | None
    resolution: Resolution


@dataclass(frozen=True, slots=True, kw_only=True)
class DataView:
    """Periods in order, and the currency of their prices."""

    periods: list[Period]
    currency: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SavingsView:
    """Savings in order. `currency` is None where nothing was saved, or the visits were paid in several (`mixed`)."""

    periods: list[Saved]
    currency: str | None
    mixed: bool


async def vehicle_data(
    ports: Ports,
    organization_id: OrganizationId,
    asked: Asked,
    window: tuple[datetime, datetime],
    *,
    with_prices: bool,
    with_levels: bool,
) -> DataView:
    """What the vehicle did within the window. Raises NotFound, Refused for a window that is too long."""

    async def look(reader: Reader) -> DataView:
        vehicle, place = await vehicle_and_place(reader, organization_id, asked)
        edges = _edges(asked.resolution, timezone_of(place), window, "to_datetime")
        if with_levels and window[1] - window[0] > LEVELS_WITHIN:
            raise _too_long("to_datetime", f"battery_level is given for {LEVELS_WITHIN.days} days at most")
        known = await reader.sessions_of_vehicle(organization_id, vehicle.id, since=window[0])
        levels = list[tuple[datetime, float]]()
        if with_levels:
            facts = await reader.facts(organization_id, vehicle.id, since=window[0], until=window[1])
            said = ((stored.fact.at, stored.fact.soc_percent) for stored in facts)
            levels = [(at, soc) for at, soc in said if soc is not None]
        curve = None
        if with_prices and place is not None and place.price_zone is not None:
            curve = await reader.curve(place.price_zone, edges[0], edges[-1])
        periods = periods_of(known, edges, window, curve=curve, levels=levels)
        return DataView(periods=periods, currency=curve.currency if curve is not None else None)

    return await ports.store.read(look)


async def vehicle_savings(
    ports: Ports, organization_id: OrganizationId, asked: Asked, days: tuple[date, date]
) -> SavingsView:
    """What was saved by the visits that began on these local days, both included. Raises NotFound, Refused."""

    async def look(reader: Reader) -> SavingsView:
        vehicle, place = await vehicle_and_place(reader, organization_id, asked)
        window, edges = window_of(asked.resolution, timezone_of(place), days)
        settled = await _settled(reader, organization_id, vehicle.id, window)
        counted = [session for session in settled if is_saving(session)]
        currencies = {s.valuation.currency for s in counted if s.valuation is not None}
        mixed = len(currencies) > 1
        return SavingsView(
            periods=savings_of(() if mixed else counted, edges, window),
            currency=next(iter(currencies)) if len(currencies) == 1 else None,
            mixed=mixed,
        )

    return await ports.store.read(look)


async def vehicle_and_place(
    reader: Reader, organization_id: OrganizationId, asked: Asked
) -> tuple[Vehicle, Location | None]:
    """The vehicle, deleted or not, and where it mostly charges: at its first policy's location, or its user's first."""
    vehicle = await reader.vehicle(organization_id, asked.vehicle_id)
    if vehicle is None or asked.user_id not in (None, vehicle.user_id):
        raise NotFound(NO_VEHICLE)
    places = (await reader.locations_of_users(organization_id, [vehicle.user_id])).get(vehicle.user_id, [])
    policies = (await reader.policies_of_vehicles(organization_id, [vehicle.id])).get(vehicle.id, [])
    agreed = [policy.location_id for policy in policies]
    ordered = sorted(places, key=lambda place: agreed.index(place.id) if place.id in agreed else len(agreed))
    return vehicle, ordered[0] if ordered else None


async def _settled(
    reader: Reader,
    organization_id: OrganizationId,
    vehicle_id: VehicleId,
    window: tuple[datetime, datetime],
) -> list[Session]:
    """Every settled session that began within the window."""
    wanted = SessionFilter(vehicle_id=vehicle_id, plugged_in_from=window[0], include_hidden=True)
    found, after = list[Session](), PageKey(window[1], "")
    while True:
        page = await reader.settled_page(organization_id, wanted, after=after, limit=PAGE)
        found += page
        if len(page) < PAGE or page[-1].plugged_in_at is None:
            return found
        after = PageKey(page[-1].plugged_in_at, page[-1].id)


def window_of(
    resolution: Resolution, timezone: str, days: tuple[date, date]
) -> tuple[tuple[datetime, datetime], list[datetime]]:
    """From when to when these local days last, both included, and the edges of their periods. Raises Refused."""
    window = local_instant(days[0], 0, timezone), local_instant(days[1] + _DAY, 0, timezone)
    return window, _edges(resolution, timezone, window, "to")


def timezone_of(place: Location | None) -> str:
    """Whose days are meant; UTC where nobody's are known."""
    return place.timezone if place is not None else "UTC"


def _edges(
    resolution: Resolution, timezone: str, window: tuple[datetime, datetime], end_name: str
) -> list[datetime]:
    """Where periods begin and end. Raises Refused, naming the window's end as the caller does."""
    try:
        return edges_of(resolution, ZoneInfo(timezone), *window, at_most=PERIODS)
    except TooManyPeriods:
        raise _too_long(end_name, f"these are more than {PERIODS} periods of {resolution.value}") from None


def _too_long(end_name: str, message: str) -> Refused:
    return Refused.because(Fault(field=end_name, message=message), code="window_too_long")
