"""What the pages are told: rows with visits, blocks and plans; a session's facts; the prices of a zone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from dwell.application.board import Board, VehicleRow, name_of
from dwell.application.board_evses import EvseRow
from dwell.domain.policy.connection import rooms
from dwell.domain.policy.schedule import Deadline
from dwell.domain.registry import Location, Policy
from dwell.domain.session.boost import is_armed
from dwell.domain.session.record import ACTIVE, Session
from dwell.domain.session.words import OUTCOMES
from dwell.domain.station.transaction import OPEN
from dwell.domain.tariff.curve import PriceCurve

BEFORE, AHEAD = timedelta(hours=12), timedelta(hours=24)

Stretch = tuple[str, datetime, datetime, int]
"""Mode, start, end, W."""


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A visit as a row draws it. `past` are facts; `planned` may move. `rows_w` are quarter hours from `rows_from`."""

    id: str
    location_id: str | None
    state: str
    mode: str
    plugged_in_at: datetime | None
    ended_at: datetime | None
    charging: bool
    at_home: bool
    soc_percent: float | None
    target_percent: float | None
    ready_by: datetime | None
    outcome: str | None
    reason_en: str
    reason_de: str
    plan_sentence: str | None
    armed: bool
    error: str | None
    past: tuple[Stretch, ...]
    planned: tuple[Stretch, ...]
    rows_from: datetime | None
    rows_w: tuple[int, ...]


class PolicyRow(msgspec.Struct, frozen=True, kw_only=True):
    """What is agreed: the reserve, and a deadline for each weekday, Monday first."""

    id: str
    location_id: str
    battery_reserve_percent: float
    schedule: tuple[Deadline | None, ...]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle."""

    id: str
    user_id: str
    name: str
    power_max_w: int
    smart_charging: bool
    link_valid: bool
    paused_until: datetime | None
    silent_since: datetime | None
    policies: tuple[PolicyRow, ...]
    sessions: tuple[SessionRow, ...]


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction of an EVSE; `end` None while it runs, `vehicle_id` None for one that nobody is known by."""

    id: str
    status: str
    vehicle_id: str | None
    start: datetime
    end: datetime | None
    energy_wh: int


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """An EVSE: `state` as it last said, None where it said nothing yet."""

    id: str
    station: str
    station_id: str
    number: int
    location_id: str | None
    connected: bool
    state: str | None
    used: tuple[Used, ...]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A location; its limit in W, and what it leaves for charging over the window as (start, end, W)."""

    id: str
    name: str
    timezone: str
    zone: str | None
    grid_limit_w: int | None
    room: tuple[tuple[datetime, datetime, int], ...]


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """A zone's prices per kWh."""

    zone: str
    currency: str
    slots: tuple[tuple[datetime, datetime, Decimal], ...]


class Now(msgspec.Struct, frozen=True, kw_only=True):
    """All of the first page; `next` where there are more vehicles than its rows."""

    now: datetime
    start: datetime
    end: datetime
    rows: tuple[Row, ...]
    points: tuple[Point, ...]
    next: str | None
    locations: tuple[Place, ...]
    curves: tuple[Curve, ...]


def now_of(board: Board, now: datetime) -> Now:
    """The page's data at `now`."""
    start, end = now - BEFORE, now + AHEAD
    return Now(
        now=now,
        start=start,
        end=end,
        rows=tuple(row_of(row, now) for row in board.rows),
        points=tuple(point_of(one) for one in board.evses),
        next=board.next,
        locations=tuple(place_of(place, start, end) for place in board.locations),
        curves=tuple(curve_of(zone, curve, start, end) for zone, curve in board.curves.items()),
    )


def row_of(row: VehicleRow, now: datetime) -> Row:
    """A vehicle with its sessions."""
    vehicle = row.vehicle
    return Row(
        id=vehicle.id,
        user_id=vehicle.user_id,
        name=name_of(vehicle),
        power_max_w=vehicle.power_max_w,
        smart_charging=vehicle.smart_charging,
        link_valid=vehicle.link_valid,
        paused_until=vehicle.paused_until,
        silent_since=row.silent_since,
        policies=tuple(_policy(policy) for policy in row.policies),
        sessions=tuple(session_of(session, now) for session in row.sessions),
    )


def point_of(row: EvseRow) -> Point:
    """An EVSE with its transactions."""
    return Point(
        id=row.evse,
        station=row.station.station.name,
        station_id=row.station.id,
        number=row.number,
        location_id=row.station.station.location_id,
        connected=row.connected,
        state=row.standing.state if row.standing is not None else None,
        used=tuple(
            Used(
                id=one.id,
                status=one.status,
                vehicle_id=one.vehicle_id,
                start=one.started_at or one.created_at,
                end=None if one.status in OPEN else one.completed_at or one.updated_at,
                energy_wh=one.energy_wh,
            )
            for one in row.transactions
        ),
    )


def place_of(place: Location, start: datetime, end: datetime) -> Place:
    """A location as the page names it."""
    limit_w = place.grid_limit_w
    room = rooms(limit_w, place.base_load, place.timezone, (start, end)) if limit_w is not None else ()
    return Place(
        id=place.id,
        name=place.name,
        timezone=place.timezone,
        zone=place.price_zone,
        grid_limit_w=limit_w,
        room=tuple((one.start_at, one.end_at, one.power_w) for one in room),
    )


def curve_of(zone: str, curve: PriceCurve, start: datetime, end: datetime) -> Curve:
    """The curve within the window."""
    slots = tuple((slot.start_at, slot.end_at, slot.price_per_kwh) for slot in curve.between(start, end))
    return Curve(zone=zone, currency=curve.currency, slots=slots)


def session_of(session: Session, now: datetime) -> SessionRow:
    """A visit, its plan only as far as it lies ahead."""
    words, promise, target = OUTCOMES[session.reason], session.promise, session.target
    planned: tuple[Stretch, ...] = ()
    if promise is not None and session.state == ACTIVE:
        pairs = zip(promise.blocks, promise.powers_w, strict=True)
        planned = tuple((b.type, max(b.start_at, now), b.end_at, w) for b, w in pairs if b.end_at > now)
    return SessionRow(
        id=session.id,
        location_id=session.location_id,
        state=session.state,
        mode=session.mode,
        plugged_in_at=session.plugged_in_at,
        ended_at=session.ended_at,
        charging=session.charging,
        at_home=session.at_home,
        soc_percent=session.soc_to_percent,
        target_percent=target.minimum_charge_percent if target is not None else None,
        ready_by=target.ready_by if target is not None else None,
        outcome=session.outcome.state if session.outcome is not None else None,
        reason_en=words.en,
        reason_de=words.de,
        plan_sentence=promise.sentence if promise is not None else None,
        armed=is_armed(session, now),
        error=session.error.type if session.error is not None else None,
        past=tuple(_past(session, now)),
        planned=planned,
        rows_from=session.rows_from_at,
        rows_w=tuple(wh * 4 for wh in session.rows_wh),
    )


def _past(session: Session, now: datetime) -> Iterable[Stretch]:
    for block in session.blocks:
        if block.start_at >= now:
            continue
        end_at = min(block.end_at, now)
        hours = (end_at - block.start_at).total_seconds() / 3600
        yield block.type, block.start_at, end_at, round(block.energy_wh / hours) if hours > 0 else 0


def _policy(policy: Policy) -> PolicyRow:
    return PolicyRow(
        id=policy.id,
        location_id=policy.location_id,
        battery_reserve_percent=policy.terms.battery_reserve_percent,
        schedule=policy.terms.schedule,
    )
