"""`dwell carbon`: the grid's carbon intensity into the store, beside the prices, and what is there."""

from __future__ import annotations

from pathlib import Path

import click

from dwell.cli.prices import documents_by_zone, import_documents, kept_curves, print_imported, print_kept
from dwell.cli.surroundings import run, settings_of


@click.group()
def carbon() -> None:
    """Carbon intensity of the grid."""


@carbon.command(name="import")
@click.argument(
    "paths", nargs=-1, required=True, metavar="PATH…", type=click.Path(exists=True, path_type=Path)
)
@click.option("--zone", help="The market zone of documents that name none.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list and nothing else.")
@click.pass_context
def import_files(context: click.Context, *, paths: tuple[Path, ...], zone: str | None, as_json: bool) -> None:
    """Take the documents in PATH…: files, plain or gzip, or folders of them. Read are Electricity Maps, the British
    system operator (NESO), SGIP, and a plain CSV (start[,end],carbon_intensity_g_per_kwh[,zone]).

    The valuation of a session at a location of the zone then shows its emissions, and those of charging at once.
    """
    from dwell.domain.tariff.contracts import CARBON
    from dwell.protocols.carbon import read_carbon

    documents = documents_by_zone(paths, zone, read=read_carbon)
    print_imported(run(import_documents(settings_of(context), documents, under=CARBON)), as_json=as_json)


@carbon.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list and nothing else.")
@click.pass_context
def list_zones(context: click.Context, *, as_json: bool) -> None:
    """The zones whose carbon intensity is known: each span without a gap."""
    from dwell.domain.tariff.contracts import CARBON

    kept = run(kept_curves(settings_of(context), under=CARBON))
    print_kept(kept, as_json=as_json, none="No carbon intensities yet: `dwell carbon import PATH…`")
