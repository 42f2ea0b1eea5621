"""The drawing of plans: what is planned, when, under which ceilings and at which prices."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from dwell.domain.planning import Careful, Ceiling, Plan, Problem, Window
    from dwell.domain.planning.site import SitePlan, SiteProblem

    Drawn = tuple[Problem, Careful] | tuple[SiteProblem, SitePlan]

MOST_PANELS = 12
"""More do not fit a page."""


def draw(path: str, made: list[Drawn]) -> None:
    """One panel for each plan: prices, ceilings, blocks, state of charge; for a location its vehicles stacked up."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    from dwell.domain.planning.site import SitePlan

    if not made:
        click.echo("nothing to draw", err=True)
        return
    if len(made) > MOST_PANELS:
        click.echo(f"drawing the first {MOST_PANELS} of {len(made)} plans", err=True)
    shown = made[:MOST_PANELS]
    figure, axes = pyplot.subplots(len(shown), 1, figsize=(10, 4 * len(shown)), squeeze=False)
    for axis, one in zip(axes[:, 0], shown, strict=True):
        if isinstance(one[1], SitePlan):
            _draw_site(axis, *one)
        else:
            _draw(axis, *one)
    figure.tight_layout()
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise click.ClickException(f"cannot draw to {path}: {error}") from error
    finally:
        pyplot.close(figure)


def _draw(axis: Any, problem: Problem, answer: Careful) -> None:
    """One panel: power and its ceiling on the left, prices and state of charge on axes of their own."""
    from matplotlib.dates import DateFormatter

    from dwell.domain.planning import RegularTarget

    found = answer.plan
    until_at = max([problem.now_at + timedelta(hours=1), *(block.end_at for block in found.blocks)])
    if isinstance(problem.target, RegularTarget):
        until_at = max(until_at, problem.target.ready_by_at)
        axis.axvline(problem.target.ready_by_at, color="black", linestyle=":", label="ready by")
    times, ceilings = _ceilings(problem, until_at)
    axis.step(times, ceilings, where="post", color="0.6", linewidth=1, label="ceiling")
    for block in found.blocks:
        axis.axvspan(block.start_at, block.end_at, ymax=0.0)  # widens the time axis to the block
        axis.fill_between([block.start_at, block.end_at], block.power_kw, color="tab:green", alpha=0.5)
    axis.set_ylabel("kW")
    axis.set_ylim(bottom=0, top=1.1 * max([*ceilings, 0.1]))
    axis.set_xlim(problem.now_at, until_at)
    axis.set_title(answer.words(problem).summary, fontsize=8, wrap=True)
    _draw_prices(axis.twinx(), problem, until_at)
    _draw_soc(axis.twinx(), problem, found, until_at)
    clock = DateFormatter("%a %H:%M", tz=problem.timezone)  # type: ignore[no-untyped-call]  # matplotlib's has no types
    axis.xaxis.set_major_formatter(clock)
    axis.legend(loc="upper left", fontsize=7)


def _draw_site(axis: Any, problem: SiteProblem, found: SitePlan) -> None:
    """One panel: the vehicles' powers stacked up under the room that the connection leaves, and the prices."""
    from matplotlib import colormaps
    from matplotlib.dates import DateFormatter

    until_at = max(
        [
            problem.now_at + timedelta(hours=1),
            *(slot.end_at for slot in found.slots),
            *(vehicle.ready_by_at for vehicle in problem.vehicles if vehicle.ready_by_at is not None),
        ]
    )
    blocks = [block for plan in found.vehicles for block in plan.blocks]
    edges = sorted({problem.now_at, until_at, *(at for b in blocks for at in (b.start_at, b.end_at))})
    floor = [0.0] * len(edges)
    colours = colormaps["tab20"].colors  # type: ignore[attr-defined]  # a list of colours, which its type hides
    for number, plan in enumerate(found.vehicles):
        power = [next((b.power_kw for b in plan.blocks if b.start_at <= at < b.end_at), 0.0) for at in edges]
        top = [low + more for low, more in zip(floor, power, strict=True)]
        colour = colours[number % len(colours)]
        axis.fill_between(edges, floor, top, step="post", color=colour, alpha=0.7, linewidth=0)
        floor = top
    rooms = [(slot.start_at, slot.room_kw) for slot in found.slots]
    if rooms:
        times = [*(at for at, _ in rooms), found.slots[-1].end_at]
        room_kw = [*(room for _, room in rooms), rooms[-1][1]]
        axis.step(times, room_kw, where="post", color="black", linewidth=1, label="room beside the base load")
        axis.legend(loc="upper left", fontsize=7)
    axis.set_ylabel("kW, all vehicles")
    axis.set_ylim(bottom=0, top=1.1 * max([problem.limit_kw, found.peak_kw, 0.1]))
    axis.set_xlim(problem.now_at, until_at)
    energy, peak = f"{found.energy_kwh:.1f} kWh for {found.cost:.2f}", f"at most {found.peak_kw:.1f} kW"
    axis.set_title(f"{len(found.vehicles)} vehicles, {energy}, {peak}", fontsize=8)
    _draw_prices(axis.twinx(), problem, until_at)
    clock = DateFormatter("%a %H:%M", tz=problem.timezone)  # type: ignore[no-untyped-call]  # matplotlib's has no types
    axis.xaxis.set_major_formatter(clock)


def _draw_prices(axis: Any, problem: Problem | SiteProblem, until_at: datetime) -> None:
    from dwell.domain.instants import instant_of, micros_of

    span = micros_of(problem.now_at), micros_of(until_at)
    slots = problem.prices.between(*span, problem.timezone).windows
    starts = [instant_of(max(span[0], int(start))) for start in slots.start_us]
    values = [float(value) for value in slots.value]
    known = [
        problem.prices.known_us(int(a), int(b)) > 0 for a, b in zip(slots.start_us, slots.end_us, strict=True)
    ]
    nothing = float("nan")
    for style, shown in (("-", True), (":", False)):  # dotted: not known yet, judged by the days before
        drawn = [
            value if is_known is shown else nothing for value, is_known in zip(values, known, strict=True)
        ]
        axis.step(
            [*starts, until_at], [*drawn, drawn[-1]], style, where="post", color="tab:blue", linewidth=1
        )
    axis.set_ylabel("price per kWh", color="tab:blue")


def _draw_soc(axis: Any, problem: Problem, found: Plan, until_at: datetime) -> None:
    times, levels = [problem.now_at], [problem.vehicle.soc_percent]
    for block in found.blocks:
        times += [block.start_at, block.end_at]
        levels += [levels[-1], levels[-1] + problem.vehicle.gain_percent(block.energy_kwh)]
    axis.plot([*times, until_at], [*levels, levels[-1]], color="tab:red", linewidth=1)
    axis.spines["right"].set_position(("outward", 50))
    axis.set_ylim(0, 100)
    axis.set_ylabel("state of charge, %", color="tab:red")


def _ceilings(problem: Problem, until_at: datetime) -> tuple[list[datetime], list[float]]:
    """Where the ceiling changes, and to what, restrictions included."""
    windows: tuple[Ceiling | Window, ...] = (*problem.ceilings, *problem.restrictions)
    edges = {problem.now_at, until_at}
    for window in windows:
        edges |= {edge for edge in (window.start_at, window.end_at) if problem.now_at < edge < until_at}
    times = sorted(edges)
    powers = []
    for time in times:
        open_now = [getattr(w, "power_kw", 0.0) for w in windows if w.start_at <= time < w.end_at]
        power = min([problem.vehicle.power_max_kw, *open_now])
        powers.append(power if power >= problem.vehicle.power_min_kw else 0.0)
    return times, powers
