"""What is known of one vehicle between two batches of facts: the cutter, the open visit, the last known state."""

from __future__ import annotations

from datetime import datetime

import msgspec

from dwell.domain.ids import OrganizationId, SessionId, VehicleId
from dwell.domain.session.cut import Cutter
from dwell.domain.session.facts import Fact, believable_soc
from dwell.domain.session.steering import Order
from dwell.domain.session.visit import Visit


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """The last known state of a vehicle, each part with the instant it was said."""

    at: datetime | None = None
    received_at: datetime | None = None
    plugged_in: bool | None = None
    charging: bool | None = None
    power_w: int | None = None
    soc_percent: float | None = None
    soc_at: datetime | None = None
    charge_limit_percent: float | None = None
    fully_charged: bool | None = None
    latitude: float | None = None
    longitude: float | None = None
    position_at: datetime | None = None
    odometer_m: int | None = None
    odometer_at: datetime | None = None


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """The engine's working state of one vehicle; `version` counts its saves and guards against a second writer.

    `plan_wanted` asks for a new plan whatever behaviour says; `recut_from_at` for the sessions since then to be worked
    out anew (prices, late facts). `held_from_at` is where a settled visit begins that the running one will be joined
    with once it is over. `power_share` is what the vehicle was seen to give of the power it was told; `switched_at`
    holds when it was lately told to start or stop. `wake_at` is when time itself will change something; None when only
    a fact can.
    """

    organization_id: OrganizationId
    vehicle_id: VehicleId
    version: int = 0
    newest_at: datetime | None = None
    cutter: Cutter = msgspec.field(default_factory=Cutter)
    visit: Visit | None = None
    session_id: SessionId | None = None
    seen: Seen = Seen()
    order: Order | None = None
    plan_wanted: bool = False
    packed_until: datetime | None = None
    recut_from_at: datetime | None = None
    held_from_at: datetime | None = None
    power_share: float = 1.0
    switched_at: tuple[datetime, ...] = ()
    wake_at: datetime | None = None


def seen_after(seen: Seen, fact: Fact, received_at: datetime) -> Seen:
    """The last known state after `fact`, which is newer than what `seen` knows."""
    plugged, charging = fact.says_plugged, fact.charging
    power_w = fact.power_w
    soc_percent = believable_soc(fact.soc_percent, seen.soc_percent)
    if plugged is False:
        charging, power_w = False, 0
    elif charging is None and power_w is not None:
        charging = power_w > 0
    elif charging is False and power_w is None:
        power_w = 0
    said = {
        "plugged_in": plugged,
        "charging": charging,
        "power_w": power_w,
        "soc_percent": soc_percent,
        "charge_limit_percent": fact.charge_limit_percent,
        "fully_charged": fact.fully_charged,
        "latitude": fact.latitude,
        "longitude": fact.longitude,
        "odometer_m": fact.odometer_m,
        "soc_at": fact.at if soc_percent is not None else None,
        "position_at": fact.at if fact.latitude is not None else None,
        "odometer_at": fact.at if fact.odometer_m is not None else None,
    }
    changes = {name: value for name, value in said.items() if value is not None}
    return msgspec.structs.replace(seen, at=fact.at, received_at=received_at, **changes)
