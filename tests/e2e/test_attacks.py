"""Attacks on the running product: kills, races, floods of repeats, a full disk and foreign ids, on real processes."""

from __future__ import annotations

import json
import random
import resource
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pytest

from contract.serving import AT_HOME, LOCATION, VEHICLE
from dwell.domain.instants import write_instant
from e2e.processes import DEADLINE_S, Process, dwell, environment, served
from e2e.test_serving import make_home, minutes_ago, signed_in
from receiver import Answer, Receiver, running_receiver
from scripts.private_postgres import Cluster

Json = dict[str, Any]
SECRET = "whsec_YSBrZXkgb2YgdHdlbnR5LWZvdXIgYnl0ZQ=="
CLIENTS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Twins:
    """Two servers, each with its engine, on one database; and where their orders go."""

    processes: Sequence[Process]
    clients: Sequence[httpx.Client]
    orders: Receiver
    env: dict[str, str]
    organization: dict[str, str]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def twins(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    """Two servers on each kind of database."""
    folder = tmp_path_factory.mktemp("twins")
    with running_receiver() as orders, ExitStack() as stack:
        url = f"sqlite:///{folder}/dwell.db"
        if request.param == "postgres":
            cluster: Cluster = request.getfixturevalue("postgres_cluster")
            url = cluster.create_database("attacked_twins")
            stack.callback(cluster.drop_database, "attacked_twins")
        env = environment(folder, url) | {"DWELL_ORDERS_URL": orders.url, "DWELL_ORDERS_SECRET": SECRET}
        env["DWELL_SECRET_KEY"] = "ab" * 32
        dwell("db", "upgrade", env=env)
        organization = json.loads(dwell("org", "create", "Acme", "--json", env=env))
        processes = [stack.enter_context(served(env)) for _ in range(2)]
        clients = [stack.enter_context(signed_in(process, organization)) for process in processes]
        yield Twins(processes=processes, clients=clients, orders=orders, env=env, organization=organization)


def until(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds."""
    deadline, pause = monotonic() + DEADLINE_S, threading.Event()
    while not condition():
        assert monotonic() < deadline, "it did not come true in time"
        pause.wait(0.02)


def persistently(client: httpx.Client, batch: list[Json]) -> int:
    """Send until it is taken, as a sender should; how many facts were new."""
    while True:
        answer = client.post("/v1/observations", json=batch)
        if answer.status_code == 202:
            return int(answer.json()["accepted"])
        assert (answer.status_code, answer.headers.get("retry-after")) == (503, "1"), answer.text


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


@pytest.fixture(params=["sqlite", "postgres"])
def env(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """An operator's environment on each database."""
    if request.param == "sqlite":
        return environment(tmp_path, f"sqlite:///{tmp_path}/dwell.db")
    return environment(tmp_path, request.getfixturevalue("postgres_database"))


def test_a_kill_amid_ingest_loses_nothing_that_was_answered(env: dict[str, str]) -> None:
    dwell("db", "upgrade", env=env)
    organization = json.loads(dwell("org", "create", "Acme", "--json", env=env))
    answered, enough = list[Json](), threading.Event()
    since = datetime.now(UTC) - timedelta(hours=20)
    with served(env) as process, signed_in(process, organization) as client:
        vehicles = [make_home(client)[0] for _ in range(4)]

        def send(sender: int) -> None:
            for turn in range(1_000_000):
                at = write_instant(since + timedelta(seconds=sender + turn * 10))
                vehicle = vehicles[(sender + turn) % len(vehicles)]
                facts = [
                    {"vehicle_id": vehicle, "at": at, "id": f"{sender}-{turn}-{part}", "plugged_in": True}
                    for part in range(5)
                ]
                try:
                    taken = client.post("/v1/observations", json=facts).json()["accepted"]
                except httpx.HTTPError:
                    return  # the kill
                assert taken == 5
                answered.extend(facts)
                if len(answered) >= 500:
                    enough.set()

        with ThreadPoolExecutor(CLIENTS) as senders:
            jobs = [senders.submit(send, sender) for sender in range(CLIENTS)]
            assert enough.wait(DEADLINE_S)
            process.process.kill()
            for job in jobs:
                job.result()
    with served(env) as process, signed_in(process, organization) as client:
        again = client.post("/v1/observations", json=answered[:10_000]).json()
    assert again == {"accepted": 0, "duplicates": min(len(answered), 10_000), "rejected": []}


def test_a_full_disk_takes_nothing_serves_on_and_heals(tmp_path: Path) -> None:
    env = environment(tmp_path, f"sqlite:///{tmp_path}/dwell.db")
    organization = json.loads(dwell("org", "create", "Acme", "--json", env=env))
    with served(env) as process, signed_in(process, organization) as client:
        location = client.post("/users/anna/locations", json=LOCATION).json()["id"]
        vehicle = client.post("/users/anna/vehicles", json=VEHICLE).json()["id"]
        pair = {"vehicleId": vehicle, "locationId": location}
        policy = client.post("/flex/vehicle-policies", json=pair).json()["id"]
        number = process.process.pid
        _, hard = resource.prlimit(number, resource.RLIMIT_FSIZE)
        largest = max(file.stat().st_size for file in tmp_path.glob("dwell.db*"))
        resource.prlimit(number, resource.RLIMIT_FSIZE, (largest + 200_000, hard))
        accepted, sent, refused = 0, list[Json](), None
        for turn in range(500):
            facts = [
                {"vehicle_id": vehicle, "at": minutes_ago(900 - turn - part / 100), "plugged_in": True}
                for part in range(50)
            ]
            answer = client.post("/v1/observations", json=facts)
            if answer.status_code == 503:
                refused = answer
                break
            accepted += answer.json()["accepted"]
            sent += facts
        assert refused is not None
        assert refused.headers["retry-after"] == "1"
        assert client.get(f"/flex/vehicle-policies/{policy}/session").json()["state"] == "ACTIVE:REGULAR"
        resource.prlimit(number, resource.RLIMIT_FSIZE, (hard, hard))
        until(lambda: client.post("/v1/observations", json=facts).status_code == 202)
        again = client.post("/v1/observations", json=[*sent, *facts][-10_000:]).json()
        assert (again["accepted"], accepted) == (0, len(sent))
        assert process.process.poll() is None
