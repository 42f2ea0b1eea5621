"""`dwell audit`: the log of who changed what, and whether it is whole."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import click

from dwell.cli.surroundings import run, settings_of
from dwell.domain.audit import INSTALLATION, Head, read_head
from dwell.domain.ids import OrganizationId

if TYPE_CHECKING:
    from dwell.application.ports import Ports
    from dwell.settings import Settings

T = TypeVar("T")
_WHOSE = (
    "The organization's chain; without ORGANIZATION_ID the installation's own, where prices of markets are."
)


class HeadText(click.ParamType[Head]):
    """A head as `dwell audit verify` prints it."""

    name = "head"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Head:
        try:
            return read_head(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.group()
def audit() -> None:
    """Who changed what."""


@audit.command(epilog=_WHOSE)
@click.argument("organization_id", type=click.UUID, required=False)
@click.option(
    "--head", type=HeadText(), help="NUMBER:HASH that was kept elsewhere: the chain must still hold it."
)
@click.pass_context
def verify(context: click.Context, *, organization_id: object, head: Head | None) -> None:
    """Walk a chain from its beginning. Prints its head, to be kept outside; exit status 1 at the first broken link."""
    from dwell.application.audit import verify_chain

    owner = _owner(organization_id)
    found, broken = _with_ports(settings_of(context), lambda ports: verify_chain(ports, owner, head))
    if broken is not None:
        raise click.ClickException(f"the chain is broken at number {broken.number}: {broken.reason}")
    click.echo(str(found))


@audit.command(name="list", epilog=_WHOSE)
@click.argument("organization_id", type=click.UUID, required=False)
@click.option("--before", type=click.IntRange(min=1), help="Only entries with a lower number.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.pass_context
def list_entries(context: click.Context, *, organization_id: object, before: int | None, limit: int) -> None:
    """The newest entries first, one JSON object a line."""
    from dwell.api.native.audit import shown_entry
    from dwell.application.audit import newest_entries

    owner = _owner(organization_id)
    entries = _with_ports(
        settings_of(context), lambda ports: newest_entries(ports, owner, before=before, limit=limit)
    )
    for entry in entries:
        click.echo(json.dumps(shown_entry(entry)))


def _owner(organization_id: object) -> OrganizationId:
    return OrganizationId(str(organization_id)) if organization_id is not None else INSTALLATION


def _with_ports(settings: Settings, use: Callable[[Ports], Awaitable[T]]) -> T:
    from dwell.bootstrap import opened_ports

    async def work() -> T:
        async with opened_ports(settings, create=True) as ports:
            return await use(ports)

    return run(work())
