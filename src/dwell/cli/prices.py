"""`dwell prices`: documents of market prices into the store, and what is there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from dwell.cli.surroundings import operator, run, settings_of
from dwell.domain.units import MINUTE_S

if TYPE_CHECKING:
    from dwell.application.ports import Ports, Reader
    from dwell.cli.price_files import Reading
    from dwell.domain.ids import Zone
    from dwell.protocols.prices import PriceDocument
    from dwell.settings import Settings

RECENT = timedelta(days=7)
"""Slots of these last days tell a zone's resolution."""
MOST_SPANS = 5
"""So many changed spans of a zone are shown one by one."""


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What the documents of one zone did: `changed` are the spans in which the price is another than before, or new."""

    zone: str
    currency: str
    documents: int
    slots: int
    changed: list[tuple[str, str]]
    notes: dict[str, list[str]]


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What the store has of a zone: `spans` without a gap, and the lengths of its slots in the last days."""

    zone: str
    currency: str
    start_at: str
    end_at: str
    spans: list[tuple[str, str]]
    resolutions_min: list[float]


@click.group()
def prices() -> None:
    """Prices of the market."""


@prices.command(name="import")
@click.argument(
    "paths", nargs=-1, required=True, metavar="PATH…", type=click.Path(exists=True, path_type=Path)
)
@click.option(
    "--zone", help="The price zone of documents that name none, or one of several that a document holds."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list and nothing else.")
@click.pass_context
def import_files(context: click.Context, *, paths: tuple[Path, ...], zone: str | None, as_json: bool) -> None:
    """Take the price documents in PATH…: files, plain or gzip, or folders of them. Read are Energy-Charts, aWATTar,
    ENTSO-E (XML and CSV), Nord Pool (both shapes), Octopus, Tibber, EnergyZero, and a plain CSV.

    Later documents lie over earlier ones and over what is stored; importing the same again changes nothing. All is read
    before anything is stored, and every fault of every file is named. A server may run meanwhile: its vehicles get new
    plans.
    """
    from dwell.protocols.prices import read_all_prices

    documents = documents_by_zone(paths, zone, read=read_all_prices)
    print_imported(run(import_documents(settings_of(context), documents)), as_json=as_json)


@prices.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list and nothing else.")
@click.pass_context
def list_zones(context: click.Context, *, as_json: bool) -> None:
    """The zones that have prices: each span without a gap, and the length of the newest slots."""
    print_kept(
        run(kept_curves(settings_of(context))),
        as_json=as_json,
        none="No prices yet: `dwell prices import PATH…`",
    )


def print_kept(kept: list[Kept], *, as_json: bool, none: str) -> None:
    """What is stored; `none` is said where nothing is."""
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(kept)))
        return
    if not kept:
        click.echo(f"{none} brings some.", err=True)
    for one in kept:
        lengths = ", ".join(f"{length:g}" for length in one.resolutions_min)
        for index, (start_at, end_at) in enumerate(one.spans):
            name = f"{one.zone:12} {one.currency}" if index == 0 else " " * 16
            click.echo(f"{name}  {start_at} … {end_at}" + (f"  slots of {lengths} min" if index == 0 else ""))


def documents_by_zone(
    paths: Sequence[Path], zone: str | None, *, read: Reading
) -> dict[Zone, list[PriceDocument]]:
    """The documents by zone. Ends the command naming every fault."""
    from dwell.cli.price_files import by_zone, read_price_files
    from dwell.domain.errors import Refused
    from dwell.protocols.prices import read_zone

    try:
        asked = read_zone(zone) if zone is not None else None
    except ValueError as error:
        raise click.UsageError(f"--zone: {error}.") from error
    try:
        zones = by_zone(read_price_files(paths, zone=asked, read=read))
    except Refused as refused:
        raise click.ClickException(
            "nothing was imported:\n       "
            + "\n       ".join(f"{fault.field}: {fault.message}" for fault in refused.faults)
        ) from refused
    unnamed = [document.name for document in zones.get(None, [])]
    if unnamed:
        raise click.ClickException(f"nothing was imported: say with --zone which zone {unnamed[0]} is about")
    return {name: documents for name, documents in zones.items() if name is not None}


async def import_documents(
    settings: Settings, zones: dict[Zone, list[PriceDocument]], *, under: str = ""
) -> list[Imported]:
    """Store the documents of each zone, under its name after `under`."""
    from dwell.application.audit import acting
    from dwell.bootstrap import opened_ports

    async with opened_ports(settings, create=True) as ports:
        audited = acting(ports, operator())
        return [await _import_zone(audited, zone, documents, under) for zone, documents in zones.items()]


async def _import_zone(ports: Ports, zone: Zone, documents: list[PriceDocument], under: str) -> Imported:
    from dwell.application.prices import Published, import_prices
    from dwell.cli.price_files import curve_of
    from dwell.domain.instants import write_instant

    # One over the other first, so that documents which correct each other change nothing when they come again.
    curve = curve_of(documents)
    published = [Published(d.format_name, d.name, d.slots) for d in documents]
    changed = await import_prices(ports, under + zone, curve.currency, curve.slots, documents=published)
    return Imported(
        zone=zone,
        currency=curve.currency,
        documents=len(documents),
        slots=len(curve.slots),
        changed=[(write_instant(span.start_at), write_instant(span.end_at)) for span in changed],
        notes={document.name: list(document.notes) for document in documents if document.notes},
    )


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def print_imported(done: list[Imported], *, as_json: bool) -> None:
    """What the documents of each zone did."""
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(done)))
        return
    for one in done:
        _print(one)


def _print(one: Imported) -> None:
    what = f"{one.zone}: {_counted(one.documents, 'document')}, {_counted(one.slots, 'slot')} in {one.currency} per kWh"
    if not one.changed:
        click.echo(f"{what}; nothing changed")
    else:
        click.echo(f"{what}; new or changed:")
        for start_at, end_at in one.changed[:MOST_SPANS]:
            click.echo(f"  {start_at} … {end_at}")
        if len(one.changed) > MOST_SPANS:
            click.echo(f"  … and {len(one.changed) - MOST_SPANS} more spans")
    by_note: dict[str, list[str]] = {}
    for name, notes in one.notes.items():
        for note in notes:
            by_note.setdefault(note, []).append(name)
    for note, names in by_note.items():
        others = f" and {len(names) - 1} more" if len(names) > 1 else ""
        click.echo(f"  note: {note} ({names[0]}{others})", err=True)


async def kept_curves(settings: Settings, *, under: str = "") -> list[Kept]:
    """The curves of each zone, or of those whose names begin so, without it."""
    from dwell.bootstrap import opened_ports

    async with opened_ports(settings, create=True) as ports:
        return await ports.store.read(lambda reader: _kept(reader, under))


async def _kept(reader: Reader, under: str) -> list[Kept]:
    from dwell.domain.instants import write_instant
    from dwell.domain.tariff.coverage import runs

    found: list[Kept] = []
    for zone, currency, start_at, end_at in await reader.zones(under=under):
        curve = await reader.curve(zone, start_at, end_at)
        slots = curve.between(end_at - RECENT, end_at) if curve is not None else ()
        lengths = sorted({(slot.end_at - slot.start_at).total_seconds() / MINUTE_S for slot in slots})
        found.append(
            Kept(
                zone=zone.removeprefix(under),
                currency=currency,
                start_at=write_instant(start_at),
                end_at=write_instant(end_at),
                spans=[(write_instant(s.start_at), write_instant(s.end_at)) for s in runs(curve)]
                if curve
                else [],
                resolutions_min=lengths,
            )
        )
    return found
