"""Attacks on two servers of one database: races, repeats, foreign ids, and a vehicle's side that misbehaves."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from contract.serving import AT_HOME, LOCATION
from dwell.domain.instants import write_instant
from e2e.attacks import CLIENTS, Json, Twins, make_home, persistently, twin_servers, until
from e2e.processes import dwell
from e2e.test_serving import minutes_ago, signed_in
from receiver import Answer
from scripts.private_postgres import Cluster


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def twins(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    """Two servers on each kind of database."""
    folder = tmp_path_factory.mktemp("twins")
    with ExitStack() as stack:
        url = f"sqlite:///{folder}/dwell.db"
        if request.param == "postgres":
            cluster: Cluster = request.getfixturevalue("postgres_cluster")
            url = cluster.create_database("attacked_twins")
            stack.callback(cluster.drop_database, "attacked_twins")
        yield stack.enter_context(twin_servers(folder, url))


def life_of(vehicle: str, since: datetime) -> list[Json]:
    """Two visits with a register, powers and charge levels."""
    facts, at, register_kwh = list[Json](), since, 1000.0
    for _ in range(2):
        facts.append({"at": at, "plugged_in": True, "soc_percent": 40, **AT_HOME})
        for minute in range(60):
            at += timedelta(minutes=1)
            charging = minute // 15 % 2 == 0
            register_kwh += 7 / 60 if charging else 0
            facts.append({"at": at, "charging": charging, "power_kw": 7 if charging else 0})
            if minute % 4 == 0:
                facts[-1]["energy_register_kwh"] = round(register_kwh, 3)
        facts.append({"at": at + timedelta(minutes=1), "plugged_in": False})
        at += timedelta(hours=2)
    return [{**fact, "vehicle_id": vehicle, "at": write_instant(fact["at"])} for fact in facts]


def settled_of(client: httpx.Client, vehicle: str) -> list[Json]:
    """The vehicle's settled sessions without the ids that differ from vehicle to vehicle."""
    page = client.get("/flex/vehicle-policies/sessions", params={"vehicleId": vehicle}).json()
    names = {"id", "policyId", "vehicleId", "locationId"}
    return [{k: v for k, v in session.items() if k not in names} for session in page["data"]]


def test_the_order_of_arrival_does_not_matter_to_what_is_settled(twins: Twins) -> None:
    chance, since = random.Random(1), datetime.now(UTC).replace(microsecond=0) - timedelta(hours=9)
    quiet, _ = make_home(twins.clients[0])
    loud, _ = make_home(twins.clients[1])
    persistently(twins.clients[0], life_of(quiet, since))
    facts = life_of(loud, since)
    pieces = [fact for fact in facts for _ in range(chance.choice([1, 2, 3]))]
    chance.shuffle(pieces)
    batches = [pieces[start : start + 8] for start in range(0, len(pieces), 8)]
    with ThreadPoolExecutor(CLIENTS) as senders:
        jobs = [
            senders.submit(persistently, twins.clients[turn % 2], batch) for turn, batch in enumerate(batches)
        ]
        assert sum(job.result() for job in jobs) == len(facts)
    until(lambda: settled_of(twins.clients[0], loud) == settled_of(twins.clients[0], quiet))
    assert len(settled_of(twins.clients[0], loud)) == 2


def test_a_plug_in_and_a_plug_out_at_once_make_one_session(twins: Twins) -> None:
    homes = [make_home(twins.clients[0]) for _ in range(8)]
    with ThreadPoolExecutor(CLIENTS) as senders:
        for vehicle, _ in homes:
            out = {"vehicle_id": vehicle, "at": minutes_ago(30), "plugged_in": False}
            within = {"vehicle_id": vehicle, "at": minutes_ago(60), "charging": True, "power_kw": 7}
            start = {"vehicle_id": vehicle, "at": minutes_ago(90), "plugged_in": True, **AT_HOME}
            for turn, fact in enumerate((out, start, within)):
                senders.submit(persistently, twins.clients[turn % 2], [fact])
    for vehicle, policy in homes:
        (session,) = settled_of(twins.clients[1], vehicle)
        assert session["statistics"]["aggregated"]["kwhSum"] == 3.5
        waiting = twins.clients[0].get(f"/flex/vehicle-policies/{policy}/session").json()
        assert waiting["state"] == "UPCOMING"


def test_two_engines_hand_each_order_out_once(twins: Twins) -> None:
    vehicles = [make_home(twins.clients[0])[0] for _ in range(12)]
    with ThreadPoolExecutor(CLIENTS) as senders:
        for turn, vehicle in enumerate(vehicles * 2):
            fact = {"vehicle_id": vehicle, "at": minutes_ago(4 - turn // 12), "plugged_in": True, **AT_HOME}
            senders.submit(persistently, twins.clients[turn % 2], [{**fact, "soc_percent": 5}])

    def told() -> list[Json]:
        return [
            order for order in (r.json() for r in twins.orders.requests) if order["vehicleId"] in vehicles
        ]

    until(lambda: len({order["vehicleId"] for order in told()}) == len(vehicles))
    assert set(Counter((order["id"], order["attempt"]) for order in told()).values()) == {1}
    assert set(Counter(order["vehicleId"] for order in told()).values()) == {1}


def test_pages_hold_every_row_once_while_rows_are_added(twins: Twins) -> None:
    vehicle, policy = make_home(twins.clients[0])
    first = datetime.now(UTC) - timedelta(days=5)

    def visit(number: float) -> list[Json]:
        at = first + timedelta(minutes=20 * number)
        begin = {"vehicle_id": vehicle, "at": write_instant(at), "plugged_in": True, **AT_HOME}
        return [begin, {**begin, "at": write_instant(at + timedelta(minutes=9)), "plugged_in": False}]

    def page(**cursor: str) -> Json:
        params = {"policyId": policy, "pageSize": "7", **cursor}
        found: Json = twins.clients[1].get("/flex/vehicle-policies/sessions", params=params).json()
        return found

    persistently(twins.clients[0], [fact for number in range(40) for fact in visit(number)])
    known, seen, back = set[str](), list[str](), list[str]()
    at_end = page()
    seen += [row["id"] for row in at_end["data"]]
    for number in range(100):
        if at_end["pagination"]["after"] is None:
            break
        persistently(twins.clients[0], visit(number / 2 + 0.5 if number % 2 else 60 + number))
        at_end = page(after=at_end["pagination"]["after"])
        seen += [row["id"] for row in at_end["data"]]
    back, cursor = [row["id"] for row in at_end["data"]], at_end["pagination"]["before"]
    while cursor is not None:
        earlier = page(before=cursor)
        back += [row["id"] for row in reversed(earlier["data"])]
        cursor = earlier["pagination"]["before"]
    known = set(seen)
    assert len(seen) == len(known) >= 40
    assert len(back) == len(set(back))
    assert known <= set(back)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=302, headers={"location": "http://[::bad"}),
        Answer(status=200, headers={"content-encoding": "gzip"}, body=b"no gzip"),
        Answer(status=500, body=b"\xed\xa0\x80\x00" * 5000),
        Answer(hang_up=True),
    ],
)
def test_no_answer_of_the_vehicles_side_ends_the_engine(twins: Twins, answer: Answer) -> None:
    vehicle, policy = make_home(twins.clients[0])
    twins.orders.answer(answer)
    fact = {"vehicle_id": vehicle, "at": minutes_ago(2), "plugged_in": True, "soc_percent": 5, **AT_HOME}
    persistently(twins.clients[0], [fact])
    until(lambda: any(r.json()["vehicleId"] == vehicle for r in twins.orders.requests))
    other, its_policy = make_home(twins.clients[0])
    persistently(twins.clients[0], [{**fact, "vehicle_id": other}])
    until(
        lambda: bool(
            twins.clients[0].get(f"/flex/vehicle-policies/{its_policy}/session").json().get("blocks")
        )
    )
    assert twins.clients[0].get(f"/flex/vehicle-policies/{policy}/session").status_code == 200
    assert all(process.process.poll() is None for process in twins.processes)


def test_a_foreign_id_is_answered_as_a_missing_one(twins: Twins) -> None:
    vehicle, policy = make_home(twins.clients[0])
    location = twins.clients[0].get(f"/flex/vehicle-policies/{policy}").json()["locationId"]
    stranger = json.loads(dwell("org", "create", "Other", "--json", env=twins.env))
    missing = "01900000-0000-7000-8000-000000000000"
    attempts: list[tuple[str, str, Any]] = [
        ("GET", "/vehicles/VEHICLE", None),
        ("GET", "/locations/LOCATION", None),
        ("PUT", "/locations/LOCATION", LOCATION),
        ("DELETE", "/locations/LOCATION", None),
        ("GET", "/flex/vehicle-policies/POLICY", None),
        ("GET", "/flex/vehicle-policies/POLICY/session", None),
        ("PATCH", "/flex/vehicle-policies/POLICY", {"batteryReserve": 1}),
        ("DELETE", "/flex/vehicle-policies/POLICY", None),
        ("POST", "/flex/vehicle-policies", {"vehicleId": "VEHICLE", "locationId": "LOCATION"}),
        ("POST", "/v1/observations", [{"vehicle_id": "VEHICLE", "at": minutes_ago(1), "soc_percent": 1}]),
        ("GET", "/flex/vehicle-policies/sessions?policyId=POLICY", None),
        ("GET", "/flex/vehicle-policies?vehicleId=VEHICLE", None),
    ]

    def asked(client: httpx.Client, ids: dict[str, str], attempt: tuple[str, str, Any]) -> tuple[int, str]:
        text = json.dumps(attempt)
        for name, value in ids.items():
            text = text.replace(name, value)
        method, path, body = json.loads(text)
        answer = client.request(method, path, json=body)
        return answer.status_code, answer.text

    real = {"VEHICLE": vehicle, "LOCATION": location, "POLICY": policy}
    with signed_in(twins.processes[1], stranger) as client:
        for attempt in attempts:
            assert asked(client, real, attempt) == asked(client, dict.fromkeys(real, missing), attempt)
    assert twins.clients[0].get(f"/flex/vehicle-policies/{policy}").json()["batteryReserve"] == 20
