"""SQLite is not put where its log cannot work."""

from __future__ import annotations

from pathlib import Path

import pytest

from dwell.adapters.storage.file_systems import kind_of, refuse_network
from dwell.domain.errors import Refused

MOUNTS = r"""
/dev/vda / ext4 rw,relatime 0 0
server:/home /home nfs4 rw 0 0
/dev/vdb /home/local xfs rw 0 0
//nas/a /mnt/with\040space cifs rw 0 0
broken
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/dwell.db", "ext4"),
        ("/home/anna/dwell.db", "nfs4"),
        ("/home/local/dwell.db", "xfs"),
        ("/homestead/dwell.db", "ext4"),
        ("/mnt/with space/dwell.db", "cifs"),
    ],
)
def test_the_closest_mount_tells_the_kind(path: str, kind: str) -> None:
    assert kind_of(Path(path), MOUNTS) == kind


def test_a_network_file_system_is_refused_by_name() -> None:
    with pytest.raises(Refused, match="nfs4") as caught:
        refuse_network(Path("/home/anna/dwell.db"), MOUNTS)
    assert caught.value.code == "network_file_system"
    refuse_network(Path("/home/local/dwell.db"), MOUNTS)
    refuse_network(Path("/home/anna/dwell.db"), "")
