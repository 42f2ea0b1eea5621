"""The location form of `dwell plan`: many vehicles behind one connection, read with every fault by its path."""

from __future__ import annotations

from collections.abc import Sequence

from dwell.domain.errors import Fault, Refused
from dwell.domain.planning import Explanation
from dwell.domain.planning.site import BaseLoad, SitePlan, SiteProblem, SiteVehicle
from dwell.domain.planning.site.problem import SITE_BOUNDS, overlaps
from dwell.protocols.plan_json import (
    Json,
    Reader,
    read_ceiling,
    read_prices,
    read_span,
    read_target,
    read_timezone,
    read_vehicle,
    read_window,
    write_plan,
)


def read_site(document: object) -> SiteProblem:
    """The problem that a decoded JSON document states. Raises Refused with every fault of it, by field path."""
    if not isinstance(document, dict):
        raise Refused.because(Fault(field="", message="must be a JSON object"))
    faults: list[Fault] = []
    reader = Reader(document, "", faults)
    now_at, timezone = reader.instant("now"), read_timezone(reader)
    prices = read_prices(reader.rows("prices"), faults)
    limit_kw, base_load = _site(reader.inner("site"))
    vehicles = [_site_vehicle(row) for row in reader.rows("vehicles")]
    reader.number("start_cost", 0.0)  # known, but a joint plan has none
    charge_when_negative = reader.flag("charge_when_negative", default=True)
    reader.close()
    if faults or not (now_at and timezone and prices) or limit_kw is None:
        raise Refused.because(*faults)
    return SiteProblem(
        now_at=now_at,
        timezone=timezone,
        prices=prices,
        limit_kw=limit_kw,
        base_load=base_load,
        vehicles=tuple(vehicle for vehicle in vehicles if vehicle is not None),
        charge_when_negative=charge_when_negative,
    )


def _site(reader: Reader | None) -> tuple[float | None, tuple[BaseLoad, ...]]:
    if reader is None:
        return None, ()
    limit_kw = reader.number("limit_kw", bounds=SITE_BOUNDS["limit_kw"])
    loads = [_base_load(row) for row in reader.rows("base_load", ())]
    reader.close()
    known = tuple(load for load in loads if load is not None)
    if len(known) == len(loads):
        reader.faults.extend(overlaps(known))
    return limit_kw, known


def _base_load(row: Reader) -> BaseLoad | None:
    span, power = read_span(row), row.number("power_kw", bounds=SITE_BOUNDS["base_load_kw"])
    row.close()
    if span is None or power is None:
        return None
    return BaseLoad(start_at=span[0], end_at=span[1], power_kw=power)


def _site_vehicle(row: Reader) -> SiteVehicle | None:
    vehicle = read_vehicle(row.inner("vehicle"), power_min_kw=0.0)
    target = read_target(row.inner("target"))
    ceilings = tuple(filter(None, (read_ceiling(inner) for inner in row.rows("limits", ()))))
    restrictions = tuple(filter(None, (read_window(inner) for inner in row.rows("restrictions", ()))))
    row.close()
    if vehicle is None or target is None:
        return None
    return SiteVehicle(vehicle=vehicle, target=target, ceilings=ceilings, restrictions=restrictions)


def write_site(problem: SiteProblem, plan: SitePlan, words: Sequence[Explanation]) -> Json:
    """The answer for a good problem: one for each vehicle in order, and what they come to together."""
    return {
        "vehicles": [write_plan(single, said) for single, said in zip(plan.vehicles, words, strict=True)],
        "site": {
            "peak_kw": plan.peak_kw,
            "cost": plan.cost,
            "energy_kwh": plan.energy_kwh,
            "baseline_cost": plan.baseline_cost,
            "savings": plan.savings,
            "reachable": plan.reachable,
            "fractions": list(plan.fractions),
            "gap": plan.gap,
            "gap_kwh": plan.gap_kwh,
            "timezone": str(problem.timezone),
        },
    }
