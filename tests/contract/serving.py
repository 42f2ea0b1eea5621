"""A real server on loopback for tests: the shipped application on a store of its choice and a clock that is set.

It runs on a thread of its own, so that any client can call it as any client would.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any, TypeVar

import httpx

from dwell.adapters.clock import SystemClock
from dwell.adapters.ids import SystemIds
from dwell.adapters.storage import open_store, schema
from dwell.api.server import listen
from dwell.application.credentials import Keyring, NewCredentials, create_organization
from dwell.application.ports import Ports
from dwell.bootstrap import build_app, run_app
from dwell.domain.instants import write_instant
from dwell.gateway.hub import StationHub
from dwell.gateway.options import GatewayOptions
from dwell.gateway.server import open_gateway
from dwell.settings import Http, Settings, Webhooks
from dwell.simulation.clock import VirtualClock

T = TypeVar("T")
DEADLINE_S = 20.0
START = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
TO_OURSELVES = Webhooks(allowed_networks=(ip_network("127.0.0.0/8"),), allow_http=True)
_names = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """A server that runs: where, where it listens for stations, on what, and the loop it runs on."""

    url: str
    station_port: int
    ports: Ports
    keyring: Keyring
    clock: VirtualClock
    loop: asyncio.AbstractEventLoop
    clients: list[httpx.Client] = field(default_factory=list)

    def client(self, **options: Any) -> httpx.Client:
        """An HTTP client that is closed with the server."""
        self.clients.append(httpx.Client(base_url=self.url, timeout=DEADLINE_S, **options))
        return self.clients[-1]

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The answer of work on the server's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(DEADLINE_S)

    def tenant(self) -> Tenant:
        """A new organization and a client that calls as it."""
        name = f"Organization {next(_names)}"
        credentials = self.run(create_organization(self.ports, self.keyring, name))
        client = self.client()
        answer = client.post(
            "/oauth2/token",
            auth=(credentials.client_id, credentials.client_secret),
            data={"grant_type": "client_credentials"},
        )
        client.headers["authorization"] = f"Bearer {answer.json()['access_token']}"
        return Tenant(serving=self, credentials=credentials, client=client)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """An organization as its integration engineer sees it."""

    serving: Serving
    credentials: NewCredentials
    client: httpx.Client
    users: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def get(self, path: str, status: int = 200, **query: Any) -> Any:
        """The JSON at the path, whose status must be this."""
        answer = self.client.get(path, params=query)
        assert answer.status_code == status, answer.text
        return answer.json()

    def post(self, path: str, body: object, status: int = 201) -> Any:
        """What is answered to a JSON body."""
        answer = self.client.post(path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def observe(self, *items: Mapping[str, Any], accepted: int | None = None) -> Any:
        """Send observations; all of them must be taken."""
        receipt = self.post("/v1/observations", items, 202)
        assert receipt["accepted"] == (len(items) if accepted is None else accepted), receipt
        return receipt

    def home(self, **changes: Any) -> Home:
        """A user with a location, a vehicle and the policy between them."""
        user = f"user-{next(self.users)}"
        location = self.post(f"/users/{user}/locations", {**LOCATION, **changes})
        vehicle = self.post(f"/users/{user}/vehicles", VEHICLE)
        pair = {"vehicleId": vehicle["id"], "locationId": location["id"]}
        policy = self.post("/flex/vehicle-policies", pair)
        return Home(tenant=self, user=user, location=location, vehicle=vehicle, policy=policy)


LOCATION = {
    "name": "Home",
    "latitude": 48.1,
    "longitude": 11.5,
    "timezoneName": "Europe/Berlin",
    "zone": "DE-LU",
}
VEHICLE = {
    "vendor": "ACME",
    "information": {"brand": "Acme", "model": "One"},
    "batteryCapacity": 60,
    "maxPower": 11,
}
AWAY = {"latitude": 52.5, "longitude": 13.4}
AT_HOME = {"latitude": 48.1, "longitude": 11.5}


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A user, a location, a vehicle and a policy, as they were answered when made."""

    tenant: Tenant
    user: str
    location: dict[str, Any]
    vehicle: dict[str, Any]
    policy: dict[str, Any]

    @property
    def session_path(self) -> str:
        return f"/flex/vehicle-policies/{self.policy['id']}/session"

    def session(self) -> Any:
        """The policy's session that is not settled."""
        return self.tenant.get(self.session_path)

    def settled(self, **filters: Any) -> Any:
        """The vehicle's settled sessions, newest first."""
        query = {"vehicleId": self.vehicle["id"], **filters}
        return self.tenant.get("/flex/vehicle-policies/sessions", **query)["data"]

    def at(self, minutes: float, **said: Any) -> dict[str, Any]:
        """An observation so many minutes after the server's present."""
        at = self.tenant.serving.clock.now() + timedelta(minutes=minutes)
        return {"vehicle_id": self.vehicle["id"], "at": write_instant(at), **said}

    def visit(self, minutes: float, *, hours: float = 2, kwh: float = 5, **place: Any) -> None:
        """A whole visit: plugged in, charged evenly, plugged out."""
        end = minutes + hours * 60
        self.tenant.observe(
            self.at(minutes, plugged_in=True, soc_percent=50, energy_register_kwh=100, **(place or AT_HOME)),
            self.at(minutes + 1, charging=True, power_kw=kwh, energy_register_kwh=100),
            self.at(end - 1, charging=False, power_kw=0, soc_percent=60, energy_register_kwh=100 + kwh),
            self.at(end, plugged_in=False),
        )


@contextmanager
def serving(
    database_url: str, settings: Settings | None = None, *, now: datetime = START
) -> Iterator[Serving]:
    """A server on that database while the block runs; its schema is made first."""
    started, running = threading.Event(), list[Serving]()
    stops = list[asyncio.Event]()
    faults = list[BaseException]()
    settings = settings or Settings(http=Http(token_attempts_per_minute=1_000_000), webhooks=TO_OURSELVES)

    async def serve() -> None:
        await schema.upgrade(database_url)
        store = await open_store(database_url)
        try:
            clock = VirtualClock(now)
            hub = StationHub()
            ports = Ports(store, clock, SystemIds(), stations=hub)
            keyring = Keyring(b"k" * 32)
            app = build_app(ports, settings, keyring=keyring, wall=SystemClock())
            stop, forever = asyncio.Event(), asyncio.Event()
            stops.append(stop)

            def on_started(url: str) -> None:
                loop = asyncio.get_running_loop()
                running.append(
                    Serving(url=url, station_port=port, ports=ports, keyring=keyring, clock=clock, loop=loop)
                )
                started.set()

            listener = listen("127.0.0.1", 0)
            async with open_gateway(ports, keyring, hub, options=GatewayOptions()) as port:
                await run_app(app, settings, listener, beside=forever.wait(), started=on_started, stop=stop)
        finally:
            await store.close()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as fault:  # noqa: BLE001 - whatever ended the server is the test's to see
            faults.append(fault)
        finally:
            started.set()

    thread = threading.Thread(target=run, name="server", daemon=True)
    thread.start()
    assert started.wait(DEADLINE_S), "the server did not start"
    if faults:
        raise faults[0]
    try:
        yield running[0]
    finally:
        for client in running[0].clients:
            client.close()
        running[0].loop.call_soon_threadsafe(stops[0].set)
        thread.join(DEADLINE_S)
        assert not thread.is_alive(), "the server did not stop"
    if faults:
        raise faults[0]
