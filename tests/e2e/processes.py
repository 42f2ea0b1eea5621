"""`dwell` as a process of its own, as an operator starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEADLINE_S = 120.0
"""Only a failure comes near it: a busy machine takes its time."""


def environment(folder: Path, database_url: str) -> dict[str, str]:
    """An environment without any Dwell setting but the database."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DWELL_")}
    ours = {"DWELL_DATABASE_URL": database_url, "DWELL_GATEWAY_PORT": "0"}
    return kept | ours | {"XDG_DATA_HOME": str(folder / "data")}


def dwell(*words: str, env: Mapping[str, str], status: int = 0, stdin: str = "") -> str:
    """What `dwell WORDS` prints on standard output, of a refusal on standard error; its exit status must be this."""
    done = subprocess.run(
        [sys.executable, "-m", "dwell", *words],
        env=dict(env),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == status, f"{done.returncode}: {done.stdout}{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout if status in (0, 3) else done.stderr


@dataclass(frozen=True, slots=True)
class Process:
    """`dwell serve` as it runs: its address, and every event of its log so far."""

    url: str
    events: list[dict[str, Any]]
    process: subprocess.Popen[str]

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal and wait for the end; returns the exit status."""
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_S)


@contextmanager
def served(env: Mapping[str, str], *words: str) -> Iterator[Process]:
    """`dwell serve` on a free port while the block runs."""
    command = [sys.executable, "-m", "dwell", "serve", "--port", "0", *words]
    process = subprocess.Popen(command, env=dict(env), stderr=subprocess.PIPE, text=True)
    events, started = list[dict[str, Any]](), threading.Event()

    def read() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            try:
                events.append(json.loads(line))
            except ValueError:
                events.append({"event": line})
            if events[-1]["event"] == "server_started":
                started.set()
        started.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        assert started.wait(DEADLINE_S), events
        assert events and events[-1].get("event") == "server_started", events
        yield Process(events[-1]["address"], events, process)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(DEADLINE_S)
        reader.join(DEADLINE_S)
        if process.stderr is not None:
            process.stderr.close()
