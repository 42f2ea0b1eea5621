"""What an organization says of its tariffs: named series of rates, and the formula by which a location pays.

Resolved rates are kept as price curves like those of the market, under names that no market zone can have.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from dwell.domain.ids import LocationId, OrganizationId, Zone

IMPORT, EXPORT = "import", "export"
MARKET = "zone:"
"""Before a market's zone where a formula's variable stands for its prices: `zone:DE-LU`."""


CARBON = "carbon:"
"""Before a market's zone where the curve is the grid's carbon intensity there, in g of CO2 per kWh."""


class Tariff(msgspec.Struct, frozen=True, kw_only=True):
    """A named series of rates per kWh. `direction` is import or export."""

    organization_id: OrganizationId
    id: str
    direction: str
    currency: str
    per: str
    created_at: datetime

    @property
    def zone(self) -> Zone:
        """The name under which its rates are kept."""
        return Zone(f"tariff:{self.organization_id}:{self.id}")


class TariffFormula(msgspec.Struct, frozen=True, kw_only=True):
    """What a location pays (import) or is paid (export) per kWh: `formula` over `variables`, names to price curves.

    `sources` are the curves' names; `revision` counts the formulas that the location has had.
    """

    organization_id: OrganizationId
    location_id: LocationId
    direction: str
    currency: str
    formula: str
    variables: Mapping[str, str]
    sources: Mapping[str, str]
    revision: int
    valid_from: datetime

    @property
    def zone(self) -> Zone:
        """The name under which its resolved rates are kept."""
        return resolved_zone(self.location_id, self.direction)


def resolved_zone(location_id: LocationId, direction: str) -> Zone:
    """The name under which a location's resolved rates are kept."""
    return Zone(f"location:{location_id}:{direction}")


def carbon_zone(zone: str) -> Zone:
    """The name under which the carbon intensities of a market's zone are kept."""
    return Zone(CARBON + zone)
