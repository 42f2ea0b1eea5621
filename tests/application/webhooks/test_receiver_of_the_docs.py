"""The receiver in the documentation takes what we send, and nothing else."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx

from dwell.protocols.webhooks.signature import delivery_headers

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "webhooks.md"
SECRET = "whsec_YSBrZXkgb2YgdHdlbnR5LWZvdXIgYnl0ZQ=="
BODY = b'[{"event":"flex:session:updated","session":{"state":"SETTLED"}}]'


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def post(port: int, body: bytes, headers: dict[str, str]) -> int | None:
    """The status; None where the receiver did not answer at all."""
    with httpx.Client(transport=httpx.HTTPTransport(retries=50)) as client:
        try:
            return client.post(f"http://127.0.0.1:{port}/", content=body, headers=headers).status_code
        except httpx.RemoteProtocolError:
            return None


def test_it_takes_what_we_sign_and_nothing_that_was_changed(tmp_path: Path) -> None:
    found = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    path, port = tmp_path / "receiver.py", free_port()
    path.write_text(found[1], encoding="utf-8")
    headers = delivery_headers(SECRET, "msg-1", datetime.now(UTC), BODY)
    process = subprocess.Popen(
        [sys.executable, str(path), SECRET, str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert post(port, BODY, headers) == 204
        assert process.stdout is not None
        assert process.stdout.readline() == "flex:session:updated SETTLED\n"
        assert post(port, BODY.replace(b"SETTLED", b"ACTIVE!"), headers) is None
        assert post(port, BODY, headers | {"webhook-timestamp": "1"}) is None
    finally:
        process.kill()
        process.communicate()
