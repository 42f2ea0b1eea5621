"""Plans in sentences that a customer can read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from dwell.domain.instants import instant_of, micros_of
from dwell.domain.planning.plan import Block, BlockType, Plan
from dwell.domain.planning.problem import Control, Problem, RegularTarget

HAIR_PERCENT = 1e-6
NEAR_ITS_END = timedelta(hours=1)
"""A plan that ends earlier before what is kept free need not speak of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A sentence or more for the plan, and one for each block in order."""

    summary: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InHand:
    """What a plan keeps in hand, to be told: see `care.Careful`. `share` of the told power is counted on."""

    spared: timedelta = timedelta(0)
    share: float = 1.0
    hurried: bool = False
    owed: bool = False
    """The deadline has passed, and what was missing at it is still charged."""


def explain(problem: Problem, plan: Plan, in_hand: InHand | None = None) -> Explanation:
    """`plan` in words, with times of day in the problem's time zone; `problem` is told with its true deadline."""
    in_hand = in_hand or InHand()
    sentences = [_first(problem, plan), *_cautions(problem, plan, in_hand), *_kept(problem, plan, in_hand)]
    return Explanation(
        summary=" ".join(sentences),
        reasons=tuple(_reason(problem, plan, block, in_hand) for block in plan.blocks),
    )


def _reason(problem: Problem, plan: Plan, block: Block, in_hand: InHand) -> str:
    target = problem.target
    if block.type is BlockType.BATTERY_RESERVE:
        return f"battery below {_percent(problem.reserve_percent)}"
    if block.type is BlockType.IMMEDIATE_START or not isinstance(target, RegularTarget):
        return f"immediate start: full power until {_percent(problem.wanted_percent)}"
    deadline = _clock(problem, target.ready_by_at)
    if in_hand.owed:
        return f"missed at {deadline}: full power until {_percent(problem.wanted_percent)} is in"
    if in_hand.hurried:
        return (
            f"no time to spare before {deadline}: full power until {_percent(problem.wanted_percent)} is in"
        )
    if not plan.reachable:
        return f"too little time before {deadline}: full power until {_percent(problem.wanted_percent)} is in"
    if block.cost < 0:
        return _below_zero(problem, block)
    if problem.vehicle.control is Control.MODULATING and _bridges(problem, plan, block):
        return "kept on at low power, which is cheaper than a stop and a new start"
    regular = [b for b in plan.blocks if b.type is BlockType.REGULAR]
    total = sum(((b.end_at - b.start_at) for b in regular), timedelta())
    cheapest = f"cheapest {_duration(total)} before {deadline}"
    if not _is_priced(problem, block):
        cheapest = f"{cheapest} by the prices of the days before"
    if len(regular) == 1:
        return cheapest
    return f"part of the {cheapest}"


def _below_zero(problem: Problem, block: Block) -> str:
    """Why a block that earns money is there; not all of it need be below zero."""
    priced = problem.prices.between(micros_of(block.start_at), micros_of(block.end_at), problem.timezone)
    if all(price < 0 for price in priced.windows.value):
        return "price below zero: charging earns money"
    return "prices below zero for most of it: charging earns money"


def _bridges(problem: Problem, plan: Plan, block: Block) -> bool:
    """Whether the block, at the least power, leads from charging to charging, where there might be a pause."""
    ends = {b.end_at for b in plan.blocks} | ({problem.now_at} if problem.vehicle.charging_now else set())
    goes_on = any(b.start_at == block.end_at for b in plan.blocks)
    return block.power_kw <= problem.vehicle.power_min_kw and block.start_at in ends and goes_on


def _is_priced(problem: Problem, block: Block) -> bool:
    """Whether the prices of most of the block are known, or none are known at all."""
    start_us, end_us = micros_of(block.start_at), micros_of(block.end_at)
    known_us = problem.prices.known_us(start_us, end_us)
    return 2 * known_us >= end_us - start_us or problem.prices.is_empty


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


def _cautions(problem: Problem, plan: Plan, in_hand: InHand) -> list[str]:
    said = []
    target = problem.target
    there = plan.soc_at_ready_by_percent
    # A reserve that holds the target, and is not in by the deadline, leaves nothing of the target to be unreachable.
    by_reserve = plan.reachable and there is not None and there < problem.wanted_percent - HAIR_PERCENT
    if isinstance(target, RegularTarget) and not in_hand.owed and (not plan.reachable or by_reserve):
        most = there if by_reserve and there is not None else plan.reachable_soc_percent
        said.append(
            f"{_percent(problem.wanted_percent)} cannot be reached by {_clock(problem, target.ready_by_at)}, "
            f"{_percent(most)} can."
        )
    if plan.price_coverage < 1.0:
        said.append(_what_is_known(problem, plan))
    if plan.gap > 0.0:
        said.append(f"The search was cut short: at most {plan.gap:.4f} from the optimum.")
    return said


def _what_is_known(problem: Problem, plan: Plan) -> str:
    share = _percent(100 * plan.price_coverage)
    if problem.prices.is_empty:
        return "No prices are known: charged as if all were equal, and planned again when prices come."
    until_us = problem.prices.known_until_us(micros_of(problem.now_at))
    until = f" (until {_clock(problem, instant_of(until_us))})" if until_us is not None else ""
    return (
        f"Prices are known for {share} of the time{until}; the rest is judged by the days before, "
        "and planned again when its prices come."
    )


def _kept(problem: Problem, plan: Plan, in_hand: InHand) -> list[str]:
    """What the plan keeps in hand."""
    said = []
    target = problem.target
    if in_hand.share < 1.0 and plan.blocks:
        said.append(f"Counted on: {_percent(round(100 * in_hand.share))} of the vehicle's full power.")
    if isinstance(target, RegularTarget) and in_hand.spared > timedelta(0) and plan.blocks:
        latest_at = target.ready_by_at - in_hand.spared
        if latest_at - plan.blocks[-1].end_at < NEAR_ITS_END:
            before = _clock(problem, target.ready_by_at)
            said.append(
                f"The last {_duration(in_hand.spared)} before {before} are kept free for what may go wrong."
            )
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
