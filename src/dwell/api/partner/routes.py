"""The operations of the Partner dialect, gathered: each allowed to whom its row in `roles` allows it."""

from __future__ import annotations

from dwell.api.partner.document import document_operation
from dwell.api.partner.price_routes import price_operations
from dwell.api.partner.roles import guarded
from dwell.api.partner.session_routes import session_operations
from dwell.api.partner.token import TokenEndpoint
from dwell.api.partner.token_routes import token_operations
from dwell.api.partner.user_routes import user_operations
from dwell.api.partner.vehicle_routes import vehicle_operations
from dwell.api.shared.operations import Operation


def operations(tokens: TokenEndpoint) -> tuple[Operation, ...]:
    """All operations of the dialect."""
    rows = tuple(
        guarded(row)
        for row in (
            *token_operations(tokens),
            *user_operations(),
            *vehicle_operations(),
            *session_operations(),
            *price_operations(),
        )
    )
    return (document_operation(rows), *rows)
