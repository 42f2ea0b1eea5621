"""`dwell replay`: whether stations' messages, taken once more, give the transactions that are stored."""

from __future__ import annotations

import json
from datetime import datetime

import click
import msgspec

from dwell.adapters.storage.memory import MemoryStore
from dwell.application.stations.rebuilt import NAMED_AT_MOST, Outcome
from dwell.application.stations.replay import Wanted, rebuild_and_compare
from dwell.bootstrap import opened_ports
from dwell.cli.surroundings import NOT_ALL, printable, run, settings_of
from dwell.domain.errors import NotFound
from dwell.domain.ids import OrganizationId
from dwell.domain.instants import read_instant
from dwell.domain.station.registry import FrameRow
from dwell.domain.station.reports import StationReport
from dwell.protocols.ocpp.payloads import Refusal
from dwell.protocols.ocpp.versions import VERSIONS
from dwell.settings import Settings

_decode = msgspec.json.Decoder(tuple[str, msgspec.Raw]).decode
ORGANIZATIONS_AT_MOST = 10_000
NOTE = (
    "Not decided by the journal, and not compared: sessions of vehicles of which others told too; what policies and "
    "prices make of a session; edits of a location's place since show as differences."
)


class InstantText(click.ParamType[datetime]):
    """An instant in ISO 8601, with its zone."""

    name = "instant"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            return read_instant(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command(epilog=NOTE)
@click.option(
    "--organization", type=click.UUID, help="Whose stations; all organizations' where it is left out."
)
@click.option("--station", metavar="NAME", help="One station.")
@click.option("--since", type=InstantText(), help="Judge only transactions created from this instant on.")
@click.option("--until", type=InstantText(), help="Judge only transactions created before this instant.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.pass_context
def replay(
    context: click.Context,
    *,
    organization: object | None,
    station: str | None,
    since: datetime | None,
    until: datetime | None,
    as_json: bool,
) -> None:
    """Take the journal of stations' messages once more and compare what it gives with what is stored.

    The database is only read. Exit status 1 where something differs, 3 where a message could not be taken.
    """
    owner = OrganizationId(str(organization)) if organization is not None else None
    wanted = Wanted(station=station, since=since, until=until)
    found = run(_replayed(settings_of(context), owner, wanted))
    if as_json:
        click.echo(json.dumps({"is_same": found.is_same, **msgspec.to_builtins(found), "not_decided": NOTE}))
    else:
        _print(found)
    if not found.is_same:
        raise click.exceptions.Exit(1)
    if found.unread:
        raise click.exceptions.Exit(NOT_ALL)


async def _replayed(settings: Settings, owner: OrganizationId | None, wanted: Wanted) -> Outcome:
    whole = Outcome()
    async with opened_ports(settings, create=False) as ports:
        every = await ports.store.read(lambda reader: reader.organizations(limit=ORGANIZATIONS_AT_MOST))
        for one in every if owner is None else [owner]:
            whole.add(await rebuild_and_compare(ports, one, wanted, read=report_in, fresh=_fresh))
    if wanted.station is not None and not whole.stations:
        raise NotFound("There is no such station.")
    return whole


def _fresh() -> MemoryStore:
    return MemoryStore(keep_events=False)


def report_in(row: FrameRow) -> StationReport:
    """What a row of the journal says. Raises ValueError for one that no version of OCPP reads."""
    version = VERSIONS.get(row.protocol)
    if version is None:
        raise ValueError(f"{row.protocol} is no version of OCPP that is spoken here")
    action, payload = _decode(row.text)
    report = version.read(action, bytes(payload))
    if isinstance(report, Refusal):
        raise ValueError(f"{action}: {report.why}")
    return report


def _print(found: Outcome) -> None:
    rows = [
        ("stations", found.stations),
        ("messages read", found.frames),
        ("messages that could not be taken", found.unread),
        ("transactions the same", found.same),
        ("transactions that differ", found.different),
        ("transactions stored, not rebuilt", found.missing),
        ("transactions rebuilt, not stored", found.extra),
        ("transactions the journal begins too late for", found.not_judged),
        ("observations rebuilt", found.observations),
        ("observations rebuilt, not stored", found.observations_missing),
        ("sessions the same", found.sessions - found.sessions_different),
        ("sessions that differ", found.sessions_different),
        ("sessions that others told of too", found.sessions_open),
    ]
    for name, count in rows:
        click.echo(f"{name:46}{count:>10,}")
    for one in found.differences:
        what = f" {one.field}" if one.field else ""
        values = f"stored {one.stored or 'none'}, rebuilt {one.rebuilt or 'none'}"
        click.echo(printable(f"{one.station}  {one.thing}{what}: {values}"))
    for row in found.unreadable:
        line = f"{row.station}  message {row.position} of {row.received_at.isoformat()}: {row.why}"
        click.echo(printable(line))
    if len(found.differences) == NAMED_AT_MOST or found.unread > len(found.unreadable):
        click.echo(f"Of each kind the first {NAMED_AT_MOST} are named.")
    click.echo(NOTE, err=True)
