"""`dwell simulate`: virtual charging stations that connect to a gateway over real sockets."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from dwell.cli.surroundings import operator, run, settings_of
from dwell.domain.ids import OrganizationId

if TYPE_CHECKING:
    from dwell.application.credentials import Keyring
    from dwell.application.ports import Ports
    from dwell.simulation.stations.client import StationPlan

STATIONS_AT_MOST = 20_000
SLOW_QUIRKS = frozenset({"late_stop", "offline_replay"})
"""These wait for hours; in real time nobody would see their end."""


@click.command()
@click.option("--stations", default=6, show_default=True, type=click.IntRange(1, STATIONS_AT_MOST))
@click.option("--url", default="ws://127.0.0.1:8180/ocpp", show_default=True, help="Where stations connect.")
@click.option("--organization", required=True, type=click.UUID, help="Whose stations they are.")
@click.option("--prefix", default="SIM", show_default=True, help="Their names begin with it.")
@click.option("--visits", default=1, show_default=True, type=click.IntRange(1), help="Charges of each.")
@click.option(
    "--samples", default=6, show_default=True, type=click.IntRange(3), help="Meter values of a charge."
)
@click.option("--every", "every_s", default=10.0, show_default=True, help="Seconds from one to the next.")
@click.option(
    "--offline", "offline_share", default=0.0, type=click.FloatRange(0, 1), help="Share of calls lost."
)
@click.option("--quirks", is_flag=True, help="Let each station have something that it gets wrong.")
@click.option("--seed", default=1, show_default=True)
@click.pass_context
def simulate(
    context: click.Context, /, *, organization: object, quirks: bool, url: str, **life: object
) -> None:
    """Register virtual stations (half of OCPP 1.6, half of 2.0.1) and let them charge, in real time.

    Needs the database that the server uses, to register them. A station that is there already gets a new key.
    """
    from dwell.application.audit import acting
    from dwell.bootstrap import load_keyring, opened_ports
    from dwell.simulation.stations.client import live_together, utc_now

    settings = settings_of(context)
    owner = OrganizationId(str(organization))

    async def registered() -> list[StationPlan]:
        from dwell.application.stations.registry import add_token
        from dwell.simulation.stations.telling import TOKEN

        keyring = load_keyring(settings)
        async with opened_ports(settings, create=False) as opened:
            ports = acting(opened, operator())
            await add_token(ports, owner, TOKEN)
            names = [f"{life['prefix']}-{number + 1:05}" for number in range(_whole(life["stations"]))]
            keys = [await _key_of(ports, keyring, owner, name) for name in names]
        return _plans(url, dict(zip(names, keys, strict=True)), life, quirks=quirks)

    plans = run(registered())
    click.echo(f"{len(plans)} stations connect to {url}", err=True)
    tally = asyncio.run(live_together(plans, now=utc_now))
    click.echo(
        f"{tally.calls} calls answered, {tally.errors} with an error, {tally.connects} connections,"
        f" {tally.energy_wh / 1000:.3f} kWh taken"
    )


async def _key_of(ports: Ports, keyring: Keyring, owner: OrganizationId, name: str) -> str:
    from dwell.application.stations.registry import StationSpecification, add_station, renew_station_key
    from dwell.domain.errors import Conflict
    from dwell.domain.station.equipment import Evse

    evse = Evse(number=1, evse=f"XX*SIM*E{name.replace('-', '*')}")
    try:
        _, key = await add_station(ports, keyring, owner, StationSpecification(name=name, evses=[evse]))
    except Conflict:
        return await renew_station_key(ports, keyring, owner, name)
    return key


def _plans(url: str, keys: dict[str, str], life: dict[str, object], *, quirks: bool) -> list[StationPlan]:
    from dwell.simulation.stations.client import StationPlan
    from dwell.simulation.stations.quirks import QUIRKS

    plans = []
    for number, (name, key) in enumerate(keys.items()):
        protocol = list(QUIRKS)[number % len(QUIRKS)]
        known = [one for one in QUIRKS[protocol] if one not in SLOW_QUIRKS] if quirks else ["plain"]
        plan = StationPlan(
            address=url,
            name=name,
            key=key,
            protocol=protocol,
            quirk=known[number // len(QUIRKS) % len(known)],
            visits=_whole(life["visits"]),
            samples=_whole(life["samples"]),
            every=timedelta(seconds=float(str(life["every_s"]))),
            offline_share=float(str(life["offline_share"])),
            seed=_whole(life["seed"]),
        )
        plans.append(plan)
    return plans


def _whole(value: object) -> int:
    return int(str(value))
