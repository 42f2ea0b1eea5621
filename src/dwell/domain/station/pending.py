"""A station that nobody registered, and that waits for an operator's word."""

from __future__ import annotations

from datetime import datetime

import msgspec

from dwell.domain.ids import OrganizationId


class PendingStation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a stranger said of itself when it booted, and from where. Only the organization is certain.

    `key_hash` is of the key it showed first, None where it showed none: who shows another is not the same station.
    `key_is_long`: as long as a station's key has to be. `refused_at`: an operator does not want it.
    """

    organization_id: OrganizationId
    name: str
    address: str
    protocol: str
    vendor: str
    model: str
    first_at: datetime
    heard_at: datetime
    serial_number: str | None = None
    firmware_version: str | None = None
    key_hash: bytes | None = None
    key_is_long: bool = False
    refused_at: datetime | None = None

    @property
    def keeps_key(self) -> bool:
        """Whether the key that it has shown from the beginning is good enough to be its key."""
        return self.key_hash is not None and self.key_is_long
