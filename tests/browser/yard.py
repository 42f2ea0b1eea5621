"""A server of our own behind the pages: an organization whose people sign in, with a station on a real socket."""

from __future__ import annotations

import itertools
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from playwright.sync_api import Page, expect

from browser.conftest import PATIENCE_MS
from contract.fleet.depot import Depot, Post
from contract.serving import Home, Serving, Tenant
from dwell.adapters.passwords import Argon2Passwords
from dwell.application.passwords import set_password
from dwell.application.stations.registry import (
    StationSpecification,
    add_station,
    add_token,
    set_driver_tariff,
)
from dwell.application.users import Person, add_user
from dwell.domain.ids import LocationId, OrganizationId
from dwell.domain.station.equipment import Connector, Evse
from dwell.domain.tariff.driver import DriverTariff, TimeBand

T = TypeVar("T")
PASSWORD = "a pass phrase of tests"
PLUG = Connector(number=1, plug_type="TYPE_2", power_max_w=22_000, current_max_a=32)
TARIFF = DriverTariff(
    kwh_price=Decimal("0.55"), time_bands=(TimeBand(45, Decimal("0.12")),), vat=Decimal("0.19")
)
CARD = "04AABBCC"
_numbers = itertools.count(1)
expect.set_options(timeout=PATIENCE_MS)


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """An organization, and the name by which its administrator signs in."""

    tenant: Tenant
    login: str

    @property
    def owner(self) -> OrganizationId:
        return OrganizationId(self.tenant.credentials.organization_id)

    def sign_in(self, page: Page, at: str) -> None:
        """Through the form, as a person does."""
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{self.tenant.serving.url}/dashboard#{at}")
        page.get_by_label("Name").fill(self.login)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="Sign out").wait_for()


@dataclass(frozen=True, slots=True, kw_only=True)
class Yard:
    """People with a home in Berlin's time and a station of two EVSEs at it; the card is Anna's."""

    people: People
    home: Home
    depot: Depot

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """On the server's loop, where the station lives."""
        return self.depot.serving.run(work)

    @contextmanager
    def connected(self) -> Iterator[Post]:
        """The station on its socket."""
        there = self.depot.connected()
        post = self.run(there.__aenter__())
        try:
            yield post
        finally:
            self.run(there.__aexit__(None, None, None))


def people_of(server: Serving) -> People:
    """A new organization with somebody who may look at the dashboard."""
    tenant, login = server.tenant(), f"looker-{next(_numbers)}"

    async def make() -> None:
        owner = OrganizationId(tenant.credentials.organization_id)
        user = await add_user(server.ports, owner, Person(external_id=login), role="admin")
        await set_password(server.ports, Argon2Passwords(), owner, user.id, login=login, password=PASSWORD)

    server.run(make())
    return People(tenant=tenant, login=login)


def yard_of(server: Serving) -> Yard:
    """A new organization with its station, which has not called yet."""
    people, name = people_of(server), f"YARD-{next(_numbers)}"
    home = people.tenant.home(name="Depot Süd")

    async def make() -> Depot:
        evses = [Evse(number=n, evse=f"DE*DWL*{name}*{n}", connectors=(PLUG,)) for n in (1, 2)]
        wanted = StationSpecification(name=name, evses=evses, location_id=LocationId(home.location["id"]))
        record, key = await add_station(server.ports, server.keyring, people.owner, wanted)
        await set_driver_tariff(server.ports, people.owner, TARIFF)
        await add_token(server.ports, people.owner, CARD, user_reference="anna")
        api_key = people.tenant.credentials.api_key
        return Depot(
            serving=server, owner=people.owner, api_key=api_key, name=name, key=key, station_id=record.id
        )

    return Yard(people=people, home=home, depot=server.run(make()))
