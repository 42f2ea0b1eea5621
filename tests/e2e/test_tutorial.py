"""The tutorial, run as it stands: its commands in one shell, its answers compared with what it shows."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
BLOCK = re.compile(r"```(sh|text)\n(.*?)```", re.DOTALL)
MARK = "=== the next block ==="
DEADLINE_S = 120


def blocks() -> list[tuple[str, str]]:
    """Pairs of commands and what they are to print, "" for nothing in particular."""
    pairs: list[tuple[str, str]] = []
    for kind, text in BLOCK.findall(TUTORIAL.read_text()):
        if kind == "sh":
            pairs.append((text, ""))
        else:
            pairs[-1] = (pairs[-1][0], text)
    return pairs


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def shows(shown: str, said: str) -> bool:
    """Whether `said` has every part of what is shown, in order; `…` and the end of a line stand for anything."""
    at = 0
    for part in re.split("[…\n]", shown):
        found = said.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return True


def run(script: str, folder: Path) -> tuple[int, str]:
    """Exit status and output of the script; whatever it leaves running is ended with it."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with (folder / "said.txt").open("w+") as said:
        shell = subprocess.Popen(
            ["bash", "-c", script],
            cwd=folder,
            env={**os.environ, "PATH": path, "XDG_DATA_HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            status = shell.wait(DEADLINE_S)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
        said.seek(0)
        return status, said.read()


def test_every_step_of_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    steps = blocks()
    assert len(steps) > 5
    script = f"\necho '{MARK}'\n".join(commands for commands, _ in steps)
    status, said = run("set -eu\n" + script.replace("8000", str(free_port())), tmp_path)
    printed = said.split(MARK)
    for (commands, shown), answer in zip(steps, printed, strict=False):
        assert shows(shown, answer), f"{commands}\nsaid:\n{answer}"
    assert status == 0, said
    assert len(printed) == len(steps)
