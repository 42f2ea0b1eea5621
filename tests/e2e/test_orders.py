"""Orders leave a real server for a real receiver, signed, when a vehicle is to charge."""

from __future__ import annotations

import json
from pathlib import Path

from standardwebhooks.webhooks import Webhook

from e2e.processes import dwell, environment, served
from e2e.test_serving import make_home, minutes_ago, signed_in
from receiver import Answer, Receiver

SECRET = "whsec_YSBrZXkgb2YgdHdlbnR5LWZvdXIgYnl0ZQ=="


def test_a_vehicle_below_its_reserve_is_told_to_start_at_once(tmp_path: Path, receiver: Receiver) -> None:
    receiver.answer_always(Answer(status=202))
    env = environment(tmp_path, f"sqlite:///{tmp_path}/dwell.db")
    env |= {"DWELL_ORDERS_URL": receiver.url, "DWELL_ORDERS_SECRET": SECRET}
    organization = json.loads(dwell("org", "create", "Acme", "--json", env=env))
    with served(env) as process, signed_in(process, organization) as client:
        vehicle, _ = make_home(client)
        fact = {
            "vehicle_id": vehicle,
            "at": minutes_ago(1),
            "plugged_in": True,
            "charging": False,
            "soc_percent": 8,
            "latitude": 48.1,
            "longitude": 11.5,
        }
        client.post("/v1/observations", json=[fact])
        (request, *_) = receiver.wait_for(1, timeout_s=60)
    order = Webhook(SECRET).verify(request.body, dict(request.headers))
    assert (order["vehicleId"], order["action"], order["attempt"]) == (vehicle, "START", 1)
    assert order["powerKw"] > 0


def test_an_address_without_a_secret_refuses_to_start(tmp_path: Path) -> None:
    env = environment(tmp_path, f"sqlite:///{tmp_path}/dwell.db") | {
        "DWELL_ORDERS_URL": "http://127.0.0.1:9/"
    }
    assert "DWELL_ORDERS_SECRET" in dwell("serve", "--port", "0", env=env, status=1)
