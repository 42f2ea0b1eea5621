"""The joint planner's answer: a plan for each vehicle, and what they come to together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dwell.domain.planning.plan import Plan


@dataclass(frozen=True, slots=True)
class SlotTotal:
    """What all vehicles take in `[start_at, end_at)`, and the room that the base load leaves there."""

    start_at: datetime
    end_at: datetime
    energy_kwh: float
    room_kw: float

    @property
    def power_kw(self) -> float:
        """Mean power of all vehicles."""
        return self.energy_kwh / ((self.end_at - self.start_at).total_seconds() / 3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePlan:
    """Plans in the order of the problem's vehicles, totals by slot, and sums.

    `vehicles[i].gap` is 0: how far the plan may be from the optimum is said for all together. Where every power_min
    is 0 both gaps are 0. Else `gap` is the cost above that of the linear optimum which brings every vehicle the same
    energy, and `gap_kwh` the energy by the deadlines that the linear optimum has more. `fractions` are the parts
    of what each vehicle needs, after its reserve, that it gets by its deadline. `peak_kw` is the vehicles' highest
    power together.
    """

    vehicles: tuple[Plan, ...]
    slots: tuple[SlotTotal, ...]
    fractions: tuple[float, ...]
    energy_kwh: float
    cost: float
    baseline_cost: float
    peak_kw: float
    gap: float
    gap_kwh: float

    @property
    def savings(self) -> float:
        """Baseline cost minus cost: may be negative."""
        return self.baseline_cost - self.cost

    @property
    def reachable(self) -> bool:
        """Whether every vehicle gets what it needs by its deadline."""
        return all(plan.reachable for plan in self.vehicles)
