"""Partner: both addresses of the token endpoint, both grants, by the contract and RFC 6749."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract.partner.people import CLIENT_GRANT, PASSWORD, URLS, Partner, password_grant
from contract.serving import Serving, Tenant, serving
from dwell.application.credentials import revoke
from dwell.application.passwords import FAILURES_PER_MINUTE, remove_password
from dwell.domain.ids import UserId
from dwell.settings import Http, Settings

XML = {"content-type": "text/xml"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
_logins = itertools.count(1)


@pytest.fixture
def partner(tenant: Tenant) -> Partner:
    return Partner(tenant=tenant)


@pytest.fixture
def login() -> str:
    return f"anna{next(_logins)}@example.com"


def in_body(partner: Partner) -> dict[str, str]:
    return {"client_id": partner.basic[0], "client_secret": partner.basic[1]}


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("kind", ["json", "data"])
@pytest.mark.parametrize("by", ["basic", "body"])
def test_a_client_gets_a_token_as_published(partner: Partner, url: str, kind: str, by: str) -> None:
    client = partner.tenant.serving.client()
    request: dict[str, Any] = {kind: CLIENT_GRANT | (in_body(partner) if by == "body" else {})}
    request |= {"auth": partner.basic} if by == "basic" else {}
    answer = client.post(url, **request)
    assert answer.status_code == 200, answer.text
    token = answer.json()
    assert list(token) == ["access_token", "expires_in", "token_type", "scope"]
    assert (token["expires_in"], token["token_type"], token["scope"]) == (36000, "Bearer", "read write")
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    bearer = {"authorization": f"Bearer {token['access_token']}"}
    assert client.get(partner.users_path, headers=bearer).status_code == 200


@pytest.mark.parametrize("kind", ["json", "data"])
@pytest.mark.parametrize("client", ["none", "basic", "body"])
def test_a_user_gets_a_token_by_password(partner: Partner, login: str, kind: str, client: str) -> None:
    user = partner.add("user", login=login)
    grant = password_grant(login.upper()) | (in_body(partner) if client == "body" else {})
    auth = partner.basic if client == "basic" else None
    caller = partner.signed_in(auth=auth, **{kind: grant})
    assert caller.get(f"{partner.users_path}/{user.id}").json()["id"] == user.id


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize(
    ("request_of", "status", "error"),
    [
        (lambda p: {"json": CLIENT_GRANT}, 401, "invalid_client"),
        (lambda p: {"auth": (p.basic[0], "x"), "json": CLIENT_GRANT}, 401, "invalid_client"),
        (lambda p: {"auth": ("x", p.basic[1]), "data": CLIENT_GRANT}, 401, "invalid_client"),
        (lambda p: {"headers": {"authorization": "Bearer x"}, "json": CLIENT_GRANT}, 401, "invalid_client"),
        (lambda p: {"data": password_grant("a", "b"), "auth": ("x", "y")}, 401, "invalid_client"),
        (lambda p: {"data": password_grant("nobody@x", "b")}, 400, "invalid_grant"),
        (lambda p: {"data": password_grant("", "")}, 400, "invalid_grant"),
        (lambda p: {"data": password_grant("\ud800".encode("utf-8", "replace").decode(), "b")}, 400, "invalid_grant"),
        (lambda p: {"data": {"grant_type": "password", "username": "a"}}, 400, "invalid_request"),
        (lambda p: {"auth": p.basic, "json": {"grant_type": "refresh_token"}}, 400, "unsupported_grant_type"),
        (lambda p: {"auth": p.basic, "json": {}}, 400, "invalid_request"),
        (lambda p: {"auth": p.basic, "json": []}, 400, "invalid_request"),
        (lambda p: {"auth": p.basic, "json": {"grant_type": {"a": []}}}, 400, "invalid_request"),
        (lambda p: {"auth": p.basic, "content": b"[" * 9000}, 400, "invalid_request"),
        (lambda p: {"auth": p.basic, "content": b"\xff"}, 400, "invalid_request"),
        (lambda p: {"auth": p.basic, "content": b"<x/>", "headers": XML}, 400, "invalid_request"),
        (lambda p: {"auth": p.basic, "content": b"a=1&a=2", "headers": FORM}, 400, "invalid_request"),
        (lambda p: {"auth": p.basic, "content": b'{"a":"1","a":"2"}'}, 400, "invalid_request"),
        (lambda p: {"auth": p.basic, "json": CLIENT_GRANT | in_body(p)}, 400, "invalid_request"),
        (lambda p: {"auth": p.basic, "json": CLIENT_GRANT | {"scope": "ü"}}, 400, "invalid_scope"),
        (lambda p: {"auth": p.basic, "json": CLIENT_GRANT | {"scope": "s" * 20_000}}, 400, "invalid_request"),
    ],
)  # fmt: skip
def test_a_refusal_is_the_code_and_nothing_else(
    partner: Partner, *, url: str, request_of: Any, status: int, error: str
) -> None:
    answer = partner.tenant.serving.client().post(url, **request_of(partner))
    assert (answer.status_code, answer.json()) == (status, {"error": error})
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers.get("www-authenticate", "").startswith("Basic") == (status == 401)


def test_a_wrong_password_and_an_unknown_user_are_answered_alike(partner: Partner, login: str) -> None:
    partner.add("user", login=login)
    client = partner.tenant.serving.client()
    wrong = client.post(URLS[0], data=password_grant(login, "x"))
    unknown = client.post(URLS[0], data=password_grant("nobody@example.com", "x"))
    assert (wrong.content, wrong.status_code) == (unknown.content, unknown.status_code)


def test_a_client_named_beside_a_password_must_be_of_the_same_organization(
    partner: Partner, login: str
) -> None:
    partner.add("user", login=login)
    other = Partner(tenant=partner.tenant.serving.tenant())
    answer = partner.tenant.serving.client().post(URLS[0], auth=other.basic, data=password_grant(login))
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_grant"})


def test_null_says_nothing(partner: Partner) -> None:
    grant = CLIENT_GRANT | dict.fromkeys(("client_id", "client_secret", "username", "password", "scope"))
    assert partner.signed_in(auth=partner.basic, json=grant).get(partner.users_path).status_code == 200


def test_a_token_opens_its_own_dialect_only(partner: Partner, login: str) -> None:
    partner.add("admin", login=login)
    for caller in (partner.client(), partner.as_user(login)):
        assert caller.get("/vehicles").status_code == 401
        assert caller.get("/v1/audit").status_code == 401
    flex = partner.tenant.client
    assert flex.get(partner.users_path).json() == {"detail": "Unauthorized"}


def test_a_new_password_ends_the_tokens_of_the_old_one_at_once(partner: Partner, login: str) -> None:
    user = partner.add("staff", login=login)
    before = partner.as_user(login)
    assert before.get(partner.users_path).status_code == 200
    partner.set_password(user.id, login=login, password=PASSWORD + "!")
    assert before.get(partner.users_path).status_code == 401
    refused = partner.tenant.serving.client().post(URLS[0], data=password_grant(login))
    assert refused.json() == {"error": "invalid_grant"}
    assert partner.as_user(login, PASSWORD + "!").get(partner.users_path).status_code == 200


def test_a_user_whose_password_is_taken_away_is_out_at_once(partner: Partner, login: str) -> None:
    user, serving_ = partner.add("staff", login=login), partner.tenant.serving
    caller = partner.as_user(login)
    serving_.run(remove_password(serving_.ports, partner.organization_id, UserId(user.id)))
    assert caller.get(partner.users_path).status_code == 401
    again = serving_.client().post(URLS[0], data=password_grant(login))
    assert again.json() == {"error": "invalid_grant"}
    other = partner.add("user", login=login)
    assert partner.as_user(login).get(f"{partner.users_path}/{other.id}").status_code == 200


def test_one_token_can_be_revoked_and_the_others_live(partner: Partner, login: str) -> None:
    partner.add("staff", login=login)
    one, other = partner.as_user(login), partner.as_user(login)
    token = one.headers["authorization"].removeprefix("Bearer ")
    server = partner.tenant.serving
    server.run(revoke(server.ports, server.keyring, token))
    assert one.get(partner.users_path).status_code == 401
    assert other.get(partner.users_path).status_code == 200


def test_a_role_counts_from_the_next_request_on(partner: Partner, login: str) -> None:
    user = partner.add("staff", login=login)
    caller = partner.as_user(login)
    assert caller.post(partner.users_path, json={}).status_code == 201
    partner.set_role(user.id, "guest")
    assert caller.post(partner.users_path, json={}).status_code == 403


class _SlowBody:
    """A body whose rest comes after something else has happened."""

    def __init__(self, meanwhile: Any) -> None:
        self._meanwhile = meanwhile

    def __iter__(self) -> Any:
        yield b'{"first_name": '
        self._meanwhile()
        yield b'"Mallory"}'


@pytest.mark.parametrize("what", ["the token", "the client", "the password", "the role"])
def test_what_is_revoked_while_a_request_is_under_way_changes_nothing(
    partner: Partner, login: str, what: str
) -> None:
    user, server = partner.add("staff", login=login), partner.tenant.serving
    caller = partner.client() if what == "the client" else partner.as_user(login)
    token = caller.headers["authorization"].removeprefix("Bearer ")
    meanwhile = {
        "the token": lambda: server.run(revoke(server.ports, server.keyring, token)),
        "the client": lambda: server.run(revoke(server.ports, server.keyring, partner.basic[0])),
        "the password": lambda: partner.set_password(user.id, login=login, password=PASSWORD + "!"),
        "the role": lambda: partner.set_role(user.id, "guest"),
    }[what]
    headers = {"content-type": "application/json"}
    answer = caller.put(f"{partner.users_path}/{user.id}", content=_SlowBody(meanwhile), headers=headers)
    assert (answer.status_code, answer.json()) == (401, {"detail": "Unauthorized"})
    partner.set_password(user.id, login=login, password=PASSWORD)
    shown = partner.as_user(login).get(f"{partner.users_path}/{user.id}").json()
    assert shown["first_name"] is None


def test_guesses_at_one_login_have_to_wait_and_others_need_not(tmp_path: Path) -> None:
    with serving(f"sqlite:///{tmp_path}/dwell.sqlite3") as server:
        partner = Partner(tenant=server.tenant())
        partner.add("user", login="anna@example.com")
        partner.add("user", login="berta@example.com")
        client = server.client()
        grant = password_grant("anna@example.com", "wrong")
        statuses = [client.post(URLS[0], data=grant).status_code for _ in range(FAILURES_PER_MINUTE + 1)]
        assert statuses == [400] * FAILURES_PER_MINUTE + [429]
        right = client.post(URLS[1], data=password_grant("Anna@example.com"))
        assert right.status_code == 429
        assert 1 <= int(right.headers["retry-after"]) <= 60
        assert partner.as_user("berta@example.com")


def test_attempts_from_one_address_are_held_to_one_rate_at_both_addresses(tmp_path: Path) -> None:
    settings = Settings(http=Http(token_attempts_per_minute=30))
    with serving(f"sqlite:///{tmp_path}/dwell.sqlite3", settings) as server:
        client = server.client()
        statuses = [
            client.post(URLS[n % 2], auth=("a", "b"), json=CLIENT_GRANT).status_code for n in range(5)
        ]
        assert statuses == [401, 401, 401, 429, 429]


def test_no_password_or_token_is_kept_as_it_was_shown(tmp_path: Path) -> None:
    with serving(f"sqlite:///{tmp_path}/dwell.sqlite3") as server:
        partner = Partner(tenant=server.tenant())
        partner.add("user", login="anna@example.com")
        token = partner.as_user("anna@example.com").headers["authorization"].removeprefix("Bearer ")
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"$argon2id$v=19$m=19456,t=2,p=1$" in kept
    assert not [text for text in (PASSWORD, token) if text.encode() in kept]


@pytest.mark.parametrize(
    "path", ["/oauth2/token//", "/oauth2/token/%2f", "/oauth2//token/", "/oauth2/Token/"]
)
def test_no_other_path_is_folded_into_the_one_with_a_slash(server: Serving, path: str) -> None:
    assert httpx.post(f"{server.url}{path}", json=CLIENT_GRANT).status_code == 404


def test_only_post_is_taken(server: Serving) -> None:
    for url in URLS:
        answer = httpx.get(f"{server.url}{url}")
        assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (405, {"POST", "OPTIONS"})
