"""Local deadlines and windows as instants: days of 23 and 25 hours, 24:00, empty days, odd zones."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from dwell.domain.policy.schedule import (
    Deadline,
    Due,
    Restriction,
    dues_after,
    local_instant,
    minutes_of,
    next_due,
    restricted_windows,
)

BERLIN = "Europe/Berlin"
NEVER: tuple[Deadline | None, ...] = (None,) * 7
EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def daily(wall: str) -> tuple[Deadline | None, ...]:
    """The same deadline every day."""
    return (Deadline(wall, 80),) * 7


def only(weekday: int, wall: str) -> tuple[Deadline | None, ...]:
    """A deadline on one weekday, 0 = Monday."""
    return tuple(Deadline(wall, 80) if day == weekday else None for day in range(7))


def due(schedule: tuple[Deadline | None, ...], at: str, timezone: str = BERLIN) -> datetime:
    """The instant of the next deadline."""
    found = next_due(schedule, utc(at), timezone)
    assert found is not None
    return found.ready_by


def windows(start: str, end: str, *, since: str, until: str, timezone: str = BERLIN) -> list[tuple[str, str]]:
    """The windows of an everyday restriction, in UTC."""
    restriction = Restriction(EVERY_DAY, start, end)
    found = restricted_windows((restriction,), utc(since), utc(until), timezone)
    return [(f"{begin:%d %H:%M}", f"{finish:%d %H:%M}") for begin, finish in found]


@pytest.mark.parametrize(
    ("wall", "minutes"), [("00:00", 0), ("00:01", 1), ("07:30", 450), ("23:59", 1439), ("24:00", 1440)]
)
def test_a_wall_time_is_minutes_after_midnight(wall: str, minutes: int) -> None:
    assert minutes_of(wall) == minutes


@pytest.mark.parametrize(
    "wall",
    ["24:01", "25:00", "07:60", "7:00", "07:0", "0700", "07:00:00", "-1:00", " 7:00", "", "٠٧:٠٠", "a7:00"],
)
def test_what_is_no_wall_time_is_refused(wall: str) -> None:
    with pytest.raises(ValueError, match="not a local time"):
        minutes_of(wall)


@pytest.mark.parametrize(
    ("wall", "day", "instant"),
    [
        ("01:59", "2026-03-29", "2026-03-29T00:59"),
        ("02:00", "2026-03-29", "2026-03-29T01:00"),  # the first that is skipped
        ("02:30", "2026-03-29", "2026-03-29T01:00"),
        ("02:59", "2026-03-29", "2026-03-29T01:00"),
        ("03:00", "2026-03-29", "2026-03-29T01:00"),
        ("03:01", "2026-03-29", "2026-03-29T01:01"),
        ("24:00", "2026-03-29", "2026-03-29T22:00"),  # after 23 hours
        ("01:59", "2026-10-25", "2026-10-24T23:59"),
        ("02:00", "2026-10-25", "2026-10-25T00:00"),  # the first that occurs twice: the earlier
        ("02:30", "2026-10-25", "2026-10-25T00:30"),
        ("02:59", "2026-10-25", "2026-10-25T00:59"),
        ("03:00", "2026-10-25", "2026-10-25T02:00"),
        ("24:00", "2026-10-25", "2026-10-25T23:00"),  # after 25 hours
    ],
)
def test_days_of_23_and_25_hours(wall: str, day: str, instant: str) -> None:
    assert local_instant(date.fromisoformat(day), minutes_of(wall), BERLIN) == utc(instant)


@pytest.mark.parametrize(
    ("timezone", "wall", "day", "instant"),
    [
        ("Asia/Kathmandu", "07:00", "2026-03-25", "2026-03-25T01:15"),  # +05:45
        ("Pacific/Chatham", "07:00", "2026-07-01", "2026-06-30T18:15"),  # +12:45
        ("Pacific/Chatham", "03:00", "2026-09-27", "2026-09-26T14:00"),  # 02:45 goes on as 03:45
        ("Pacific/Chatham", "03:44", "2026-09-27", "2026-09-26T14:00"),
        ("Pacific/Chatham", "03:45", "2026-09-27", "2026-09-26T14:00"),
        ("Australia/Lord_Howe", "02:15", "2026-10-04", "2026-10-03T15:30"),  # half an hour is skipped
        ("Australia/Lord_Howe", "02:30", "2026-10-04", "2026-10-03T15:30"),
        ("Australia/Lord_Howe", "01:45", "2026-04-05", "2026-04-04T14:45"),  # half an hour twice: the earlier
        ("Africa/Casablanca", "02:30", "2026-02-15", "2026-02-15T01:30"),  # 03:00 goes back to 02:00
        ("Africa/Casablanca", "03:00", "2026-02-15", "2026-02-15T03:00"),
        ("Africa/Casablanca", "02:30", "2026-03-22", "2026-03-22T02:00"),  # and forward again
        ("America/Havana", "00:30", "2026-03-08", "2026-03-08T05:00"),  # midnight itself is skipped
        ("America/Havana", "24:00", "2026-03-07", "2026-03-08T05:00"),
        ("Asia/Beirut", "23:30", "2026-10-24", "2026-10-24T20:30"),  # the hour before midnight twice
        ("UTC", "24:00", "2026-12-31", "2027-01-01T00:00"),
    ],
)
def test_odd_zones(timezone: str, wall: str, day: str, instant: str) -> None:
    assert local_instant(date.fromisoformat(day), minutes_of(wall), timezone) == utc(instant)


def test_the_next_deadline_is_strictly_after() -> None:
    assert due(daily("07:00"), "2026-03-25T05:59:59.999999") == utc("2026-03-25T06:00")
    assert due(daily("07:00"), "2026-03-25T06:00") == utc("2026-03-26T06:00")


def test_the_end_of_a_day_belongs_to_that_day() -> None:
    saturday = only(5, "24:00")
    assert due(saturday, "2026-03-28T12:00") == utc("2026-03-28T23:00")
    assert due(saturday, "2026-03-28T22:59") == utc("2026-03-28T23:00")
    assert due(saturday, "2026-03-28T23:00") == utc("2026-04-04T22:00")


def test_where_a_day_ends_as_the_next_begins_the_day_that_ends_speaks() -> None:
    schedule = (Deadline("24:00", 60), Deadline("00:00", 90), *NEVER[2:])
    found = next_due(schedule, utc("2026-03-23T12:00"), BERLIN)
    assert found == Due(utc("2026-03-23T23:00"), 60)


def test_empty_days_are_passed_over() -> None:
    assert due(only(4, "07:00"), "2026-03-27T06:00") == utc("2026-04-03T05:00")
    assert next_due(NEVER, utc("2026-03-27T06:00"), BERLIN) is None


def test_the_day_is_that_of_the_place() -> None:
    assert due(only(0, "07:00"), "2026-03-22T17:00", "Pacific/Auckland") == utc("2026-03-22T18:00")
    assert due(only(6, "20:00"), "2026-03-23T02:00", "America/Los_Angeles") == utc("2026-03-23T03:00")


def test_two_skipped_deadlines_are_one_instant_each() -> None:
    schedule = (*NEVER[:6], Deadline("02:30", 80))
    found = [d.ready_by for d in dues_after(schedule, utc("2026-03-28T00:00"), BERLIN)]
    assert found == [utc("2026-03-29T01:00"), utc("2026-04-05T00:30")]


def test_a_window_within_a_day() -> None:
    assert windows("17:00", "20:00", since="2026-03-25T00:00", until="2026-03-26T00:00") == [
        ("25 16:00", "25 19:00")
    ]


def test_a_window_across_midnight_is_found_from_within() -> None:
    assert windows("22:00", "06:00", since="2026-03-25T01:00", until="2026-03-25T22:00") == [
        ("24 21:00", "25 05:00"),
        ("25 21:00", "26 05:00"),
    ]


def test_a_window_across_midnight_belongs_to_the_day_on_which_it_opens() -> None:
    sunday = Restriction((6,), "22:00", "06:00")
    found = list(restricted_windows((sunday,), utc("2026-03-23T00:00"), utc("2026-03-23T12:00"), BERLIN))
    assert found == [(utc("2026-03-22T21:00"), utc("2026-03-23T05:00"))]
    found = list(restricted_windows((sunday,), utc("2026-03-22T00:00"), utc("2026-03-22T20:00"), BERLIN))
    assert found == []


@pytest.mark.parametrize(
    ("walls", "since", "until", "expected"),
    [
        (("22:00", "06:00"), "2026-03-28T20:30", "2026-03-29T04:30", [("28 21:00", "29 04:00")]),  # 7 hours
        (("22:00", "06:00"), "2026-10-24T19:30", "2026-10-25T05:30", [("24 20:00", "25 05:00")]),  # 9
        (("02:00", "03:00"), "2026-03-28T23:30", "2026-03-29T02:30", []),  # the hour that is not there
        (("02:00", "03:00"), "2026-10-24T23:30", "2026-10-25T02:30", [("25 00:00", "25 02:00")]),  # twice
        (("02:15", "04:00"), "2026-03-28T23:30", "2026-03-29T02:30", [("29 01:00", "29 02:00")]),
        (("12:00", "12:00"), "2026-03-29T09:30", "2026-03-29T09:45", [("28 11:00", "29 10:00")]),  # 23
    ],
)
def test_windows_over_a_change_of_clocks(
    walls: tuple[str, str], since: str, until: str, expected: list[tuple[str, str]]
) -> None:
    assert windows(*walls, since=since, until=until) == expected


def test_a_window_that_only_touches_is_none() -> None:
    assert windows("17:00", "20:00", since="2026-03-25T19:00", until="2026-03-26T16:00") == []


def test_the_end_of_the_day_closes_a_window() -> None:
    assert windows("20:00", "24:00", since="2026-03-25T12:00", until="2026-03-26T12:00") == [
        ("25 19:00", "25 23:00")
    ]
