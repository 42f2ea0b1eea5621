"""Who is calling: a bearer token or an API key, from the headers and from nowhere else."""

from __future__ import annotations

from collections.abc import Mapping

from dwell.api.shared.operations import Access, Backend
from dwell.api.shared.problems import HttpRefusal
from dwell.application.credentials import Caller, caller_of_api_key, caller_of_token

FLEX = "flex"
PARTNER = "partner"
_BY_KEY = frozenset({Access.FLEET, Access.NATIVE})
_DIALECTS: Mapping[Access, frozenset[str]] = {
    Access.FLEX: frozenset({FLEX}),
    Access.NATIVE: frozenset({FLEX}),
    Access.PARTNER: frozenset({PARTNER}),
}


async def caller_of(backend: Backend, access: Access, headers: Mapping[str, str]) -> Caller:
    """Whose credential the request shows. Raises HttpRefusal with 401 or 403, whatever is wrong with it."""
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
    return found


def refusal_of(access: Access) -> HttpRefusal:
    """The refusal of whoever shows no credential that holds."""
    if access is Access.FLEET:
        return HttpRefusal(403, "A valid API key is needed.")
    detail = "A valid bearer token is needed."
    if access is Access.NATIVE:
        detail = "A valid bearer token or API key is needed, and one of them only."
    return HttpRefusal(401, detail, headers={"www-authenticate": 'Bearer realm="dwell"'})
