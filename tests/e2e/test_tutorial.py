"""The tutorial, run as it stands: its commands in one shell, its answers compared with what it shows."""

from __future__ import annotations

import os
import re
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


def pattern(shown: str) -> re.Pattern[str]:
    """What is shown, with `…` standing for anything."""
    lines = [".*".join(re.escape(part) for part in line.split("…")) for line in shown.splitlines()]
    return re.compile(".*".join(lines), re.DOTALL)


def test_every_step_of_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    steps = blocks()
    assert len(steps) > 5
    script = f"\necho '{MARK}'\n".join(commands for commands, _ in steps)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        [
            "bash",
            "-c",
            f"set -eu; trap 'kill ${{SERVER:-}} 2>/dev/null || true' EXIT\n"
            + script.replace("8000", str(free_port())),
        ],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "XDG_DATA_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    printed = ran.stdout.split(MARK)
    for (commands, shown), said in zip(steps, printed, strict=False):
        assert pattern(shown).search(said), f"{commands}\nsaid:\n{said}\n{ran.stderr}"
    assert ran.returncode == 0, ran.stderr
    assert len(printed) == len(steps)
