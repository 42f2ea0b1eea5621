"""What comes over a socket and is no proper request (faults AP5, AP8): refused early, and the server lives on."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract.serving import Serving, Tenant, serving
from dwell.api.server import GuardedProtocol
from dwell.settings import Http, Settings


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(f"sqlite:///{tmp_path_factory.mktemp('hostile')}/dwell.sqlite3") as one:
        yield one


@pytest.fixture(scope="module")
def tenant(server: Serving) -> Tenant:
    return server.tenant()


def exchange(server: Serving, request: bytes) -> bytes:
    """All that is answered to these bytes until the server closes."""
    url = httpx.URL(server.url)
    with socket.create_connection((url.host, url.port or 80), timeout=20) as wire:
        answered = b""
        try:
            wire.sendall(request)
            while part := wire.recv(65_536):
                answered += part
        except ConnectionError:  # it closed on us before we had said everything
            pass
    return answered


def head(path: str = "/docs", *headers: str, method: str = "GET") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (head("/" + "a" * 65_536), 414),
        (head("/docs?" + "a" * 65_536), 414),
        (head("/docs", *(f"X-{n}: 1" for n in range(10_000))), 431),
        (head("/docs", "X: " + "a" * 40_000), 431),
        (b"GET /docs HTTP/1.1\r\nX: " + b"a" * 1_000_000, 431),
        (b"\x16\x03\x01\x02\x00\x01", 400),
        (b"GET\r\n\r\n", 400),
        (head("/docs", "Content-Length: -1"), 400),
        (head("/docs", "Content-Length: 3", "Content-Length: 4"), 400),
        (head("/v1/observations", "Transfer-Encoding: chunked", method="POST") + b"zz\r\n", 400),
        (head("/docs", method="BREW"), 400),
        (head("/docs", method="PROPFIND"), 405),
        (head("/docs", method="DELETE"), 405),
        (head("/v1/observations", method="GET"), 405),
        (head("/docs", "X-HTTP-Method-Override: DELETE"), 200),
    ],
)
def test_each_is_answered_by_its_own_status(server: Serving, request_bytes: bytes, status: int) -> None:
    answered = exchange(server, request_bytes)
    assert answered.startswith(f"HTTP/1.1 {status}".encode()), answered[:200]
    assert httpx.get(f"{server.url}/health/live").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "//docs",
        "/docs/",
        "/docs//",
        "/./docs",
        "/x/../docs",
        "/x/%2e%2e/docs",
        "/%2fdocs",
        "/docs%2f",
        "/docs%00",
        "/docs%5c",
        "/DOCS",
        "/docs;x=1",
        "/flex/vehicle-policies/",
        "/flex/vehicle-policies/sessions/",
        "/vehicles/..%2f..%2fdocs",
    ],
)
def test_no_path_means_another(server: Serving, path: str) -> None:
    assert exchange(server, head(path)).startswith(b"HTTP/1.1 404")


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/health/live", "/"])
def test_head_is_get_without_the_body(server: Serving, path: str) -> None:
    got, headed = (exchange(server, head(path, method=method)) for method in ("GET", "HEAD"))
    assert headed == got.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"


def test_options_and_405_name_the_methods(server: Serving) -> None:
    policy = f"{server.url}/flex/vehicle-policies/x"
    allowed = {"GET", "HEAD", "PATCH", "DELETE", "OPTIONS"}
    for method in ("OPTIONS", "PUT"):
        answer = httpx.request(method, policy)
        assert set(answer.headers["allow"].split(", ")) == allowed
    assert httpx.options(policy).status_code == 204


@pytest.mark.parametrize("path", ["/docs", "/vehicles", "/nothing", "/oauth2/token"])
def test_every_answer_carries_the_security_headers(server: Serving, path: str) -> None:
    headers = httpx.get(server.url + path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


def test_a_request_that_does_not_come_in_time_is_ended(
    server: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GuardedProtocol, "head_timeout_s", 0.2)
    assert exchange(server, b"GET /docs HTT").startswith(b"HTTP/1.1 408")
    assert exchange(server, b"").startswith(b"HTTP/1.1 408")


def test_a_body_that_does_not_come_in_time_is_ended(tmp_path: Path) -> None:
    from dwell.settings import Http, Settings

    settings = Settings(http=Http(body_timeout_s=0.2))
    with serving(f"sqlite:///{tmp_path}/dwell.sqlite3", settings) as slow:
        key = slow.tenant().credentials.api_key
        request = head("/v1/observations", f"X-Api-Key: {key}", "Content-Length: 9", method="POST") + b"[1"
        assert exchange(slow, request).startswith(b"HTTP/1.1 408")


def test_the_pages_need_nothing_from_elsewhere(server: Serving) -> None:
    for path in ("/", "/docs", "/style.css"):
        text = httpx.get(server.url + path).text
        assert "<script" not in text
        assert "http://" not in text
        assert "https://" not in text
    assert "/flex/vehicle-policies/{policyId}/session" in httpx.get(f"{server.url}/docs").text


@pytest.mark.parametrize(
    ("request_bytes", "stray"),
    [
        (head("/health/live"), b""),
        (head("/health/live"), b"\r\n"),
        (head("/v1/observations", "Content-Length: 8000000", method="POST"), b"1"),
    ],
    ids=["idle", "blank-line", "unread-body"],
)
def test_an_idle_connection_is_closed_whatever_stray_bytes_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request_bytes: bytes, stray: bytes
) -> None:
    monkeypatch.setattr("dwell.api.server.KEEP_ALIVE_S", 2)
    with serving(f"sqlite:///{tmp_path}/dwell.sqlite3") as server:
        url = httpx.URL(server.url)
        with socket.create_connection((url.host, url.port or 80), timeout=20) as wire:
            wire.sendall(request_bytes.replace(b"Connection: close\r\n", b""))
            answered = wire.recv(65_536)
            while not answered.endswith(b"}"):
                answered += wire.recv(65_536)
            assert answered.startswith((b"HTTP/1.1 200", b"HTTP/1.1 401"))
            with suppress(ConnectionError):
                wire.sendall(stray)
                assert wire.recv(65_536) == b""  # and not the timeout: it was closed


def test_too_many_connections_are_told_and_make_room_when_they_go(tmp_path: Path) -> None:
    settings = Settings(http=Http(connections_per_address=3))
    with serving(f"sqlite:///{tmp_path}/dwell.sqlite3", settings) as server:
        url = httpx.URL(server.url)
        held = [socket.create_connection((url.host, url.port or 80), timeout=20) for _ in range(3)]
        answered = exchange(server, b"")
        assert answered.startswith(b"HTTP/1.1 429")
        assert b"retry-after: 1" in answered
        for wire in held:
            wire.close()
        while not exchange(server, head("/health/live")).startswith(b"HTTP/1.1 200"):
            pass


def test_measures_tell_what_came_and_name_nobody(server: Serving, tenant: Tenant) -> None:
    home = tenant.home()
    tenant.observe(home.at(-5, plugged_in=True))
    text = httpx.get(f"{server.url}/metrics").text
    assert 'dwell_observations_total{result="accepted"}' in text
    assert 'dwell_http_requests_total{operation="postObservations",status="202"}' in text
    assert "dwell_engine_lag_seconds" in text
    assert tenant.credentials.organization_id not in text
    assert home.user not in text


def mutated(body: bytes, chance: random.Random) -> bytes:
    """The body with a few bytes changed, cut out, doubled or put in."""
    text = bytearray(body)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(text) + 1)
        match chance.randrange(4):
            case 0:
                text[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del text[at : at + chance.randrange(8)]
            case 2:
                text[at:at] = text[at : at + chance.randrange(20)]
            case _:
                text[at:at] = chance.choice([b"\\ud800", b"\\u0000", b"1e999", b"-", b"[[", b"null", b"\xff"])
    return bytes(text)


def test_no_mutated_body_is_answered_with_a_server_fault(server: Serving, tenant: Tenant, seed: int) -> None:
    chance = random.Random(seed)
    home = tenant.home()
    observed = (
        b'[{"vehicle_id":"%s","at":"2026-01-10T11:00:00.5+01:00","plugged_in":true,"power_kw":7.4,"soc_percent":55,'
        b'"energy_register_kwh":1000.25,"latitude":48.1,"longitude":11.5,"odometer_km":10,"source":"app","id":"a-1"}]'
    ) % home.vehicle["id"].encode()
    targets: list[tuple[str, str, bytes]] = [
        ("POST", "/v1/observations", observed),
        (
            "PATCH",
            f"/flex/vehicle-policies/{home.policy['id']}",
            b'{"schedule":{"monday":{"deadline":"07:00",'
            b'"minimumChargeTarget":80},"sunday":null},"batteryReserve":20}',
        ),
        (
            "PUT",
            f"/locations/{home.location['id']}",
            b'{"name":"H","latitude":48.1,"longitude":11.5,"timezoneName":'
            b'"Europe/Berlin","baseLoad":[{"start":"00:00","powerW":300}]}',
        ),
        (
            "POST",
            "/users/anna/vehicles",
            b'{"vendor":"A","information":{"brand":"A","model":"B","year":2020},'
            b'"batteryCapacity":60,"maxPower":11,"control":"on_off"}',
        ),
    ]
    headers = {"content-type": "application/json"}
    for _ in range(150):
        method, path, body = chance.choice(targets)
        sent = mutated(body, chance)
        answer: Any = tenant.client.request(method, path, content=sent, headers=headers)
        assert answer.status_code < 500, (path, sent, answer.text)
