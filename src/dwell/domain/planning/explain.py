"""Plans in sentences that a customer can read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from dwell.domain.planning.plan import Block, BlockType, Plan
from dwell.domain.planning.problem import Control, Problem, RegularTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A sentence or more for the plan, and one for each block in order."""

    summary: str
    reasons: tuple[str, ...]


def explain(problem: Problem, plan: Plan) -> Explanation:
    """`plan` in words, with times of day in the problem's time zone."""
    sentences = [_first(problem, plan), *_cautions(problem, plan)]
    return Explanation(
        summary=" ".join(sentences),
        reasons=tuple(_reason(problem, plan, block) for block in plan.blocks),
    )


def _reason(problem: Problem, plan: Plan, block: Block) -> str:
    target = problem.target
    if block.type is BlockType.BATTERY_RESERVE:
        return f"battery below {_percent(problem.reserve_percent)}"
    if block.type is BlockType.IMMEDIATE_START or not isinstance(target, RegularTarget):
        return f"immediate start: full power until {_percent(problem.wanted_percent)}"
    deadline = _clock(problem, target.ready_by_at)
    if not plan.reachable:
        return f"too little time before {deadline}: full power until {_percent(problem.wanted_percent)} is in"
    if block.cost < 0:
        return "price below zero: charging earns money"
    if problem.vehicle.control is Control.MODULATING and block.power_kw <= problem.vehicle.power_min_kw:
        return "kept on at low power, which is cheaper than a stop and a new start"
    regular = [b for b in plan.blocks if b.type is BlockType.REGULAR]
    total = sum(((b.end_at - b.start_at) for b in regular), timedelta())
    cheapest = f"cheapest {_duration(total)} before {deadline}"
    if len(regular) == 1:
        return cheapest
    return f"part of the {cheapest}"


def _first(problem: Problem, plan: Plan) -> str:
    if not plan.blocks:
        return f"Nothing to charge: the battery is at {_percent(problem.vehicle.soc_percent)}."
    regular = sum(block.type is BlockType.REGULAR for block in plan.blocks)
    count = len(plan.blocks)
    blocks = "1 block" if count == 1 else f"{count} blocks"
    text = f"{plan.energy_kwh:.2f} kWh in {blocks} for {plan.cost:.2f}"
    if regular and plan.reachable and abs(plan.savings) >= 0.005:
        word = "less" if plan.savings > 0 else "more"
        text += f", {abs(plan.savings):.2f} {word} than charging at once"
    if plan.target_reached_at is not None:
        wanted = _percent(problem.wanted_percent)
        text += f"; {wanted} at {_clock(problem, plan.target_reached_at)}"
    return text + "."


def _cautions(problem: Problem, plan: Plan) -> list[str]:
    said = []
    target = problem.target
    if isinstance(target, RegularTarget) and not plan.reachable:
        said.append(
            f"{_percent(problem.wanted_percent)} cannot be reached by {_clock(problem, target.ready_by_at)}, "
            f"{_percent(plan.reachable_soc_percent)} can."
        )
    if plan.price_coverage < 1.0:
        share = _percent(100 * plan.price_coverage)
        said.append(f"Prices are known for {share} of the time; the rest is judged by the days before.")
    if plan.gap > 0.0:
        said.append(f"The search was cut short: at most {plan.gap:.4f} from the optimum.")
    return said


def _percent(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0") + " %"


def _clock(problem: Problem, instant: datetime) -> str:
    """`07:00`, with the day where it is more than a day away."""
    local = instant.astimezone(problem.timezone)
    if abs(instant - problem.now_at) < timedelta(days=1):
        return f"{local:%H:%M}"
    return f"{local:%H:%M} on {local.year}-{local:%m-%d}"


def _duration(span: timedelta) -> str:
    """`2 h 15 min`, rounded to whole minutes, at least one."""
    minutes = max(1, round(span.total_seconds() / 60))
    hours, rest = divmod(minutes, 60)
    words = [f"{hours} h"] if hours else []
    if rest:
        words.append(f"{rest} min")
    return " ".join(words)
