"""What commands share: settings from where they come from, and expected faults as one line."""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from dwell.domain.audit import Actor
from dwell.domain.errors import DwellError
from dwell.settings import Settings, SettingsRefused, load_settings

T = TypeVar("T")

NOT_ALL = 3
"""Exit status of a command that did its work but not for all it was given; 1 is a refusal, 2 a wrong command line."""


def settings_of(
    context: click.Context, flags: Mapping[tuple[str, ...], object | None] | None = None
) -> Settings:
    """The settings by file, environment and those flags that were given. Ends the command where they are refused."""
    config = context.find_root().obj
    given = {path: value for path, value in (flags or {}).items() if value is not None}
    try:
        return load_settings(os.environ, config=Path(config) if config else None, flags=given)
    except SettingsRefused as refused:
        raise click.ClickException("\n       ".join(refused.faults)) from refused


def run(work: Coroutine[Any, Any, T], *, loop_factory: Any = None) -> T:
    """Run to the end; an expected fault becomes one line."""
    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            return runner.run(work)
    except DwellError as error:
        raise click.ClickException(error.message) from error
    except OSError as error:
        raise click.ClickException(str(error)) from error


def operator() -> Actor:
    """Who acts by the command line: the system's user."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number that has no name
        name = str(os.getuid())
    return Actor(kind="cli", name=name)


def printable(text: str) -> str:
    """What others have said, on one line and without what a terminal would obey."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
