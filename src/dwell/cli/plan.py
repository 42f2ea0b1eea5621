"""`dwell plan`: planning problems in, plans out, with nothing stored and no server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import click

if TYPE_CHECKING:
    from dwell.cli.plan_drawing import Drawn
    from dwell.domain.planning import Careful, Problem

    Made = tuple[Problem, Careful]

Answer = dict[str, object]


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
        from dwell.cli.plan_drawing import draw

        draw(plot, [made for _, made in solved if made is not None])
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


def _solve(document: object, *, with_care: bool) -> tuple[Answer, Drawn | None]:
    """The answer to one document, verified, with the problem and plan behind it where there is one."""
    from dwell.domain.errors import Fault, Refused
    from dwell.domain.planning import Care, careful, verify
    from dwell.protocols.plan_json import read_problem, write_faults, write_plan

    if isinstance(document, _NoJson):
        return write_faults([Fault(field="", message=document.message)]), None
    if isinstance(document, dict) and "site" in document:
        from dwell.cli.plan_site import answer_site

        return answer_site(document)
    try:
        problem = read_problem(document)
    except Refused as refused:
        return write_faults(refused.faults), None
    found = careful(problem, 1.0, Care() if with_care else Care.none())
    faults = verify(found.asked, found.made)
    if faults:  # the planner's own mistake: say so rather than print a plan that cannot be trusted
        return write_faults([Fault(field=f"plan.{f.field}", message=f.message) for f in faults]), None
    return write_plan(found.plan, found.words(problem)), (problem, found)


def _text(answer: Answer, made: Drawn | None) -> str:
    if "site" in answer:
        from dwell.cli.plan_site import site_text

        return site_text(answer)
    if made is None:
        error: Any = answer["error"]
        return "\n".join(f"error: {row['field'] or 'input'}: {row['message']}" for row in error["faults"])
    return _plan_text(cast("Made", made))  # only a location has the other kind


def _plan_text(made: Made) -> str:
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
