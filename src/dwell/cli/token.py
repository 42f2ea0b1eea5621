"""`dwell token`: cards and the like that may charge at an organization's stations."""

from __future__ import annotations

import click

from dwell.cli.surroundings import operator, run, settings_of
from dwell.domain.ids import OrganizationId, VehicleId


@click.group()
def token() -> None:
    """Cards, apps and vehicles' own tokens that may charge at stations."""


@token.command()
@click.argument("organization_id", type=click.UUID)
@click.argument("text")
@click.option("--user", help="Whose it is, by your own reference; made if it is the first word of the user.")
@click.option("--vehicle", type=click.UUID, help="The vehicle that always charges with it.")
@click.pass_context
def add(
    context: click.Context, *, organization_id: object, text: str, user: str | None, vehicle: object | None
) -> None:
    """Let the token TEXT charge. One that is known already is changed."""
    from dwell.application.audit import acting
    from dwell.application.stations.registry import add_token
    from dwell.bootstrap import opened_ports

    settings, owner = settings_of(context), OrganizationId(str(organization_id))
    car = VehicleId(str(vehicle)) if vehicle is not None else None

    async def work() -> None:
        async with opened_ports(settings, create=True) as ports:
            await add_token(acting(ports, operator()), owner, text, user_reference=user, vehicle_id=car)

    run(work())
    click.echo("It may charge.")
