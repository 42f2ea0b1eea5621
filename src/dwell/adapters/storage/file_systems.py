"""On what kind of file system a path lies: SQLite needs shared memory and locks that hold, which is a local one."""

from __future__ import annotations

from pathlib import Path

from dwell.domain.errors import Refused

NETWORK = frozenset(
    {
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "davfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "smb3",
        "smbfs",
        "fuse.ceph",
        "fuse.davfs2",
        "fuse.glusterfs",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.sshfs",
    }
)
_MOUNTS = Path("/proc/self/mounts")


def refuse_network(path: Path, mounts: str | None = None) -> None:
    """Raises Refused if `path` lies on a network file system. `mounts` is the text of /proc/mounts, read if None.

    Where the machine does not tell (no /proc), nothing is refused.
    """
    if mounts is None:
        mounts = _MOUNTS.read_text(errors="replace") if _MOUNTS.exists() else ""
    kind = kind_of(path, mounts)
    if kind in NETWORK:
        raise Refused(
            f"{path} lies on a network file system ({kind}), where SQLite loses data; "
            "give a local path or use PostgreSQL",
            code="network_file_system",
        )


def kind_of(path: Path, mounts: str) -> str | None:
    """The kind of the file system that is mounted closest above `path`."""
    whole = path.resolve()
    best: tuple[int, str] | None = None
    for line in mounts.splitlines():
        parts = line.split()
        if len(parts) < 3:
            continue
        mounted_at = Path(parts[1].encode("latin-1", "replace").decode("unicode_escape"))
        if whole.is_relative_to(mounted_at):
            depth = len(mounted_at.parts)
            if best is None or depth >= best[0]:  # of two on one place the later one hides the earlier
                best = depth, parts[2]
    return best[1] if best is not None else None
