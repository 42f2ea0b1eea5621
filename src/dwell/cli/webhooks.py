"""`dwell webhooks`: how deliveries stand, and sending dead letters again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import click

from dwell.cli.surroundings import run, settings_of

if TYPE_CHECKING:
    from datetime import datetime

    from dwell.application.ports import Ports
    from dwell.application.webhooks import WebhookView
    from dwell.domain.webhooks.subscription import Attempt

T = TypeVar("T")
SHOWN = 200


@click.group()
def webhooks() -> None:
    """Webhooks of an organization."""


@webhooks.command(name="list")
@click.argument("organization", metavar="ORGANIZATION_ID")
@click.pass_context
def list_webhooks(context: click.Context, *, organization: str) -> None:
    """Each webhook: whether it is active, how much waits, since when it fails."""
    from dwell.application.webhooks import webhook_views
    from dwell.domain.ids import OrganizationId

    async def work(ports: Ports) -> list[WebhookView]:
        return await webhook_views(ports, OrganizationId(organization), limit=SHOWN)

    for view in _with_ports(context, work):
        line = view.line
        state = "active" if line.is_active else "INACTIVE"
        since = f", failing since {line.failing_since:%F %TZ}" if line.failing_since is not None else ""
        click.echo(f"{view.webhook.id}  {state}  {line.pending} waiting{since}  {view.webhook.url}")


@webhooks.command()
@click.argument("organization", metavar="ORGANIZATION_ID")
@click.argument("webhook", metavar="WEBHOOK_ID")
@click.pass_context
def deliveries(context: click.Context, *, organization: str, webhook: str) -> None:
    """The last tries of a webhook, the newest first."""
    from dwell.application.deliveries import attempts_of
    from dwell.domain.ids import OrganizationId

    async def work(ports: Ports) -> list[Attempt]:
        return await attempts_of(ports, OrganizationId(organization), webhook, before_id=None, limit=SHOWN)

    for one in _with_ports(context, work):
        said = one.status if one.status is not None else "-"
        click.echo(
            f"{one.at:%F %TZ}  try {one.number}  {said}  {one.duration_ms} ms  "
            f"{len(one.events)} events  {one.fault or ''}".rstrip()
        )


@webhooks.command()
@click.argument("organization", metavar="ORGANIZATION_ID")
@click.argument("webhook", metavar="WEBHOOK_ID")
@click.option(
    "--from", "from_at", default="1970-01-01T00:00:00Z", help="Events created at or after this instant."
)
@click.option("--to", "to_at", default="9999-01-01T00:00:00Z", help="Events created before this instant.")
@click.pass_context
def replay(context: click.Context, *, organization: str, webhook: str, from_at: str, to_at: str) -> None:
    """Send dead letters again, with the ids and numbers that they had; the webhook becomes active."""
    from dwell.application.webhooks import replay as replay_letters
    from dwell.domain.ids import OrganizationId

    window = (_instant("--from", from_at), _instant("--to", to_at))

    async def work(ports: Ports) -> int:
        return await replay_letters(ports, OrganizationId(organization), webhook, window)

    click.echo(f"{_with_ports(context, work)} events wait again.")


def _instant(option: str, text: str) -> datetime:
    from dwell.domain.instants import read_instant

    try:
        return read_instant(text)
    except ValueError as error:
        raise click.UsageError(f"{option}: {error}") from error


def _with_ports(context: click.Context, work: Callable[[Ports], Awaitable[T]]) -> T:
    from dwell.bootstrap import opened_ports

    async def opened() -> T:
        async with opened_ports(settings_of(context), create=False) as ports:
            return await work(ports)

    return run(opened())
