"""`dwell station`: charging stations and their keys."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dwell.cli.surroundings import operator, printable, run, settings_of
from dwell.domain.ids import LocationId, OrganizationId, VehicleId

if TYPE_CHECKING:
    from dwell.application.credentials import Keyring
    from dwell.application.ports import Ports
    from dwell.domain.station.equipment import Evse
    from dwell.domain.station.pending import PendingStation
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
    from dwell.application.stations.registry import StationSpecification, add_station

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
    """List an organization's stations, what each of their EVSEs last said of itself, and those that wait."""
    from dwell.application.stations.pending import pending_of
    from dwell.application.stations.registry import stations_of

    owner = OrganizationId(str(organization_id))
    for pending in _with_ports(context, lambda ports, _: pending_of(ports, owner)):
        line = json.dumps(_pending_row(pending)) if as_json else printable(_pending_line(pending))
        click.echo(line)
    for record in _with_ports(context, lambda ports, _: stations_of(ports, owner)):
        row = _row(record)
        if as_json:
            click.echo(json.dumps(row))
            continue
        said = ", ".join(f"{one['evse']} {one['said'] or 'not heard of'}" for one in row["evses"])
        line = f"{record.id}  {record.station.name}  {row['model'] or 'never connected'}  {said}"
        click.echo(printable(line))


@station.command(name="key")
@click.argument("organization_id", type=click.UUID)
@click.argument("name")
@click.pass_context
def renew_key(context: click.Context, *, organization_id: object, name: str) -> None:
    """Print a new key for the station NAME; the old one is not accepted any more."""
    from dwell.application.stations.registry import renew_station_key

    owner = OrganizationId(str(organization_id))
    click.echo(_with_ports(context, lambda ports, keyring: renew_station_key(ports, keyring, owner, name)))


@station.command()
@click.argument("organization_id", type=click.UUID)
@click.argument("name")
@click.option("--evse", "evses", multiple=True, metavar="NUMBER=ID[:VEHICLE]", help="As with `add`.")
@click.option("--location", type=click.UUID, help="The location whose connection it shares.")
@click.option(
    "--new-key", "renew_key", is_flag=True, help="Give it a new key also where it shows a good one."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.pass_context
def approve(
    context: click.Context,
    *,
    organization_id: object,
    name: str,
    evses: tuple[str, ...],
    location: object | None,
    renew_key: bool,
    as_json: bool,
) -> None:
    """Let in the station NAME, which waits: look at its serial number and address first (`list`).

    It keeps the key it has shown from the beginning. Where that is too short, or none, a new one is printed, and has
    to be entered at the station.
    """
    from dwell.application.stations.pending import approve_station
    from dwell.application.stations.registry import StationSpecification

    wanted = StationSpecification(
        name=name,
        evses=[_evse(text) for text in evses],
        location_id=LocationId(str(location)) if location is not None else None,
    )
    owner = OrganizationId(str(organization_id))
    made, key = _with_ports(
        context,
        lambda ports, keyring: approve_station(ports, keyring, owner, wanted, renew_key=renew_key),
    )
    if as_json:
        click.echo(json.dumps({"id": made.id, "name": name, "key": key}))
        return
    click.echo(f"{'id':4} {made.id}\n{'key':4} {key or 'the one it shows'}")
    if key is not None:
        click.echo("Enter the key at the station now: it is not shown again.", err=True)


@station.command()
@click.argument("organization_id", type=click.UUID)
@click.argument("name")
@click.pass_context
def refuse(context: click.Context, *, organization_id: object, name: str) -> None:
    """Refuse the station NAME, which waits; `approve` and `add` still take it."""
    from dwell.application.stations.pending import refuse_station

    owner = OrganizationId(str(organization_id))
    _with_ports(context, lambda ports, _: refuse_station(ports, owner, name))
    click.echo("It is refused.")


def _pending_row(pending: PendingStation) -> dict[str, Any]:
    return {
        "state": "REFUSED" if pending.refused_at is not None else "PENDING",
        "name": pending.name,
        "model": f"{pending.vendor} {pending.model}",
        "serial_number": pending.serial_number,
        "address": pending.address,
        "protocol": pending.protocol,
        "first_at": pending.first_at.isoformat(),
        "heard_at": pending.heard_at.isoformat(),
        "key": "kept" if pending.keeps_key else "new",
    }


def _pending_line(pending: PendingStation) -> str:
    row = _pending_row(pending)
    serial = row["serial_number"] or "none"
    key = "would keep its key" if pending.keeps_key else "would need a new key"
    return f"{row['state']}  {pending.name}  {row['model']}, serial number {serial}, from {pending.address}, {key}"


def _row(record: StationRecord) -> dict[str, Any]:
    boot, standings = record.boot, record.standings
    return {
        "state": "REGISTERED",
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
