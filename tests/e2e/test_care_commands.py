"""`dwell db backup` and `dwell db check`, beside a server at work."""

from __future__ import annotations

import json
from pathlib import Path

from e2e.processes import dwell, environment, served
from e2e.test_serving import signed_in


def test_a_backup_taken_while_serving_serves(tmp_path: Path) -> None:
    env = environment(tmp_path, f"sqlite:///{tmp_path}/dwell.db") | {"DWELL_SECRET_KEY": "ab" * 32}
    copy = tmp_path / "copy.db"
    organization = json.loads(dwell("org", "create", "Acme", "--json", env=env))
    with served(env):
        assert str(copy) in dwell("db", "backup", str(copy), env=env)
        assert "exists already" in dwell("db", "backup", str(copy), env=env, status=1)
        dwell("db", "check", env=env)
    restored = env | {"DWELL_DATABASE_URL": f"sqlite:///{copy}"}
    with served(restored) as process, signed_in(process, organization) as client:
        assert client.get("/vehicles").json()["data"] == []


def test_what_cannot_be_copied_is_said(tmp_path: Path) -> None:
    env = environment(tmp_path, f"sqlite:///{tmp_path}/none.db")
    assert "no database" in dwell("db", "backup", str(tmp_path / "copy.db"), env=env, status=1)
    env = environment(tmp_path, "postgresql://nobody@127.0.0.1:1/none")
    assert "pg_dump" in dwell("db", "backup", str(tmp_path / "copy.db"), env=env, status=1)
    assert "pg_amcheck" in dwell("db", "check", env=env, status=1)


def test_a_damaged_file_ends_a_start_with_one_line(tmp_path: Path) -> None:
    env = environment(tmp_path, f"sqlite:///{tmp_path}/dwell.db")
    dwell("db", "upgrade", env=env)
    path = tmp_path / "dwell.db"
    path.write_bytes(path.read_bytes()[:-5000])
    said = dwell("serve", "--port", "0", env=env, status=1)
    assert "damaged" in said
    assert "restore a backup" in said
    assert "damaged" in dwell("db", "check", env=env, status=1)
