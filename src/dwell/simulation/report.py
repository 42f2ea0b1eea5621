"""What a backtest found, in figures: for a table, for JSON, and for the page of `report_page`.

Sums are exact; money is rounded once, where it is shown or written (six places in JSON, two for people).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

import msgspec

from dwell.domain.instants import write_instant
from dwell.domain.tariff.curve import PriceCurve
from dwell.domain.units import WH_PER_KWH
from dwell.simulation.backtest import Plan
from dwell.simulation.shards import Lived
from dwell.simulation.visits import LeftOut, Visit

MONEY_STEP = Decimal("0.000001")
MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What was asked: the visits that are lived, what was left out on the way there, prices and settings.

    `beyond_limit` counts the usable visits that nobody wanted lived.

    `sources` are sentences that name where the data comes from, with its licence where it states one.
    """

    visits: Sequence[Visit]
    row_count: int
    left_out: Sequence[LeftOut]
    beyond_limit: int = 0
    adjusted: Mapping[str, int]
    curve: PriceCurve
    timezone: str
    plan: Plan
    calendar: bool = False
    store: str = "memory"
    processes: int = 1
    sources: tuple[str, ...] = ()


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How the backtest was run."""

    zone: str
    timezone: str
    calendar: bool
    ready_by: str
    minimum_charge_percent: float
    store: str
    processes: int
    seed: int


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a backtest. Costs and savings are of the visits that could be valued; the others are counted."""

    settings: Settings
    rows_read: int
    left_out: dict[str, int]
    beyond_limit: int
    adjusted: dict[str, int]
    visits: int
    vehicles: int
    first_at: str | None
    last_at: str | None
    energy_kwh: float
    energy_recorded_kwh: float
    currency: str
    cost: Decimal
    baseline_cost: Decimal
    savings: Decimal
    savings_percent: float | None
    visits_without_savings: int
    targets_reached: int
    targets_reached_percent: float | None
    starts_per_visit: float | None
    outcomes: dict[str, int]
    facts: int
    run_time_s: float
    visits_per_s: float | None
    peak_memory_mb: float


def summarise(study: Study, lived: Lived) -> Summary:
    """The figures of what was lived."""
    rows, visits = lived.tally.rows, study.visits
    compared = [row for row in rows if row.savings is not None]
    savings = _total(row.savings for row in compared)
    baseline_cost = _total(row.baseline_cost for row in compared)
    reached = sum(row.reached for row in rows)
    return Summary(
        settings=_settings(study),
        rows_read=study.row_count,
        left_out=_counted(entry.reason.value for entry in study.left_out),
        beyond_limit=study.beyond_limit,
        adjusted={str(rule): count for rule, count in sorted(study.adjusted.items())},
        visits=len(rows),
        vehicles=len({row.user_reference for row in rows}),
        first_at=_instant(min((row.plugged_in_at for row in rows), default=None)),
        last_at=_instant(max((row.ended_at for row in rows), default=None)),
        energy_kwh=sum(row.energy_wh for row in rows) / WH_PER_KWH,
        energy_recorded_kwh=sum(visit.energy_wh for visit in visits) / WH_PER_KWH,
        currency=lived.tally.currency,
        cost=_total(row.cost for row in compared),
        baseline_cost=baseline_cost,
        savings=savings,
        savings_percent=_percent(float(savings), float(baseline_cost)),
        visits_without_savings=len(rows) - len(compared),
        targets_reached=reached,
        targets_reached_percent=_percent(reached, len(rows)),
        starts_per_visit=round(sum(row.starts for row in rows) / len(rows), 3) if rows else None,
        outcomes=_counted(row.reason for row in rows),
        facts=lived.tally.fact_count,
        run_time_s=round(lived.duration_s, 3),
        visits_per_s=round(len(rows) / lived.duration_s, 1) if lived.duration_s > 0 else None,
        peak_memory_mb=round(lived.peak_memory_bytes / MEGABYTE, 1),
    )


def write_json(summary: Summary) -> bytes:
    """The summary as one JSON object; money as numbers of at most six places."""
    return msgspec.json.format(msgspec.json.Encoder(decimal_format="number").encode(summary), indent=2)


def table_of(summary: Summary) -> list[tuple[str, str]]:
    """The figures for people: what, and how much."""
    s, currency = summary, summary.currency
    return [
        ("Visits lived", f"{s.visits:,} of {s.rows_read:,} read, by {s.vehicles:,} vehicles"),
        *_counts("Left out", s.left_out),
        *([("Left out: beyond the limit", f"{s.beyond_limit:,}")] if s.beyond_limit else []),
        *_counts("Adjusted", s.adjusted),
        ("Period", f"{_day(s.first_at)} … {_day(s.last_at)}"),
        ("Energy", f"{s.energy_kwh:,.1f} kWh ({s.energy_recorded_kwh:,.1f} kWh recorded)"),
        ("Cost, smart", money(s.cost, currency)),
        ("Cost, baseline", money(s.baseline_cost, currency)),
        ("Savings", f"{money(s.savings, currency)} ({percent(s.savings_percent)})"),
        *([("Not valued", f"{s.visits_without_savings:,} visits")] if s.visits_without_savings else []),
        ("Targets reached", f"{percent(s.targets_reached_percent)} ({s.targets_reached:,})"),
        ("Starts per visit", "–" if s.starts_per_visit is None else f"{s.starts_per_visit:.2f}"),
        *_counts("Outcome", s.outcomes),
        ("Facts", f"{s.facts:,}"),
        ("Run time", f"{s.run_time_s:.1f} s, {s.visits_per_s or 0:,.0f} visits/s"),
        ("Peak memory", f"{s.peak_memory_mb:,.0f} MB in {s.settings.processes} processes"),
    ]


def money(amount: Decimal, currency: str) -> str:
    """The amount to the cent, half up."""
    cents = amount.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    return f"{cents:,} {currency}".replace("-", "−")


def percent(value: float | None) -> str:
    """One decimal; a dash for what cannot be said."""
    return "–" if value is None else f"{value:.1f} %"


def _settings(study: Study) -> Settings:
    return Settings(
        zone=study.plan.zone,
        timezone=study.timezone,
        calendar=study.calendar,
        ready_by=study.plan.ready_by,
        minimum_charge_percent=study.plan.minimum_charge_percent,
        store=study.store,
        processes=study.processes,
        seed=study.plan.seed,
    )


def _total(amounts: Iterable[Decimal | None]) -> Decimal:
    total = sum((amount for amount in amounts if amount is not None), Decimal(0))
    return total.quantize(MONEY_STEP, rounding=ROUND_HALF_UP)


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))


def _counts(title: str, counts: Mapping[str, int]) -> list[tuple[str, str]]:
    return [(f"{title}: {name.replace('_', ' ')}", f"{count:,}") for name, count in counts.items()]


def _percent(part: float, whole: float) -> float | None:
    return round(100 * part / whole, 3) if whole else None


def _instant(at: datetime | None) -> str | None:
    return write_instant(at) if at is not None else None


def _day(instant: str | None) -> str:
    return instant[:10] if instant is not None else "–"
