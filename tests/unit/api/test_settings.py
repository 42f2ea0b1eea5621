"""Settings: file, then environment, then flags; every fault at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from dwell.bootstrap import care_of
from dwell.domain.planning import AfterDeadline, Care
from dwell.settings import Settings, SettingsRefused, known_settings, load_settings, variable_of
from scripts.settings_page import PAGE, page


def test_nothing_set_gives_the_defaults() -> None:
    settings = load_settings({})
    assert (settings.http.host, settings.http.port) == ("127.0.0.1", 8080)
    assert settings.database_url.startswith("sqlite:////")
    assert settings == Settings()


def test_the_later_one_wins(tmp_path: Path) -> None:
    file = tmp_path / "dwell.toml"
    file.write_text('database_url = "sqlite:///a"\n[http]\nport = 1\nhost = "::1"\n')
    by_file = load_settings({"DWELL_CONFIG": str(file)})
    assert (by_file.database_url, by_file.http.port, by_file.http.host) == ("sqlite:///a", 1, "::1")
    environment = {"DWELL_CONFIG": str(file), "DWELL_HTTP_PORT": "2", "PATH": "x"}
    assert load_settings(environment).http.port == 2
    both = load_settings(environment, flags={("http", "port"): 3})
    assert (both.http.port, both.http.host) == (3, "::1")


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    file = tmp_path / "dwell.toml"
    file.write_text('databse_url = "x"\n[http]\nport = "many"\n[log]\nlevel = 3\n')
    environment = {
        "DWELL_HTTP_PROT": "1",
        "DWELL_SECRET_KEY": "short",
        "DWELL_DATABASE_URL": "mysql://x:geheim@y",
    }
    with pytest.raises(SettingsRefused) as refused:
        load_settings(environment, config=file)
    text = str(refused.value)
    for word in (
        "databse_url",
        "http.port",
        "log.level",
        "DWELL_HTTP_PROT",
        "DWELL_SECRET_KEY",
        "DWELL_DATABASE_URL",
    ):
        assert word in text
    assert len(refused.value.faults) == 6
    assert "geheim" not in text
    assert "short" not in text


def test_what_plans_keep_in_hand_can_be_set() -> None:
    planning = load_settings(
        {"DWELL_PLANNING_TAPER": "off", "DWELL_PLANNING_AFTER_DEADLINE": "stop"}
    ).planning
    assert (planning.taper, planning.learn_power, planning.after_deadline) == (False, True, "stop")
    assert care_of(Settings(planning=planning)) == Care(taper=False, after_deadline=AfterDeadline.STOP)
    assert care_of(Settings()) == Care()
    with pytest.raises(SettingsRefused) as refused:
        load_settings(
            {
                "DWELL_PLANNING_TAPER": "maybe",
                "DWELL_PLANNING_SPARE_MINUTES": "241",
                "DWELL_PLANNING_LEAST_POWER_PERCENT": "49",
                "DWELL_PLANNING_AFTER_DEADLINE": "wait",
            }
        )
    assert len(refused.value.faults) == 4


@pytest.mark.parametrize("text", ["not toml [", "\x00"])
def test_a_file_that_cannot_be_read_is_one_fault(tmp_path: Path, text: str) -> None:
    file = tmp_path / "dwell.toml"
    file.write_text(text)
    with pytest.raises(SettingsRefused):
        load_settings({}, config=file)
    with pytest.raises(SettingsRefused):
        load_settings({}, config=tmp_path / "missing.toml")


def test_secrets_do_not_show() -> None:
    settings = load_settings(
        {"DWELL_SECRET_KEY": "ab" * 32, "DWELL_DATABASE_URL": "postgresql://u:geheim@h/d"}
    )
    assert settings.secret_key == b"\xab" * 32
    assert "geheim" not in repr(settings)
    assert "ab" * 8 not in repr(settings)


def test_no_two_settings_share_a_variable() -> None:
    names = [variable_of(path) for path in known_settings()]
    assert len(set(names)) == len(names)
    assert all(meta["says"] for meta in known_settings().values())


def test_a_variable_of_the_set_up_is_let_be() -> None:
    assert load_settings({"DWELL_SYSTEM_INSTALL": "no"}) == Settings()


def test_the_page_of_settings_is_as_the_settings_are() -> None:
    """Made anew by `python -m scripts.settings_page`."""
    assert PAGE.read_text(encoding="utf-8") == page()
    assert all(f"`{variable_of(path)}`" in page() for path in known_settings())
