"""Each of the 18 outcomes, reached as in life: observations and calls over HTTP, engine awake, clock going on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, get_args

import httpx
import pytest

from contract.partner.people import BASE, Partner, owner_of
from contract.serving import AT_HOME, AWAY, VEHICLE, Home, Serving, Tenant, serving
from dwell.api.partner.schemas import SessionOutcome
from dwell.application.engine import Engine, next_wake_at, run_due
from dwell.application.prices import import_prices
from dwell.domain.instants import write_instant
from dwell.domain.session.steering import START, Order
from dwell.domain.tariff.curve import PriceSlot

HOUR = timedelta(hours=1)
STEP = timedelta(minutes=10)
DAYS = 60
POWER_KW, CAPACITY_KWH, EFFICIENCY = 11.0, 60.0, 0.9


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server with prices for two months: cheap by night."""
    with serving(f"sqlite:///{tmp_path_factory.mktemp('outcomes')}/dwell.db") as one:
        first_at = one.clock.now().replace(hour=0) - timedelta(days=2)
        hours = [first_at + n * HOUR for n in range(24 * DAYS)]
        slots = [PriceSlot(at, at + HOUR, Decimal(abs(at.hour - 2) + 3) / 100) for at in hours]
        one.run(import_prices(one.ports, "DE-LU", "EUR", slots))
        yield one


class Way:
    """Takes every order; what the vehicle does about it is for the evening to say."""

    def __init__(self) -> None:
        self.given: list[Order] = []

    async def give(self, order: Order) -> str:
        self.given.append(order)
        return "accepted"


class Evening:
    """A vehicle at home from 18:00 local on the next evening; the policy wants 80 % at 07:00."""

    def __init__(self, world: Serving, *, zone: str = "DE-LU", vehicle: dict[str, Any] | None = None) -> None:
        self.world = world
        self.tenant: Tenant = world.tenant()
        self.way = Way()
        self.engine = Engine(world.ports, self.way)
        self.home = self._home(zone, vehicle or {})
        self.client: httpx.Client = Partner(tenant=self.tenant).client()
        organization = self.tenant.credentials.organization_id
        self.path = f"{BASE}/org/{organization}/users/{owner_of(self.home)}/electric-vehicles"
        self.path += f"/{self.home.vehicle['id']}"
        self.begins_at = (world.clock.now() + timedelta(days=1)).replace(hour=17, minute=0, second=0)
        self.soc_percent, self.register_kwh = 40.0, 100.0
        self.live_until(self.begins_at)

    def _home(self, zone: str, vehicle: dict[str, Any]) -> Home:
        home = self.tenant.home(zone=zone)
        if not vehicle:
            return home
        other = self.tenant.post(f"/users/{home.user}/vehicles", {**VEHICLE, **vehicle})
        pair = {"vehicleId": other["id"], "locationId": home.location["id"]}
        policy = self.tenant.post("/flex/vehicle-policies", pair)
        return Home(tenant=self.tenant, user=home.user, location=home.location, vehicle=other, policy=policy)

    @property
    def now(self) -> datetime:
        return self.world.clock.now()

    def live_until(self, at: datetime) -> None:
        """Time goes on, and the engine looks whenever it wants to."""
        ports = self.world.ports
        while (wake_at := self.world.run(next_wake_at(ports))) is not None and wake_at <= at:
            self.world.clock.move_to(max(wake_at, self.now))
            self.world.run(run_due(self.engine))
        self.world.clock.move_to(at)
        self.world.run(run_due(self.engine))

    def tell(self, **said: Any) -> None:
        """An observation of now, and a look of the engine."""
        fact = {"vehicle_id": self.home.vehicle["id"], "at": write_instant(self.now), "plugged_in": True}
        self.tenant.observe(fact | said)
        self.world.run(run_due(self.engine))

    def plug_in(self, soc_percent: float = 40, **said: Any) -> None:
        self.soc_percent = soc_percent
        self.tell(soc_percent=soc_percent, charging=False, energy_register_kwh=100, **(AT_HOME | said))

    def stay(self, hours: float, *, obeys: bool = True, **said: Any) -> None:
        """The vehicle reports every ten minutes; it charges as it was told last, or not at all."""
        until = self.now + hours * HOUR
        charging = False
        while self.now < until:
            if charging:
                added = POWER_KW * (STEP / HOUR)
                self.register_kwh += added
                self.soc_percent = min(100, self.soc_percent + added * EFFICIENCY / CAPACITY_KWH * 100)
            self.live_until(self.now + STEP)
            told = bool(self.way.given) and self.way.given[-1].kind == START
            charging = obeys and told
            self.tell(
                soc_percent=round(self.soc_percent, 3),
                charging=charging,
                power_kw=POWER_KW if charging else 0,
                energy_register_kwh=round(self.register_kwh, 3),
                **said,
            )

    def leave(self) -> None:
        """The cable goes out, and a while later the visit is settled."""
        self.live_until(self.now + STEP)
        self.tell(plugged_in=False)
        self.live_until(self.now + timedelta(minutes=5))

    def put(self, **said: Any) -> None:
        answer = self.client.put(self.path, json=said)
        assert answer.status_code == 200, answer.text

    def sessions(self) -> list[dict[str, Any]]:
        """What the Partner list has of these days."""
        days = {"from": self.begins_at.date().isoformat(), "to": self.now.date().isoformat()}
        answer = self.client.get(f"{self.path}/sessions", params={**days, "include_hidden": "true"})
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


def not_at_home(world: Serving) -> Evening:
    evening = Evening(world)
    evening.plug_in(**AWAY)
    evening.stay(0.5, obeys=False)
    evening.leave()
    return evening


def not_authenticated(world: Serving) -> Evening:
    evening = Evening(world)
    evening.put(is_authenticated=False)
    evening.plug_in()
    evening.leave()
    return evening


def smart_optimization_disabled(world: Serving) -> Evening:
    evening = Evening(world)
    evening.put(is_smart_optimization_active=False)
    evening.plug_in()
    evening.leave()
    return evening


def no_battery_capacity(world: Serving) -> Evening:
    evening = Evening(world, vehicle={"batteryCapacity": None})
    evening.plug_in()
    evening.leave()
    return evening


def already_at_target(world: Serving) -> Evening:
    evening = Evening(world)
    evening.plug_in(85)
    evening.leave()
    return evening


def ev_not_found(world: Serving) -> Evening:
    evening = Evening(world)
    evening.plug_in()
    assert evening.client.delete(evening.path).status_code == 204
    return evening


def hems_only_mode(world: Serving) -> Evening:
    evening = Evening(world)
    evening.put(charging_mode="solar_only")
    evening.plug_in()
    evening.leave()
    return evening


def immediate_start(world: Serving) -> Evening:
    """What is missing takes all the time there is: nothing could be moved."""
    evening = Evening(world)
    day = {"charge_percentage": 80, "charge_deadline": "20:00"}
    week = {name: day for name in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    assert evening.client.put(f"{evening.path}/charge-policy", json={"data": week}).status_code == 200
    evening.plug_in()
    evening.stay(2.5)
    evening.leave()
    return evening


def oem_not_capable(world: Serving) -> Evening:
    evening = Evening(world, vehicle={"control": "none"})
    evening.plug_in()
    evening.leave()
    return evening


def insufficient_price_coverage(world: Serving) -> Evening:
    evening = Evening(world, zone="FR")
    evening.plug_in()
    evening.leave()
    return evening


def user_unplugged_early(world: Serving) -> Evening:
    evening = Evening(world)
    evening.plug_in()
    evening.stay(1)
    evening.leave()
    return evening


def commands_failed(world: Serving) -> Evening:
    evening = Evening(world)
    evening.plug_in()
    evening.stay(14, obeys=False)
    evening.leave()
    return evening


def oem_reported_full(world: Serving) -> Evening:
    evening = Evening(world)
    evening.plug_in()
    evening.stay(0.5)
    evening.tell(charging=False, soc_percent=60, fully_charged=True)
    evening.stay(14, obeys=False)
    evening.leave()
    return evening


def boosted(world: Serving) -> Evening:
    evening = Evening(world)
    evening.plug_in()
    assert evening.client.post(f"{evening.path}/boost").status_code == 204
    evening.stay(5)
    evening.leave()
    return evening


def in_progress(world: Serving) -> Evening:
    evening = Evening(world)
    evening.plug_in()
    return evening


def optimized(world: Serving) -> Evening:
    evening = Evening(world)
    evening.plug_in()
    evening.stay(14)
    evening.leave()
    return evening


def other(world: Serving) -> Evening:
    """It obeys and yet brings in next to nothing: the target is missed, and nobody's order failed."""
    evening = Evening(world)
    evening.plug_in()
    until = evening.now + 14 * HOUR
    while evening.now < until:
        evening.live_until(evening.now + STEP)
        told = bool(evening.way.given) and evening.way.given[-1].kind == START
        evening.tell(charging=told, soc_percent=40)
    evening.leave()
    return evening


def unknown(world: Serving) -> Evening:
    """Neither charge level nor energy was ever told."""
    evening = Evening(world)
    evening.tell(**AT_HOME)
    evening.live_until(evening.now + HOUR)
    evening.leave()
    return evening


SCENARIOS: dict[str, Callable[[Serving], Evening]] = {
    scenario.__name__: scenario
    for scenario in (
        not_at_home,
        not_authenticated,
        smart_optimization_disabled,
        no_battery_capacity,
        already_at_target,
        ev_not_found,
        hems_only_mode,
        immediate_start,
        oem_not_capable,
        insufficient_price_coverage,
        user_unplugged_early,
        commands_failed,
        oem_reported_full,
        boosted,
        in_progress,
        optimized,
        other,
        unknown,
    )
}


def test_every_outcome_has_its_scenario() -> None:
    assert list(SCENARIOS) == list(get_args(SessionOutcome))


@pytest.mark.parametrize("outcome", SCENARIOS)
def test_it_is_reached_and_told(world: Serving, outcome: str) -> None:
    evening = SCENARIOS[outcome](world)
    if outcome == "in_progress":
        shown = evening.client.get(f"{evening.path}/sessions/current").json()["session"]
    else:
        [shown] = evening.sessions()
        assert evening.client.get(f"{evening.path}/sessions/current").json() == {"session": None}
    assert shown["session_outcome"] == outcome
    assert evening.client.get(f"{evening.path}/sessions/{shown['id']}").json() == {"session": shown}
    told = evening.tenant.get(f"/v1/sessions/{shown['id']}")["outcome"]
    assert told["reason"] == outcome
    for sentence in (told["sentence_en"], told["sentence_de"]):
        assert sentence.endswith(".") and "_" not in sentence
    assert told["sentence_en"] != told["sentence_de"]
