"""Reading what a caller says of a vehicle, every fault of it named: dialects say it in the same words."""

from __future__ import annotations

from dwell.api.shared.documents import Document
from dwell.application.vehicles import Specification
from dwell.domain.registry import Information
from dwell.domain.units import w_from_kw, wh_from_kwh


def read_vehicle(body: Document, *, unknown: bool = False) -> Specification:
    """A vehicle as its user describes it. Raises HttpRefusal with every fault; `unknown` members may be let be."""
    vendor = body.text("vendor", at_most=100, required=True)
    information = body.child("information", required=True)
    named = _read_information(information) if information is not None else None
    if not body.has("batteryCapacity"):
        body.fault("batteryCapacity", "is required; null if it is not known")
    capacity_kwh = body.number("batteryCapacity", 0.1, 10_000)
    max_kw = body.number("maxPower", 0.1, 10_000, required=True)
    min_kw = body.number("minPower", 0.1, 10_000)
    if max_kw is not None and min_kw is not None and min_kw > max_kw:
        body.fault("minPower", "must not be above maxPower")
    efficiency = body.number("efficiency", 0.1, 1)
    control = body.choice("control", ("on_off", "modulating", "none"))
    body.end(unknown=unknown)
    max_w = w_from_kw(max_kw or 0.0)
    return Specification(
        vendor=vendor or "",
        information=named or Information(brand="", model=""),
        battery_capacity_wh=None if capacity_kwh is None else wh_from_kwh(capacity_kwh),
        power_max_w=max_w,
        power_min_w=min(1_400, max_w) if min_kw is None else w_from_kw(min_kw),
        efficiency=0.9 if efficiency is None else efficiency,
        control=control or "on_off",
    )


def _read_information(entry: Document) -> Information:
    return Information(
        brand=entry.text("brand", at_most=100, required=True) or "",
        model=entry.text("model", at_most=100, required=True) or "",
        year=entry.integer("year", 1900, 2100),
        vin=entry.text("vin", at_most=64),
        display_name=entry.text("displayName", at_most=200),
    )


def read_vehicle_change(body: Document) -> dict[str, object]:
    """What the body names of a vehicle's data, by the names of `VehicleChange`; faults are noted and not raised."""
    said: dict[str, object] = {}
    if body.has("vendor"):
        said["vendor"] = body.text("vendor", at_most=100, required=True)
    if body.has("information"):
        information = body.child("information", required=True)
        said["information"] = _read_information(information) if information is not None else None
    if body.has("batteryCapacity"):
        capacity_kwh = body.number("batteryCapacity", 0.1, 10_000)
        said["battery_capacity_wh"] = None if capacity_kwh is None else wh_from_kwh(capacity_kwh)
    for name, member in (("power_max_w", "maxPower"), ("power_min_w", "minPower")):
        if body.has(member):
            said[name] = w_from_kw(body.number(member, 0.1, 10_000, required=True) or 0.1)
    if body.has("efficiency"):
        said["efficiency"] = body.number("efficiency", 0.1, 1, required=True)
    if body.has("control"):
        said["control"] = body.choice("control", ("on_off", "modulating", "none"), required=True)
    return said
