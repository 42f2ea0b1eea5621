"""The report of a backtest as one HTML file that needs nothing else: no script, no font, no picture from elsewhere."""

from __future__ import annotations

from datetime import datetime, timedelta
from html import escape
from string import Template
from zoneinfo import ZoneInfo

from dwell.simulation.plots import (
    Energies,
    busiest_week,
    draw,
    energy_by_price,
    load_by_hour,
    savings_per_visit,
    week_of_prices,
)
from dwell.simulation.report import Study, Summary, money, percent, table_of
from dwell.simulation.shards import Lived

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light">
<title>$title</title>
<style>
:root { --ink: #1f2933; --soft: #52606d; --line: #e4e7eb; --smart: #0f766e; }
* { box-sizing: border-box; }
body { margin: 0; background: #f7f8f9; color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .25rem; letter-spacing: -.01em; }
h2 { font-size: 1.125rem; margin: 0 0 .125rem; }
p { margin: 0; }
.lead, .note { color: var(--soft); }
.note { font-size: .875rem; max-width: 46rem; }
.key { display: grid; grid-template-columns: repeat(4, 1fr); margin: 1.75rem 0;
  background: #fff; border: 1px solid var(--line); border-radius: .5rem; }
.key div { padding: 1rem 1.25rem; border-left: 1px solid var(--line); }
.key div:first-child { border-left: 0; }
.key dt { color: var(--soft); font-size: .875rem; }
.key dd { margin: 0; font-size: 1.625rem; line-height: 1.25; font-weight: 600; font-variant-numeric: tabular-nums; }
.key dd + dd { font-size: .875rem; font-weight: 400; color: var(--soft); }
.key div:first-child dd:nth-of-type(1) { color: var(--smart); }
section { background: #fff; border: 1px solid var(--line); border-radius: .5rem; padding: 1.25rem; margin-top: 1rem; }
section svg { display: block; width: 100%; height: auto; margin-top: .75rem; }
section svg text { font-family: inherit !important; }
.narrow { display: none; }
table { width: 100%; border-collapse: collapse; margin-top: .75rem; font-size: .9375rem; }
th, td { padding: .4rem 0; border-top: 1px solid var(--line); text-align: left; vertical-align: top; }
tr:first-child > * { border-top: 0; }
th { font-weight: 400; color: var(--soft); padding-right: 1rem; width: 40%; }
td { font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
footer { margin-top: 1.5rem; color: var(--soft); font-size: .8125rem; }
footer p + p { margin-top: .75rem; }
footer ul { margin: .25rem 0 0; padding-left: 1.1rem; }
footer li { overflow-wrap: anywhere; }
@media (max-width: 44rem) {
  main { padding: 1.5rem .75rem 3rem; }
  h1 { font-size: 1.375rem; }
  .key { grid-template-columns: repeat(2, 1fr); margin: 1.25rem 0; }
  .key div { padding: .75rem 1rem; }
  .key div:nth-child(odd) { border-left: 0; }
  .key div:nth-child(n + 3) { border-top: 1px solid var(--line); }
  .key dd { font-size: 1.375rem; }
  section { padding: 1rem .875rem; }
  .wide { display: none; }
  .narrow { display: block; }
}
@media print { body { background: #fff; } section { break-inside: avoid; } }
</style>
</head>
<body>
<main>
<h1>$title</h1>
<p class="lead">$lead</p>
<dl class="key">$key</dl>
$sections
<section>
<h2>All figures</h2>
<table>$table</table>
</section>
<footer>
<p>$method</p>
$sources
</footer>
</main>
</body>
</html>
""")
_METHOD = (
    "Every visit was lived again on a virtual clock, through the same engine that serves vehicles: told of the "
    "plug-in, it planned, ordered and settled. The baseline is the same energy charged from plug-in at full power. "
    "Costs are energy times market price; taxes, fees and grid charges are not in them. Prices were known from the "
    "start, as day-ahead prices mostly are: a plan for a stay beyond the next day knew more than it would have."
)


MANY_KWH = 100_000
"""From here on a figure that stands large is in MWh."""


def page_of(study: Study, lived: Lived, summary: Summary) -> str:
    """The whole page."""
    return _PAGE.substitute(
        title=f"Backtest of {summary.visits:,} charging visits",
        lead=escape(_lead(summary)),
        key="".join(_key(*row) for row in _keys(summary)),
        sections="\n".join(_sections(study, lived)),
        table="".join(
            f"<tr><th scope='row'>{escape(name)}</th><td>{escape(value)}</td></tr>"
            for name, value in [*table_of(summary), *_settings(summary)]
        ),
        method=_METHOD,
        sources=_sources(study),
    )


def _lead(summary: Summary) -> str:
    settings = summary.settings
    ready = "at departure" if settings.ready_by == "departure" else f"by {settings.ready_by}"
    placed = "laid on priced days of" if settings.calendar else "at prices of"
    days = f"{(summary.first_at or '–')[:10]} to {(summary.last_at or '–')[:10]}"
    return f"{summary.vehicles:,} vehicles, {placed} {settings.zone}, {days}; to be ready {ready}."


def _keys(summary: Summary) -> list[tuple[str, str, str]]:
    currency, reached = summary.currency, f"{summary.targets_reached:,} of {summary.visits:,}"
    starts = "–" if summary.starts_per_visit is None else f"{summary.starts_per_visit:.2f}"
    return [
        ("Saved", percent(summary.savings_percent), money(summary.savings, currency)),
        ("Targets reached", percent(summary.targets_reached_percent), reached),
        ("Energy", _energy(summary.energy_kwh), f"for {money(summary.cost, currency)}"),
        ("Starts per visit", starts, f"{summary.facts:,} facts"),
    ]


def _energy(energy_kwh: float) -> str:
    return f"{energy_kwh:,.0f} kWh" if energy_kwh < MANY_KWH else f"{energy_kwh / 1000:,.1f} MWh"


def _key(name: str, value: str, more: str) -> str:
    return f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd><dd>{escape(more)}</dd></div>"


def _settings(summary: Summary) -> list[tuple[str, str]]:
    settings = summary.settings
    return [
        ("Ready by", f"{settings.ready_by}, {settings.minimum_charge_percent:g} %"),
        ("Prices", f"{settings.zone}, in {summary.currency}"),
        ("Days follow", settings.timezone),
        ("Store", f"{settings.store}, seed {settings.seed}"),
    ]


def _sections(study: Study, lived: Lived) -> list[str]:
    tally = lived.tally
    energies = Energies(tally, study.curve, ZoneInfo(study.timezone))
    sections = []
    if any(row.savings is not None for row in tally.rows):
        sections.append(
            _section(
                "Savings per visit",
                "To the cent. Grey: dearer than charging at once. The outermost bars gather the rest of either end.",
                draw("savings", savings_per_visit(tally)),
            )
        )
    if tally.smart_wh:
        sections.append(
            _section(
                "Load by hour of day",
                "Energy of all visits together, by the hour in which it was charged.",
                draw("hours", load_by_hour(energies)),
            )
        )
        sections.append(
            _section(
                "Energy by price",
                "How much was charged at which price; the outermost bars gather the rest of either end.",
                draw("prices", energy_by_price(energies)),
            )
        )
        week = busiest_week(energies)
        if week is not None:
            sections.append(
                _section(
                    "Prices, and the energy charged on top",
                    days_shown(week.start_at, week.end_at),
                    draw("week", week_of_prices(energies, week), times_as_high=1.35),
                )
            )
    return sections


def days_shown(start_at: datetime, end_at: datetime) -> str:
    """How many days the plot shows: seven, or fewer where the prices end before."""
    days = max(1, round((end_at - start_at) / timedelta(days=1)))
    if days == 1:
        return "The day with the most energy."
    words = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven"}
    return f"The {words[days]} days in a row with the most energy."


def _section(title: str, note: str, drawing: tuple[str, str]) -> str:
    wide, narrow = drawing
    return (
        f'<section><h2>{escape(title)}</h2><p class="note">{escape(note)}</p>'
        f'<div class="wide">{wide}</div><div class="narrow">{narrow}</div></section>'
    )


def _sources(study: Study) -> str:
    if not study.sources:
        return ""
    return (
        "<p>The data:</p><ul>" + "".join(f"<li>{escape(source)}</li>" for source in study.sources) + "</ul>"
    )
