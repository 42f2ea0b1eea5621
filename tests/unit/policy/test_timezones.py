"""Time zones of places."""

from __future__ import annotations

import pytest

from dwell.domain.timezones import timezone_of


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/Argentina/Ushuaia", "UTC", "Etc/GMT+12"])
def test_a_place_is_known(name: str) -> None:
    assert timezone_of(name).key == name


@pytest.mark.parametrize(
    "name",
    [
        *(
            "localtime",
            "Factory",
            "posixrules",
            "posix/Europe/Berlin",
            "right/Europe/Berlin",
            "Europe",
            "zone.tab",
        ),
        *("", "../../etc/passwd", "/etc/localtime", "a\0b", "x" * 300_000, "\ud800", "europe/berlin", "CEST"),
    ],
)
def test_what_is_no_place_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="IANA time zone"):
        timezone_of(name)


@pytest.mark.parametrize("name", ["europe/berlin", "Europe/Berln", "Europe/berlin"])
def test_the_name_that_may_be_meant_is_told(name: str) -> None:
    with pytest.raises(ValueError, match="Europe/Berlin"):
        timezone_of(name)
