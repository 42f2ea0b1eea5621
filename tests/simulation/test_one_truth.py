"""One truth: visits lived under the real engine, told over HTTP, and every contract's view of them says the same.

A view is one function from a visit to what the contract says of it, in the common words of `Said`; what a contract does
not say it leaves out. To add a view, write the function and its row in VIEWS.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, TypedDict

import httpx
import pytest

from contract.partner.people import BASE, Partner, owner_of
from contract.serving import AT_HOME, AWAY, START, Home, Tenant, serving
from dwell.application.engine import BATCH, Engine, run_due
from dwell.application.ports import Reader
from dwell.application.prices import import_prices
from dwell.domain.ids import OrganizationId, SessionId, VehicleId
from dwell.domain.instants import write_instant
from dwell.domain.session.record import Session
from dwell.domain.session.steering import Order
from dwell.domain.tariff.curve import PriceSlot
from dwell.domain.units import round_half_up
from dwell.simulation.vehicle import VirtualVehicle

VISITS = 34
"""For each seed: the usual three make a hundred."""
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
ZONE = "PL"
_CENT = Decimal("0.01")


class Said(TypedDict, total=False):
    """What a contract says of a settled visit: instants to the second, whole Wh and percents, money in cents."""

    plugged_in: str
    ended: str
    energy_wh: int
    rows_wh: list[int]
    soc_from: int | None
    soc_to: int | None
    target_percent: int | None
    ready_by: str | None
    outcome: str | None
    currency: str | None
    cost: Decimal | None
    baseline_cost: Decimal | None


@dataclass
class Obedient:
    """A vehicle that does as it is told."""

    car: VirtualVehicle
    home: Home

    async def give(self, order: Order) -> str:
        self.car.obey(order, self.home.tenant.serving.clock.now())
        return "accepted"


@dataclass
class Driver:
    """Somebody who lives with the vehicle, by chance."""

    home: Home
    lots: random.Random
    vehicle: Obedient
    engine: Engine

    def tell(self) -> None:
        """The vehicle reports over HTTP, and the engine looks."""
        serving, car = self.home.tenant.serving, self.vehicle.car
        car.move_to(serving.clock.now())
        fact = car.says()
        place = AT_HOME if fact.plugged_in else AWAY
        said = {
            "vehicle_id": self.home.vehicle["id"],
            "at": write_instant(fact.at),
            "plugged_in": fact.plugged_in,
            "charging": fact.charging,
            "power_kw": (fact.power_w or 0) / 1000,
            "soc_percent": fact.soc_percent,
            "energy_register_kwh": (fact.energy_register_wh or 0) / 1000,
            **place,
        }
        said = {
            name: value
            for name, value in said.items()
            if name != "energy_register_kwh" or self.lots.random() < 0.9
        }
        self.home.tenant.observe(said)
        while serving.run(run_due(self.engine)).due >= BATCH:
            pass

    def go_on(self, minutes: float) -> None:
        clock = self.home.tenant.serving.clock
        clock.move_to(clock.now() + minutes * MINUTE)

    def visit(self) -> None:
        """Home by chance, plugged in for a while by chance, and away again."""
        lots, car, clock = self.lots, self.vehicle.car, self.home.tenant.serving.clock
        self.go_on(lots.uniform(20, 900))
        car.plug_in(clock.now(), lots.uniform(8, 92))
        self.tell()
        for _ in range(lots.randint(1, 9)):
            self.go_on(lots.uniform(3, 130))
            self.tell()
        self.go_on(lots.uniform(1, 30))
        car.plug_out(clock.now())
        self.tell()
        self.go_on(2)
        while self.home.tenant.serving.run(run_due(self.engine)).due:
            self.go_on(1)


def record_of(home: Home, session_id: str) -> Session:
    """The settled record itself."""

    async def look(reader: Reader) -> Session | None:
        owner = OrganizationId(home.tenant.credentials.organization_id)
        return await reader.session(owner, SessionId(session_id))

    session = home.tenant.serving.run(home.tenant.serving.ports.store.read(look))
    assert session is not None
    return session


def by_record(home: Home, session_id: str) -> Said:
    session = record_of(home, session_id)
    target, money, outcome = session.target, session.valuation, session.outcome
    assert session.plugged_in_at is not None
    assert session.ended_at is not None
    ready_by = target.ready_by if target is not None else None
    return Said(
        plugged_in=_second(write_instant(session.plugged_in_at)),
        ended=_second(write_instant(session.ended_at)),
        energy_wh=session.energy_wh,
        rows_wh=list(session.rows_wh),
        soc_from=_percent(session.soc_from_percent),
        soc_to=_percent(session.soc_to_percent),
        target_percent=_percent(target.minimum_charge_percent) if target is not None else None,
        ready_by=write_instant(ready_by) if ready_by is not None else None,
        outcome=outcome.state if outcome is not None else None,
        currency=money.currency if money is not None else None,
        cost=_cents(money.cost) if money is not None else None,
        baseline_cost=_cents(money.baseline_cost) if money is not None else None,
    )


def by_flex(home: Home, session_id: str) -> Said:
    found = home.tenant.get(f"/flex/vehicle-policies/{home.policy['id']}/sessions/{session_id}")
    whole, rows = found["statistics"]["aggregated"], found["statistics"]["timeseries"]
    target, outcome, money = found["target"]["latest"], found["outcome"]["latest"], found["valuation"]
    costs = (money or {}).get("tariffCost", {})
    return Said(
        plugged_in=_second(found["pluggedInAt"]),
        ended=_second(found["pluggedOutAt"]),
        energy_wh=_wh(whole["kwhSum"]),
        rows_wh=[_wh(row["kwh"]) for row in rows],
        soc_from=whole["batteryFrom"],
        soc_to=whole["batteryTo"],
        target_percent=target["minimumChargeTarget"] if target else None,
        ready_by=target["readyBy"] if target else None,
        outcome=outcome["state"] if outcome else None,
        currency=money["currency"] if money else None,
        cost=_cents(costs.get("actual")),
        baseline_cost=_cents(costs.get("baseline")),
    )


def by_native(home: Home, session_id: str) -> Said:
    found = home.tenant.get(f"/v1/sessions/{session_id}")
    return Said(
        plugged_in=_second(found["plugged_in_at"]),
        ended=_second(found["plugged_out_at"] or found["inferred_end_at"]),
        energy_wh=found["energy_wh"],
        outcome=found["outcome"]["state"],
    )


def by_valuation(home: Home, session_id: str) -> Said:
    found = home.tenant.get(f"/v1/sessions/{session_id}/valuation")
    rows: list[dict[str, Any]] = found["rows"]
    assert found["current"]
    assert found["cost"] is None or sum(Decimal(row["cost"]) for row in rows) == Decimal(found["cost"])
    assert sum(row["energy_wh"] for row in rows) == found["energy_wh"]
    return Said(
        plugged_in=_second(found["inputs"]["plugged_in_at"]),
        ended=_second(found["inputs"]["ended_at"]),
        energy_wh=found["energy_wh"],
        rows_wh=[row["energy_wh"] for row in rows],
        currency=found["currency"],
        cost=_cents(found["cost"]),
        baseline_cost=_cents(found["baseline_cost"]),
    )


def by_partner(home: Home, session_id: str) -> Said:
    organization = home.tenant.credentials.organization_id
    path = f"{BASE}/org/{organization}/users/{owner_of(home)}/electric-vehicles/{home.vehicle['id']}/sessions"
    client = _partner(home.tenant)
    found = client.get(f"{path}/{session_id}").json()["session"]
    day = found["plug_in_time"][:10]
    listed = client.get(path, params={"from": day, "to": day, "include_hidden": "true"}).json()["items"]
    assert found in listed
    cost, savings = found["actual_cost_eur"], found["actual_savings_eur"]
    said = Said(
        plugged_in=_second(found["plug_in_time"]),
        ended=_second(found["unplug_time"] or found["inferred_session_end"]),
        energy_wh=_wh(found["energy_charged_kwh"]),
        soc_from=_percent(found["initial_soc_pct"]),
        soc_to=_percent(found["final_soc_pct"]),
        target_percent=_percent(found["target_soc_pct"]),
        ready_by=found["charge_deadline"],
        cost=_cents(cost),
    )
    if savings is not None:  # each rounded by itself: together they may be a cent off
        exact = record_of(home, session_id).valuation
        assert exact is not None and _cents(exact.savings) == _cents(savings)
    return said


def _partner(tenant: Tenant) -> httpx.Client:
    """One client for each organization."""
    key = tenant.credentials.organization_id
    if key not in _clients:
        _clients[key] = Partner(tenant=tenant).client()
    return _clients[key]


_clients: dict[str, httpx.Client] = {}


VIEWS: Mapping[str, Callable[[Home, str], Said]] = {
    "flex": by_flex,
    "native": by_native,
    "valuation": by_valuation,
    "partner": by_partner,
}


def _second(instant: str) -> str:
    return instant[: len("2026-01-10T12:00:00")]


def _percent(percent: float | None) -> int | None:
    return round_half_up(percent) if percent is not None else None


def _wh(kwh: float) -> int:
    return int(Decimal(str(kwh)) * 1000)


def _cents(amount: object) -> Decimal | None:
    return Decimal(str(amount)).quantize(_CENT, ROUND_HALF_UP) if amount is not None else None


def disagreements(home: Home, session_id: str) -> list[str]:
    """Where a view says otherwise than the record."""
    truth: dict[str, object] = {**by_record(home, session_id)}
    found = list[str]()
    for name, view in VIEWS.items():
        for word, value in view(home, session_id).items():
            if value != truth[word]:
                found.append(f"{name}: {word} is {value}, not {truth[word]}")
    return found


def a_driver(home: Home, seed: int) -> Driver:
    start = home.tenant.serving.clock.now()
    car = VirtualVehicle(
        vehicle_id=VehicleId(home.vehicle["id"]), battery_wh=60_000, power_w=11_000, at=start
    )
    vehicle = Obedient(car, home)
    return Driver(home, random.Random(seed), vehicle, Engine(home.tenant.serving.ports, vehicle))


def test_every_view_of_a_visit_says_the_same(seed: int, tmp_path: Path) -> None:
    lots = random.Random(f"prices {seed}")
    first_at = START - 24 * HOUR
    slots = [
        PriceSlot(first_at + n * HOUR, first_at + (n + 1) * HOUR, Decimal(lots.randint(-90, 500)) / 1_000)
        for n in range(24 * 60)
    ]
    with serving(f"sqlite:///{tmp_path}/truth.db") as server:
        server.run(import_prices(server.ports, ZONE, "EUR", slots))
        home = server.tenant().home(zone=ZONE)
        driver = a_driver(home, seed)
        for _ in range(VISITS):
            driver.visit()
        filters = {"vehicleId": home.vehicle["id"], "pageSize": 200}
        found = home.tenant.get("/flex/vehicle-policies/sessions", **filters)["data"]
        assert len(found) >= VISITS * 0.9
        assert sum(session["statistics"]["aggregated"]["kwhSum"] for session in found) > VISITS
        assert any(session["valuation"] for session in found)
        wrong = {s["id"]: disagreements(home, s["id"]) for s in found}
        assert not any(wrong.values()), {k: v for k, v in wrong.items() if v}


def test_a_view_that_says_otherwise_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(f"sqlite:///{tmp_path}/truth.db") as server:
        home = server.tenant().home(zone=ZONE)
        home.visit(-187)
        [session] = home.settled()
        assert disagreements(home, session["id"]) == []

        def off_by_one(home: Home, session_id: str) -> Said:
            said = by_native(home, session_id)
            said["energy_wh"] += 1
            return said

        monkeypatch.setitem(VIEWS, "native", off_by_one)
        assert len(disagreements(home, session["id"])) == 1
