"""`dwell backtest`: recorded visits lived again at real prices; what that would have saved."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dwell.cli.surroundings import NOT_ALL
from dwell.cli.variadic import variadic

if TYPE_CHECKING:
    from dwell.domain.ids import Zone
    from dwell.domain.tariff.curve import PriceCurve
    from dwell.protocols.prices import PriceDocument
    from dwell.simulation.backtest import ClosableStore, Plan
    from dwell.simulation.report import Study, Summary
    from dwell.simulation.shards import Lived, OpenShardStore
    from dwell.simulation.visits import VisitFile

PROCESSES = 2
"""By default. More than there are cores only costs memory."""
VISITS_SOURCE = (
    "Visits: residential charging in Norway, Å. L. Sørensen and co-authors, Data in Brief (2024), "
    "doi 10.1016/j.dib.2024.110883, CC BY 4.0; rows left out and adjusted as counted above"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """The command line."""

    visits: tuple[Path, ...]
    prices: tuple[Path, ...]
    shipped: bool
    zone: str | None
    calendar: bool
    timezone: str | None
    ready_by: str
    minimum_charge: float
    limit: int | None
    processes: int
    store: str
    seed: int
    json: bool
    html: Path | None
    left_out: Path | None


@click.command(name="backtest", cls=variadic("--prices"))
@click.argument("visits", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--prices",
    multiple=True,
    metavar="PATH…",
    type=click.Path(exists=True, path_type=Path),
    help="Price documents or folders of them; takes all paths that follow. Later ones lie over earlier ones.",
)
@click.option(
    "--shipped", is_flag=True, help="Use the visits and prices that come with Dwell where none are named."
)
@click.option("--zone", help="The price zone, where the documents hold several or name none.")
@click.option("--calendar", is_flag=True, help="Lay visits of other days on priced days of the same weekday.")
@click.option(
    "--timezone", metavar="NAME", help="Whose local days the calendar keeps.  [default: the visits']"
)
@click.option(
    "--ready-by", default="departure", show_default=True, metavar="HH:MM", help="departure, or a local time."
)
@click.option(
    "--minimum-charge", type=click.FloatRange(1, 100), default=100.0, show_default=True, metavar="PERCENT"
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Live only the first N visits.")
@click.option("--processes", type=click.IntRange(1, 64), default=PROCESSES, show_default=True)
@click.option("--store", type=click.Choice(["memory", "sqlite"]), default="memory", show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--json", is_flag=True, help="Print one JSON object and nothing else.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a report to FILE.")
@click.option(
    "--left-out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the rows that were left out to FILE, as CSV with their reasons.",
)
def backtest(**given: object) -> None:
    """Live recorded charging VISITS again, at the prices of PATH…, and print what that saves.

    VISITS are CSV files (plain or gzip) of the data sets in docs/reference/visits-csv.md, or folders of them. Each
    visit goes through the engine as it would have come: plug-in, plan, orders, plug-out, settlement.

    \b
    dwell backtest --shipped --calendar --limit 2000
    dwell backtest visits.csv --prices prices/*.json --calendar --html report.html
    """
    from dwell.domain.errors import Refused

    request = _Request(**given)  # type: ignore[arg-type] # click made each of them by its declared type
    try:
        study = _study(request)
    except Refused as refused:
        lines = [f"{fault.field}: {fault.message}" for fault in refused.faults] or [refused.message]
        raise click.ClickException("\n       ".join(lines)) from refused
    if request.left_out is not None:
        _list_left_out(request.left_out, study)
    lived = _live(request, study)
    _show(request, study, lived)
    if not study.visits:
        click.echo("No visit could be lived: see what was left out, and why.", err=True)
        raise click.exceptions.Exit(NOT_ALL)


def _study(request: _Request) -> Study:
    """Visits and prices, read and laid together. Raises Refused, click.UsageError."""
    from dwell.simulation.report import Study
    from dwell.simulation.visits import keep_priced, lay_on

    _check(request)
    visits = _visits(request)
    zone, curve, documents = _prices(request)
    timezone = request.timezone or _usual_timezone(visits)
    laid = (
        lay_on(visits.visits, curve, timezone=timezone)
        if request.calendar
        else keep_priced(visits.visits, curve)
    )
    return Study(
        visits=laid.visits[: request.limit],
        row_count=visits.row_count,
        beyond_limit=len(laid.visits[request.limit :]) if request.limit is not None else 0,
        left_out=(*visits.left_out, *laid.left_out),
        adjusted={rule.value: count for rule, count in visits.adjusted.items()},
        curve=curve,
        timezone=timezone,
        plan=_plan(request, zone),
        calendar=request.calendar,
        store=request.store,
        processes=request.processes,
        sources=_sources(request, documents),
    )


def _check(request: _Request) -> None:
    from dwell.domain.policy.schedule import minutes_of
    from dwell.domain.timezones import timezone_of

    if not request.visits and not request.shipped:
        raise click.UsageError(
            "no VISITS: name files before --prices (which takes every path that follows), or use --shipped."
        )
    if not request.prices and not request.shipped:
        raise click.UsageError("no prices: name documents with --prices PATH…, or use --shipped.")
    if request.ready_by != "departure":
        try:
            minutes_of(request.ready_by)
        except ValueError as error:
            raise click.UsageError("--ready-by is departure, or a local time HH:MM.") from error
    if request.timezone is not None:
        try:
            timezone_of(request.timezone)
        except ValueError as error:
            raise click.UsageError(f"--timezone: {request.timezone!r} {error}.") from error


def _visits(request: _Request) -> VisitFile:
    from dwell.data import shipped_visits
    from dwell.simulation.visits import read_visit_contents, read_visits

    return read_visits(request.visits) if request.visits else read_visit_contents(shipped_visits())


def _usual_timezone(visits: VisitFile) -> str:
    """The zone of most of the visits."""
    found = Counter(visit.timezone for visit in visits.visits).most_common(1)
    return found[0][0] if found else "UTC"


def _prices(request: _Request) -> tuple[Zone, PriceCurve, list[PriceDocument]]:
    """The zone that is used, its prices, and the documents they come from."""
    from dwell.cli.price_files import by_zone, curve_of, read_price_contents, read_price_files
    from dwell.data import shipped_prices
    from dwell.domain.ids import Zone
    from dwell.protocols.prices import read_zone

    try:
        wanted = read_zone(request.zone) if request.zone is not None else None
    except ValueError as error:
        raise click.UsageError(f"--zone: {error}.") from error
    if request.prices:
        documents = read_price_files(request.prices, zone=wanted, others=True)
    else:
        documents = read_price_contents(shipped_prices(), zone=None)
    zones = by_zone(documents)
    chosen = wanted if wanted is not None else next(iter(zones))
    if chosen not in zones or (wanted is None and len(zones) > 1):
        names = ", ".join(sorted(zone or "none named" for zone in zones))
        raise click.UsageError(f"the documents hold prices of these zones: {names}; pick one with --zone.")
    return chosen or Zone("UNNAMED"), curve_of(zones[chosen]), zones[chosen]


def _plan(request: _Request, zone: Zone) -> Plan:
    from dwell.simulation.backtest import Plan

    return Plan(
        zone=zone,
        ready_by=request.ready_by,
        minimum_charge_percent=request.minimum_charge,
        seed=request.seed,
    )


def _sources(request: _Request, documents: list[PriceDocument]) -> tuple[str, ...]:
    visits = ", ".join(str(path) for path in request.visits)
    prices = Counter((document.source, document.licence) for document in documents)
    return (
        f"Visits: {visits}" if visits else VISITS_SOURCE,
        *(
            f"Prices ({count} documents): {source}" + (f"; {licence}" if licence else "")
            for (source, licence), count in prices.items()
        ),
    )


def _live(request: _Request, study: Study) -> Lived:
    from dwell.simulation.shards import ShardFailed, live_in_shards

    try:
        with _store(request.store) as open_store, _progress(request, len(study.visits)) as on_settled:
            return live_in_shards(
                study.visits,
                study.curve,
                study.plan,
                open_store=open_store,
                processes=request.processes,
                on_settled=on_settled,
            )
    except ShardFailed as failed:
        raise click.ClickException(str(failed)) from failed


@contextmanager
def _store(kind: str) -> Iterator[OpenShardStore]:
    """How each shard opens its store; files live in a folder that goes when all is over."""
    if kind == "memory":
        yield open_memory
        return
    with tempfile.TemporaryDirectory(prefix="dwell-backtest-", ignore_cleanup_errors=True) as folder:
        yield partial(open_sqlite, folder)


async def open_memory(_: int) -> ClosableStore:
    """A store in memory that keeps what is read at the end, and lets go of what nobody reads here."""
    from dwell.adapters.storage.memory import MemoryStore

    return MemoryStore(keep_events=False, keep_packed_facts=False)


async def open_sqlite(folder: str, shard: int) -> ClosableStore:
    """A store in a file of the shard's own, as a server would keep it."""
    from dwell.adapters.storage import open_store
    from dwell.adapters.storage.schema import upgrade

    url = f"sqlite:///{folder}/shard-{shard}.db"
    await upgrade(url)
    return await open_store(url)


@contextmanager
def _progress(request: _Request, total: int) -> Iterator[Callable[[int], None] | None]:
    """A bar on stderr, for a person only."""
    if request.json or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("visits"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("visits", total=total)
        yield lambda settled: bar.update(task, completed=settled)


def _show(request: _Request, study: Study, lived: Lived) -> None:
    from dwell.simulation.report import summarise, write_json

    summary = summarise(study, lived)
    if request.html is not None:
        from dwell.simulation.report_page import page_of

        try:
            request.html.write_text(page_of(study, lived, summary), encoding="utf-8")
        except OSError as error:
            raise click.ClickException(f"cannot write {request.html}: {error.strerror}") from error
    if request.json:
        click.echo(write_json(summary))
    else:
        _print_table(summary)
        if request.html is not None:
            click.echo(f"Report: {request.html}")


def _list_left_out(file: Path, study: Study) -> None:
    """One line for each row left out; a visit left out as a whole has no line in a file, but its id."""
    import csv

    try:
        with file.open("w", encoding="utf-8", newline="") as lines:
            writer = csv.writer(lines, lineterminator="\n")
            writer.writerow(("source", "row", "visit_id", "reason", "detail"))
            for entry in study.left_out:
                row = (entry.source or "", "" if entry.row is None else entry.row, entry.visit_id or "")
                writer.writerow((*row, entry.reason.value, entry.detail))
    except OSError as error:
        raise click.ClickException(f"cannot write {file}: {error.strerror}") from error


def _print_table(summary: Summary) -> None:
    from rich.console import Console
    from rich.table import Table

    from dwell.simulation.report import table_of

    table = Table(show_header=False, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column()
    for name, value in table_of(summary):
        table.add_row(name, value)
    Console().print(table)
