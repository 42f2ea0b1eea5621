"""The planner's answer: blocks of power in time, and what they come to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class BlockType(StrEnum):
    """Why a block is there."""

    BATTERY_RESERVE = "BATTERY_RESERVE"
    REGULAR = "REGULAR"
    IMMEDIATE_START = "IMMEDIATE_START"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Constant power in `[start_at, end_at)`; `cost` of its energy in the currency of the prices."""

    type: BlockType
    start_at: datetime
    end_at: datetime
    power_kw: float
    energy_kwh: float
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Blocks in time order, and their sums. Energies in kWh at the meter, costs in the currency of the prices.

    `cost` is the cost of the energy, the reserve's included; start costs are not in it. `baseline_cost` is what
    the same energy costs when taken from now at full power. `gap` is by how much the objective may miss the
    optimum: 0.0 where it is proven. `soc_at_ready_by_percent` is None where there is no deadline.
    """

    blocks: tuple[Block, ...]
    energy_kwh: float
    cost: float
    baseline_cost: float
    starts: int
    target_reached_at: datetime | None
    soc_at_ready_by_percent: float | None
    reachable: bool
    reachable_soc_percent: float
    price_coverage: float
    gap: float = 0.0

    @property
    def savings(self) -> float:
        """Baseline cost minus cost: may be negative."""
        return self.baseline_cost - self.cost

    def power_kw_at(self, instant: datetime) -> float:
        """The planned power at `instant`, 0.0 between blocks."""
        for block in self.blocks:
            if block.start_at <= instant < block.end_at:
                return block.power_kw
        return 0.0
