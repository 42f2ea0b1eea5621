"""Options that take every path after them, as shells write them out: `--prices *.json`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click


def variadic(option: str) -> type[click.Command]:
    """A command class whose `option` (declared with `multiple=True`) takes all values up to the next option or `--`."""

    class VariadicCommand(click.Command):
        def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
            return super().parse_args(ctx, list(repeated(option, args)))

    return VariadicCommand


def repeated(option: str, args: Iterable[str]) -> Iterator[str]:
    """`args` with `option a b` written as `option a option b`."""
    taking, first = False, False
    for arg in args:
        if arg == option:
            taking, first = True, True
        elif arg.startswith("-") and arg != "-":
            taking = False
        elif taking and not first:
            yield option
        yield arg
        first = first and arg == option
