"""Who is calling: a bearer token, an API key or a browser's cookie, from the headers and from nowhere else."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from dwell.api.shared.operations import Access, Backend
from dwell.api.shared.problems import HttpRefusal
from dwell.application.credentials import Caller, Keyring, caller_of_api_key, caller_of_token

FLEX = "flex"
PARTNER = "partner"
_BY_KEY = frozenset({Access.FLEET, Access.NATIVE})
BROWSER = "browser"
COOKIE = "dwell_session"
SECURE_COOKIE = "__Host-dwell_session"
"""Behind TLS: a browser takes it from no other host, path or plain connection."""
PAGE_TOKEN = "x-csrf-token"
_SAFE = frozenset({"GET", "HEAD"})
_DIALECTS: Mapping[Access, frozenset[str]] = {
    Access.FLEX: frozenset({FLEX}),
    Access.NATIVE: frozenset({FLEX}),
    Access.PARTNER: frozenset({PARTNER}),
}


async def caller_of(
    backend: Backend, access: Access, headers: Mapping[str, str], *, method: str = "GET"
) -> Caller:
    """Whose credential the request shows. Raises HttpRefusal with 401 or 403, whatever is wrong with it.

    403 for a browser that changes something without the token of its page, and for a key that may only read.
    """
    if access is Access.BROWSER:
        return await _browser(backend, headers, method)
    bearer, api_key = headers.get("authorization"), headers.get("x-api-key")
    ports, keyring = backend.credential_ports, backend.keyring
    found: Caller | None = None
    if bearer is not None and access in _DIALECTS and (api_key is None or access is not Access.NATIVE):
        scheme, _, token = bearer.partition(" ")
        if scheme.lower() == "bearer":
            found = await caller_of_token(
                ports, keyring, token.strip(), dialects=_DIALECTS[access], usage=backend.usage
            )
    elif api_key is not None and access in _BY_KEY and (bearer is None or access is Access.FLEET):
        found = await caller_of_api_key(ports, keyring, api_key.strip(), usage=backend.usage)
    if found is None:
        raise refusal_of(access)
    if found.reads_only and method not in _SAFE:
        raise HttpRefusal(403, "This API key may only read.")
    return found


def cookie_of(headers: Mapping[str, str]) -> str:
    """The text of the session's cookie, the one behind TLS first; empty without any."""
    given = dict(part.strip().partition("=")[::2] for part in headers.get("cookie", "").split(";"))
    return given.get(SECURE_COOKIE) or given.get(COOKIE, "")


def page_token(keyring: Keyring, cookie: str) -> str:
    """What only a page of ours can know: a browser sends the cookie along by itself, and this never."""
    return keyring.digest("page-token", cookie).hex()


async def _browser(backend: Backend, headers: Mapping[str, str], method: str) -> Caller:
    ports, keyring, cookie = backend.credential_ports, backend.keyring, cookie_of(headers)
    found = await caller_of_token(ports, keyring, cookie, dialects=frozenset({BROWSER}), usage=backend.usage)
    if found is None:
        raise refusal_of(Access.BROWSER)
    shown = headers.get(PAGE_TOKEN, "").encode("utf-8", "surrogatepass")
    if method not in _SAFE and not hmac.compare_digest(shown, page_token(keyring, cookie).encode()):
        raise HttpRefusal(403, "The token of the page is missing or not its own: load the page again.")
    return found


def refusal_of(access: Access) -> HttpRefusal:
    """The refusal of whoever shows no credential that holds."""
    if access is Access.FLEET:
        return HttpRefusal(403, "A valid API key is needed.")
    if access is Access.BROWSER:
        return HttpRefusal(401, "Please sign in.")
    detail = "A valid bearer token is needed."
    if access is Access.NATIVE:
        detail = "A valid bearer token or API key is needed, and one of them only."
    return HttpRefusal(401, detail, headers={"www-authenticate": 'Bearer realm="dwell"'})
