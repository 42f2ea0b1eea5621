"""The machine's names and its time."""

from __future__ import annotations

import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from dwell.adapters.clock import SystemClock
from dwell.adapters.ids import SystemIds


def test_the_clock_is_aware_utc() -> None:
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert abs(datetime.now(UTC) - now) < timedelta(seconds=5)


def test_ids_are_canonical_uuids_of_version_7_that_sort_by_time() -> None:
    ids = SystemIds()
    before_ms = time.time_ns() // 1_000_000
    made = [ids.new_id() for _ in range(5_000)]
    after_ms = time.time_ns() // 1_000_000
    parsed = [uuid.UUID(text) for text in made]
    assert [str(one) for one in parsed] == made == sorted(made)
    assert len(set(made)) == len(made)
    assert {(one.version, one.variant) for one in parsed} == {(7, uuid.RFC_4122)}
    assert before_ms <= parsed[0].int >> 80 <= parsed[-1].int >> 80 <= after_ms + 1


def test_ids_never_go_back_with_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = SystemIds()
    first = ids.new_id()
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000)
    later = [ids.new_id() for _ in range(10)]
    assert [first, *later] == sorted({first, *later})


def test_ids_of_several_threads_are_distinct() -> None:
    ids = SystemIds()
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda _: ids.new_id(), range(4_000)))
    assert len(set(made)) == 4_000


def test_secrets_are_long_and_without_punctuation() -> None:
    made = {SystemIds().new_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch(r"[0-9A-Za-z]{32}", secret) for secret in made)
