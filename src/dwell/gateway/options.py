"""What an operator may set of the gateway; settings.py says what each means."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayOptions:
    """What an operator may set."""

    host: str = "127.0.0.1"
    port: int = 0
    heartbeat_s: int = 300
    without_key: bool = False
    connections_at_most: int = 10_000
    connections_per_address: int = 1_000
    failures_per_minute: int = 30
    pending_organization: str = ""
    pending_at_most: int = 100
    certificate: str = ""
    private_key: str = ""
    client_ca: str = ""
