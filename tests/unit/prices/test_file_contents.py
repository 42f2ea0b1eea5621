"""Files that commands read: unpacked within a limit, whatever they claim to be."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from dwell.cli.contents import content_of


@pytest.mark.parametrize("name", ["a.json", "a.json.gz"])
def test_gzip_is_told_by_content_and_not_by_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"[]")
    assert content_of(path, limit_bytes=10) == b"[]"
    path.write_bytes(gzip.compress(b"[]"))
    assert content_of(path, limit_bytes=100) == b"[]"


def test_a_large_file_is_read_no_further_than_tells_that_it_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    for content in (b"0" * 50_000_000, gzip.compress(b"0" * 50_000_000)):
        path.write_bytes(content)
        assert len(content_of(path, limit_bytes=1_000_000)) == 1_000_001


def test_damage_anywhere_is_an_error_of_the_file(tmp_path: Path) -> None:
    path, sound = tmp_path / "a.gz", gzip.compress(b'{"at": 1}\n' * 100)
    for at in range(10, len(sound)):
        damaged = bytearray(sound)
        damaged[at] ^= 0xFF
        path.write_bytes(damaged)
        with pytest.raises(OSError, match="not a sound gzip file"):
            content_of(path, limit_bytes=100_000)
