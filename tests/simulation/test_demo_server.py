"""`dwell demo` live: it serves, its lines work when pasted, time goes by, and Ctrl-C leaves nothing behind."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from dwell.simulation.demo import Pace

START = datetime(2025, 9, 22, tzinfo=UTC)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running demonstration with its temporary folder in `tmp_path`, and what it printed."""
    with subprocess.Popen(
        [sys.executable, "-m", "dwell", "demo", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        printed = ""
        for line in process.stdout:
            printed += line
            if line.strip() and line.rstrip().endswith("/session") and "sleep 1\n" in printed:
                break
        try:
            yield process, printed
        finally:
            process.kill()


def test_lines_work_when_pasted_and_the_end_leaves_nothing(
    server: tuple[subprocess.Popen[str], str], tmp_path: Path
) -> None:
    process, printed = server
    bash, curl = shutil.which("bash"), shutil.which("curl")
    assert bash and curl, "the lines are for bash and curl"
    lines = printed[printed.index("# a token") :]

    pasted = subprocess.run([bash], input=lines, capture_output=True, text=True, timeout=30, check=True)

    answers = map(json.loads, pasted.stdout.splitlines())
    settled, policy, vehicles, running, over, charger, receipt, guest = answers
    assert [session["state"] for session in settled["data"]] == ["SETTLED"] * 3
    assert policy["policyId"]
    assert len(vehicles["data"]) == 13 + 8
    assert [one["user_reference"][:12] for one in running["sessions"]] == ["fleet-driver"] * 3
    assert [one["final_amount"] > 1 for one in over["sessions"]] == [True] * 3
    assert charger["station"]["charge_points"][0]["evse"] == "DE*DWL*EDEPOT1*1"
    assert receipt == {"accepted": 1, "duplicates": 0, "rejected": [], "flagged": []}
    assert guest["state"].startswith("ACTIVE")
    assert guest["blocks"], "a plan for the guest"
    assert not re.search(r"0000-|1970-|2026-", json.dumps(settled)), "virtual days are those of the prices"

    address, key = (re.search(word, printed) for word in (r"http://[\d.:]+", r"dwell_key_\w+"))
    assert address and key
    headers = {"x-api-key": key[0]}
    stations = httpx.get(f"{address[0]}/v1/stations", headers=headers, timeout=30).json()["stations"]
    assert [station["connected"] for station in stations] == [True] * 6
    assert {station["steering"]["way"] for station in stations} == {"TX_PROFILE"}
    assert {station["steering"]["read_back"]["holding"] for station in stations} == {"HOLDS"}

    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=15) == 0
    assert list(tmp_path.iterdir()) == []


def test_virtual_time_keeps_its_pace_and_stops_at_the_end_of_prices() -> None:
    seconds = iter([100.0, 100.0, 101.5, 10_000.0])
    pace = Pace(START, START + timedelta(hours=1), 600.0, seconds=lambda: next(seconds))

    read = pace.from_now()

    assert [read(), read(), read()] == [START, START + timedelta(minutes=15), START + timedelta(hours=1)]
