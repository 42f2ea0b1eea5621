"""A PostgreSQL of one's own: in a temporary folder, on a free loopback port, gone with the one who asked.

Tests, benchmarks and scripts use it alike:

    from scripts.private_postgres import private_cluster

    with private_cluster() as cluster:
        url = cluster.create_database("mine")        # postgresql://…, as asyncpg takes it
        cluster.restart("immediate")                 # a crash: no checkpoint, recovery from the log

Durability is as shipped (fsync and synchronous_commit on), so that figures and crash tests mean something.
A guard process ends the server and removes the folder also when this process is killed. Under root the server
runs as Debian's user `postgres`, else as oneself. It must not touch any other cluster of the machine.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypedDict

OLDEST_VERSION = 15
PORT_ATTEMPTS = 5  # between finding a port free and binding it, somebody else may take it
COMMAND_TIMEOUT_S = 60

Shutdown = Literal["fast", "immediate"]

SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
shared_buffers = 64MB
max_connections = 100
max_wal_size = 256MB
log_min_messages = warning
timezone = 'UTC'
fsync = on                  # as shipped; written down so that nobody wonders
synchronous_commit = on     # the same
"""

GUARD = """
read -r _                                   # returns when the parent closes its end, or dies
"$1/pg_ctl" stop --pgdata "$2/data" --mode immediate --silent >/dev/null 2>&1
rm -rf "$2"
"""


class PostgresError(RuntimeError):
    """There is no usable PostgreSQL, or a command of its failed; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A running server. `folder` holds its data and log; `port` stays the same over restarts."""

    binaries: Path
    folder: Path
    port: int
    user: str
    password: str = field(repr=False)

    def url(self, database: str) -> str:
        """The address of `database`, as asyncpg and libpq take it."""
        return f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """A fresh database, its address returned; `template` is copied and must have no open connection."""
        self._administer("createdb", "--template", template, name)
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Ends every connection to the database and removes it; no complaint if it is gone already."""
        self._administer("dropdb", "--force", "--if-exists", name)

    def start(self) -> None:
        """Starts the stopped server and waits until it answers. Raises PostgresError with the log's end."""
        self._control("start", "--log", str(self.folder / "log"))

    def stop(self, shutdown: Shutdown = "fast") -> None:
        """Stops the server. `immediate` is a crash: connections die, nothing is written out."""
        self._control("stop", "--mode", shutdown)

    def restart(self, shutdown: Shutdown = "fast") -> None:
        """Stops and starts on the same port; returns when it answers again, recovery done."""
        self.stop(shutdown)
        self.start()

    def _control(self, action: str, *words: str) -> None:
        command = [str(self.binaries / "pg_ctl"), action, "--wait", "--silent", *words]
        done = _run([*command, "--pgdata", str(self.folder / "data")], user=self.user, folder=self.folder)
        if done.returncode != 0:
            log = self.folder / "log"
            ending = log.read_text(errors="replace")[-2000:] if log.exists() else ""
            raise PostgresError(f"pg_ctl {action} failed:\n{done.stdout}{ending}")

    def _administer(self, tool: str, *words: str) -> None:
        command = [
            str(self.binaries / tool),
            "--host",
            "127.0.0.1",
            "--port",
            str(self.port),
            "-U",
            "postgres",
        ]
        environment = {"PGPASSWORD": self.password}
        done = _run([*command, *words], user=self.user, folder=self.folder, environment=environment)
        if done.returncode != 0:
            raise PostgresError(f"{tool} failed:\n{done.stdout}")


@contextmanager
def private_cluster() -> Iterator[Cluster]:
    """A cluster that lives as long as the block. Raises PostgresError where PostgreSQL is missing."""
    binaries, user = find_binaries(), _server_user()
    folder = Path(tempfile.mkdtemp(prefix="dwell-postgres-"))
    if os.geteuid() == 0:
        shutil.chown(folder, user)
    guard = _guard_over(binaries=binaries, folder=folder, user=user)
    try:
        yield _started(binaries=binaries, folder=folder, user=user)
    finally:
        guard.communicate(
            timeout=COMMAND_TIMEOUT_S
        )  # closes our end: the guard stops the server and cleans up


def find_binaries() -> Path:
    """Where the newest PostgreSQL of Debian keeps its programs. Raises PostgresError if there is none."""
    found = {
        int(folder.parent.name): folder
        for folder in Path("/usr/lib/postgresql").glob("*/bin")
        if folder.parent.name.isdigit() and (folder / "initdb").exists()
    }
    if not found or max(found) < OLDEST_VERSION:
        raise PostgresError(
            f"PostgreSQL {OLDEST_VERSION} or newer is not installed. As root: "
            "apt-get update && apt-get install -y --no-install-recommends postgresql"
        )
    return found[max(found)]


def _server_user() -> str:
    """PostgreSQL refuses to run as root; Debian's package brings a user for it."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        raise PostgresError("there is no user `postgres` to run PostgreSQL as, and it refuses root") from None


def _started(*, binaries: Path, folder: Path, user: str) -> Cluster:
    password = secrets.token_hex(16)
    _initialize(binaries=binaries, folder=folder, user=user, password=password)
    for attempt in range(1, PORT_ATTEMPTS + 1):
        cluster = Cluster(binaries=binaries, folder=folder, port=_free_port(), user=user, password=password)
        with (folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write(f"port = {cluster.port}\n")  # the last one counts
        try:
            cluster.start()
        except PostgresError:
            if attempt == PORT_ATTEMPTS:
                raise
        else:
            return cluster
    raise AssertionError("the loop returns or raises")


def _initialize(*, binaries: Path, folder: Path, user: str, password: str) -> None:
    secret = folder / "password"
    secret.touch(mode=0o600)
    if os.geteuid() == 0:
        shutil.chown(secret, user)
    secret.write_text(password)
    command = [
        str(binaries / "initdb"),
        "--pgdata",
        str(folder / "data"),
        "--username",
        "postgres",
        "--no-sync",
    ]
    options = [
        "--encoding",
        "UTF8",
        "--locale",
        "C.UTF-8",
        "--auth",
        "scram-sha-256",
        "--pwfile",
        str(secret),
    ]
    done = _run([*command, *options], user=user, folder=folder)
    if done.returncode != 0:
        raise PostgresError(f"initdb failed:\n{done.stdout}")
    with (folder / "data" / "postgresql.conf").open("a") as settings:
        settings.write(SETTINGS)


def _guard_over(*, binaries: Path, folder: Path, user: str) -> subprocess.Popen[str]:
    """A shell that waits for our end of a pipe to close, which the kernel does however we end."""
    return subprocess.Popen(
        ["/bin/sh", "-c", GUARD, "guard", str(binaries), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,  # Ctrl-C in the terminal is for the tests, not for their server
        text=True,
        **_identity(user),
    )


def _run(
    command: list[str], *, user: str, folder: Path, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs one of PostgreSQL's programs as `user`, its output kept for the message of a failure."""
    # Output goes to a file: a server that pg_ctl starts would inherit a pipe and hold it open for ever.
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC", **(environment or {})},
            start_new_session=True,
            timeout=COMMAND_TIMEOUT_S,
            **_identity(user),
        )
        output.seek(0)
        return subprocess.CompletedProcess(command, done.returncode, stdout=output.read())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class _Identity(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


def _identity(user: str) -> _Identity:
    """What makes a child process run as `user`; nothing when we are that user already."""
    entry = pwd.getpwnam(user)
    if entry.pw_uid == os.geteuid():
        return {}
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": os.getgrouplist(user, entry.pw_gid)}
