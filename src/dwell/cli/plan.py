"""`dwell plan`: planning problems in, plans out, with nothing stored and no server."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, BinaryIO

import click

if TYPE_CHECKING:
    from dwell.domain.planning import Careful, Ceiling, Plan, Problem, Window

    Made = tuple[Problem, Careful]

Answer = dict[str, object]
MOST_PANELS = 12  # of a drawing: more do not fit a page


@click.command(name="plan")
@click.argument("file", type=click.File("rb"))
@click.option("--explain", "as_text", is_flag=True, help="Print the plans as text instead of JSON.")
@click.option(
    "--careful",
    "with_care",
    is_flag=True,
    help="Keep in hand what the engine does, instead of the exact plan.",
)
@click.option("--plot", type=click.Path(dir_okay=False), help="Draw the plans to FILE (.svg, .png, .pdf).")
@click.pass_context
def plan(context: click.Context, *, file: BinaryIO, as_text: bool, with_care: bool, plot: str | None) -> None:
    """Plan the charging of vehicles: FILE (or -) holds one problem, a JSON list, or JSON lines.

    Prints one answer per problem, in kind. A bad problem gets {"error": …} in its place, and exit status 2 at
    the end.
    """
    documents, kind = _documents(file.read())
    solved = [_solve(document, with_care=with_care) for document in documents]
    answers = [answer for answer, _ in solved]
    if as_text:
        text = "\n\n".join(_text(answer, made) for answer, made in solved)
        click.echo(text.encode("utf-8", "replace").decode())  # a member's name may be half a character
    elif kind == "list":
        click.echo(json.dumps(answers, allow_nan=False))
    else:
        for answer in answers:
            click.echo(json.dumps(answer, allow_nan=False))
    if plot is not None:
        _plot(plot, [made for _, made in solved if made is not None])
    if any("error" in answer for answer in answers):
        context.exit(2)


class _NoJson:
    """A document that could not be read, with what is wrong with it."""

    def __init__(self, message: str) -> None:
        self.message = message


def _documents(data: bytes) -> tuple[list[object], str]:
    """The documents of the input, and whether it was an object, a list or lines."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return [_NoJson("must be UTF-8")], "object"
    whole = _decoded(text)
    if isinstance(whole, list):
        return whole, "list"
    if isinstance(whole, _NoJson):
        lines = [_decoded(line) for line in text.split("\n") if line.strip()]
        if len(lines) > 1 and 2 * sum(isinstance(line, dict) for line in lines) >= len(lines):
            return lines, "lines"
    return [whole], "object"


def _decoded(text: str) -> object:
    from dwell.protocols.plan_json import decode

    try:
        return decode(text)
    except ValueError as error:
        return _NoJson(f"must be JSON: {error}")


def _solve(document: object, *, with_care: bool) -> tuple[Answer, Made | None]:
    """The answer to one document, verified, with the problem and plan behind it where there is one."""
    from dwell.domain.errors import Fault, Refused
    from dwell.domain.planning import Care, careful, verify
    from dwell.protocols.plan_json import read_problem, write_faults, write_plan

    if isinstance(document, _NoJson):
        return write_faults([Fault(field="", message=document.message)]), None
    if isinstance(document, dict) and "site" in document:
        from dwell.cli.plan_site import answer_site

        return answer_site(document), None
    try:
        problem = read_problem(document)
    except Refused as refused:
        return write_faults(refused.faults), None
    found = careful(problem, 1.0, Care() if with_care else Care.none())
    faults = verify(found.asked, found.made)
    if faults:  # the planner's own mistake: say so rather than print a plan that cannot be trusted
        return write_faults([Fault(field=f"plan.{f.field}", message=f.message) for f in faults]), None
    return write_plan(found.plan, found.words(problem)), (problem, found)


def _text(answer: Answer, made: Made | None) -> str:
    if "site" in answer:
        from dwell.cli.plan_site import site_text

        return site_text(answer)
    if made is None:
        error: Any = answer["error"]
        return "\n".join(f"error: {row['field'] or 'input'}: {row['message']}" for row in error["faults"])

    problem, found = made
    words = found.words(problem)
    lines = [words.summary]
    for block, reason in zip(found.plan.blocks, words.reasons, strict=True):
        start, end = (at.astimezone(problem.timezone) for at in (block.start_at, block.end_at))
        lines.append(
            f"  {start:%a %H:%M}–{end:%a %H:%M}  {block.power_kw:6.2f} kW  {block.energy_kwh:7.2f} kWh  "
            f"{block.cost:8.2f}  {reason}"
        )
    return "\n".join(lines)


def _plot(path: str, made: list[Made]) -> None:
    """Prices, ceilings, blocks and state of charge, one panel for each plan."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    if not made:
        click.echo("nothing to draw", err=True)
        return
    if len(made) > MOST_PANELS:
        click.echo(f"drawing the first {MOST_PANELS} of {len(made)} plans", err=True)
    shown = made[:MOST_PANELS]
    figure, axes = pyplot.subplots(len(shown), 1, figsize=(10, 4 * len(shown)), squeeze=False)
    for axis, (problem, found) in zip(axes[:, 0], shown, strict=True):
        _draw(axis, problem, found)
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


def _draw_prices(axis: Any, problem: Problem, until_at: datetime) -> None:
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
