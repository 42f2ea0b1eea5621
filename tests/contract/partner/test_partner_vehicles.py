"""Partner: vehicles, their policies, and what is said of a running session takes effect at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
import pytest

from contract.partner.people import BASE, Partner, owner_of
from contract.serving import AT_HOME, LOCATION, START, VEHICLE, Home, Serving, serving
from dwell.application.engine import BATCH, Engine, run_due
from dwell.application.ports import Reader
from dwell.application.prices import import_prices
from dwell.bootstrap import NoVehicles
from dwell.domain.ids import OrganizationId
from dwell.domain.instants import write_instant
from dwell.domain.tariff.curve import PriceSlot

HOUR = timedelta(hours=1)
KEYS = [
    "id",
    "owner",
    "created_at",
    "updated_at",
    "deleted_at",
    "device_model",
    "price_zone",
    "building",
    "lifecycle_state",
    "is_authenticated",
    "connection_status",
    "monitoring_status",
    "steering_status",
    "is_smart_optimization_active",
    "charging_mode",
    "pause_power_until",
    "is_pause_power_active",
    "charge_target_min",
    "charge_target_max",
    "is_charge_policy_enabled",
    "minimum_charge_limit",
    "charge_deadline_at",
    "charge_policy_last_updated_at",
    "is_plugged_in",
    "is_charging",
    "is_fully_charged",
    "charge_rate_w",
    "battery_level",
    "battery_capacity_kwh",
    "driving_range",
    "boost_state",
    "boost_for_next_session",
    "current_state_last_updated_at",
]


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server whose clock only these tests move: what is said of a policy has an instant of its own."""
    with serving(f"sqlite:///{tmp_path_factory.mktemp('moving')}/dwell.db") as one:
        yield one


@pytest.fixture
def client(home: Home) -> httpx.Client:
    return Partner(tenant=home.tenant).client()


def path_of(home: Home) -> str:
    organization = home.tenant.credentials.organization_id
    vehicles = f"{BASE}/org/{organization}/users/{owner_of(home)}/electric-vehicles"
    return f"{vehicles}/{home.vehicle['id']}"


def test_a_vehicle_has_exactly_the_keys_of_the_contract(home: Home, client: httpx.Client) -> None:
    home.tenant.observe(
        home.at(
            -5, plugged_in=True, charging=True, power_kw=7, soc_percent=44, charge_limit_percent=90, **AT_HOME
        )
    )
    shown = client.get(path_of(home)).json()
    assert list(shown) == KEYS
    assert list(shown["owner"]) == ["id", "email", "first_name", "last_name", "external_id"]
    assert shown["owner"]["external_id"] == home.user
    said = {
        "id": home.vehicle["id"],
        "building": home.location["id"],
        "price_zone": "DE_LU",
        "lifecycle_state": "active",
        "is_plugged_in": True,
        "is_charging": True,
        "charge_rate_w": 7000,
        "battery_level": 44,
        "battery_capacity_kwh": 60,
        "charge_target_max": 90,
        "charge_target_min": 80,
        "charge_deadline_at": "07:00",
        "minimum_charge_limit": 20,
        "connection_status": "connected",
        "monitoring_status": "ok",
        "boost_state": "unavailable",
    }
    assert {name: shown[name] for name in said} == said
    assert client.get(path_of(home).rsplit("/", 1)[0]).json() == [shown]


def test_a_vehicle_is_registered_changed_and_deleted(home: Home, client: httpx.Client) -> None:
    vehicles = path_of(home).rsplit("/", 1)[0]
    answer = client.post(vehicles, json={**VEHICLE, "pause_power_until": None, "charging_mode": "solar_only"})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["charging_mode"], made["is_charge_policy_enabled"]) == ("solar_only", False)
    path = f"{vehicles}/{made['id']}"
    assert {one["id"] for one in client.get(vehicles).json()} == {made["id"], home.vehicle["id"]}

    changed = client.put(path, json={"batteryCapacity": 82, "charging_mode": "optimized"}).json()
    assert (changed["battery_capacity_kwh"], changed["charging_mode"]) == (82, "optimized")
    assert changed["device_model"] == made["device_model"]

    assert client.delete(path).status_code == 204
    gone = client.get(path).json()
    assert (gone["lifecycle_state"], gone["deleted_at"] is not None) == ("deleted", True)
    assert [one["id"] for one in client.get(vehicles).json()] == [home.vehicle["id"]]
    assert client.put(path, json={}).status_code == 404
    assert client.delete(path).status_code == 404
    assert client.get(f"{path}/sessions/current").json() == {"session": None}


def test_every_fault_of_a_body_is_named(home: Home, client: httpx.Client) -> None:
    answer = client.put(
        path_of(home),
        json={
            "batteryCapacity": -1,
            "charging_mode": "x",
            "is_authenticated": "yes",
            "charge_deadline_at": "25:00",
        },
    )
    assert answer.status_code == 422
    named = {tuple(fault["loc"]) for fault in answer.json()["detail"]}
    assert named == {
        ("body", "batteryCapacity"),
        ("body", "charging_mode"),
        ("body", "is_authenticated"),
        ("body", "charge_deadline_at"),
    }
    late = write_instant(home.tenant.serving.clock.now() - HOUR)
    answer = client.put(path_of(home), json={"pause_power_until": late})
    assert [fault["loc"] for fault in answer.json()["detail"]] == [["body", "pause_power_until"]]
    vehicles = path_of(home).rsplit("/", 1)[0]
    answer = client.post(vehicles, json={"vendor": "", "maxPower": 0})
    assert {fault["loc"][1] for fault in answer.json()["detail"]} == {
        "vendor",
        "information",
        "batteryCapacity",
        "maxPower",
    }


def test_a_refused_body_leaves_nothing_behind(moving: Serving) -> None:
    home = moving.tenant().home()
    client = Partner(tenant=home.tenant).client()
    garage = path_of(home).rsplit("/", 1)[0]
    before = client.get(garage).json()
    past = {"pause_power_until": "2020-01-01T00:00:00Z"}
    refused = client.post(garage, json=VEHICLE | past)
    assert (refused.status_code, refused.json()["detail"][0]["loc"]) == (422, ["body", "pause_power_until"])
    refused = client.put(path_of(home), json={"vendor": "TESLA", "charge_target_min": 55} | past)
    assert refused.status_code == 422
    home.tenant.post(f"/users/{home.user}/locations", LOCATION)
    refused = client.post(garage, json=VEHICLE | {"charge_target_min": 55})
    assert refused.status_code == 409, "two buildings: which one are the terms for?"
    assert client.get(garage).json() == before


def test_the_policy_here_is_the_policy_of_flex(home: Home, client: httpx.Client) -> None:
    path = f"{path_of(home)}/charge-policy"
    shown = client.get(path).json()
    assert shown["metadata"] == {
        "electric_vehicle_id": home.vehicle["id"],
        "user_id": owner_of(home),
        "error": None,
    }
    assert shown["data"]["mon"] == {"charge_percentage": 80, "charge_deadline": "07:00"}
    assert shown["data"]["timezone"] == "Europe/Berlin"

    days = {"tue": {"charge_percentage": 55, "charge_deadline": "05:30"}, "sun": None}
    answer = client.put(path, json={"data": {**days, "timezone": "Europe/Berlin"}})
    assert answer.status_code == 200, answer.text
    changed = answer.json()["data"]
    assert (changed["tue"], changed["sun"], changed["mon"]) == (days["tue"], None, shown["data"]["mon"])
    flex = home.tenant.get(f"/flex/vehicle-policies/{home.policy['id']}")["schedule"]
    assert flex["tuesday"] == {"deadline": "05:30", "minimumChargeTarget": 55}
    assert flex["sunday"] is None

    home.tenant.client.patch(
        f"/flex/vehicle-policies/{home.policy['id']}",
        json={"schedule": {"wednesday": {"deadline": "06:00", "minimumChargeTarget": 70}}},
    )
    assert client.get(path).json()["data"]["wed"] == {"charge_percentage": 70, "charge_deadline": "06:00"}


def test_a_policy_is_made_where_there_is_one_building_and_faults_are_named(
    home: Home, client: httpx.Client
) -> None:
    vehicles = path_of(home).rsplit("/", 1)[0]
    made = client.post(vehicles, json=VEHICLE).json()
    path = f"{vehicles}/{made['id']}/charge-policy"
    without = client.get(path).json()
    assert without["metadata"]["error"] == "The vehicle has no charge policy."
    assert without["data"]["mon"] is None
    day = {"charge_percentage": 60, "charge_deadline": "08:00"}
    assert client.put(path, json={"data": {"fri": day}}).json()["data"]["fri"] == day
    assert client.get(f"{vehicles}/{made['id']}").json()["is_charge_policy_enabled"]

    wrong = client.put(path, json={"data": {"fri": {"charge_percentage": 101, "charge_deadline": "8"}}})
    assert {tuple(fault["loc"]) for fault in wrong.json()["detail"]} == {
        ("body", "data", "fri", "charge_percentage"),
        ("body", "data", "fri", "charge_deadline"),
    }
    elsewhere = client.put(path, json={"data": {"timezone": "Asia/Tokyo"}})
    assert (elsewhere.status_code, elsewhere.json()["detail"][0]["loc"]) == (
        422,
        ["body", "data", "timezone"],
    )


def planned(home: Home) -> Home:
    """A vehicle that has just come home at night, with a plan for later: 00:00 to 07:00 is cheap."""
    first_at = START - 24 * HOUR
    hours = [first_at + n * HOUR for n in range(24 * 5)]
    cheap = [PriceSlot(at, at + HOUR, Decimal("0.05" if at.hour < 5 else "0.30")) for at in hours]
    server = home.tenant.serving
    server.run(import_prices(server.ports, "DE-LU", "EUR", cheap))
    home.tenant.observe(home.at(-1, plugged_in=True, charging=False, soc_percent=50, **AT_HOME))
    look(home.tenant.serving)
    return home


def look(server: Serving) -> None:
    """The engine looks after all that is due, ours among it."""
    while server.run(run_due(Engine(server.ports, NoVehicles()))).due >= BATCH:
        pass


def events_of(home: Home) -> int:
    """How many changes of the organization's sessions have been committed."""
    organization = OrganizationId(home.tenant.credentials.organization_id)

    async def count(reader: Reader) -> int:
        track = await reader.track(organization, home.vehicle["id"])
        return track.version if track is not None else 0

    return home.tenant.serving.run(home.tenant.serving.ports.store.read(count))


def plan_of(home: Home) -> Any:
    return home.tenant.get(f"/v1/sessions/{home.session()['id']}")


@pytest.mark.parametrize(
    ("said", "holds"),
    [
        ({"is_smart_optimization_active": False}, lambda now: now["plan"] is None),
        ({"charging_mode": "solar_only"}, lambda now: now["outcome"]["reason"] == "hems_only_mode"),
        ({"is_authenticated": False}, lambda now: now["outcome"]["reason"] == "not_authenticated"),
        ({"charge_target_min": 60}, lambda now: sum(b["energy_wh"] for b in now["plan"]["blocks"]) < 8_000),
        ({"minimum_charge_limit": 70}, lambda now: now["plan"]["blocks"][0]["type"] == "BATTERY_RESERVE"),
    ],
)
def test_what_is_said_takes_effect_on_the_running_session(
    moving: Serving, said: dict[str, Any], holds: Callable[[Any], bool]
) -> None:
    home = planned(moving.tenant().home())
    client = Partner(tenant=home.tenant).client()
    before = plan_of(home)
    moving.clock.move_to(moving.clock.now() + timedelta(seconds=1))
    assert before["plan"] is not None and not holds(before)
    seen = events_of(home)
    answer = client.put(path_of(home), json=said)
    assert answer.status_code == 200, answer.text
    look(home.tenant.serving)
    assert holds(plan_of(home))
    assert events_of(home) > seen


def test_a_pause_moves_the_plan_behind_it(home: Home, client: httpx.Client) -> None:
    planned(home)
    until = home.tenant.serving.clock.now() + 15 * HOUR
    shown = client.put(path_of(home), json={"pause_power_until": write_instant(until)}).json()
    assert shown["is_pause_power_active"]
    blocks = plan_of(home)["plan"]["blocks"]
    assert blocks and min(block["start"] for block in blocks) >= write_instant(until)[:19]
    assert not client.put(path_of(home), json={"pause_power_until": None}).json()["is_pause_power_active"]


def test_a_boost_starts_at_once_and_is_refused_with_its_reason(home: Home, client: httpx.Client) -> None:
    boost = f"{path_of(home)}/boost"
    planned(home)
    assert client.post(boost).status_code == 204
    now = plan_of(home)
    assert (now["mode"], now["order"]["kind"]) == ("IMMEDIATE_START", "START")
    home.tenant.observe(home.at(0, plugged_in=True, charging=True, power_kw=11, soc_percent=50))
    assert client.get(path_of(home)).json()["boost_state"] == "ongoing"

    other = client.post(f"{path_of(home).rsplit('/', 1)[0]}", json=VEHICLE).json()["id"]
    refused = client.post(f"{path_of(home).rsplit('/', 1)[0]}/{other}/boost")
    assert (refused.status_code, refused.json()) == (
        409,
        {"state": "unavailable", "reason": "no_active_session"},
    )


def test_a_boost_is_armed_for_the_next_plug_in_and_disarmed(home: Home, client: httpx.Client) -> None:
    boost = f"{path_of(home)}/boost"
    assert client.post(boost).status_code == 204
    shown = client.get(path_of(home)).json()
    assert (shown["boost_state"], shown["boost_for_next_session"]) == ("requested", True)
    for _ in range(2):
        assert client.delete(boost).status_code == 204
    shown = client.get(path_of(home)).json()
    assert (shown["boost_state"], shown["boost_for_next_session"]) == ("available", False)


@pytest.mark.parametrize(
    ("fact", "reason"),
    [
        ({"charging": True, "soc_percent": 50, "power_kw": 11}, "already_charging"),
        ({"charging": False, "soc_percent": 100}, "fully_charged"),
    ],
)
def test_a_boost_in_vain_says_why(
    home: Home, client: httpx.Client, fact: dict[str, Any], reason: str
) -> None:
    home.tenant.observe(home.at(-1, plugged_in=True, **AT_HOME, **fact))
    refused = client.post(f"{path_of(home)}/boost")
    assert (refused.status_code, refused.json()["reason"]) == (409, reason)


def test_a_vehicle_whose_link_is_lost_cannot_be_boosted(home: Home, client: httpx.Client) -> None:
    home.tenant.observe(home.at(-1, plugged_in=True, charging=False, soc_percent=50, **AT_HOME))
    client.put(path_of(home), json={"is_authenticated": False})
    refused = client.post(f"{path_of(home)}/boost")
    assert refused.json()["reason"] == "internal_error"


def test_the_list_is_of_settled_visits_by_the_day_of_the_plug_in(home: Home, client: httpx.Client) -> None:
    sessions = f"{path_of(home)}/sessions"
    for day in range(1, 6):
        home.visit(-60 * 24 * day, hours=1, kwh=day)
    home.visit(-60 * 24 * 7, hours=0.05, kwh=0.01)  # too short to be shown
    today = home.tenant.serving.clock.now().date()
    days = {"from": (today - timedelta(days=8)).isoformat(), "to": today.isoformat()}
    found = client.get(sessions, params=days).json()
    assert found["total"] == 5
    assert [item["energy_charged_kwh"] for item in found["items"]] == [1, 2, 3, 4, 5]
    assert client.get(sessions, params={**days, "include_hidden": "true"}).json()["total"] == 6
    page = client.get(sessions, params={**days, "limit": 2, "offset": 2}).json()
    assert (page["total"], [item["energy_charged_kwh"] for item in page["items"]]) == (5, [3, 4])
    one = (today - timedelta(days=3)).isoformat()
    assert client.get(sessions, params={"from": one, "to": one}).json()["total"] == 1

    wrong = client.get(sessions, params={"to": "x", "limit": 0, "offset": -1, "include_hidden": "maybe"})
    assert {tuple(fault["loc"]) for fault in wrong.json()["detail"]} == {
        ("query", "from"),
        ("query", "to"),
        ("query", "limit"),
        ("query", "offset"),
        ("query", "include_hidden"),
    }


def test_series_are_those_of_the_native_dialect(home: Home, client: httpx.Client) -> None:
    home.visit(-60 * 24, hours=2, kwh=5)
    window = {"from_datetime": write_instant(START - 48 * HOUR), "to_datetime": write_instant(START)}
    ours = client.get(f"{path_of(home)}/data", params={**window, "resolution": "1DAY"}).json()
    theirs = home.tenant.client.get(
        f"/v1/vehicles/{home.vehicle['id']}/data", params={**window, "resolution": "1DAY"}
    ).json()
    assert ours["data"] == theirs["data"] != []
    days = {"from": "2026-01-01", "to": "2026-01-31"}
    assert client.get(f"{path_of(home)}/savings", params=days).json()["data"][0]["resolution"] == "1MONTH"
    wrong = client.get(f"{path_of(home)}/data", params={"resolution": "1S"}, headers={"fill-missing": "x"})
    assert {tuple(fault["loc"]) for fault in wrong.json()["detail"]} == {
        ("query", "from_datetime"),
        ("query", "to_datetime"),
        ("query", "resolution"),
        ("header", "fill-missing"),
    }


@pytest.mark.parametrize(
    ("figures", "query", "named"),
    [
        (
            "data",
            {"from_datetime": "2001-01-01T00:00:00Z", "to_datetime": "2099-01-01T00:00:00Z"},
            "to_datetime",
        ),
        ("savings", {"from": "2001-01-01", "to": "2099-01-01", "resolution": "1DAY"}, "to"),
        ("savings", {"from": "2026-W01-1", "to": "2026-02-01"}, "from"),
        ("savings", {"from": "2026-01-01", "to": "2026-02-01 or so"}, "to"),
        ("sessions", {"from": "2026-W01-1", "to": "2026-02-01"}, "from"),
        ("sessions", {"from": "2026-01-01", "to": "20260201"}, "to"),
    ],
)
def test_a_window_that_cannot_be_served_is_named_by_its_parameter(
    home: Home, figures: str, query: dict[str, str], named: str
) -> None:
    answer = Partner(tenant=home.tenant).client().get(f"{path_of(home)}/{figures}", params=query)
    assert answer.status_code == 422
    assert [fault["loc"] for fault in answer.json()["detail"]] == [["query", named]]


def test_a_week_without_a_deadline_is_refused_in_the_bodys_names(home: Home, client: httpx.Client) -> None:
    path = f"{path_of(home)}/charge-policy"
    before = client.get(path).json()
    answer = client.put(path, json={"data": dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))})
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", "data"])
    assert client.get(path).json() == before


def test_day_ahead_prices_are_read_and_those_that_others_pay_are_not_changed(
    home: Home, client: httpx.Client
) -> None:
    planned(home)
    prices = f"{BASE}/org/{home.tenant.credentials.organization_id}/trading/dayahead/prices"
    window = {"from": write_instant(START), "to": write_instant(START + 3 * HOUR)}
    shown = client.get(prices, params={"price_zone": "DE_LU", **window}).json()
    assert (shown["price_zone"], shown["unit"], shown["state"]) == ("DE_LU", "EUR/MWh", "complete")
    assert [price["price"] for price in shown["prices"]] == [300, 300, 300]
    far = {"from": "2031-01-01T00:00:00Z", "to": "2031-01-02T00:00:00Z"}
    assert client.get(prices, params={"price_zone": "DE_LU", **far}).json()["state"] == "missing"

    home.tenant.serving.tenant()  # somebody else is served, too
    body = {"price_zone": "DE_LU", "prices": [{"start": window["from"], "end": window["to"], "price": 1}]}
    assert client.patch(prices, json=body).status_code == 409
    wrong = client.patch(prices, json={"price_zone": "?", "prices": [{"start": "x", "price": 1e9}]})
    assert {fault["loc"][1] for fault in wrong.json()["detail"]} == {"price_zone", "prices[0]"}


def test_an_unknown_vehicle_is_not_found_by_any_operation(home: Home, client: httpx.Client) -> None:
    path = path_of(home).rsplit("/", 1)[0] + f"/{uuid4()}"
    answers = [
        client.get(path),
        client.put(path, json={}),
        client.delete(path),
        client.get(f"{path}/charge-policy"),
        client.post(f"{path}/boost"),
    ]
    assert [(one.status_code, one.json()) for one in answers] == [(404, {"detail": "Not Found"})] * 5
