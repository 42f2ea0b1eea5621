"""The JSON of `dwell plan`: a problem read with every fault by its path, a plan written in the words of the answer.

Pure translation between text and `dwell.domain.planning`. Refuses what it does not know: unknown members,
numbers that are not finite, local times, overlapping prices.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import TypeVar

from dwell.domain.errors import Fault, Refused
from dwell.domain.instants import NoZone, read_instant, write_instant
from dwell.domain.planning import (
    Ceiling,
    Control,
    Explanation,
    ImmediateStart,
    Plan,
    PriceGrid,
    Problem,
    RegularTarget,
    Target,
    VehicleLimits,
    Window,
)
from dwell.domain.planning.problem import BOUNDS, NO_POWER, Bounds, instant_fault
from dwell.domain.timezones import timezone_of

Json = dict[str, object]
_Made = TypeVar("_Made")
REQUIRED = object()
_MANY_DIGITS = 40  # of an integer: more than any quantity has, and long ones are slow to read


def decode(text: str) -> object:
    """The JSON value of `text`; NaN and infinite numbers come through, to be refused by field.

    Raises ValueError for what is no JSON.
    """
    try:
        decoded: object = json.loads(text, parse_int=_read_int)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return decoded


def _read_int(digits: str) -> float:
    return int(digits) if len(digits) <= _MANY_DIGITS else float(digits)


@dataclass(frozen=True, slots=True)
class Reader:
    """One JSON object on its way in: takes members by kind, keeps every fault with its path."""

    members: Json
    path: str
    faults: list[Fault]
    known: set[str] = field(default_factory=set)

    def fault(self, name: str, message: str) -> None:
        self.faults.append(Fault(field=self.at(name), message=message))

    def at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path and name else self.path or name

    def _take(self, name: str, default: object) -> object:
        self.known.add(name)
        if name in self.members:
            return self.members[name]
        if default is REQUIRED:
            self.fault(name, "is required")
        return default

    def number(self, name: str, default: object = REQUIRED, *, bounds: Bounds | None = None) -> float | None:
        """A number within its bounds, by its name where none are given, as float; None where missing or at fault."""
        value = self._take(name, default)
        if value is REQUIRED or (name not in self.members and value is None):
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fault(name, "must be a number")
            return None
        message = (bounds or BOUNDS[name]).fault(value)
        if message:
            self.fault(name, message)
            return None
        return float(value)

    def flag(self, name: str, *, default: bool) -> bool:
        value = self._take(name, default)
        if not isinstance(value, bool):
            self.fault(name, "must be true or false")
            return default
        return value

    def text(self, name: str, default: object = REQUIRED) -> str | None:
        value = self._take(name, default)
        if isinstance(value, str):
            return value
        if value is not REQUIRED and name in self.members:
            self.fault(name, "must be a string")
        return None

    def instant(self, name: str) -> datetime | None:
        """An aware instant from 1970 to 2199, or None where it is missing or at fault."""
        text = self.text(name)
        if text is None:
            return None
        try:
            instant = read_instant(text)
        except NoZone:
            self.fault(name, "must have a zone: Z or an offset")
            return None
        except ValueError:
            self.fault(name, "must be an ISO 8601 instant")
            return None
        faults = instant_fault(name, instant)
        for fault in faults:
            self.fault(name, fault.message)
        return None if faults else instant

    def inner(self, name: str) -> Reader | None:
        """A required object inside."""
        value = self._take(name, REQUIRED)
        if isinstance(value, dict):
            return Reader(value, self.at(name), self.faults)
        if value is not REQUIRED:
            self.fault(name, "must be an object")
        return None

    def rows(self, name: str, default: object = REQUIRED) -> list[Reader]:
        """The objects of a list; what is no object in it is a fault."""
        value = self._take(name, default)
        if not isinstance(value, list | tuple):
            if value is not REQUIRED:
                self.fault(name, "must be a list")
            return []
        rows = []
        for index, row in enumerate(value):
            path = f"{self.at(name)}[{index}]"
            if isinstance(row, dict):
                rows.append(Reader(row, path, self.faults))
            else:
                self.faults.append(Fault(field=path, message="must be an object"))
        return rows

    def close(self) -> None:
        """Every member that nobody asked for is a fault."""
        for name in self.members:
            if name not in self.known:
                self.fault(name, "unknown member")

    def make(self, build: Callable[[], _Made]) -> _Made | None:
        """What `build` gives, or its faults under this object's path."""
        try:
            return build()
        except Refused as refused:
            self.faults.extend(Fault(field=self.at(f.field), message=f.message) for f in refused.faults)
            return None


def read_problem(document: object) -> Problem:
    """The problem that a decoded JSON document states. Raises Refused with every fault of it, by field path."""
    if not isinstance(document, dict):
        raise Refused.because(Fault(field="", message="must be a JSON object"))
    faults: list[Fault] = []
    reader = Reader(document, "", faults)
    now_at = reader.instant("now")
    timezone = read_timezone(reader)
    prices = read_prices(reader.rows("prices"), faults)
    vehicle = read_vehicle(reader.inner("vehicle"))
    if vehicle is not None and vehicle.power_min_kw <= 0.0:
        reader.fault("vehicle.power_min_kw", NO_POWER)
    target = read_target(reader.inner("target"))
    ceilings = tuple(filter(None, (read_ceiling(row) for row in reader.rows("limits", ()))))
    restrictions = tuple(filter(None, (read_window(row) for row in reader.rows("restrictions", ()))))
    start_cost = reader.number("start_cost", 0.02)
    charge_when_negative = reader.flag("charge_when_negative", default=True)
    reader.close()
    if faults or not (now_at and timezone and prices and vehicle and target) or start_cost is None:
        raise Refused.because(*faults)
    return Problem(
        now_at=now_at,
        timezone=timezone,
        prices=prices,
        vehicle=vehicle,
        target=target,
        ceilings=ceilings,
        restrictions=restrictions,
        start_cost=start_cost,
        charge_when_negative=charge_when_negative,
    )


def read_timezone(reader: Reader) -> tzinfo | None:
    """`timezone`, UTC where there is none."""
    name = reader.text("timezone", "UTC")
    if name is None:
        return None
    try:
        return timezone_of(name)
    except ValueError as error:
        reader.fault("timezone", str(error))
        return None


def read_prices(rows: list[Reader], faults: list[Fault]) -> PriceGrid | None:
    """`prices`; those that overlap are at fault."""
    spans: list[tuple[datetime, datetime, str]] = []
    slots: list[tuple[datetime, datetime, float]] = []
    before = len(faults)
    for row in rows:
        span, price = read_span(row), row.number("price")
        row.close()
        if span is not None:
            spans.append((*span, row.path))
            slots.append((*span, price or 0.0))
    spans.sort(key=lambda span: span[:2])
    widest: tuple[datetime, datetime, str] | None = None
    for start_at, end_at, path in spans:
        if widest is not None and start_at < widest[1]:
            faults.append(Fault(field=f"{path}.start", message=f"overlaps {widest[2]}"))
        if widest is None or end_at > widest[1]:
            widest = (start_at, end_at, path)
    return PriceGrid.from_slots(slots) if len(faults) == before else None


def read_span(row: Reader) -> tuple[datetime, datetime] | None:
    """`start` and `end` of a row."""
    start_at, end_at = row.instant("start"), row.instant("end")
    if start_at is None or end_at is None:
        return None
    if end_at <= start_at:
        row.fault("end", "must be after start")
        return None
    return start_at, end_at


def read_ceiling(row: Reader) -> Ceiling | None:
    """A row of `limits`."""
    span, power = read_span(row), row.number("power_kw")
    row.close()
    if span is None or power is None:
        return None
    return Ceiling(start_at=span[0], end_at=span[1], power_kw=power)


def read_window(row: Reader) -> Window | None:
    """A row of `restrictions`."""
    span = read_span(row)
    row.close()
    return Window(start_at=span[0], end_at=span[1]) if span is not None else None


def read_vehicle(reader: Reader | None, power_min_kw: float | None = None) -> VehicleLimits | None:
    """`vehicle`; without a `power_min_kw` of its own it gets the one given here, or the usual one."""
    if reader is None:
        return None
    reader.text("id", None)
    numbers = {
        name: reader.number(name, default)
        for name, default in {
            "battery_capacity_kwh": REQUIRED,
            "soc_percent": REQUIRED,
            "charge_limit_percent": 100.0,
            "power_max_kw": REQUIRED,
            "power_min_kw": power_min_kw,
            "efficiency": 0.9,
        }.items()
    }
    control = _control(reader)
    charging_now = reader.flag("charging_now", default=False)
    reader.close()
    given = {name: value for name, value in numbers.items() if value is not None}
    absent = set(numbers) - set(given)
    if absent - ({"power_min_kw"} - set(reader.members)) or control is None:
        return None
    return reader.make(lambda: VehicleLimits(**given, control=control, charging_now=charging_now))


def _control(reader: Reader) -> Control | None:
    text = reader.text("control", "on_off")
    if text is None:
        return None
    if text not in tuple(Control):
        reader.fault("control", "must be on_off or modulating")
        return None
    return Control(text)


def read_target(reader: Reader | None) -> Target | None:
    """`target`, of either type."""
    if reader is None:
        return None
    kind = reader.text("type", "REGULAR")
    if kind is not None and kind not in {"REGULAR", "IMMEDIATE_START"}:
        reader.fault("type", "must be REGULAR or IMMEDIATE_START")
        kind = None
    wanted = reader.number("minimum_charge_percent")
    reserve = reader.number("battery_reserve_percent", 0.0)
    immediate = kind == "IMMEDIATE_START" and "ready_by" not in reader.members
    ready_by_at = None if immediate else reader.instant("ready_by")
    reader.close()
    if kind is None or wanted is None or reserve is None:
        return None
    if kind == "IMMEDIATE_START":
        return ImmediateStart(minimum_charge_percent=wanted, battery_reserve_percent=reserve)
    if ready_by_at is None:
        return None
    return RegularTarget(
        minimum_charge_percent=wanted, battery_reserve_percent=reserve, ready_by_at=ready_by_at
    )


def write_plan(plan: Plan, words: Explanation) -> Json:
    """The answer for a good problem: instants with Z, numbers with all their digits."""
    ready_by = plan.soc_at_ready_by_percent
    return {
        "blocks": [
            {
                "type": block.type.value,
                "start": write_instant(block.start_at),
                "end": write_instant(block.end_at),
                "power_kw": block.power_kw,
                "energy_kwh": block.energy_kwh,
                "cost": block.cost,
                "reason": reason,
            }
            for block, reason in zip(plan.blocks, words.reasons, strict=True)
        ],
        "energy_kwh": plan.energy_kwh,
        "cost": plan.cost,
        "baseline_cost": plan.baseline_cost,
        "savings": plan.savings,
        "starts": plan.starts,
        "target_reached_at": write_instant(plan.target_reached_at) if plan.target_reached_at else None,
        "soc_at_ready_by_percent": ready_by,
        "reachable": plan.reachable,
        "reachable_soc_percent": plan.reachable_soc_percent,
        "price_coverage": plan.price_coverage,
        "gap": plan.gap,
    }


def write_faults(faults: Iterable[Fault]) -> Json:
    """The answer for a bad problem: its first fault, and all of them."""
    rows = [{"field": fault.field, "message": fault.message} for fault in faults]
    return {"error": {**rows[0], "faults": rows}}
