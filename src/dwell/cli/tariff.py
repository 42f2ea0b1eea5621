"""`dwell tariff`: what drivers pay at charging stations."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import click

from dwell.cli.surroundings import operator, run, settings_of

if TYPE_CHECKING:
    from dwell.domain.tariff.driver import TimeBand


@click.group()
def tariff() -> None:
    """What drivers pay at charging stations."""


@tariff.command(name="set")
@click.argument("organization_id", type=click.UUID)
@click.option(
    "--evse",
    help="Only at this EVSE, by its public id; else where an EVSE has none of its own.",
)
@click.option("--kwh", default="0", metavar="PRICE", help="Net price of a kWh.")
@click.option("--session", default="0", metavar="PRICE", help="Net price of a session.")
@click.option(
    "--minute",
    "bands",
    multiple=True,
    metavar="FROM=PRICE",
    help="Net price of a minute from a minute of the session on: 240=0.10. May be given again.",
)
@click.option("--vat", default="0", metavar="FRACTION", help="Value added tax: 0.19.")
@click.option("--currency", default="EUR", metavar="CODE", help="Three letters.")
@click.option("--max-minutes", type=click.IntRange(1), help="How long a session may charge.")
@click.pass_context
def set_tariff(
    context: click.Context, /, *, organization_id: object, evse: str | None, **said: object
) -> None:
    """Set what drivers pay from now on. Sessions that have begun keep what they were told."""
    from dwell.application.audit import acting
    from dwell.application.stations.registry import set_driver_tariff
    from dwell.bootstrap import opened_ports
    from dwell.domain.ids import OrganizationId
    from dwell.domain.tariff.driver import DriverTariff

    bands, longest = said["bands"], said["max_minutes"]
    try:
        wanted = DriverTariff(
            kwh_price=_amount("--kwh", said["kwh"]),
            session_price=_amount("--session", said["session"]),
            time_bands=tuple(_band(str(text)) for text in (bands if isinstance(bands, tuple) else ())),
            vat=_amount("--vat", said["vat"]),
            currency=str(said["currency"]).upper(),
            max_charging_minutes=longest if isinstance(longest, int) else None,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error

    settings, owner = settings_of(context), OrganizationId(str(organization_id))

    async def work() -> None:
        async with opened_ports(settings, create=True) as ports:
            await set_driver_tariff(acting(ports, operator()), owner, wanted, evse=evse)

    run(work())
    click.echo(
        f"In force at {evse}." if evse is not None else "In force where an EVSE has no tariff of its own."
    )


def _amount(option: str, text: object) -> Decimal:
    try:
        amount = Decimal(str(text))
    except InvalidOperation as error:
        raise ValueError(f"{option} {text}: not a number") from error
    if not amount.is_finite() or not 0 <= amount <= 1_000_000:
        raise ValueError(f"{option} {text}: must be from 0 to 1,000,000")
    return amount


def _band(text: str) -> TimeBand:
    from dwell.domain.tariff.driver import TimeBand

    minute, equals, price = text.partition("=")
    if not equals or not minute.isdecimal():
        raise ValueError(f"--minute {text}: FROM=PRICE, as 240=0.10")
    return TimeBand(int(minute), _amount("--minute", price))
