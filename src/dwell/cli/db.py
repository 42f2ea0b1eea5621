"""`dwell db`: the database."""

from __future__ import annotations

from pathlib import Path

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


@db.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_context
def backup(context: click.Context, file: Path) -> None:
    """Copy the SQLite database to FILE, as it is at one instant, also while servers use it."""
    settings = settings_of(context)
    from dwell.bootstrap import back_up_store

    run(back_up_store(settings, file))
    click.echo(f"The database is in {file}. Keep the secret key with it.")


@db.command()
@click.pass_context
def check(context: click.Context) -> None:
    """Look through the whole SQLite database for damage."""
    settings = settings_of(context)
    from dwell.bootstrap import check_store

    run(check_store(settings))
    click.echo("The database is whole.")
