"""`dwell org`: organizations and their credentials."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from dwell.application.audit import acting
from dwell.application.credentials import (
    CLIENT,
    Keyring,
    add_api_key,
    create_organization,
    credentials_of,
    revoke,
)
from dwell.application.ports import Ports
from dwell.cli.surroundings import operator, run, settings_of
from dwell.domain.ids import OrganizationId
from dwell.domain.instants import write_instant
from dwell.settings import Settings

T = TypeVar("T")


@click.group()
def org() -> None:
    """Organizations and their credentials."""


@org.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.pass_context
def create(context: click.Context, *, name: str, as_json: bool) -> None:
    """Make the organization NAME, and print its credentials: the only time that they are shown."""
    new = _with_ports(settings_of(context), lambda ports, keyring: create_organization(ports, keyring, name))
    shown = {
        "organization_id": new.organization_id,
        "client_id": new.client_id,
        "client_secret": new.client_secret,
        "api_key": new.api_key,
    }
    if as_json:
        click.echo(json.dumps(shown))
        return
    for title, value in shown.items():
        click.echo(f"{title:16} {value}")
    click.echo("Keep the secret and the key now: they are not shown again.", err=True)


@org.command(name="add-key")
@click.argument("organization_id", type=click.UUID)
@click.option("--read-only", "reads_only", is_flag=True, help="It can start, tell and change nothing.")
@click.pass_context
def add_key(context: click.Context, *, organization_id: object, reads_only: bool) -> None:
    """Make a further API key for an organization, and print it; the others live on."""
    owner = OrganizationId(str(organization_id))
    key = _with_ports(
        settings_of(context),
        lambda ports, keyring: add_api_key(ports, keyring, owner, reads_only=reads_only),
    )
    click.echo(key)


@org.command(name="keys")
@click.argument("organization_id", type=click.UUID)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list and nothing else.")
@click.pass_context
def list_keys(context: click.Context, *, organization_id: object, as_json: bool) -> None:
    """List an organization's clients and API keys: when made, last used (within minutes), and revoked.

    An API key is told by the beginning of its fingerprint; the key itself is kept nowhere.
    """
    owner = OrganizationId(str(organization_id))
    found = _with_ports(settings_of(context), lambda ports, _: credentials_of(ports, owner))
    rows = [
        {
            "kind": one.kind,
            "name": one.name if one.kind == CLIENT else one.name[:12],
            "reads_only": one.reads_only,
            "created_at": write_instant(one.created_at),
            "last_used_at": write_instant(one.last_used_at) if one.last_used_at else None,
            "revoked_at": write_instant(one.revoked_at) if one.revoked_at else None,
        }
        for one in found
    ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        used = f"last used {row['last_used_at']}" if row["last_used_at"] else "never used"
        ended = f", revoked {row['revoked_at']}" if row["revoked_at"] else ""
        limited = ", reads only" if row["reads_only"] else ""
        click.echo(f"{row['kind']:8} {row['name']}  made {row['created_at']}, {used}{limited}{ended}")


@org.command(name="revoke")
@click.pass_context
def revoke_credential(context: click.Context) -> None:
    """End a client id, API key or token, read from standard input so that it stays out of the shell's history."""
    shown = sys.stdin.readline().strip()

    async def end(ports: Ports, keyring: Keyring) -> None:
        await revoke(ports, keyring, shown)

    _with_ports(settings_of(context), end)
    click.echo("It is not accepted any more.")


def _with_ports(settings: Settings, use: Callable[[Ports, Keyring], Awaitable[T]]) -> T:
    from dwell.bootstrap import load_keyring, opened_ports

    async def work() -> T:
        keyring = load_keyring(settings)
        async with opened_ports(settings, create=True) as ports:
            return await use(acting(ports, operator()), keyring)

    return run(work())
