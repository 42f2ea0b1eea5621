"""All dialects together, the dashboard with them: their operations, and how each answers what is at none of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

from dwell.api.dashboard import routes as dashboard
from dwell.api.fleet import routes as fleet
from dwell.api.fleet.errors import answer_refusal as fleet_refusal
from dwell.api.fleet.paths import BASE as FLEET_BASE
from dwell.api.flex import routes as flex
from dwell.api.flex.token import TokenEndpoint
from dwell.api.native import routes as native
from dwell.api.native import webhooks as native_webhooks
from dwell.api.native.errors import answer_error
from dwell.api.partner import routes as partner
from dwell.api.partner.errors import answer_refusal as partner_refusal
from dwell.api.partner.roles import BASE as PARTNER_BASE
from dwell.api.partner.token import TokenEndpoint as PartnerTokens
from dwell.api.shared.answers import Answer
from dwell.api.shared.operations import Operation
from dwell.api.shared.problems import HttpRefusal

REFUSALS: Mapping[str, Callable[[HttpRefusal], Answer]] = {
    PARTNER_BASE: partner_refusal,
    FLEET_BASE: fleet_refusal,
}
"""By the path that all of a dialect's paths begin with."""


def dialect_operations(token_attempts_per_minute: int) -> tuple[Operation, ...]:
    """The operations of every dialect."""
    return (
        *native.operations(),
        *native_webhooks.operations(),
        *flex.operations(TokenEndpoint(token_attempts_per_minute, time.monotonic)),
        *fleet.operations(),
        *partner.operations(PartnerTokens(token_attempts_per_minute, time.monotonic)),
    )


def dashboard_operations(dialects: Iterable[Operation]) -> tuple[Operation, ...]:
    """The dashboard's operations: its own, and those that the dialects lend to its pages."""
    return (*dashboard.operations(answer_error), *dashboard.lent(dialects))
