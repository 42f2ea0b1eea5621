"""Is a site plan what the problem allows, is it what it says of itself, and does no exchange better it?

Shares no code with the solver. Taken over from the problem are its windows, its energies between two levels and its
prices; everything of the plan is worked out afresh from its blocks.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from dwell.domain.errors import Fault
from dwell.domain.instants import micros_of
from dwell.domain.planning.plan import BlockType, Plan
from dwell.domain.planning.problem import Ceiling
from dwell.domain.planning.site.aims import Chains, late_faults, reserve_faults
from dwell.domain.planning.site.measured import EDGE_US, HOUR_US, NEAR, Measured, measure
from dwell.domain.planning.site.plan import SitePlan
from dwell.domain.planning.site.problem import BaseLoad, SiteProblem, SiteVehicle


def verify_site(problem: SiteProblem, plan: SitePlan) -> tuple[Fault, ...]:
    """Every kind of fault of `plan` as an answer to `problem`; empty when it is sound.

    Looked at: slots and blocks, the limit at every moment, powers, energies, costs, levels, and, where every
    power_min is 0, the aims in their order. Not looked at: with least powers, whether a better plan exists.
    """
    if not len(plan.vehicles) == len(plan.fractions) == len(problem.vehicles):
        return (Fault(field="vehicles", message="must be as many as the problem's"),)
    faults = _slots(problem, plan) or _order(problem, plan)
    if faults or not plan.vehicles:
        return tuple(faults)
    found = measure(problem, plan)
    faults = _limit(problem, plan) + _sums(plan, found)
    for v, (vehicle, single) in enumerate(zip(problem.vehicles, plan.vehicles, strict=True)):
        own = [*_powers(vehicle, single, found, v), *_figures(problem, plan, found, v)]
        faults += [Fault(field=f"vehicles[{v}].{f.field}", message=f.message) for f in own]
    if not any(vehicle.vehicle.power_min_kw for vehicle in problem.vehicles):
        unit = [v.vehicle.energy_kwh(0, 1) for v in problem.vehicles]
        chains = Chains(found)
        faults += reserve_faults(found, np.array(unit)) + chains.fair() + chains.cheap() + late_faults(found)
    return tuple(faults)


def _slots(problem: SiteProblem, plan: SitePlan) -> list[Fault]:
    """Slots follow one another from now past the last block, and are cut where anything changes."""
    edge_at = problem.now_at
    for t, slot in enumerate(plan.slots):
        if slot.start_at != edge_at or slot.end_at <= slot.start_at:
            return [Fault(field=f"slots[{t}]", message="must begin where the last one ended")]
        edge_at = slot.end_at
    edges = {micros_of(slot.start_at) for slot in plan.slots} | {micros_of(edge_at)}
    now_us, end_us = micros_of(problem.now_at), micros_of(edge_at)
    ceilings = (ceiling for vehicle in problem.vehicles for ceiling in vehicle.ceilings)
    windows: list[BaseLoad | Ceiling] = [*problem.base_load, *ceilings]
    changes = {micros_of(w.start_at) for w in windows} | {micros_of(w.end_at) for w in windows}
    changes |= {micros_of(v.ready_by_at) for v in problem.vehicles if v.ready_by_at is not None}
    changes.update(problem.prices.between(now_us, end_us, problem.timezone).windows.start_us.tolist())
    for vehicle in problem.vehicles:
        if vehicle.ready_by_at is not None:
            for window in vehicle.restrictions:
                changes |= {micros_of(window.start_at), micros_of(window.end_at)}
    missing = [change for change in changes if now_us < change < end_us and change not in edges]
    if missing:
        return [Fault(field="slots", message=f"must be cut at {len(missing)} more instants")]
    last = max((block.end_at for single in plan.vehicles for block in single.blocks), default=edge_at)
    return [Fault(field="slots", message="must reach past the last block")] if last > edge_at else []


def _order(problem: SiteProblem, plan: SitePlan) -> list[Fault]:
    faults = []
    for v, single in enumerate(plan.vehicles):
        edge_at = problem.now_at
        for k, block in enumerate(single.blocks):
            if block.start_at < edge_at or block.end_at <= block.start_at:
                message = "must begin after the last one's end and end after its start"
                faults.append(Fault(field=f"vehicles[{v}].blocks[{k}]", message=message))
            edge_at = max(edge_at, block.end_at)
    return faults


def _limit(problem: SiteProblem, plan: SitePlan) -> list[Fault]:
    """The vehicles' power together, at every moment, against what the base load leaves of the limit."""
    changes: list[tuple[int, float, float]] = []
    for single in plan.vehicles:
        for block in single.blocks:
            start, end = micros_of(block.start_at), micros_of(block.end_at)
            if end - start > EDGE_US:
                changes += [(start + EDGE_US, block.power_kw, 0.0), (end, -block.power_kw, 0.0)]
    for load in problem.base_load:
        changes.append((micros_of(load.start_at), 0.0, load.power_kw))
        changes.append((micros_of(load.end_at), 0.0, -load.power_kw))
    changes.sort(key=lambda change: change[0])
    power, base, peak = 0.0, 0.0, 0.0
    faults = []
    for k, (at, more, drawn) in enumerate(changes):
        power, base = power + more, base + drawn
        peak = max(peak, power)
        settled = k + 1 == len(changes) or changes[k + 1][0] > at + EDGE_US
        if settled and power > max(0.0, problem.limit_kw - base) + NEAR * max(1.0, problem.limit_kw * 1e-3):
            faults.append(Fault(field="slots", message=f"{power:.9g} kW are more than the connection has"))
            break
    if abs(peak - plan.peak_kw) > NEAR * max(1.0, peak):
        faults.append(Fault(field="peak_kw", message=f"is {plan.peak_kw:.9g}, comes to {peak:.9g}"))
    return faults


def _sums(plan: SitePlan, found: Measured) -> list[Fault]:
    faults = []
    for name in ("energy_kwh", "cost", "baseline_cost"):
        total, said = sum(getattr(single, name) for single in plan.vehicles), getattr(plan, name)
        if not abs(total - said) <= NEAR * max(1.0, abs(total) * 1e-3):
            faults.append(Fault(field=name, message=f"is {said:.9g}, the vehicles' come to {total:.9g}"))
    totals = (found.reserve + found.target + found.late).sum(axis=0)
    said_kwh = np.array([slot.energy_kwh for slot in plan.slots])
    wrong = np.nonzero(~(np.abs(totals - said_kwh) <= found.near))[0]
    if len(wrong):
        faults.append(Fault(field=f"slots[{wrong[0]}].energy_kwh", message="is not the sum of the blocks"))
    if not (plan.gap >= 0.0 and plan.gap_kwh >= 0.0):
        faults.append(Fault(field="gap", message="must not be below zero"))
    return faults


def _powers(vehicle: SiteVehicle, single: Plan, found: Measured, v: int) -> list[Fault]:
    """Blocks within the ceilings, not below power_min; energy is power × time; the cost is added afresh."""
    faults = []
    edges, near = np.array(found.edges_us), NEAR + vehicle.vehicle.power_max_kw * EDGE_US / HOUR_US
    for k, block in enumerate(single.blocks):
        start, end = micros_of(block.start_at), micros_of(block.end_at)
        first, last = (
            int(np.searchsorted(edges, start + EDGE_US, "right")) - 1,
            int(np.searchsorted(edges, end)),
        )
        most = (found.free if block.type is BlockType.BATTERY_RESERVE else found.allowed)[v, first:last]
        highest = float((most / found.hours[first:last]).min(initial=np.inf))
        where = f"blocks[{k}]"
        if not vehicle.vehicle.power_min_kw - 1e-9 <= block.power_kw <= highest + 1e-9 * max(1.0, highest):
            faults.append(
                Fault(
                    field=f"{where}.power_kw",
                    message=f"must be 0, or at least power_min and at most {highest:.9g}",
                )
            )
        if not abs(block.energy_kwh - block.power_kw * (end - start) / HOUR_US) <= near:
            faults.append(Fault(field=f"{where}.energy_kwh", message="is not power × time"))
        pieces = np.minimum(edges[first + 1 : last + 1], end) - np.maximum(edges[first:last], start)
        prices = found.price[first:last]
        cost = float(block.power_kw * (np.maximum(pieces, 0) * prices).sum() / HOUR_US)
        if not abs(cost - block.cost) <= NEAR + near * float(np.abs(prices).max(initial=0.0)):
            faults.append(Fault(field=f"{where}.cost", message=f"is {block.cost:.9g}, comes to {cost:.9g}"))
    for name in ("energy_kwh", "cost"):
        if not abs(getattr(single, name) - sum(getattr(b, name) for b in single.blocks)) <= NEAR:
            faults.append(Fault(field=name, message="is not the sum of the blocks"))
    return faults


def _figures(problem: SiteProblem, plan: SitePlan, found: Measured, v: int) -> list[Fault]:
    """Energies within what is wanted, and the instants and levels that the plan names."""
    vehicle, single, faults = problem.vehicles[v], plan.vehicles[v], []
    limits = vehicle.vehicle
    near = NEAR + limits.power_max_kw * EDGE_US / HOUR_US * (2 * len(single.blocks) + 2)
    target, late = float(found.target[v].sum()), float(found.late[v].sum())
    need, most = float(found.need[v]), float(found.most[v])
    if target > max(need, most) + near or (target > need + near and late > near):
        faults.append(Fault(field="energy_kwh", message="more than the target and the charge limit allow"))
    if float(found.reserve[v].sum()) > found.reserve_need[v] + near:
        faults.append(Fault(field="blocks", message="more reserve than the battery lacks"))
    if abs(need - target) > near and single.reachable != (target >= need):
        faults.append(Fault(field="reachable", message=f"{need:.9g} kWh are needed, {target:.9g} planned"))
    part = min(1.0, target / need) if need > NEAR else 1.0
    if not abs(plan.fractions[v] - part) <= NEAR + (near / need if need > NEAR else 0.0):
        faults.append(Fault(field="fraction", message=f"comes to {part:.9g}"))
    if single.reachable != (plan.fractions[v] == 1.0):
        faults.append(Fault(field="reachable", message="must say whether the fraction is 1"))
    percent = limits.gain_percent(near)
    by_deadline = target + float(found.reserve[v, : found.until[v]].sum())
    level, said = limits.soc_percent + limits.gain_percent(by_deadline), single.soc_at_ready_by_percent
    if vehicle.ready_by_at is not None and (said is None or not abs(said - level) <= percent):
        faults.append(Fault(field="soc_at_ready_by_percent", message=f"comes to {level:.9g}"))
    highest = max(limits.soc_percent, limits.charge_limit_percent)
    if not level - percent <= single.reachable_soc_percent <= highest + percent:
        faults.append(Fault(field="reachable_soc_percent", message="below the plan or above the limit"))
    return faults + _counted(problem, single, vehicle, near)


def _counted(problem: SiteProblem, single: Plan, vehicle: SiteVehicle, near: float) -> list[Fault]:
    limits, faults = vehicle.vehicle, []
    running = [problem.now_at] if limits.charging_now else []
    ends = [*running, *(block.end_at for block in single.blocks)]
    starts = [block.start_at for block in single.blocks]
    joined = sum(a.end_at == b.start_at for a, b in pairwise(single.blocks))
    joined += bool(running and starts and starts[0] == ends[0])
    if single.starts != len(starts) - joined:
        faults.append(Fault(field="starts", message=f"is {single.starts}, counted {len(starts) - joined}"))
    wanted = limits.energy_kwh(limits.soc_percent, vehicle.wanted_percent)
    at = single.target_reached_at
    if at is None:
        if single.energy_kwh > wanted + near:
            faults.append(Fault(field="target_reached_at", message="must name when the target is reached"))
        return faults
    taken = 0.0
    for block in single.blocks:
        span = max(0, min(micros_of(block.end_at), micros_of(at)) - micros_of(block.start_at))
        taken += block.power_kw * span / HOUR_US
    if at < problem.now_at or taken < wanted - near:
        faults.append(Fault(field="target_reached_at", message="the level is not reached by then"))
    return faults
