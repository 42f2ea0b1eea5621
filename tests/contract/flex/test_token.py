"""Flex: `/oauth2/token`, by the contract and RFC 6749."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import msgspec
import pytest

from contract.serving import LOCATION, Serving, Tenant, serving
from dwell.application.credentials import Keyring, caller_of_token, revoke
from dwell.application.ports import Ports
from dwell.application.usage import Usage
from dwell.settings import Http, Settings
from dwell.simulation.clock import VirtualClock

GRANT = {"grant_type": "client_credentials"}


@pytest.fixture
def client(server: Serving) -> httpx.Client:
    return server.client()


def basic(tenant: Tenant) -> tuple[str, str]:
    return tenant.credentials.client_id, tenant.credentials.client_secret


def test_a_token_is_answered_as_published(tenant: Tenant, client: httpx.Client) -> None:
    answer = client.post("/oauth2/token", auth=basic(tenant), data=GRANT)
    assert answer.status_code == 200
    assert list(answer.json()) == ["access_token", "expires_in", "token_type", "scope"]
    assert answer.json() | {"access_token": ""} == {
        "access_token": "",
        "expires_in": 3599,
        "token_type": "bearer",
        "scope": "",
    }
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("request_of", "status", "error"),
    [
        (lambda t: {"data": GRANT}, 401, "invalid_client"),
        (lambda t: {"auth": (basic(t)[0], "wrong"), "data": GRANT}, 401, "invalid_client"),
        (lambda t: {"auth": ("nobody", basic(t)[1]), "data": GRANT}, 401, "invalid_client"),
        (lambda t: {"headers": {"authorization": "Basic %%%"}, "data": GRANT}, 401, "invalid_client"),
        (lambda t: {"auth": basic(t), "data": {"grant_type": "password"}}, 400, "unsupported_grant_type"),
        (lambda t: {"auth": basic(t), "data": {}}, 400, "invalid_request"),
        (lambda t: {"auth": basic(t), "json": GRANT}, 400, "invalid_request"),
        (lambda t: {"auth": basic(t), "data": GRANT | {"client_id": "x"}}, 400, "invalid_request"),
        (lambda t: {"auth": basic(t), "data": GRANT | {"scope": "ü"}}, 400, "invalid_scope"),
        (lambda t: {"auth": basic(t), "data": GRANT | {"scope": "s" * 100_000}}, 400, "invalid_request"),
    ],
    ids=[
        "no client",
        "secret",
        "unknown",
        "not basic",
        "grant",
        "no grant",
        "json",
        "twice",
        "scope",
        "huge",
    ],
)
def test_a_refusal_has_the_code_of_the_rfc(
    tenant: Tenant, client: httpx.Client, *, request_of: object, status: int, error: str
) -> None:
    assert callable(request_of)
    answer = client.post("/oauth2/token", **request_of(tenant))
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["cache-control"] == "no-store"
    assert (status == 401) == ("www-authenticate" in answer.headers)


def test_an_unknown_client_and_a_wrong_secret_are_answered_alike(
    tenant: Tenant, client: httpx.Client
) -> None:
    wrong = client.post("/oauth2/token", auth=(basic(tenant)[0], "x"), data=GRANT)
    unknown = client.post("/oauth2/token", auth=("dwell_cid_nobody", "x"), data=GRANT)
    assert wrong.content == unknown.content


@pytest.mark.parametrize(
    "path", ["/oauth2/token%2f", "/oauth2//token", "/OAUTH2/token", "/oauth2/token/%ef%bf%bd"]
)
def test_no_other_path_is_folded_into_it(client: httpx.Client, path: str) -> None:
    assert client.post(path, data=GRANT, follow_redirects=False).status_code == 404


def test_only_post_is_taken(client: httpx.Client) -> None:
    answer = client.get("/oauth2/token")
    assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (405, {"POST", "OPTIONS"})


@pytest.mark.parametrize("scheme", ["Basic", "Token", "Bearer,"])
def test_a_token_is_a_bearer_token_and_nothing_else(
    tenant: Tenant, client: httpx.Client, scheme: str
) -> None:
    token = tenant.client.headers["authorization"].removeprefix("Bearer ")
    assert client.get("/vehicles", headers={"authorization": f"{scheme} {token}"}).status_code == 401


def test_a_changed_token_is_no_token(tenant: Tenant, client: httpx.Client) -> None:
    good = tenant.client.headers["authorization"]
    assert client.get("/vehicles", headers={"authorization": good}).status_code == 200
    for position in (12, len(good) // 2, len(good) - 1):
        letter = "x" if good[position] != "x" else "y"
        changed = good[:position] + letter + good[position + 1 :]
        answer = client.get("/vehicles", headers={"authorization": changed})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_an_api_key_does_not_open_this_dialect(tenant: Tenant, client: httpx.Client) -> None:
    assert client.get("/vehicles", headers={"x-api-key": tenant.credentials.api_key}).status_code == 401


@pytest.mark.parametrize("name", ["access_token", "api_key", "x-api-key"])
def test_a_credential_in_the_query_is_refused(tenant: Tenant, client: httpx.Client, name: str) -> None:
    token = tenant.client.headers["authorization"].removeprefix("Bearer ")
    assert client.get("/vehicles", params={name: token}).status_code == 401
    assert tenant.client.get("/vehicles", params={name: token}).status_code == 400


def test_revoking_the_client_ends_its_tokens_at_once(tenant: Tenant, server: Serving) -> None:
    assert tenant.client.get("/vehicles").status_code == 200
    server.run(revoke(server.ports, server.keyring, tenant.credentials.client_id))
    assert tenant.client.get("/vehicles").status_code == 401
    again = httpx.post(f"{server.url}/oauth2/token", auth=basic(tenant), data=GRANT)
    assert again.status_code == 401


def test_revoking_a_token_ends_the_request_that_is_under_way(tenant: Tenant, server: Serving) -> None:
    token = tenant.client.headers["authorization"].removeprefix("Bearer ")
    whole = msgspec.json.encode(LOCATION)

    def parts() -> Iterator[bytes]:
        yield whole[:10]
        server.run(revoke(server.ports, server.keyring, token))
        yield whole[10:]

    headers = {"content-type": "application/json"}
    answer = tenant.client.post("/users/anna/locations", content=parts(), headers=headers)
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (401, "unauthorized")
    again = tenant.client.post("/oauth2/token", auth=basic(tenant), data=GRANT).json()["access_token"]
    bearer = {"authorization": f"Bearer {again}"}
    assert tenant.client.get("/locations", headers=bearer).json()["data"] == []


def test_revoking_a_key_ends_it_and_nothing_else(tenant: Tenant, server: Serving) -> None:
    key = {"x-api-key": tenant.credentials.api_key}
    url = f"{server.url}/v1/observations"
    assert httpx.post(url, headers=key, json=[]).status_code == 202
    server.run(revoke(server.ports, server.keyring, tenant.credentials.api_key))
    assert httpx.post(url, headers=key, json=[]).status_code == 401
    assert tenant.client.post("/v1/observations", json=[]).status_code == 202


def test_a_token_expires_after_what_was_promised_and_not_before(tenant: Tenant, server: Serving) -> None:
    token = tenant.client.headers["authorization"].removeprefix("Bearer ")
    clock = VirtualClock(datetime.now(UTC))
    later = Ports(server.ports.store, clock, server.ports.ids)

    def owner(keyring: Keyring = server.keyring, *, dialect: str = "flex") -> object:
        dialects = frozenset({dialect})
        found = server.run(caller_of_token(later, keyring, token, dialects=dialects, usage=Usage()))
        return found.organization_id if found is not None else None

    clock.move_to(clock.now() + timedelta(seconds=3590))
    assert owner() == tenant.credentials.organization_id
    assert owner(dialect="partner") is None
    assert owner(Keyring(b"o" * 32)) is None
    clock.move_to(clock.now() + timedelta(seconds=20))
    assert owner() is None


def test_too_many_attempts_from_one_address_have_to_wait(tmp_path: Path) -> None:
    settings = Settings(http=Http(token_attempts_per_minute=30))
    with serving(f"sqlite:///{tmp_path}/dwell.sqlite3", settings) as server:
        client = server.client()
        statuses = [client.post("/oauth2/token", auth=("a", "b"), data=GRANT).status_code for _ in range(5)]
        assert statuses == [401, 401, 401, 429, 429]
        answer = client.post("/oauth2/token", auth=("a", "b"), data=GRANT)
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert answer.json()["type"].endswith("too-many-requests")
        assert client.get("/health/live").status_code == 200


def test_a_burst_of_attempts_at_once_is_held_to_the_same_rate(tmp_path: Path) -> None:
    settings = Settings(http=Http(token_attempts_per_minute=30))
    with serving(f"sqlite:///{tmp_path}/dwell.sqlite3", settings) as server:
        client = server.client()

        def attempt(_: int) -> int:
            return client.post("/oauth2/token", auth=("a", "b"), data=GRANT).status_code

        with ThreadPoolExecutor(20) as callers:
            statuses = Counter(callers.map(attempt, range(20)))
        # The bucket holds three failures, and fills by one every twenty seconds.
        assert statuses[401] <= 4
        assert statuses[401] + statuses[429] == 20


def test_a_token_that_is_granted_costs_one_attempt_only(tmp_path: Path) -> None:
    settings = Settings(http=Http(token_attempts_per_minute=30))
    with serving(f"sqlite:///{tmp_path}/dwell.sqlite3", settings) as server:
        tenant = server.tenant()
        auth = (tenant.credentials.client_id, tenant.credentials.client_secret)
        statuses = {tenant.client.post("/oauth2/token", auth=auth, data=GRANT).status_code for _ in range(25)}
        assert statuses == {200}


def test_no_secret_is_kept_as_it_was_shown(tmp_path: Path) -> None:
    path = f"{tmp_path}/dwell.sqlite3"
    with serving(f"sqlite:///{path}") as server:
        tenant = server.tenant()
        shown = [
            tenant.credentials.client_secret,
            tenant.credentials.api_key,
            tenant.client.headers["authorization"].removeprefix("Bearer "),
        ]
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert tenant.credentials.client_id.encode() in kept, "the test looks in the wrong place"
    assert not [text for text in shown if text.encode() in kept]
