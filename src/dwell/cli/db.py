"""`dwell db`: the database."""

from __future__ import annotations

import click

from dwell.cli.surroundings import run, settings_of


@click.group()
def db() -> None:
    """The database."""


@db.command()
@click.pass_context
def upgrade(context: click.Context) -> None:
    """Create what is missing of the schema, and bring an older one up to date."""
    settings = settings_of(context)
    from dwell.bootstrap import upgrade_store

    run(upgrade_store(settings))
    click.echo("The database has this version's schema.")
