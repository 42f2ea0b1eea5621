"""The meter of a connection speaks: it is kept, and in the same transaction the vehicles behind it are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from dwell.application.case import Case, Moment, close_cases, load_cases
from dwell.application.ceilings import balanced, has_moved
from dwell.application.poison import INDIGESTIBLE
from dwell.application.ports import Ports, Reader, Transaction
from dwell.application.upkeep import look_again, next_look
from dwell.domain.errors import Conflict, NotFound
from dwell.domain.ids import LocationId, OrganizationId, VehicleId
from dwell.domain.policy.load import SILENT_AFTER, ConnectionLoad, LoadReading
from dwell.domain.registry import Location

AHEAD = timedelta(minutes=1)
"""How far the meter's clock may be ahead of ours; what it says then counts as said now."""
NO_LIMIT = "location_without_limit"
IN_FUTURE, TOO_OLD, NOT_NEWER = "in_future", "too_old", "not_newer"


class PassedOver(msgspec.Struct, frozen=True):
    """A reading that changed nothing: its place in the list, and why: in_future, too_old or not_newer."""

    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of readings: how many counted, those that did not, and whether anybody is told something else."""

    accepted: int
    passed_over: tuple[PassedOver, ...]
    told: bool


@dataclass(frozen=True, slots=True)
class LoadView:
    """A connection's limit in W, and what is known of its load: None before the first reading."""

    limit_w: int
    load: ConnectionLoad | None
    now: datetime


async def take_load(
    ports: Ports, organization_id: OrganizationId, location_id: LocationId, readings: Sequence[LoadReading]
) -> Taken:
    """Keep the readings that are news, in order of time, and steer the vehicles by them.

    Raises NotFound, and Conflict (NO_LIMIT) for a location whose connection has no limit.
    """
    now = ports.clock.now()

    async def work(tx: Transaction) -> Taken:
        moment = Moment.of(ports, tx, now)
        location = await tx.hold_location(organization_id, location_id)
        _limit_of(location)
        known = await tx.connection_load(organization_id, location_id)
        news, passed_over = _news(readings, known, now)
        if location is None or not news:
            return Taken(0, passed_over, told=False)
        told = await _balance(moment, location, known, news)
        return Taken(len(news), passed_over, told=told)

    return await ports.store.write(work)


async def load_view(ports: Ports, organization_id: OrganizationId, location_id: LocationId) -> LoadView:
    """What is known of the load of a location's connection. Raises NotFound, Conflict (NO_LIMIT)."""
    now = ports.clock.now()

    async def look(reader: Reader) -> LoadView:
        limit_w = _limit_of(await reader.location(organization_id, location_id))
        return LoadView(limit_w, await reader.connection_load(organization_id, location_id), now)

    return await ports.store.read(look)


def _limit_of(location: Location | None) -> int:
    if location is None or location.deleted_at is not None:
        raise NotFound("There is no such location.")
    if location.grid_limit_w is None:
        raise Conflict("The location has no grid limit: there is nothing to balance.", code=NO_LIMIT)
    return location.grid_limit_w


def _news(
    readings: Sequence[LoadReading], known: ConnectionLoad | None, now: datetime
) -> tuple[list[LoadReading], tuple[PassedOver, ...]]:
    """The readings that count, oldest first, and why the others do not."""
    newest_at = known.at if known is not None else None
    news, passed_over = list[LoadReading](), list[PassedOver]()
    for index, reading in sorted(enumerate(readings), key=lambda entry: entry[1].at):
        at = min(reading.at, now)
        if reading.at > now + AHEAD:
            passed_over.append(PassedOver(index, IN_FUTURE))
        elif reading.at <= now - SILENT_AFTER:
            passed_over.append(PassedOver(index, TOO_OLD))
        elif newest_at is not None and at <= newest_at:
            passed_over.append(PassedOver(index, NOT_NEWER))
        else:
            newest_at = at
            news.append(LoadReading(at, reading.power_w))
    return news, tuple(sorted(passed_over, key=lambda one: one.index))


async def _balance(
    moment: Moment, location: Location, known: ConnectionLoad | None, news: Sequence[LoadReading]
) -> bool:
    """Keep the load, and tell the vehicles what follows from it. Whether any was looked at."""
    running = await moment.tx.running_at(location.organization_id, location.id)
    cases = await load_cases(moment, location.organization_id, running)
    if known is not None and known.is_forgotten(moment.now):
        known = None
    load = balanced(moment, location, known, readings=news, cases=cases.values())
    await moment.tx.save_connection_load(load)
    moment.loads[location.id] = load
    moved = has_moved(known, load)
    # Who gives way is told first: the others are told of more only where that leaves room.
    ordered = sorted(moved, key=lambda vehicle_id: (_rises(known, load, vehicle_id), vehicle_id))
    looked = [cases[vehicle_id] for vehicle_id in ordered if await _is_told(moment, cases[vehicle_id])]
    await close_cases(moment, looked, {case.vehicle.id: next_look(moment, case) for case in looked})
    return bool(looked)


def _rises(known: ConnectionLoad | None, load: ConnectionLoad, vehicle_id: VehicleId) -> bool:
    before = known.vehicles.get(vehicle_id) if known is not None else None
    return before is not None and load.vehicles[vehicle_id].told_w > before.told_w


async def _is_told(moment: Moment, case: Case) -> bool:
    """Look at one vehicle. False where that was not possible: it holds up no other, and its engine will tell."""
    try:
        await look_again(moment, case)
    except INDIGESTIBLE:
        moment.touched.pop(case.vehicle.id, None)
        return False
    return True
