"""`dwell station`: charging stations and their keys."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dwell.cli.surroundings import operator, run, settings_of
from dwell.domain.ids import LocationId, OrganizationId, VehicleId

if TYPE_CHECKING:
    from dwell.application.credentials import Keyring
    from dwell.application.ports import Ports
    from dwell.domain.station.equipment import Evse
    from dwell.domain.station.registry import StationRecord

T = TypeVar("T")


@click.group()
def station() -> None:
    """Charging stations that connect by OCPP, and their keys."""


@station.command()
@click.argument("organization_id", type=click.UUID)
@click.argument("name")
@click.option(
    "--evse",
    "evses",
    multiple=True,
    metavar="NUMBER=ID[:VEHICLE]",
    help="An EVSE by the station's number, its public id, and the vehicle that always stands there. Again for more.",
)
@click.option("--location", type=click.UUID, help="The location whose connection it shares.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.pass_context
def add(
    context: click.Context,
    *,
    organization_id: object,
    name: str,
    evses: tuple[str, ...],
    location: object | None,
    as_json: bool,
) -> None:
    """Register the station that connects as NAME, and print its key: the only time that it is shown."""
    from dwell.application.stations import StationSpecification, add_station

    wanted = StationSpecification(
        name=name,
        evses=[_evse(text) for text in evses],
        location_id=LocationId(str(location)) if location is not None else None,
    )
    owner = OrganizationId(str(organization_id))
    made, key = _with_ports(context, lambda ports, keyring: add_station(ports, keyring, owner, wanted))
    if as_json:
        click.echo(json.dumps({"id": made.id, "name": name, "key": key}))
        return
    click.echo(f"{'id':4} {made.id}\n{'key':4} {key}")
    click.echo("Keep the key now: it is not shown again.", err=True)


@station.command(name="list")
@click.argument("organization_id", type=click.UUID)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line and nothing else.")
@click.pass_context
def list_stations(context: click.Context, *, organization_id: object, as_json: bool) -> None:
    """List an organization's stations, and what each of their EVSEs last said of itself."""
    from dwell.application.stations import stations_of

    owner = OrganizationId(str(organization_id))
    for record in _with_ports(context, lambda ports, _: stations_of(ports, owner)):
        row = _row(record)
        if as_json:
            click.echo(json.dumps(row))
            continue
        said = ", ".join(f"{one['evse']} {one['said'] or 'not heard of'}" for one in row["evses"])
        click.echo(f"{record.id}  {record.station.name}  {row['model'] or 'never connected'}  {said}")


@station.command(name="key")
@click.argument("organization_id", type=click.UUID)
@click.argument("name")
@click.pass_context
def renew_key(context: click.Context, *, organization_id: object, name: str) -> None:
    """Print a new key for the station NAME; the old one is not accepted any more."""
    from dwell.application.stations import renew_station_key

    owner = OrganizationId(str(organization_id))
    click.echo(_with_ports(context, lambda ports, keyring: renew_station_key(ports, keyring, owner, name)))


def _row(record: StationRecord) -> dict[str, Any]:
    boot, standings = record.boot, record.standings
    return {
        "id": record.id,
        "name": record.station.name,
        "model": f"{boot.vendor} {boot.model}" if boot is not None else None,
        "protocol": boot.protocol if boot is not None else None,
        "evses": [
            {
                "number": one.number,
                "evse": one.evse,
                "vehicle_id": one.vehicle_id,
                "said": standings[one.number].said if one.number in standings else None,
            }
            for one in record.station.evses
        ],
    }


def _evse(text: str) -> Evse:
    from dwell.domain.station.equipment import Evse

    number, _, rest = text.partition("=")
    name, _, vehicle = rest.partition(":")
    if not (number.isascii() and number.isdecimal() and len(number) <= 3 and name):
        raise click.BadParameter(f"{text!r} is not NUMBER=ID or NUMBER=ID:VEHICLE", param_hint="--evse")
    return Evse(number=int(number), evse=name, vehicle_id=VehicleId(vehicle) if vehicle else None)


def _with_ports(context: click.Context, use: Callable[[Ports, Keyring], Awaitable[T]]) -> T:
    from dwell.application.audit import acting
    from dwell.bootstrap import load_keyring, opened_ports

    settings = settings_of(context)

    async def work() -> T:
        keyring = load_keyring(settings)
        async with opened_ports(settings, create=True) as ports:
            return await use(acting(ports, operator()), keyring)

    return run(work())
