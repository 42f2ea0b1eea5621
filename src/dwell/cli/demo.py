"""`dwell demo`: a server with vehicles that live real visits at real prices, on a fast clock, in a temporary folder.

Its depot's chargers are connected over sockets of their own to the demonstration's gateway, with --once too: whatever
the clock does, it waits for what is on the wire.
"""

from __future__ import annotations

import asyncio
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from socket import socket
from typing import TYPE_CHECKING, Any

import click

from dwell.cli.surroundings import run
from dwell.settings import Http, Log, Settings

if TYPE_CHECKING:
    from dwell.application.credentials import Keyring, NewCredentials
    from dwell.application.ports import Clock, Ids, Ports
    from dwell.application.webhooks import Office
    from dwell.domain.session.record import Session
    from dwell.simulation.demo import Guest, Pace, Script, Stage
    from dwell.simulation.depot import Depot

SPEED = 600.0
"""A virtual day takes 144 s."""
JUST_PAST = timedelta(minutes=10)
NAME = "Demonstration"
LOGIN = "demo"


@click.command(name="demo")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 takes a free one."
)
@click.option(
    "--speed",
    type=click.FloatRange(0, 100_000, min_open=True),
    default=SPEED,
    show_default=True,
    help="Virtual seconds to a second.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Which vehicles are drawn.")
@click.option("--once", is_flag=True, help="Live two days as fast as can be, print what settled, and end.")
@click.option("--json", "as_json", is_flag=True, help="With --once: print one JSON list and nothing else.")
def demo(*, host: str, port: int, speed: float, seed: int, once: bool, as_json: bool) -> None:
    """A server with a dozen vehicles living real visits at real prices, and a depot of six chargers, on a fast clock.

    It prints its address, credentials and lines to paste. Nothing outlives it: Ctrl-C ends all, and the database goes.
    At the end of the priced days, after six virtual weeks, its clock stands still.
    """
    if as_json and not once:
        raise click.UsageError("--json goes with --once.")
    with tempfile.TemporaryDirectory(prefix="dwell-demo-", ignore_cleanup_errors=True) as folder:
        settings = Settings(
            database_url=f"sqlite:///{folder}/demo.sqlite3",
            http=Http(host=host, port=port, graceful_stop_s=2.0),
            log=Log(level="warning"),
        )
        if once:
            run(_once(settings, seed=seed, as_json=as_json))
        else:
            run(_serve(settings, seed=seed, speed=speed))
            click.echo("\nEnded; nothing is left of it.", err=True)


async def _once(settings: Settings, *, seed: int, as_json: bool) -> None:
    """Two days, the settled sessions, no server."""
    from dwell.api.flex.mapping import session_of
    from dwell.api.shared.answers import answer_json
    from dwell.application.credentials import Keyring
    from dwell.bootstrap import configure_log
    from dwell.simulation.clock import SeededIds, VirtualClock
    from dwell.simulation.demo import DAYS_BEFORE, all_settled, set_stage, write_script

    configure_log(settings.log)
    keyring = Keyring(secrets.token_bytes(32))
    script = write_script(seed)
    clock = VirtualClock(script.run.start_at)
    async with _ports(settings, clock, SeededIds(seed)) as ports:
        credentials = await _organization(ports, keyring)
        stage = await set_stage(ports, clock, credentials.organization_id, script)
        async with _depot(stage, keyring, script, seed=seed) as depot:
            await stage.run(until=script.run.start_at + DAYS_BEFORE)
        settled = await all_settled(ports, credentials.organization_id)
    _check_load(depot)
    if as_json:
        click.echo(answer_json(200, [session_of(session, clock.now()) for session in settled]).body)
    else:
        _print_table(settled)


async def _serve(settings: Settings, *, seed: int, speed: float) -> None:
    """Two days ahead of any onlooker, then the server, with the play going on beside it."""
    from dwell.adapters.clock import SystemClock
    from dwell.api.server import listen
    from dwell.application.credentials import Keyring
    from dwell.bootstrap import build_app, configure_log, run_app
    from dwell.simulation.clock import VirtualClock
    from dwell.simulation.demo import DAYS_BEFORE, Pace, invite_guest, play, set_stage, write_script

    configure_log(settings.log)
    # First: a port that is taken should show at once.
    listener = listen(settings.http.host, settings.http.port)
    click.echo("Living the first two days …", err=True)
    keyring = Keyring(secrets.token_bytes(32))
    script = write_script(seed)
    clock = VirtualClock(script.run.start_at)
    async with AsyncExitStack() as stack:
        ports = await stack.enter_async_context(_ports(settings, clock))
        credentials = await _organization(ports, keyring)
        stage = await set_stage(ports, clock, credentials.organization_id, script)
        guest = await invite_guest(ports, credentials.organization_id)
        depot = await stack.enter_async_context(_depot(stage, keyring, script, seed=seed))
        pace = Pace(script.run.start_at + DAYS_BEFORE, script.run.end_at, speed)
        await stage.run(until=pace.start_at)
        password = await _onlooker(ports, credentials)
        # With the lines, which work out the same time from when they are written.
        virtual_now = pace.from_now()
        text = _lines(_address_of(listener), credentials, stage=stage, depot=depot, guest=guest, pace=pace)
        # The password is for whoever sees this terminal: the front page, which anybody may read, does without.
        shown = f"""
  dashboard      {_address_of(listener)}/dashboard
  sign in as     {LOGIN}
  password       {password}
{text}"""
        app = build_app(ports, settings, keyring=keyring, wall=SystemClock(), front_text=text)
        await run_app(
            app,
            settings,
            listener,
            beside=_at_once(
                play(stage, pace, virtual_now, on_over=lambda: _say_over(pace)), _telling(app.backend.office)
            ),
            started=lambda _: click.echo(shown),
        )


async def _at_once(*works: Coroutine[Any, Any, None]) -> None:
    async with asyncio.TaskGroup() as tasks:
        for work in works:
            tasks.create_task(work)


def _telling(office: Office) -> Coroutine[Any, Any, None]:
    """Events numbered for the live stream, and delivered: by the machine's clock, for a lease is a real one."""
    from dwell.adapters.clock import SystemClock
    from dwell.api.flex.events import render_event
    from dwell.workers.delivery import DeliveryDesk, run_delivery

    by_the_wall = replace(office, ports=replace(office.ports, clock=SystemClock()))
    return run_delivery(DeliveryDesk(office=by_the_wall, render=render_event, news=asyncio.Event()))


@asynccontextmanager
async def _ports(settings: Settings, clock: Clock, ids: Ids | None = None) -> AsyncIterator[Ports]:
    """A new store in its file, on another clock than the machine's, with nobody at the gateway yet."""
    from dwell.adapters.ids import SystemIds
    from dwell.adapters.storage import open_store
    from dwell.application.ports import Ports
    from dwell.bootstrap import rules_of, upgrade_store
    from dwell.gateway.hub import StationHub

    await upgrade_store(settings)
    store = await open_store(settings.database_url)
    try:
        yield Ports(store, clock, ids or SystemIds(), stations=StationHub(), rules=rules_of(settings))
    finally:
        await store.close()


@asynccontextmanager
async def _depot(stage: Stage, keyring: Keyring, script: Script, *, seed: int) -> AsyncIterator[Depot]:
    """A gateway with the depot's chargers connected to it while the block runs; its vans come and go on the stage."""
    from dwell.application.stations.steering import send_plans_again
    from dwell.gateway.hub import StationHub
    from dwell.gateway.options import GatewayOptions
    from dwell.gateway.server import open_gateway
    from dwell.simulation.depot import HEARTBEAT_S, found_depot, stays_within

    ports, hub = stage.ports, stage.ports.stations
    if not isinstance(hub, StationHub):
        raise TypeError("the depot's chargers need a hub to be reached through")
    options = GatewayOptions(heartbeat_s=HEARTBEAT_S)
    back = partial(send_plans_again, stage.way)
    async with open_gateway(ports, keyring, hub, options=options, back=back) as port:
        address = f"ws://{options.host}:{port}/ocpp"
        depot = await found_depot(ports, keyring, stage.organization_id, address=address, clock=stage.clock)
        depot.stays = stays_within(script.run, seed)
        try:
            await depot.connect()
            stage.depot = depot
            yield depot
        finally:
            stage.depot = None
            await depot.close()


def _check_load(depot: Depot) -> None:
    """Say what the depot drew at most; end with a fault if that was ever more than its connection carries."""
    from dwell.domain.units import W_PER_KW
    from dwell.simulation.depot import CONNECTION_W

    said = f"The depot drew at most {depot.peak_w / W_PER_KW:.1f} of {CONNECTION_W / W_PER_KW:g} kW."
    if depot.peak_w > CONNECTION_W:
        raise click.ClickException(said)
    click.echo(said, err=True)


async def _organization(ports: Ports, keyring: Keyring) -> NewCredentials:
    from dwell.application.credentials import create_organization

    return await create_organization(ports, keyring, NAME)


async def _onlooker(ports: Ports, credentials: NewCredentials) -> str:
    """A user who may look at the dashboard; gives its password."""
    from dwell.adapters.passwords import Argon2Passwords
    from dwell.application.passwords import set_password
    from dwell.application.users import Person, add_user

    password = secrets.token_urlsafe(12)
    person = Person(first_name="Demo", external_id="onlooker")
    user = await add_user(ports, credentials.organization_id, person, role="admin")
    await set_password(
        ports, Argon2Passwords(), credentials.organization_id, user.id, login=LOGIN, password=password
    )
    return password


def _address_of(listener: socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _say_over(pace: Pace) -> None:
    click.echo(f"The priced days are over: the clock stands still at {pace.end_at:%F %T} UTC. Ctrl-C ends.")


def _lines(address: str, new: NewCredentials, *, stage: Stage, depot: Depot, guest: Guest, pace: Pace) -> str:
    """What to know and what to paste; the shell works out the virtual time by the wall's."""
    policy_id = next(iter(stage.policies.values()))
    observation = (
        f'[{{"vehicle_id":"{guest.vehicle_id}","at":"\'$AT\'",'
        '"plugged_in":true,"charging":false,"soc_percent":42}]'
    )
    get = "curl -sw '\\n' -H \"Authorization: Bearer $TOKEN\""
    fleet = f"curl -sw '\\n' -H 'x-api-key: {new.api_key}'"
    return f"""
Dwell's demonstration: {len(stage.vehicles)} vehicles live real visits, {pace.speed:g} times as fast as they were,
and eight vans come to six chargers that share 43 kW.
Now {pace.start_at:%F %T} UTC; prices of DE-LU until {pace.end_at:%F %T}. Ctrl-C ends it, and nothing stays.

  {address}          documentation: {address}/docs

  client id      {new.client_id}
  client secret  {new.client_secret}
  API key        {new.api_key}

# a token, then: settled sessions, a policy's session of now, the vehicles
TOKEN=$(curl -s -u {new.client_id}:{new.client_secret} -d grant_type=client_credentials {address}/oauth2/token | \
sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
{get} '{address}/flex/vehicle-policies/sessions?pageSize=3'
{get} {address}/flex/vehicle-policies/{policy_id}/session
{get} {address}/vehicles

# the depot: drivers' newest sessions that run and that are over, and a charger as it stands
{fleet} '{address}/public/charging/1/sessions?status=ACTIVE&limit=3'
{fleet} '{address}/public/charging/1/sessions?status=CLOSED&limit=3'
{fleet} {address}/public/charging/1/stations/{depot.station_ids[0]}

# plug in the guest's vehicle, then see what is planned for it
AT=$(date -u -d @{_shell_now(pace)} +%FT%TZ)
curl -sw '\\n' -H 'x-api-key: {new.api_key}' -H 'content-type: application/json' {address}/v1/observations \
-d '{observation}'
sleep 1
{get} {address}/flex/vehicle-policies/{guest.policy_id}/session
"""


def _shell_now(pace: Pace) -> str:
    """A virtual instant just past, in seconds since 1970, as an expression for the shell; the pace begins about now.

    Just past, for on a busy machine the play is a little behind, and nothing may be told of the future.
    """
    began_ms, start_s = round(time.time() * 1000), int((pace.start_at - JUST_PAST).timestamp())
    speed = f"{pace.speed:g}" if pace.speed.is_integer() else f"{round(pace.speed * 1000)} / 1000"
    return f"$(({start_s} + ($(date +%s%3N) - {began_ms}) * {speed} / 1000))"


def _print_table(sessions: list[Session]) -> None:
    from zoneinfo import ZoneInfo

    from rich.console import Console
    from rich.table import Table

    from dwell.domain.units import WH_PER_KWH

    titles = ("plugged in", "plugged out", "kWh", "charge", "cost", "at once", "saved", "outcome")
    table = Table(box=None, pad_edge=False)
    for title in titles:
        table.add_column(
            title, justify="left" if title in {"plugged in", "plugged out", "outcome"} else "right"
        )
    for session in reversed(sessions):
        zone, value = ZoneInfo(session.terms.timezone), session.valuation
        amounts = (value.cost, value.baseline_cost, value.savings) if value is not None else (None,) * 3
        instants = (session.plugged_in_at, session.ended_at)
        table.add_row(
            *(f"{at.astimezone(zone):%a %H:%M}" if at is not None else "–" for at in instants),
            f"{session.energy_wh / WH_PER_KWH:.1f}",
            f"{session.soc_from_percent or 0:.0f} → {session.soc_to_percent or 0:.0f} %",
            *("–" if amount is None else f"{amount:.2f}" for amount in amounts),
            session.reason,
        )
    Console().print(table)
