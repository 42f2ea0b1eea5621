"""A vehicle's data and savings as two dialects serve them: reading the query, and the envelopes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from dwell.api.shared.answers import Answer, answer_json
from dwell.api.shared.operations import Call, Parameter
from dwell.application.series import Asked, SavingsView, vehicle_data, vehicle_savings
from dwell.domain.errors import Fault, Refused
from dwell.domain.ids import UserId, VehicleId
from dwell.domain.instants import read_day, read_instant, write_instant
from dwell.domain.series import Period, Resolution, Saved, share_saved

FILL_MISSING = "fill-missing"
KEYWORDS = (
    "price",
    "battery_level",
    "is_charging",
    "is_plugged_in",
    "is_at_optimized_location",
    "estimated_consumption",
    "unoptimized_consumption",
)
DATA_RESOLUTIONS = ("15MIN", "1HOUR", "1DAY", "1WEEK", "1MONTH")
SAVINGS_RESOLUTIONS = ("1DAY", "1WEEK", "1MONTH", "1QUARTER", "1YEAR")
FIRST, LAST = date(2000, 1, 1), date(2100, 1, 1)
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


class DataAnswer(msgspec.Struct, frozen=True):
    """Points in order of `time`, each with the keywords that were asked for: energies in kWh, prices per kWh."""

    metadata: dict[str, Any]
    data: list[dict[str, Any]]


class SavingsPeriod(msgspec.Struct, frozen=True):
    """From `start_period` to before `end_period`."""

    start_period: datetime
    end_period: datetime


class SavingsFigures(msgspec.Struct, frozen=True):
    """`total` is exact, in the currency that the metadata names; `percentage` of what it would have cost otherwise."""

    total: Decimal | None
    percentage: Decimal | None


class SavingsRow(msgspec.Struct, frozen=True):
    """One period's savings."""

    resolution: str
    period: SavingsPeriod
    savings: SavingsFigures


class SavingsAnswer(msgspec.Struct, frozen=True):
    """`metadata` holds requested_at, query, units and error."""

    metadata: dict[str, Any]
    data: list[SavingsRow]


DATA_QUERY = (
    Parameter(
        name="from_datetime",
        description="From this instant on.",
        schema={"type": "string", "format": "date-time"},
    ),
    Parameter(
        name="to_datetime",
        description="Before this instant.",
        schema={"type": "string", "format": "date-time"},
    ),
    Parameter(
        name="resolution",
        description="The length of a period; days and longer ones in the location's time zone.",
        schema={"type": "string", "enum": list(DATA_RESOLUTIONS), "default": "15MIN"},
    ),
    Parameter(
        name="keywords", description=f"Which figures, by comma: {', '.join(KEYWORDS)}. Without it, all."
    ),
)
SAVINGS_QUERY = (
    Parameter(name="from", description="The first day, local.", schema={"type": "string", "format": "date"}),
    Parameter(
        name="to", description="The last day, local, included.", schema={"type": "string", "format": "date"}
    ),
    Parameter(
        name="resolution",
        description="The length of a period.",
        schema={"type": "string", "enum": list(SAVINGS_RESOLUTIONS), "default": "1MONTH"},
    ),
)


async def serve_data(call: Call, vehicle_id: VehicleId, user_id: UserId | None) -> Answer:
    """What the vehicle did, period by period; those of which nothing is known only with `fill-missing: true`.

    Raises Refused with every fault, NotFound.
    """
    faults = list[Fault]()
    start_at = _instant(call.query, "from_datetime", faults)
    end_at = _instant(call.query, "to_datetime", faults)
    resolution = _resolution(call.query, DATA_RESOLUTIONS, "15MIN", faults)
    keywords = _keywords(call.query, faults)
    fill = _FLAGS.get(call.headers.get(FILL_MISSING, "false").strip().lower())
    if fill is None:
        faults.append(Fault(field=FILL_MISSING, message="must be true or false"))
    if start_at is not None and end_at is not None and start_at >= end_at:
        faults.append(Fault(field="to_datetime", message="must be after from_datetime"))
    if faults or start_at is None or end_at is None:
        raise Refused.because(*faults)
    view = await vehicle_data(
        call.backend.ports,
        call.organization_id,
        Asked(vehicle_id=vehicle_id, user_id=user_id, resolution=resolution),
        (start_at, end_at),
        with_prices="price" in keywords,
        with_levels="battery_level" in keywords,
    )
    points = [_point(period, keywords) for period in view.periods if fill or not period.is_empty]
    return answer_json(200, DataAnswer({}, points))


async def serve_savings(call: Call, vehicle_id: VehicleId, user_id: UserId | None) -> Answer:
    """What was saved, period by period. Raises Refused with every fault, NotFound."""
    (first, last), resolution = read_days(call.query)
    ports = call.backend.ports
    asked = Asked(vehicle_id=vehicle_id, user_id=user_id, resolution=resolution)
    view = await vehicle_savings(ports, call.organization_id, asked, (first, last))
    metadata = {
        "requested_at": write_instant(ports.clock.now()),
        "query": {"from": first.isoformat(), "to": last.isoformat(), "resolution": resolution.value},
        "units": {"total": view.currency, "percentage": "%"},
        "error": "The visits were paid in several currencies." if view.mixed else None,
    }
    rows = [_savings_row(saved, resolution, view) for saved in view.periods]
    return answer_json(200, SavingsAnswer(metadata, rows))


def read_days(query: Mapping[str, str]) -> tuple[tuple[date, date], Resolution]:
    """Which local days of savings are asked for, in which periods. Raises Refused with every fault."""
    faults = list[Fault]()
    first, last = _day(query, "from", faults), _day(query, "to", faults)
    resolution = _resolution(query, SAVINGS_RESOLUTIONS, "1MONTH", faults)
    if first is not None and last is not None and first > last:
        faults.append(Fault(field="to", message="must not be before from"))
    if faults or first is None or last is None:
        raise Refused.because(*faults)
    return (first, last), resolution


def _savings_row(saved: Saved, resolution: Resolution, view: SavingsView) -> SavingsRow:
    figures = SavingsFigures(None, None)
    if not view.mixed:
        figures = SavingsFigures(saved.savings, share_saved(saved))
    return SavingsRow(resolution.value, SavingsPeriod(saved.start_at, saved.end_at), figures)


def _point(period: Period, keywords: frozenset[str]) -> dict[str, Any]:
    said = {
        "price": period.price_per_kwh,
        "battery_level": period.soc_percent,
        "is_charging": period.charging,
        "is_plugged_in": period.plugged_in,
        "is_at_optimized_location": period.at_home,
        "estimated_consumption": Decimal(period.energy_wh).scaleb(-3),
        "unoptimized_consumption": period.baseline_energy_wh.scaleb(-3),
    }
    return {"time": write_instant(period.start_at), **{k: v for k, v in said.items() if k in keywords}}


def _instant(query: Mapping[str, str], name: str, faults: list[Fault]) -> datetime | None:
    try:
        at = read_instant(query.get(name, ""))
    except ValueError:
        at = None
    if at is not None and FIRST < at.date() < LAST:
        return at
    faults.append(
        Fault(field=name, message=f"must be an ISO 8601 instant with its offset, {FIRST.year} to {LAST.year}")
    )
    return None


def _day(query: Mapping[str, str], name: str, faults: list[Fault]) -> date | None:
    try:
        day = read_day(query.get(name, ""))
    except ValueError:
        day = None
    if day is not None and FIRST < day < LAST:
        return day
    faults.append(Fault(field=name, message=f"must be a day, YYYY-MM-DD, {FIRST.year} to {LAST.year}"))
    return None


def _resolution(
    query: Mapping[str, str], known: tuple[str, ...], usual: str, faults: list[Fault]
) -> Resolution:
    text = query.get("resolution", usual)
    if text not in known:
        faults.append(Fault(field="resolution", message=f"must be one of {', '.join(known)}"))
        text = usual
    return Resolution(text)


def _keywords(query: Mapping[str, str], faults: list[Fault]) -> frozenset[str]:
    text = query.get("keywords")
    if text is None:
        return frozenset(KEYWORDS)
    asked = frozenset(word.strip() for word in text.split(","))
    if not asked or not asked <= set(KEYWORDS):
        faults.append(Fault(field="keywords", message=f"must be some of {', '.join(KEYWORDS)}, by comma"))
    return asked
