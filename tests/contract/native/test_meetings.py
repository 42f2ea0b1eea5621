"""What meets: a token that ends during its request, two who change one policy, and a change while a visit settles."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from contract.serving import AT_HOME, Home, Tenant
from dwell.application.audit import verify_chain
from dwell.application.credentials import revoke
from dwell.domain.ids import OrganizationId

ROUNDS = 6
WAIT_S = 20.0


def both(one: Callable[[], Any], other: Callable[[], Any]) -> list[Any]:
    """The answers of two callers who begin at the same moment."""
    gate, answers = threading.Barrier(2), [None, None]

    def call(index: int, ask: Callable[[], Any]) -> None:
        gate.wait(WAIT_S)
        answers[index] = ask()

    threads = [threading.Thread(target=call, args=pair) for pair in enumerate((one, other))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    return answers


def chain_of(tenant: Tenant) -> list[dict[str, Any]]:
    """The audit log, oldest first; it must be whole."""
    owner = OrganizationId(tenant.credentials.organization_id)
    head, broken = tenant.serving.run(verify_chain(tenant.serving.ports, owner))
    entries: list[dict[str, Any]] = tenant.get("/v1/audit", limit=200)["entries"][::-1]
    assert broken is None
    assert head.number == len(entries)
    return entries


def test_two_writers_of_one_policy_are_both_heard_and_both_noted(home: Home) -> None:
    tenant = home.tenant
    other = tenant.serving.client(headers=dict(tenant.client.headers))
    path = f"/flex/vehicle-policies/{home.policy['id']}"
    for n in range(ROUNDS):
        answers = both(
            partial(tenant.client.patch, path, json={"batteryReserve": 20 + n + 1}),
            partial(
                other.patch,
                path,
                json={"schedule": {"monday": {"deadline": f"0{n}:00", "minimumChargeTarget": 60 + n}}},
            ),
        )
        assert [answer.status_code for answer in answers] == [200, 200], [a.text for a in answers]
        policy = tenant.get(path)
        assert policy["batteryReserve"] == 20 + n + 1
        assert policy["schedule"]["monday"] == {"deadline": f"0{n}:00", "minimumChargeTarget": 60 + n}
    changes = [entry for entry in chain_of(tenant) if entry["action"] == "changed"]
    assert len(changes) == 2 * ROUNDS
    # Each has seen what the one before it made.
    assert all(one["after"] == then["before"] for one, then in itertools.pairwise(changes))


def test_a_policy_that_changes_while_its_visit_settles_is_changed_and_the_visit_is_settled(
    home: Home,
) -> None:
    tenant = home.tenant
    other = tenant.serving.client(headers=dict(tenant.client.headers))
    path = f"/flex/vehicle-policies/{home.policy['id']}"
    for n in range(ROUNDS):
        begin = -2_000 + 200 * n
        tenant.observe(home.at(begin, plugged_in=True, energy_register_kwh=100 + 5 * n, **AT_HOME))
        end = [
            home.at(begin + 120, plugged_in=True, energy_register_kwh=105 + 5 * n),
            home.at(begin + 121, plugged_in=False, energy_register_kwh=105 + 5 * n),
        ]
        told, changed = both(
            partial(other.post, "/v1/observations", json=end),
            partial(tenant.client.patch, path, json={"batteryReserve": 30 + n}),
        )
        assert (told.status_code, changed.status_code) == (202, 200)
        assert tenant.get(path)["batteryReserve"] == 30 + n
        settled = home.settled()
        assert len(settled) == n + 1
        assert [session["statistics"]["aggregated"]["kwhSum"] for session in settled] == [5] * (n + 1)
        assert home.session()["state"] == "UPCOMING"
    assert len([entry for entry in chain_of(tenant) if entry["action"] == "changed"]) == ROUNDS


@pytest.mark.parametrize("early", [True, False], ids=["before the body", "between two parts of it"])
def test_a_token_that_ends_during_its_request_spoils_nothing(home: Home, *, early: bool) -> None:
    tenant = home.tenant
    serving, shown = tenant.serving, tenant.client.headers["authorization"].partition(" ")[2]
    body = json.dumps([home.at(-10, plugged_in=True, **AT_HOME)]).encode()

    def parts() -> Iterator[bytes]:
        if not early:
            yield body[:7]
        serving.run(revoke(serving.ports, serving.keyring, shown))
        yield body if early else body[7:]

    answer = tenant.client.post(
        "/v1/observations", content=parts(), headers={"content-type": "application/json"}
    )
    # Who was known when the request came in is served whole; who was not is not served at all.
    assert answer.status_code in {202, 401}
    assert tenant.client.get("/v1/audit").status_code == 401
    key = serving.client(headers={"x-api-key": tenant.credentials.api_key})
    assert _plugged_in(home, key) is (True if answer.status_code == 202 else None)


def _plugged_in(home: Home, client: httpx.Client) -> bool | None:
    """What is known of the vehicle, by a credential that lives on."""
    window = {"from_datetime": "2026-01-10T11:00:00Z", "to_datetime": "2026-01-10T13:00:00Z"}
    answer = client.get(f"/v1/vehicles/{home.vehicle['id']}/data", params=window)
    assert answer.status_code == 200
    return True if any(point["is_plugged_in"] for point in answer.json()["data"]) else None
