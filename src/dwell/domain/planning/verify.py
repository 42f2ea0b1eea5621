"""Is a plan what the problem allows, and is it what it says of itself? Shares no code with any solver.

Only the problem's own statements are taken over: its windows, its energies between two levels, and its prices.
Everything of the plan is worked out afresh from its blocks, in whole µs and by plain sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from heapq import heappop, heappush
from itertools import pairwise

from dwell.domain.errors import Fault
from dwell.domain.instants import micros_of
from dwell.domain.planning.plan import Block, BlockType, Plan
from dwell.domain.planning.problem import Control, ImmediateStart, Problem, RegularTarget

HOUR_US = 3_600_000_000
EDGE_US = 2  # block edges are rounded to whole µs
NEAR = 1e-6  # kWh, currency, percent: the exactness that is promised


@dataclass(frozen=True, slots=True)
class _Piece:
    """`[start_us, end_us)` with what may flow: without (`free`) and with restrictions, in kW."""

    start_us: int
    end_us: int
    free_kw: float
    allowed_kw: float


def verify(problem: Problem, plan: Plan) -> tuple[Fault, ...]:
    """Every fault of `plan` as an answer to `problem`; empty when it is sound.

    Looked at: order and bounds of blocks, restrictions, energies, the reserve, the target and whether it is
    reachable, costs, starts, and the instants and levels that the plan names. Not looked at: whether a cheaper
    plan exists.
    """
    faults = _order(problem, plan.blocks)
    if faults:
        return tuple(faults)
    pieces = _pieces(problem, plan)
    faults += _powers(problem, plan.blocks, pieces)
    faults += _energies(problem, plan)
    faults += _costs(problem, plan)
    faults += _counted_starts(problem, plan)
    if isinstance(problem.target, ImmediateStart):
        faults += _immediate(problem, plan, pieces)
    else:
        faults += _reserve_and_target(problem, problem.target, plan, pieces)
    faults += _levels(problem, plan)
    return tuple(faults)


def _order(problem: Problem, blocks: tuple[Block, ...]) -> list[Fault]:
    faults = []
    edge_at = problem.now_at
    for i, block in enumerate(blocks):
        if block.start_at < edge_at:
            faults.append(
                Fault(field=f"blocks[{i}].start", message="before now or before the last block's end")
            )
        if block.end_at <= block.start_at:
            faults.append(Fault(field=f"blocks[{i}].end", message="not after its start"))
        edge_at = block.end_at
    return faults


def _slack_kwh(problem: Problem, edges: int = 2) -> float:
    """What rounded edges can be worth in energy, and what is promised anyway."""
    return NEAR + problem.vehicle.power_max_kw * EDGE_US * edges / HOUR_US


def _pieces(problem: Problem, plan: Plan) -> list[_Piece]:
    """From now to the later of the deadline and the last block, cut where a ceiling or restriction changes."""
    now_us = micros_of(problem.now_at)
    ends = [now_us + 1, *(micros_of(block.end_at) for block in plan.blocks)]
    if isinstance(problem.target, RegularTarget):
        ends.append(micros_of(problem.target.ready_by_at))
    until_us = max(ends)
    opens: list[tuple[int, int, float, bool]] = []
    for ceiling in problem.ceilings:
        opens.append((micros_of(ceiling.start_at), micros_of(ceiling.end_at), ceiling.power_kw, False))
    for window in problem.restrictions:
        opens.append((micros_of(window.start_at), micros_of(window.end_at), 0.0, True))
    opens.sort()
    edges = {now_us, until_us}
    for start, end, _, _ in opens:
        edges.update(edge for edge in (start, end) if now_us < edge < until_us)
    return _swept(problem, sorted(edges), opens)


def _swept(problem: Problem, edges: list[int], opens: list[tuple[int, int, float, bool]]) -> list[_Piece]:
    """The least open ceiling on each piece, by a heap that forgets windows when they have closed."""
    pieces, at, closed_us = [], 0, 0
    heap: list[tuple[float, int]] = []
    for start, end in pairwise(edges):
        while at < len(opens) and opens[at][0] <= start:
            if opens[at][3]:
                closed_us = max(closed_us, opens[at][1])
            else:
                heappush(heap, (opens[at][2], opens[at][1]))
            at += 1
        while heap and heap[0][1] <= start:
            heappop(heap)
        power = min(problem.vehicle.power_max_kw, heap[0][0]) if heap else problem.vehicle.power_max_kw
        free = 0.0 if power < problem.vehicle.power_min_kw else power
        pieces.append(_Piece(start, end, free, 0.0 if start < closed_us else free))
    return pieces


def _powers(problem: Problem, blocks: tuple[Block, ...], pieces: list[_Piece]) -> list[Fault]:
    faults, at = [], 0
    for i, block in enumerate(blocks):
        start, end = micros_of(block.start_at), micros_of(block.end_at)
        while at > 0 and pieces[at].start_us > start:
            at -= 1
        while at < len(pieces) and pieces[at].end_us <= start:
            at += 1
        k = at
        while k < len(pieces) and pieces[k].start_us < end:
            overlap = min(end, pieces[k].end_us) - max(start, pieces[k].start_us)
            message = _power_fault(problem, block, pieces[k]) if overlap > EDGE_US else None
            if message:
                faults.append(Fault(field=f"blocks[{i}].power_kw", message=message))
                break
            k += 1
    return faults


def _power_fault(problem: Problem, block: Block, piece: _Piece) -> str | None:
    ceiling = piece.allowed_kw if block.type is BlockType.REGULAR else piece.free_kw
    if block.power_kw > ceiling + 1e-9:
        return f"above the ceiling of {ceiling:g} kW"
    if block.power_kw < problem.vehicle.power_min_kw - 1e-9:
        return "below power_min_kw"
    full = problem.vehicle.control is Control.ON_OFF or block.type is not BlockType.REGULAR
    if full and block.power_kw < ceiling - 1e-9:
        return f"below the ceiling of {ceiling:g} kW, which is the only power here"
    return None


def _energies(problem: Problem, plan: Plan) -> list[Fault]:
    faults = []
    for i, block in enumerate(plan.blocks):
        hours = (micros_of(block.end_at) - micros_of(block.start_at)) / HOUR_US
        if not abs(block.energy_kwh - block.power_kw * hours) <= _slack_kwh(problem):
            faults.append(Fault(field=f"blocks[{i}].energy_kwh", message="is not power × time"))
    if not abs(plan.energy_kwh - sum(block.energy_kwh for block in plan.blocks)) <= NEAR:
        faults.append(Fault(field="energy_kwh", message="is not the sum of the blocks"))
    return faults


def _costs(problem: Problem, plan: Plan) -> list[Fault]:
    """Cost of each block: power × time in every price slot, added afresh."""
    faults = []
    for i, block in enumerate(plan.blocks):
        start, end = micros_of(block.start_at), micros_of(block.end_at)
        slots = problem.prices.between(start, end, problem.timezone).windows
        cost, dearest = 0.0, 0.0
        rows = zip(slots.start_us.tolist(), slots.end_us.tolist(), slots.value.tolist(), strict=True)
        for slot_start, slot_end, price in rows:
            cost += price * block.power_kw * (min(end, slot_end) - max(start, slot_start)) / HOUR_US
            dearest = max(dearest, abs(price))
        if not abs(cost - block.cost) <= NEAR + dearest * _slack_kwh(problem):
            faults.append(
                Fault(field=f"blocks[{i}].cost", message=f"is {block.cost:.9g}, comes to {cost:.9g}")
            )
    if not abs(plan.cost - sum(block.cost for block in plan.blocks)) <= NEAR:
        faults.append(Fault(field="cost", message="is not the sum of the blocks"))
    return faults


def _counted_starts(problem: Problem, plan: Plan) -> list[Fault]:
    starts = 0
    running_until = problem.now_at if problem.vehicle.charging_now else None
    for block in plan.blocks:
        if block.start_at != running_until:
            starts += 1
        running_until = block.end_at
    if starts != plan.starts:
        return [Fault(field="starts", message=f"is {plan.starts}, counted {starts}")]
    return []


def _room_kwh(pieces: list[_Piece], since_us: int, until_us: int, *, restricted: bool) -> float:
    total = 0.0
    for piece in pieces:
        overlap = min(until_us, piece.end_us) - max(since_us, piece.start_us)
        if overlap > 0:
            total += (piece.allowed_kw if restricted else piece.free_kw) * overlap / HOUR_US
    return total


def _of_type(plan: Plan, *types: BlockType) -> tuple[float, datetime | None]:
    """Energy of the blocks of some types, and the end of the last of them."""
    chosen = [block for block in plan.blocks if block.type in types]
    return sum(block.energy_kwh for block in chosen), chosen[-1].end_at if chosen else None


def _immediate(problem: Problem, plan: Plan, pieces: list[_Piece]) -> list[Fault]:
    vehicle = problem.vehicle
    level = max(problem.wanted_percent, problem.reserve_percent)
    wanted = vehicle.energy_kwh(vehicle.soc_percent, level)
    slack = _slack_kwh(problem, 2 * len(plan.blocks) + 2)
    faults = []
    if not abs(plan.energy_kwh - wanted) <= slack:
        faults.append(Fault(field="energy_kwh", message=f"is not the {wanted:.9g} kWh that are wanted"))
    if plan.blocks:
        until = micros_of(plan.blocks[-1].end_at)
        if _room_kwh(pieces, micros_of(problem.now_at), until, restricted=False) > plan.energy_kwh + slack:
            faults.append(Fault(field="blocks", message="an immediate start must not wait"))
    if any(block.type is BlockType.REGULAR for block in plan.blocks):
        faults.append(Fault(field="blocks", message="an immediate start has no regular blocks"))
    return faults


def _reserve_and_target(
    problem: Problem, target: RegularTarget, plan: Plan, pieces: list[_Piece]
) -> list[Fault]:
    vehicle, now_us = problem.vehicle, micros_of(problem.now_at)
    slack = _slack_kwh(problem, 2 * len(plan.blocks) + 2)
    faults = []
    wanted = vehicle.energy_kwh(vehicle.soc_percent, problem.reserve_percent)
    taken, end_at = _of_type(plan, BlockType.BATTERY_RESERVE)
    since_us = micros_of(end_at) if end_at else now_us
    if not abs(taken - wanted) <= slack:
        faults.append(Fault(field="blocks", message=f"the reserve needs {wanted:.9g} kWh, gets {taken:.9g}"))
    if end_at and _room_kwh(pieces, now_us, since_us, restricted=False) > taken + slack:
        faults.append(Fault(field="blocks", message="the reserve must not wait"))
    if any(b.type is BlockType.IMMEDIATE_START for b in plan.blocks):
        faults.append(Fault(field="blocks", message="nobody asked for an immediate start"))
    if any(b.type is BlockType.REGULAR and micros_of(b.start_at) < since_us for b in plan.blocks):
        faults.append(Fault(field="blocks", message="the reserve must come first"))
    return faults + _target(problem, target, plan, (pieces, since_us, slack))


def _target(
    problem: Problem, target: RegularTarget, plan: Plan, known: tuple[list[_Piece], int, float]
) -> list[Fault]:
    pieces, since_us, slack = known
    vehicle, deadline_us = problem.vehicle, micros_of(target.ready_by_at)
    soc = max(vehicle.soc_percent, problem.reserve_percent)
    need = vehicle.energy_kwh(soc, problem.wanted_percent)
    most = vehicle.energy_kwh(soc, vehicle.charge_limit_percent) if problem.charge_when_negative else need
    room = _room_kwh(pieces, since_us, deadline_us, restricted=True)
    taken, end_at = _of_type(plan, BlockType.REGULAR)
    if abs(need - room) > slack and plan.reachable != (need <= room):
        return [Fault(field="reachable", message=f"{need:.9g} kWh are needed, {room:.9g} fit")]
    faults = []
    if taken < need - slack:
        faults.append(Fault(field="energy_kwh", message=f"{need:.9g} kWh are needed, {taken:.9g} planned"))
    if taken > max(need, most if plan.reachable else need) + slack:
        faults.append(Fault(field="energy_kwh", message="more than the target and the charge limit allow"))
    if end_at and plan.reachable and micros_of(end_at) > deadline_us + EDGE_US:
        faults.append(Fault(field="blocks", message="regular charging after ready_by"))
    waits = end_at and _room_kwh(pieces, since_us, micros_of(end_at), restricted=True) > taken + slack
    if waits and not plan.reachable:
        faults.append(Fault(field="blocks", message="an unreachable target must not wait"))
    return faults


def _levels(problem: Problem, plan: Plan) -> list[Fault]:
    """The instants and levels that the plan names."""
    vehicle, faults = problem.vehicle, []
    slack = vehicle.gain_percent(_slack_kwh(problem, 2 * len(plan.blocks) + 2))
    reached = plan.target_reached_at
    if reached is None or reached < problem.now_at:
        faults.append(Fault(field="target_reached_at", message="must name an instant from now on"))
    elif not _soc_at(problem, plan, reached) >= problem.wanted_percent - slack:
        faults.append(Fault(field="target_reached_at", message="the level is not reached by then"))
    if isinstance(problem.target, RegularTarget):
        soc, said = _soc_at(problem, plan, problem.target.ready_by_at), plan.soc_at_ready_by_percent
        if said is None or not abs(said - soc) <= slack:
            faults.append(Fault(field="soc_at_ready_by_percent", message=f"comes to {soc:.9g}"))
        if not plan.reachable_soc_percent >= soc - slack:
            faults.append(Fault(field="reachable_soc_percent", message="below what the plan itself reaches"))
    highest = max(vehicle.soc_percent, vehicle.charge_limit_percent)
    if not plan.reachable_soc_percent <= highest + slack:
        faults.append(Fault(field="reachable_soc_percent", message="above the charge limit"))
    if not 0.0 <= plan.price_coverage <= 1.0:
        faults.append(Fault(field="price_coverage", message="must be from 0 to 1"))
    return faults


def _soc_at(problem: Problem, plan: Plan, instant: datetime) -> float:
    until_us, energy = micros_of(instant), 0.0
    for block in plan.blocks:
        start, end = micros_of(block.start_at), micros_of(block.end_at)
        hours = max(0, min(end, until_us) - start) / HOUR_US
        energy += block.energy_kwh if end <= until_us else block.power_kw * hours
    return problem.vehicle.soc_percent + problem.vehicle.gain_percent(energy)
