"""Savings for the pages: of the organization, a location or a vehicle, as rows to draw and as CSV."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec

from dwell.api.dashboard.lists import plain_figure
from dwell.api.shared.answers import Answer, answer_json
from dwell.api.shared.operations import Call, Parameter
from dwell.api.shared.problems import HttpRefusal, Issue
from dwell.api.shared.series import SAVINGS_QUERY, read_days
from dwell.application.board import name_of
from dwell.application.queries import Window, vehicle_views
from dwell.application.savings import Emitted, Scope, ScopedSavings, savings_over, total_emitted
from dwell.domain.ids import LocationId, VehicleId
from dwell.domain.series import Saved, share_saved, total_of

CHOICES_AT_MOST = 500
QUERY = (
    *SAVINGS_QUERY,
    Parameter(name="location", description="Of this location only."),
    Parameter(name="vehicle", description="Of this vehicle only."),
)


class SavingsRow(msgspec.Struct, frozen=True, kw_only=True):
    """A period's visits: energy in Wh, exact money in the answer's currency (None: several), percent of the baseline.

    Emissions in g of CO2 are those of `emitted_sessions` visits; None where they are known of none.
    """

    start: datetime
    end: datetime
    sessions: int
    energy_wh: int | None
    cost: Decimal | None
    baseline_cost: Decimal | None
    savings: Decimal | None
    percentage: Decimal | None
    emitted_sessions: int
    emissions_g: Decimal | None
    baseline_emissions_g: Decimal | None


class SavingsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Periods in order, their days those of `timezone`, and all of them in one row."""

    timezone: str
    currency: str | None
    mixed: bool
    rows: list[SavingsRow]
    total: SavingsRow


class Choice(msgspec.Struct, frozen=True):
    """What savings can be asked of."""

    id: str
    name: str


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """The first CHOICES_AT_MOST of each by id, and where the present day is."""

    locations: list[Choice]
    vehicles: list[Choice]
    today: str


async def get_savings(call: Call) -> Answer:
    """The series."""
    return answer_json(200, _answer(await _found(call)))


async def get_savings_csv(call: Call) -> Answer:
    """One row a period, instants as the local clock of the zone has them."""
    found = await _found(call)
    text = io.StringIO()
    lines = csv.writer(text)
    columns = ("from", "to", "sessions", "energy_kwh", "cost", "baseline_cost", "savings")
    lines.writerow((*columns, "percentage", "currency", "emissions_kg", "baseline_emissions_kg"))
    answer = _answer(found)
    zone = ZoneInfo(found.timezone)
    for row in answer.rows:
        span = (row.start.astimezone(zone).isoformat(), row.end.astimezone(zone).isoformat())
        money = (row.cost, row.baseline_cost, row.savings, row.percentage)
        kilograms = (_thousandth(row.emissions_g), _thousandth(row.baseline_emissions_g))
        figures = (plain_figure(_thousandth(row.energy_wh)), *map(plain_figure, money), answer.currency)
        lines.writerow((*span, row.sessions, *figures, *map(plain_figure, kilograms)))
    headers = {"content-disposition": 'attachment; filename="savings.csv"'}
    return Answer(200, text.getvalue().encode(), media_type="text/csv", headers=headers)


async def get_choices(call: Call) -> Answer:
    """Locations and vehicles to choose from."""
    ports, owner = call.backend.ports, call.organization_id
    places = await ports.store.read(lambda reader: reader.locations(owner, limit=CHOICES_AT_MOST))
    views = await vehicle_views(ports, owner, user_reference=None, window=Window(limit=CHOICES_AT_MOST))
    zone = ZoneInfo(places[0].timezone if places else "UTC")
    return answer_json(
        200,
        Choices(
            locations=[Choice(one.id, one.name) for one in places],
            vehicles=[Choice(view.vehicle.id, name_of(view.vehicle)) for view in views],
            today=ports.clock.now().astimezone(zone).date().isoformat(),
        ),
    )


async def _found(call: Call) -> ScopedSavings:
    days, resolution = read_days(call.query)
    location, vehicle = call.query.get("location"), call.query.get("vehicle")
    if location and vehicle:
        issues = [Issue("vehicle", "cannot be asked for together with location")]
        raise HttpRefusal(400, "The query has faults.", issues=issues)
    scope = Scope(
        vehicle_id=VehicleId(vehicle) if vehicle else None,
        location_id=LocationId(location) if location else None,
    )
    return await savings_over(call.backend.ports, call.organization_id, scope, resolution, days=days)


def _answer(found: ScopedSavings) -> SavingsAnswer:
    emitted = found.emitted or [Emitted() for _ in found.periods]
    rows = [_row(*pair, mixed=found.mixed) for pair in zip(found.periods, emitted, strict=True)]
    whole = _row(total_of(found.periods), total_emitted(emitted), mixed=found.mixed)
    return SavingsAnswer(
        timezone=found.timezone, currency=found.currency, mixed=found.mixed, rows=rows, total=whole
    )


def _row(saved: Saved, emitted: Emitted, *, mixed: bool) -> SavingsRow:
    known = emitted.sessions > 0
    return SavingsRow(
        start=saved.start_at,
        end=saved.end_at,
        sessions=saved.sessions,
        energy_wh=None if mixed else saved.energy_wh,
        cost=None if mixed else saved.cost,
        baseline_cost=None if mixed else saved.baseline_cost,
        savings=None if mixed else saved.savings,
        percentage=None if mixed else share_saved(saved),
        emitted_sessions=emitted.sessions,
        emissions_g=emitted.emissions_g if known else None,
        baseline_emissions_g=emitted.baseline_emissions_g if known else None,
    )


def _thousandth(amount: int | Decimal | None) -> Decimal | None:
    return None if amount is None else Decimal(amount).scaleb(-3)


ROWS = (
    ("GET", "/savings", get_savings),
    ("GET", "/savings.csv", get_savings_csv),
    ("GET", "/savings-choices", get_choices),
)
QUERIES = {"/savings": QUERY, "/savings.csv": QUERY}
