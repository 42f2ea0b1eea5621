"""Reading what a caller of the Flex dialect sends: bodies and filters, every fault of them named."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import TypeVar

from dwell.api.flex.mapping import DAYS
from dwell.api.shared.documents import Document
from dwell.api.shared.limits import PAGE_SIZE, PAGE_SIZE_AT_MOST
from dwell.api.shared.problems import HttpRefusal, Issue
from dwell.application.locations import Premises
from dwell.domain.instants import read_instant
from dwell.domain.policy.connection import BaseLoad
from dwell.domain.policy.override import READY_WITHIN, Immediate, Regular, Wanted, faults_of
from dwell.domain.policy.schedule import Deadline, minutes_of
from dwell.domain.timezones import timezone_of
from dwell.protocols.prices.document import read_zone

T = TypeVar("T")
USER_ID_LENGTH = 128
BASE_LOADS_AT_MOST = 96
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)


class Filters:
    """The query of a list while it is read; `end` raises with every fault."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self._issues: list[Issue] = []

    def uuid(self, name: str) -> str | None:
        """An id in its one form."""
        text = self._values.get(name)
        if text is None or _UUID.fullmatch(text):
            return text.lower() if text is not None else None
        self._issues.append(Issue(name, "must be a UUID"))
        return None

    def text(self, name: str) -> str | None:
        """A caller's own name of something."""
        return self._values.get(name)

    def instant(self, name: str) -> datetime | None:
        """An instant with its zone."""
        text = self._values.get(name)
        try:
            return None if text is None else read_instant(text)
        except ValueError:
            self._issues.append(Issue(name, "must be an ISO 8601 instant with Z or an offset"))
            return None

    def page_size(self) -> int:
        """How many rows are wanted."""
        text = self._values.get("pageSize", str(PAGE_SIZE))
        size = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
        if not 1 <= size <= PAGE_SIZE_AT_MOST:
            self._issues.append(Issue("pageSize", f"must be a whole number from 1 to {PAGE_SIZE_AT_MOST}"))
        return size

    def one_direction(self) -> None:
        """Note a fault if both cursors are given."""
        if "after" in self._values and "before" in self._values:
            self._issues.append(Issue("before", "cannot be given together with after"))

    def end(self) -> None:
        """Raise HttpRefusal with 400 if there were faults."""
        if self._issues:
            raise HttpRefusal(400, "The query has faults.", issues=self._issues)


def canonical_uuid(text: str) -> str | None:
    """An id in its one form; None for what cannot be one of ours."""
    return text.lower() if _UUID.fullmatch(text) else None


def read_user_id(text: str) -> str:
    """A caller's name of a user. Raises HttpRefusal with 400."""
    if not 1 <= len(text) <= USER_ID_LENGTH or not text.isprintable():
        issue = Issue("userId", f"must have 1 to {USER_ID_LENGTH} printable characters")
        raise HttpRefusal(400, "The user id cannot be used.", issues=[issue])
    return text


def read_new_policy(body: Document) -> tuple[str, str]:
    """Vehicle and location to join. Ids that cannot be ours are unknown ids."""
    vehicle_id = body.text("vehicleId", at_most=64, required=True)
    location_id = body.text("locationId", at_most=64, required=True)
    body.end()
    return canonical_uuid(vehicle_id or "") or "", canonical_uuid(location_id or "") or ""


def read_policy_change(body: Document) -> tuple[int | None, dict[int, Deadline | None]]:
    """The reserve that is wanted from now on, None for as before; and the days that are named, by weekday."""
    reserve = body.integer("batteryReserve", 0, 100, required=body.has("batteryReserve"))
    days = body.child("schedule", required=body.has("schedule"))
    named: dict[int, Deadline | None] = {}
    if days is not None:
        named = {weekday: _read_day(days, name) for weekday, name in enumerate(DAYS) if days.has(name)}
        if not named:
            body.fault("schedule", f"must name a day at least, of {', '.join(DAYS)}; leave it out to keep it")
        elif len(named) == len(DAYS) and not any(named.values()):
            body.fault("schedule", "must leave a deadline on one day at least")
    body.end()
    return reserve, named


def _read_day(days: Document, name: str) -> Deadline | None:
    day = days.child(name)
    if day is None:
        return None
    deadline = day.text("deadline", at_most=5, required=True)
    minimum = day.integer("minimumChargeTarget", 0, 100, required=True)
    if deadline is not None and not _is_wall_time(deadline):
        day.fault("deadline", "must be a local time HH:MM, 24:00 for the end of the day")
        deadline = None
    # A faulty day stands for a deadline, so that the week is not called empty as well.
    return Deadline(deadline or "00:00", minimum or 0)


def _is_wall_time(text: str) -> bool:
    try:
        minutes_of(text)
    except ValueError:
        return False
    return True


_TARGET_FIELDS = {
    "minimum_charge_percent": "minimumChargeTarget",
    "battery_reserve_percent": "batteryReserve",
    "ready_by": "readyBy",
}


def read_target(body: Document, now: datetime) -> Wanted:
    """What a person asks of a session at `now`. Raises HttpRefusal with every fault."""
    kind = body.choice("type", ("REGULAR", "IMMEDIATE_START"), required=True)
    minimum = body.integer("minimumChargeTarget", 0, 100, required=True)
    wanted: Wanted = Immediate(minimum_charge_percent=minimum or 0)
    if kind != "IMMEDIATE_START":
        reserve = body.integer("batteryReserve", 0, 100)
        ready_by = body.instant("readyBy", required=kind is not None)
        wanted = Regular(
            minimum_charge_percent=100 if minimum is None else minimum,
            ready_by=ready_by or now + READY_WITHIN,
            battery_reserve_percent=reserve,
        )
    for fault in faults_of(wanted, now):
        body.fault(_TARGET_FIELDS[fault.field], fault.message)
    body.end()
    return wanted


def read_location(body: Document) -> Premises:
    """A location as its user describes it. Raises HttpRefusal with every fault."""
    name = body.text("name", at_most=200, required=True)
    latitude = body.number("latitude", -90, 90, required=True)
    longitude = body.number("longitude", -180, 180, required=True)
    timezone = body.text("timezoneName", at_most=64, required=True)
    if timezone is not None:
        _checked(body, "timezoneName", partial(timezone_of, timezone))
    zone, area = body.text("zone", at_most=64), body.text("area", at_most=64)
    if zone is not None:
        zone = _checked(body, "zone", partial(read_zone, zone))
    radius_m = body.integer("radiusM", 10, 10_000)
    grid_limit_w = body.integer("gridLimitW", 1, 100_000_000)
    base_load = tuple(_read_load(entry) for entry in body.children("baseLoad", at_most=BASE_LOADS_AT_MOST))
    body.end()
    return Premises(
        name=name or "",
        latitude=latitude or 0.0,
        longitude=longitude or 0.0,
        timezone=timezone or "",
        zone=zone,
        area=area,
        radius_m=radius_m or 150,
        grid_limit_w=grid_limit_w,
        base_load=base_load,
    )


def _checked(body: Document, name: str, read: Callable[[], T]) -> T | None:
    """What is read of a member; None where that raises ValueError, whose sentence is noted as its fault."""
    try:
        return read()
    except ValueError as error:
        body.fault(name, str(error))
        return None


def _read_load(entry: Document) -> BaseLoad:
    start = entry.text("start", at_most=5, required=True)
    if start is not None and (not _is_wall_time(start) or start == "24:00"):
        entry.fault("start", "must be a local time HH:MM")
    return BaseLoad(start or "00:00", entry.integer("powerW", 0, 100_000_000, required=True) or 0)
