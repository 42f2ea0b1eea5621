"""Who may be connected at once."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from dwell.api.crowd import CONNECTIONS_LEAST, FILES_KEPT, Crowd, room_for_connections


def test_all_together_and_each_address_have_a_bound_and_whoever_leaves_makes_room() -> None:
    crowd = Crowd(at_most=4, at_most_each=2, trusted_proxies="")
    assert [crowd.enter("192.0.2.1"), crowd.enter("192.0.2.1"), crowd.enter("192.0.2.2")] == [None] * 3
    refused = crowd.enter("192.0.2.1")
    assert refused is not None and refused.status == 429
    full = crowd.enter("192.0.2.3")
    assert full is not None and full.status == 503
    for address in ("192.0.2.1", "192.0.2.1", "192.0.2.3"):
        crowd.leave(address)
    assert crowd.enter("192.0.2.1") is None


def test_an_ipv6_network_is_one_caller() -> None:
    crowd = Crowd(at_most=9, at_most_each=1, trusted_proxies="")
    assert crowd.enter("2001:db8::1") is None
    refused = crowd.enter("2001:db8::2")
    assert refused is not None and refused.status == 429
    assert crowd.enter("2001:db8:0:1::1") is None


@pytest.mark.parametrize("trusted", ["*", "192.0.2.1", "10.0.0.0/8, 192.0.2.0/24"])
def test_a_trusted_proxy_stands_for_many(trusted: str) -> None:
    crowd = Crowd(at_most=3, at_most_each=1, trusted_proxies=trusted)
    assert [crowd.enter("192.0.2.1") for _ in range(3)] == [None] * 3
    full = crowd.enter("192.0.2.1")
    assert full is not None and full.status == 503


def test_there_is_never_more_room_than_files_may_be_open() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert room_for_connections(10) == 10
    assert room_for_connections(10_000_000) <= hard


@pytest.mark.parametrize(("files", "says"), [(FILES_KEPT + 30, "30"), (FILES_KEPT + 3, "ulimit -n")])
def test_few_files_leave_room_for_few_or_are_refused_by_name(files: int, says: str) -> None:
    code = (
        "import resource; from dwell.api.crowd import room_for_connections\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({files}, {files}))\n"
        "try: print(room_for_connections(4096))\n"
        "except Exception as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert says in done.stdout
    assert CONNECTIONS_LEAST > 3
