"""Where everything meets: settings become adapters, adapters ports, ports an application, and that a server.

`serve` owns what runs: the server and the engine. A stop is taken in order: no new connections, requests under way are
answered, the engine ends, the store closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from dwell.adapters.clock import SystemClock
from dwell.adapters.ids import SystemIds
from dwell.adapters.relay import opened_relay
from dwell.adapters.storage import open_store
from dwell.adapters.storage.addresses import SqliteAddress, address_of
from dwell.application.credentials import Keyring
from dwell.application.ports import Clock, OnCommit, Ports, VehicleOrders
from dwell.application.webhooks import Deliver, Office
from dwell.domain.errors import PeerFault, Refused
from dwell.domain.session.rules import Rules
from dwell.domain.session.steering import Order
from dwell.domain.webhooks.targets import TargetRules
from dwell.settings import SECRET_KEY_BYTES, Log, Settings, data_directory

if TYPE_CHECKING:
    from dwell.api.app import Application
    from dwell.api.shared.metrics import Metrics
    from dwell.api.shared.operations import Backend
    from dwell.application.stations.steering import StationWay
    from dwell.domain.planning import Care
    from dwell.gateway.hub import StationHub

KEY_FILE = "dwell.key"

log = structlog.get_logger("dwell")


class NoVehicles:
    """The way to vehicles where none is configured: every order fails to be told, and the session says so."""

    async def give(self, order: Order) -> str:
        del order
        raise PeerFault("No way to vehicles is configured.")


def build_app(
    ports: Ports,
    settings: Settings,
    *,
    keyring: Keyring,
    wall: Clock | None = None,
    deliver: Deliver | None = None,
    changed: Callable[[], None] = lambda: None,
    stopping: Callable[[], bool] = lambda: False,
    front_text: str = "",
    metrics: Metrics | None = None,
) -> Application:
    """The whole application over these ports.

    `wall` is the clock by which credentials live, where that of `ports` is not the wall's; `changed` is called after
    commits that may give the engine something to do; `front_text` stands on the front page as it is.
    """
    from dwell.adapters.passwords import Argon2Passwords
    from dwell.adapters.webhooks import HttpDeliver
    from dwell.api.app import Application
    from dwell.api.dialects import REFUSALS, dashboard_operations, dialect_operations
    from dwell.api.open_pages import open_operations
    from dwell.api.shared.limits import HttpLimits
    from dwell.api.shared.metrics import Metrics
    from dwell.api.shared.operations import Backend
    from dwell.application.passwords import Passwords

    limits = HttpLimits(
        body_timeout_s=settings.http.body_timeout_s,
        token_attempts_per_minute=settings.http.token_attempts_per_minute,
    )
    office = Office(ports=ports, keyring=keyring, deliver=deliver or HttpDeliver(_targets(settings)))
    backend = Backend(
        ports=ports,
        wall=wall or ports.clock,
        keyring=keyring,
        limits=limits,
        metrics=metrics or Metrics(),
        office=office,
        passwords=Passwords(Argon2Passwords(), time.monotonic),
        changed=changed,
        stopping=stopping,
    )
    dialects = dialect_operations(limits.token_attempts_per_minute)
    pages = open_operations(dialects, version=version("dwell"), front_text=front_text)
    return Application(backend, [*dialects, *dashboard_operations(dialects), *pages], refusals=REFUSALS)


async def serve(
    settings: Settings,
    *,
    orders: VehicleOrders | None = None,
    started: Callable[[str], None] = lambda address: None,
    stop: asyncio.Event | None = None,
) -> None:
    """Serve until `stop` is set or the process is told to end. `started` is told the server's address.

    Raises DwellError where the store is not fit for use, OSError where the address cannot be listened to.
    """
    from dwell.adapters.webhooks import HttpDeliver
    from dwell.api.crowd import room_for_connections
    from dwell.api.server import listen
    from dwell.api.shared.metrics import Metrics
    from dwell.application.engine import Engine
    from dwell.application.stations.steering import StationWay
    from dwell.domain.planning import warm_up
    from dwell.gateway.hub import StationHub
    from dwell.workers.engine import run_engine

    room_for_connections(settings.http.connections_at_most)
    keyring = load_keyring(settings)
    stop = stop or asyncio.Event()
    metrics = Metrics()
    _warn_without_a_way(settings, orders)
    async with (
        opened_ports(settings, create=True, on_commit=metrics.committed) as opened,
        _way_to_vehicles(settings, opened, orders) as way,
        HttpDeliver(_targets(settings)) as deliver,
        opened_relay(settings.database_url) as relay,
    ):
        hub = StationHub(relay)
        ports = replace(opened, care=care_of(settings), stations=hub)
        news, outgoing = asyncio.Event(), asyncio.Event()

        def changed() -> None:
            news.set()
            outgoing.set()

        app = build_app(
            ports,
            settings,
            keyring=keyring,
            deliver=deliver,
            changed=changed,
            stopping=stop.is_set,
            metrics=metrics,
        )
        listener = listen(settings.http.host, settings.http.port)
        # Before anybody is let in who could take the files this opens, and not in the middle of a transaction.
        await asyncio.to_thread(warm_up)
        by_station = StationWay(ports, way)
        engine = Engine(ports, by_station, care=care_of(settings), stopwatch_s=time.monotonic)
        beside = _at_work(
            app.backend, run_engine(engine, news, metrics), *_loops(settings, app.backend, outgoing)
        )
        async with hub.shared(), _stations(settings, by_station, keyring, hub, changed=changed):
            await run_app(app, settings, listener, beside=beside, started=started, stop=stop)
    log.info("server_stopped")


@asynccontextmanager
async def _stations(
    settings: Settings, way: StationWay, keyring: Keyring, hub: StationHub, *, changed: Callable[[], None]
) -> AsyncIterator[None]:
    """Listen for stations while the block runs, if the settings want it."""
    from dwell.application.stations.steering import send_plans_again
    from dwell.gateway.options import GatewayOptions
    from dwell.gateway.server import open_gateway

    chosen = settings.gateway
    if not chosen.listen:
        yield
        return
    options = GatewayOptions(**{field.name: getattr(chosen, field.name) for field in fields(GatewayOptions)})
    back = partial(send_plans_again, way)
    async with open_gateway(way.ports, keyring, hub, options=options, changed=changed, back=back) as port:
        log.info("stations_welcome", host=chosen.host, port=port)
        yield


def care_of(settings: Settings) -> Care:
    """What the settings want kept in hand."""
    from dwell.domain.planning import AfterDeadline, Care

    chosen = settings.planning
    return Care(
        spare=timedelta(minutes=chosen.spare_minutes),
        least_share=chosen.least_power_percent / 100,
        taper=chosen.taper,
        learn=chosen.learn_power,
        after_deadline=AfterDeadline(chosen.after_deadline),
    )


def rules_of(settings: Settings) -> Rules:
    """How sessions are judged."""
    chosen = settings.engine
    return Rules(
        fresh_within=timedelta(seconds=chosen.fresh_within_s),
        silent_after=timedelta(seconds=chosen.silent_after_s),
        late_after=timedelta(seconds=chosen.late_after_s),
    )


@asynccontextmanager
async def _way_to_vehicles(
    settings: Settings, ports: Ports, given: VehicleOrders | None
) -> AsyncIterator[VehicleOrders]:
    """The way that is given, or the one of the settings, or none."""
    if given is not None or not settings.orders.url:
        yield given or NoVehicles()
        return
    from dwell.adapters.vehicles.http import HttpOrders

    async with HttpOrders(settings.orders.url, settings.orders.secret, ports.clock) as orders:
        yield orders


def _loops(settings: Settings, backend: Backend, outgoing: asyncio.Event) -> list[Coroutine[Any, Any, None]]:
    """What works only where the settings want it."""
    from dwell.api.flex.events import render_event
    from dwell.workers.delivery import DeliveryDesk, run_delivery

    desk = DeliveryDesk(office=backend.office, render=render_event, news=outgoing)
    work = [run_delivery(desk)] if settings.webhooks.deliver else []
    return [*work, _price_feed(settings, backend)] if settings.price_feed.zone else work


def _price_feed(settings: Settings, backend: Backend) -> Coroutine[Any, Any, None]:
    from dwell.adapters.prices.energy_charts import EnergyCharts
    from dwell.workers.prices import run_price_feed

    chosen = settings.price_feed
    feed, noted = EnergyCharts(chosen.url, chosen.zone), backend.metrics.note_feed
    return run_price_feed(backend.ports, feed, chosen.zone, changed=backend.changed, noted=noted)


def _warn_without_a_way(settings: Settings, orders: VehicleOrders | None) -> None:
    if orders is None and not settings.orders.url:
        log.warning("no_way_to_vehicles", fix="set DWELL_ORDERS_URL: without it only stations obey plans")


def _targets(settings: Settings) -> TargetRules:
    return TargetRules(networks=settings.webhooks.allowed_networks, plain_http=settings.webhooks.allow_http)


async def _at_work(backend: Backend, *work: Coroutine[Any, Any, None]) -> None:
    """Everything that works beside the server."""
    from dwell.workers.retention import run_retention
    from dwell.workers.stations import run_stations
    from dwell.workers.usage import run_usage

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run_retention(backend.ports))
        tasks.create_task(run_stations(backend.ports))
        tasks.create_task(run_usage(backend.ports, backend.usage))
        for loop in work:
            tasks.create_task(loop)


async def run_app(
    app: Application,
    settings: Settings,
    listener: Any,
    *,
    beside: Any,
    started: Callable[[str], None] = lambda address: None,
    stop: asyncio.Event | None = None,
) -> None:
    """Serve `app` on a listening socket, with the coroutine `beside` running as long; if that fails, so does this."""
    from dwell.api.crowd import Crowd, room_for_connections
    from dwell.api.server import make_server

    host, port = listener.getsockname()[:2]
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def on_started() -> None:
        log.info("server_started", address=address)
        started(address)

    server = make_server(
        app,
        crowd=Crowd(
            at_most=room_for_connections(settings.http.connections_at_most),
            at_most_each=settings.http.connections_per_address,
            trusted_proxies=settings.http.trusted_proxies,
        ),
        graceful_stop_s=settings.http.graceful_stop_s,
        trusted_proxies=settings.http.trusted_proxies,
        on_started=on_started,
    )

    def ask_to_stop() -> None:
        server.should_exit = True

    stop = stop or asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        companion = tasks.create_task(_companion(beside, ask_to_stop))
        watcher = tasks.create_task(_stop_when(stop, ask_to_stop))
        with _signals_set(stop):
            await server.serve([listener])
        watcher.cancel()
        companion.cancel()
    fault = None if companion.cancelled() else companion.result()
    if fault is not None:
        raise fault


async def _companion(work: Any, ask_to_stop: Callable[[], None]) -> Exception | None:
    """Run the work; when it ends, of itself or by a fault, ask the server to end in order. Returns the fault."""
    try:
        await work
    except Exception as fault:  # whatever it is: requests under way are still answered before it is raised
        log.exception("engine_failed")
        return fault
    finally:
        ask_to_stop()
    return None


async def _stop_when(stop: asyncio.Event, ask_to_stop: Callable[[], None]) -> None:
    await stop.wait()
    log.info("server_stopping")
    ask_to_stop()


@contextlib.contextmanager
def _signals_set(stop: asyncio.Event) -> Any:
    """SIGINT and SIGTERM set the event while the block runs; elsewhere than in the main thread nothing is changed."""
    loop = asyncio.get_running_loop()
    taken = list[signal.Signals]()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):
            loop.add_signal_handler(number, stop.set)
            taken.append(number)
    try:
        yield
    finally:
        for number in taken:
            loop.remove_signal_handler(number)


@asynccontextmanager
async def opened_ports(
    settings: Settings, *, create: bool, on_commit: OnCommit | None = None
) -> AsyncIterator[Ports]:
    """Ports on the configured store, closed at the end.

    `create`: an SQLite file that does not exist yet is made; a PostgreSQL database is only ever changed by
    `dwell db upgrade`. Raises Refused, Unavailable.
    """
    address = address_of(settings.database_url)
    if create and isinstance(address, SqliteAddress) and not address.path.exists():
        await upgrade_store(settings)
    store = await open_store(settings.database_url, on_commit=on_commit)
    try:
        yield Ports(store, SystemClock(), SystemIds(), rules=rules_of(settings))
    finally:
        await store.close()


async def upgrade_store(settings: Settings) -> None:
    """Bring the configured store's schema up to date, making the SQLite file's folder if need be."""
    from dwell.adapters.storage import schema

    address = address_of(settings.database_url)
    if isinstance(address, SqliteAddress):
        address.path.absolute().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    await schema.upgrade(settings.database_url)


async def back_up_store(settings: Settings, target: Path) -> None:
    """Copy the configured SQLite file to `target` while it is in use. Raises Refused for PostgreSQL, Unavailable."""
    from dwell.adapters.storage.care import back_up

    path = _own_file(settings, "take its backup by pg_dump")
    await asyncio.to_thread(back_up, path, target)


async def check_store(settings: Settings) -> None:
    """Look through all of the configured SQLite file. Raises Refused for PostgreSQL, Unavailable if it is damaged."""
    from dwell.adapters.storage.care import examine

    path = _own_file(settings, "have it checked by pg_amcheck")
    await asyncio.to_thread(examine, path, within_s=None)


def _own_file(settings: Settings, instead: str) -> Path:
    address = address_of(settings.database_url)
    if not isinstance(address, SqliteAddress):
        raise Refused(f"PostgreSQL looks after its own files: {instead}", code="not_a_file")
    path = address.path.absolute()
    if not path.exists():
        raise Refused(f"there is no database at {path}", code="no_database")
    return path


def load_keyring(settings: Settings) -> Keyring:
    """The key of credentials and cursors: the configured one, or that in a file beside the data, made if missing.

    The file lies in the SQLite file's folder, for PostgreSQL in the user's data directory, and only its owner can read
    it. Several processes on several machines need the same key: set DWELL_SECRET_KEY there. Raises Refused.
    """
    if settings.secret_key is not None:
        return Keyring(settings.secret_key)
    address = address_of(settings.database_url)
    folder = address.path.absolute().parent if isinstance(address, SqliteAddress) else data_directory()
    path = folder / KEY_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            _make_key_file(path)
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise Refused(f"the key file {path} cannot be used: {error}", code="key_file") from error
    if len(key) < SECRET_KEY_BYTES:
        raise Refused(f"the key file {path} does not hold a key", code="key_file")
    return Keyring(key)


def _make_key_file(path: Path) -> None:
    """Write a new key whole before it has its name, so that two processes that start together agree on one."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(SECRET_KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()


def configure_log(settings: Log) -> None:
    """Events with fields on standard error; what libraries log goes the same way."""
    as_json = settings.format == "json" or (settings.format == "auto" and not sys.stderr.isatty())
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info if as_json else _as_it_is,
    ]
    renderer: Any = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("uvicorn").setLevel(logging.ERROR)  # a caller could fill the log with its warnings
    logging.getLogger("dwell").setLevel(settings.level.upper())


def _as_it_is(logger: Any, name: str, event: dict[str, Any]) -> dict[str, Any]:
    del logger, name
    return event
