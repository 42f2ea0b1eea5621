"""Who is calling: a bearer token or an API key, from the headers and from nowhere else."""

from __future__ import annotations

from collections.abc import Mapping

from dwell.api.shared.operations import Access, Backend
from dwell.api.shared.problems import HttpRefusal
from dwell.application.credentials import organization_of_api_key, organization_of_token, shown_name
from dwell.domain.audit import Actor
from dwell.domain.ids import OrganizationId

FLEX = "flex"
PARTNER = "partner"
_DIALECTS: Mapping[Access, frozenset[str]] = {
    Access.FLEX: frozenset({FLEX}),
    Access.NATIVE: frozenset({FLEX}),
    Access.PARTNER: frozenset({PARTNER}),
}


async def caller_of(backend: Backend, access: Access, headers: Mapping[str, str]) -> OrganizationId:
    """The organization whose credential the request shows. Raises HttpRefusal with 401, whatever is wrong with it."""
    bearer, api_key = headers.get("authorization"), headers.get("x-api-key")
    ports, keyring = backend.credential_ports, backend.keyring
    found: OrganizationId | None = None
    if bearer is not None and (api_key is None or access is not Access.NATIVE):
        scheme, _, token = bearer.partition(" ")
        if scheme.lower() == "bearer":
            found = await organization_of_token(
                ports, keyring, token.strip(), dialects=_DIALECTS[access], usage=backend.usage
            )
    elif api_key is not None and bearer is None and access is Access.NATIVE:
        found = await organization_of_api_key(ports, keyring, api_key.strip(), usage=backend.usage)
    if found is None:
        detail = "A valid bearer token is needed."
        if access is Access.NATIVE:
            detail = "A valid bearer token or API key is needed, and one of them only."
        raise HttpRefusal(401, detail, headers={"www-authenticate": 'Bearer realm="dwell"'})
    return found


def actor_of(backend: Backend, headers: Mapping[str, str], address: str) -> Actor:
    """Who acts, by the credential that `caller_of` took: the client of a token, or the API key's public name."""
    scheme_and_token, api_key = headers.get("authorization", ""), headers.get("x-api-key", "")
    shown = api_key or scheme_and_token.partition(" ")[2]
    kind, name = shown_name(backend.keyring, shown.strip())
    return Actor(kind=kind, name=name, address=address)
