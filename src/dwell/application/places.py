"""Where a visit takes place, and the terms that follow from it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from dwell.domain.policy.terms import VisitTerms, agreed_since
from dwell.domain.registry import Location, Policy, Vehicle
from dwell.domain.session.cut import Span, distance_m


def place_of(span: Span, locations: Sequence[Location]) -> Location | None:
    """The user's location at which the span's vehicle stands, the nearest of overlapping ones; None for elsewhere.

    With no position known it is the user's only location, if there is exactly one.
    """
    position = span.position
    if position is None:
        return locations[0] if len(locations) == 1 else None
    near = [(distance_m(place.latitude, place.longitude, *position), place.id, place) for place in locations]
    within = [entry for entry in near if entry[0] <= entry[2].radius_m]
    return min(within)[2] if within else None


def terms_of(
    vehicle: Vehicle,
    location: Location | None,
    policy: Policy | None,
    *,
    anticipated_at: datetime | None,
) -> VisitTerms:
    """The terms of a visit of `vehicle` at `location` under `policy`."""
    return VisitTerms(
        timezone=location.timezone if location is not None else "UTC",
        zone=location.price_zone if location is not None else None,
        power_max_w=vehicle.power_max_w,
        power_min_w=vehicle.power_min_w,
        battery_capacity_wh=vehicle.battery_capacity_wh,
        efficiency=vehicle.efficiency,
        control=vehicle.control,
        grid_limit_w=location.grid_limit_w if location is not None else None,
        base_load=location.base_load if location is not None else (),
        agreed=agreed_since(policy.agreed, anticipated_at) if policy is not None else (),
        anticipated_at=anticipated_at if policy is not None else None,
        smart_charging=vehicle.smart_charging,
        charging_mode=vehicle.charging_mode,
        link_valid=vehicle.link_valid,
        at_home=location is not None,
    )


def anticipated_since(policy: Policy, previous_end_at: datetime | None) -> datetime:
    """When the policy's session began to wait: the end of its visit before, or its creation."""
    if previous_end_at is None:
        return policy.created_at
    return max(policy.created_at, previous_end_at)
