"""The least-cost search by a general solver (HiGHS), for the rare problem whose labels ran out.

Mixed-integer program: on each border between slots the power is on or off; a slot is `through` when it is on
from border to border; `alone` is a run inside one slot. A start is counted where a border is on after a slot
that is not through, and for a run alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dwell.domain.planning.compiled import FULL, LOW, OFF, SMALL_KWH, Bytes, Floats, Slots, Terms

Found = tuple[Bytes, int, float, float]
NEAR_KWH = 1e-7  # an energy of the solver's this near to full, low or none is meant to be it
MOST_SLOTS = 2000  # more take the solver minutes: there the labels' plan stands, with its gap
MOST_NODES = 50_000  # of the solver's tree, so that the answer does not depend on the machine
MOST_S = 20.0  # the last resort, should the nodes be slow
PROVEN = 1e-7  # in money: below what the solver's own tolerances leave open


def least_cost_by_solver(slots: Slots, terms: Terms, known: Found) -> Found:
    """As `kernel.least_cost`; `known` is its answer, kept where the solver finds no better one."""
    if len(slots.price) > MOST_SLOTS:
        return known
    solved = solved_by_highs(slots, terms)
    if solved is None:
        return known
    full, low, bound = solved.full, solved.low, solved.bound
    steps, odd_slot, odd_kwh = _read(solved, terms)
    known_cost = _cost(known[0], (known[1], known[2]), (full, low, slots.price), terms)
    if odd_slot < -1:
        return known[0], known[1], known[2], min(known[3], max(0.0, known_cost - bound))
    cost = _cost(steps, (odd_slot, odd_kwh), (full, low, slots.price), terms)
    if known_cost <= cost:
        steps, odd_slot, odd_kwh, cost = known[0], known[1], known[2], known_cost
    gap = min(known[3], cost - bound)
    return steps, odd_slot, odd_kwh, gap if gap > PROVEN else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved:
    """What HiGHS found: energies and through-marks of the slots, its sum, and the least that it proved possible."""

    energy: Floats
    through: Floats
    objective: float
    bound: float
    full: Floats
    low: Floats


def solved_by_highs(slots: Slots, terms: Terms) -> Solved | None:
    """The program solved by HiGHS; None where it found no plan within its limits."""
    hours, price = slots.end_h - slots.start_h, slots.price
    full = slots.allowed_kw * hours
    low = np.minimum(full, terms.power_min_kw * hours) if terms.modulating else full
    count = len(price)
    energy, through, alone = (np.arange(count) + k * count for k in range(3))
    border = np.arange(count + 1) + 3 * count
    columns = 4 * count + 1
    cost, upper, lower = np.zeros(columns), np.ones(columns), np.zeros(columns)
    cost[energy], cost[alone], cost[through] = price, terms.start_cost, -terms.start_cost
    cost[border[1:]] = terms.start_cost
    upper[energy], upper[through] = full, full > 0
    lower[border[0]] = upper[border[0]] = float(terms.charging)
    one, zero = np.ones(count), np.zeros(count)
    blocks = (
        (np.stack([border[:-1], through], 1), np.stack([one, -one], 1)),
        (np.stack([border[1:], through], 1), np.stack([one, -one], 1)),
        (np.stack([energy, through], 1), np.stack([one, -low], 1)),
        (np.stack([border[:-1], border[1:], alone, energy], 1), np.stack([full, full, full, -one], 1)),
    )
    solver = _solver()
    solver.addVars(columns, lower, upper)
    solver.changeColsCost(columns, np.arange(columns, dtype=np.int32), cost)
    whole = np.arange(count, columns, dtype=np.int32)
    solver.changeColsIntegrality(len(whole), whole, np.full(len(whole), 1, np.uint8))
    for places, values in blocks:
        starts = np.arange(count, dtype=np.int32) * places.shape[1]
        size = places.size
        solver.addRows(
            count, zero, np.full(count, np.inf), size, starts, places.ravel().astype(np.int32), values.ravel()
        )
    solver.addRow(terms.need_kwh, terms.most_kwh, count, energy.astype(np.int32), one)
    solver.run()
    if not np.isfinite(solver.getInfo().objective_function_value):
        return None
    found = np.array(solver.getSolution().col_value)
    if len(found) != columns:
        return None
    info = solver.getInfo()
    return Solved(
        energy=found[energy],
        through=found[through],
        objective=float(info.objective_function_value),
        bound=float(info.mip_dual_bound),
        full=full,
        low=low,
    )


def _solver() -> Any:
    import highspy

    solver = highspy.Highs()  # type: ignore[no-untyped-call]  # highspy carries no types
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("mip_rel_gap", 0.0)
    solver.setOptionValue("mip_abs_gap", PROVEN / 10)
    solver.setOptionValue("mip_max_nodes", MOST_NODES)
    solver.setOptionValue("time_limit", MOST_S)
    # With it the HiGHS of scipy 1.16 calls a wrong plan optimal on one in some thousand of these programs.
    solver.setOptionValue("presolve", "off")
    return solver


def _read(solved: Solved, terms: Terms) -> tuple[Bytes, int, float]:
    """Steps, odd slot and its energy; the odd slot is -2 where more than one is odd, or the energy is not met."""
    energy, through, full, low = solved.energy, solved.through > 0.5, solved.full, solved.low
    steps = np.full(len(energy), OFF, np.int8)
    odd_slot, total = -1, 0.0
    for i in range(len(energy)):
        if energy[i] >= full[i] - NEAR_KWH:
            steps[i] = FULL if full[i] > 0 else OFF
            total += full[i]
        elif through[i] and energy[i] <= low[i] + NEAR_KWH:
            steps[i] = LOW
            total += low[i]
        elif energy[i] > NEAR_KWH:
            if odd_slot != -1:
                return steps, -2, 0.0
            odd_slot = i
    if odd_slot < 0:
        met = terms.need_kwh - SMALL_KWH <= total <= terms.most_kwh + SMALL_KWH
        return steps, -1 if met else -2, 0.0
    odd_kwh = min(max(float(energy[odd_slot]), terms.need_kwh - total), terms.most_kwh - total)
    return steps, odd_slot if 0.0 <= odd_kwh <= full[odd_slot] else -2, odd_kwh


def _cost(steps: Bytes, odd: tuple[int, float], slots: tuple[Floats, Floats, Floats], terms: Terms) -> float:
    """Σ price × energy + start_cost × starts of a plan in steps."""
    full, low, price = slots
    cost, running = 0.0, terms.charging
    for i in range(len(steps)):
        if i == odd[0]:
            right = i + 1 < len(steps) and steps[i + 1] != OFF
            joined = running and right and terms.modulating and odd[1] >= low[i] - SMALL_KWH
            cost += price[i] * odd[1] + (0.0 if running else terms.start_cost)
            if running and right and not joined:
                cost += terms.start_cost
            running = right
            continue
        taken = full[i] if steps[i] == FULL else (low[i] if steps[i] == LOW else 0.0)
        if taken > 0.0 and not running:
            cost += terms.start_cost
        running = taken > 0.0
        cost += price[i] * taken
    return float(cost)
