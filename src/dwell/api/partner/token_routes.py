"""The two addresses of the token endpoint, as rows of the dialect's table."""

from __future__ import annotations

from dwell.api.partner import schemas
from dwell.api.partner.errors import answer_error, answer_refusal
from dwell.api.partner.roles import BASE
from dwell.api.partner.token import BODY_TYPES, TokenEndpoint
from dwell.api.shared.operations import Access, Operation

TOKEN = BASE + "/auth/token"
TOKEN_WITH_SLASH = "/oauth2/token/"
"""The slash tells it from the address of another dialect."""


def token_operations(tokens: TokenEndpoint) -> tuple[Operation, ...]:
    """The same endpoint twice."""
    return tuple(
        Operation(
            method="POST",
            path=path,
            name=name,
            summary="A bearer token for a client, or for a user by its password",
            serve=tokens.serve,
            access=Access.ANYBODY,
            tag="Authentication",
            body=schemas.TokenRequest,
            body_types=BODY_TYPES,
            answers={
                200: schemas.PartnerToken,
                **dict.fromkeys((400, 401), schemas.TokenFault),
                **dict.fromkeys((429, 500, 503), schemas.Detail),
            },
            on_error=answer_error,
            on_refusal=answer_refusal,
            documented=False,
        )
        for path, name in ((TOKEN, "issuePartnerToken"), (TOKEN_WITH_SLASH, "issuePartnerTokenAtRoot"))
    )
