"""Where a visit takes place, and the terms that follow from it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from dwell.domain.policy.terms import VisitTerms, agreed_since, overrides_since
from dwell.domain.registry import Location, Policy, Switches, Vehicle
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
    place = VisitTerms(
        timezone=location.timezone if location is not None else "UTC",
        zone=location.price_zone if location is not None else None,
        grid_limit_w=location.grid_limit_w if location is not None else None,
        base_load=location.base_load if location is not None else (),
        agreed=agreed_since(policy.agreed, anticipated_at) if policy is not None else (),
        overrides=overrides_since(policy.overrides, anticipated_at) if policy is not None else (),
        anticipated_at=anticipated_at if policy is not None else None,
        at_home=location is not None,
    )
    return terms_with(place, vehicle)


def terms_with(terms: VisitTerms, vehicle: Vehicle) -> VisitTerms:
    """The terms with the vehicle as it is described now."""
    described = msgspec.structs.replace(
        terms,
        power_max_w=vehicle.power_max_w,
        power_min_w=vehicle.power_min_w,
        battery_capacity_wh=vehicle.battery_capacity_wh,
        efficiency=vehicle.efficiency,
        control=vehicle.control,
    )
    return switched(described, vehicle.switches)


def switched(terms: VisitTerms, switches: Switches) -> VisitTerms:
    """The terms with the vehicle's switches so."""
    return msgspec.structs.replace(
        terms,
        smart_charging=switches.smart_charging,
        charging_mode=switches.charging_mode,
        link_valid=switches.link_valid,
    )


def terms_under(terms: VisitTerms, policy: Policy, *, anticipated_at: datetime | None) -> VisitTerms:
    """The terms with all that has been said of the policy; what it has forgotten is remembered by the terms."""
    edits, asked = policy.agreed, policy.overrides
    older_edits = tuple(entry for entry in terms.agreed if entry.from_at < edits[0].from_at)
    older_asked = tuple(entry for entry in terms.overrides if not asked or entry.at < asked[0].at)
    return msgspec.structs.replace(
        terms,
        agreed=agreed_since((*older_edits, *edits), anticipated_at),
        overrides=overrides_since((*older_asked, *asked), anticipated_at),
        anticipated_at=anticipated_at,
    )


def anticipated_since(policy: Policy, previous_end_at: datetime | None) -> datetime:
    """When the policy's session began to wait: the end of its visit before, or its creation."""
    if previous_end_at is None:
        return policy.created_at
    return max(policy.created_at, previous_end_at)
