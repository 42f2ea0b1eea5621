"""`dwell observations`: facts about vehicles from a file, by the same parser and use case as over HTTP."""

from __future__ import annotations

import json
from pathlib import Path

import click
import msgspec

from dwell.application.ports import Ports
from dwell.cli.contents import content_of
from dwell.cli.surroundings import NOT_ALL, run, settings_of
from dwell.domain.errors import NotFound
from dwell.domain.ids import OrganizationId
from dwell.domain.session.incoming import Receipt
from dwell.settings import Settings

SHOWN_REJECTIONS = 20
LIMIT_BYTES = 512_000_000
"""Of one file, unpacked: some three million observations."""


@click.group()
def observations() -> None:
    """Facts about vehicles."""


@observations.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--org", "organization_id", type=click.UUID, required=True, help="Whose vehicles they speak of."
)
@click.option("--json", "as_json", is_flag=True, help="Print the receipt as one JSON object.")
@click.pass_context
def import_file(context: click.Context, *, file: Path, organization_id: object, as_json: bool) -> None:
    """Take the observations in FILE: a JSON list or one JSON object a line, as they are or in gzip.

    What is right is taken also where other items are rejected; the exit status is then 3.
    """
    try:
        body = content_of(file, limit_bytes=LIMIT_BYTES)
    except (OSError, MemoryError) as error:
        raise click.ClickException(f"{file}: {error}") from error
    if len(body) > LIMIT_BYTES:
        raise click.ClickException(f"{file}: more than {LIMIT_BYTES} bytes, unpacked; import it in parts")
    receipt = run(_import(settings_of(context), OrganizationId(str(organization_id)), body))
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(receipt)))
    else:
        _print(receipt)
    if receipt.rejected:
        raise click.exceptions.Exit(NOT_ALL)


def _print(receipt: Receipt) -> None:
    click.echo(
        f"{receipt.accepted} accepted, {receipt.duplicates} known already, {len(receipt.rejected)} rejected"
        + (f"; {len(receipt.flagged)} of the accepted are kept but not applied" if receipt.flagged else "")
    )
    for flag in receipt.flagged[:SHOWN_REJECTIONS]:
        click.echo(f"  item {flag.index}: not applied, {flag.reason}", err=True)
    for rejection in receipt.rejected[:SHOWN_REJECTIONS]:
        click.echo(f"  item {rejection.index}: {rejection.field} {rejection.message}", err=True)
    if len(receipt.rejected) > SHOWN_REJECTIONS:
        click.echo(f"  … and {len(receipt.rejected) - SHOWN_REJECTIONS} more", err=True)


async def _import(settings: Settings, organization_id: OrganizationId, body: bytes) -> Receipt:
    from dwell.application.queries import organization_exists
    from dwell.bootstrap import opened_ports
    from dwell.protocols.observations import split

    accepted, duplicates, rejected, flagged = 0, 0, [], []
    async with opened_ports(settings, create=False) as ports:
        if not await organization_exists(ports, organization_id):
            raise NotFound("There is no such organization.")
        for first_index, lines in split(body):
            part = await _take(ports, organization_id, lines)
            accepted += part.accepted
            duplicates += part.duplicates
            rejected += [msgspec.structs.replace(r, index=first_index + r.index) for r in part.rejected]
            flagged += [msgspec.structs.replace(f, index=first_index + f.index) for f in part.flagged]
    return Receipt(accepted, duplicates, tuple(rejected), tuple(flagged))


async def _take(ports: Ports, organization_id: OrganizationId, lines: bytes) -> Receipt:
    from dwell.application.telemetry import ingest
    from dwell.protocols.observations import read_batch

    received_at = ports.clock.now()
    batch = read_batch(lines, lines=True, received_at=received_at)
    receipt = await ingest(ports, organization_id, batch.items, received_at=received_at)
    rejected = sorted((*receipt.rejected, *batch.rejected), key=lambda rejection: rejection.index)
    return msgspec.structs.replace(receipt, rejected=tuple(rejected))
