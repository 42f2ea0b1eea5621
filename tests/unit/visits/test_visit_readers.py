"""Recorded visits of each data set: what is read, by which rule, and why a row is left out (TM1, TM2)."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dwell.data import shipped_visits
from dwell.domain.errors import Refused
from dwell.simulation.visits import Reason, Rule, Visit, VisitFile, read_visit_contents, read_visits

CAPTURES = Path(__file__).parents[2] / "data" / "visits"


def reasons(found: VisitFile) -> dict[Reason, int]:
    counted: dict[Reason, int] = {}
    for one in found.left_out:
        counted[one.reason] = counted.get(one.reason, 0) + 1
    return counted


def by_id(found: VisitFile) -> dict[str, Visit]:
    return {visit.visit_id: visit for visit in found.visits}


def plain(*lines: str) -> VisitFile:
    header = "vehicle,plugged_in_at,plugged_out_at,energy_kwh,battery_capacity_kwh,power_kw,timezone"
    return read_visit_contents([("plain.csv", "\n".join([header, *lines]).encode())])


def utc(year: int, month: int, day: int, *time: int) -> datetime:
    hour, minute, second = (*time, 0)[:3]
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


@pytest.fixture(scope="module")
def norway() -> VisitFile:
    """The excerpt; its companion file is found beside it."""
    return read_visits([CAPTURES / "Dataset1_charging_reports.csv"])


def test_a_norwegian_row_has_its_users_power_and_battery(norway: VisitFile) -> None:
    visit = by_id(norway)["ASK_18266"]

    assert (visit.plugged_in_at, visit.plugged_out_at) == (utc(2019, 11, 28, 18, 8), utc(2019, 11, 29, 7, 20))
    assert (visit.user_reference, visit.timezone) == ("ASK_Plass15", "Europe/Oslo")
    assert (visit.energy_wh, visit.power_w, visit.battery_capacity_wh) == (19_960, 3_556, 24_806)


def test_the_stated_duration_tells_which_of_two_equal_clock_times_is_meant(norway: VisitFile) -> None:
    visits = by_id(norway)

    # 02:38 to 08:19 lasting 5.68 h, and 02:39 to 12:29 lasting 9.83 h: both after the clocks went back.
    assert visits["OSL_S_3456"].plugged_in_at == utc(2018, 10, 28, 1, 38)
    assert visits["OSL_S_16502"].plugged_in_at == utc(2019, 10, 27, 1, 39)


def test_a_duration_that_was_subtracted_from_the_clock_does_not_move_the_times(norway: VisitFile) -> None:
    visits = by_id(norway)

    assert visits["ASK_8859"].plugged_out_at == utc(2019, 3, 31, 11, 39)
    assert visits["ASK_16478"].plugged_out_at == utc(2019, 10, 27, 14, 16)
    assert norway.adjusted[Rule.CLOCK_CHANGE_RESOLVED] == 4


def test_norwegian_rows_that_cannot_be_used_have_their_reason(norway: VisitFile) -> None:
    assert {(one.row, one.reason) for one in norway.left_out} == {
        (8, Reason.TIMES_DISAGREE),
        (10, Reason.NO_PLUG_OUT),
        (9, Reason.OVERLAPS),
    }
    assert norway.row_count == 10


def test_energy_that_a_predicted_power_cannot_give_raises_the_power(norway: VisitFile) -> None:
    visit = by_id(norway)["TRO_R_238"]  # 6.82 kWh in 1.9 h at a predicted 3,608 W

    assert visit.power_w is not None
    assert visit.power_w >= visit.least_power_w


def test_an_american_visit_keeps_what_the_driver_claimed_and_nothing_else() -> None:
    found = read_visits([CAPTURES / "acn_2021_excerpt.csv.gz"])

    claimed = by_id(found)["2_39_81_4550_2021-05-01 15:29:44.728788"]
    assert (claimed.plugged_in_at, claimed.timezone) == (utc(2021, 5, 1, 15, 30, 17), "America/Los_Angeles")
    assert (claimed.energy_wh, claimed.stated_energy_wh) == (15_688, 28_300)
    assert claimed.stated_departure_at == utc(2021, 5, 1, 23, 30, 17)
    assert reasons(found) == {Reason.ENERGY_EXCEEDS_POWER: 1}  # 34.4 kWh in 153 s


def test_what_the_driver_did_not_claim_is_not_a_wish() -> None:
    rows = gzip.decompress((CAPTURES / "acn_2021_excerpt.csv.gz").read_bytes()).replace(b",True", b",False")

    visits = read_visit_contents([("acn.csv", rows)]).visits

    assert len(visits) == 2
    assert all(visit.stated_departure_at is None and visit.stated_energy_wh is None for visit in visits)


def test_years_without_a_century_get_theirs() -> None:
    found = read_visits([CAPTURES / "workplace_excerpt.csv"])

    visit = by_id(found)["1366563"]
    assert visit.plugged_in_at == utc(2014, 11, 18, 20, 40, 26)
    assert visit.plugged_in_at.strftime("%a") == "Tue"  # as the file's own column says
    assert reasons(found) == {Reason.NO_ENERGY: 1}


def test_days_and_months_that_the_publisher_swapped_are_swapped_back() -> None:
    found = read_visits([CAPTURES / "dundee_excerpt.csv"])

    visits = by_id(found)
    assert visits["4256786"].plugged_in_at == utc(2018, 3, 2, 23, 50)
    assert visits["4256786"].plugged_out_at == utc(2018, 3, 3, 14, 16)
    assert visits["4254002"].plugged_in_at == utc(2018, 2, 28, 23, 52)
    assert visits["4254002"].plugged_out_at == utc(2018, 3, 1, 0, 30)
    assert visits["4256786"].power_w == 7_000
    assert visits["4254002"].power_w is None
    assert reasons(found) == {Reason.NO_PLUG_OUT: 1}


def test_a_plain_file_takes_offsets_or_local_times_with_their_zone() -> None:
    found = plain(
        "a,2026-01-10T17:00:00+01:00,2026-01-11T07:00:00+01:00,12.5,60,11,Europe/Berlin",
        "b,2026-01-10 17:00,2026-01-11 07:00,12.5,,,Europe/Berlin",
        "c,2026-01-10T16:00Z,2026-01-11T06:00Z,12.5,,,",
    )

    assert {visit.plugged_in_at for visit in found.visits} == {utc(2026, 1, 10, 16, 0)}
    assert by_id(found)["a@20260110T160000Z"].power_w == 11_000
    assert by_id(found)["a@20260110T160000Z"].battery_capacity_wh == 60_000
    assert by_id(found)["c@20260110T160000Z"].timezone == "UTC"
    assert not found.left_out


def test_a_local_time_that_occurs_twice_is_the_earlier_and_one_that_never_occurs_the_next_valid() -> None:
    found = plain(
        "a,2025-10-26 02:30,2025-10-26 09:00,5,,,Europe/Berlin",
        "b,2026-03-29 02:30,2026-03-29 09:00,5,,,Europe/Berlin",
    )

    assert [visit.plugged_in_at for visit in found.visits] == [
        utc(2025, 10, 26, 0, 30),
        utc(2026, 3, 29, 1, 0),
    ]
    assert found.adjusted == {Rule.CLOCK_CHANGE_RESOLVED: 2}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a,,2026-01-11T06:00Z,5,,,", Reason.NO_PLUG_IN),
        ("a,2026-01-10T16:00Z,NA,5,,,", Reason.NO_PLUG_OUT),
        ("a,2026-01-10T16:00Z,2026-01-10T16:00Z,5,,,", Reason.ENDS_BEFORE_IT_STARTS),
        ("a,2026-01-10T16:00Z,2026-01-10T15:00Z,5,,,", Reason.ENDS_BEFORE_IT_STARTS),
        ("a,2026-01-10T16:00Z,2026-01-11T06:00Z,0,,,", Reason.NO_ENERGY),
        ("a,2026-01-10T16:00Z,2026-01-11T06:00Z,-5,,,", Reason.NO_ENERGY),
        ("a,2026-01-10T16:00Z,2026-01-10T16:01Z,50,,,", Reason.ENERGY_EXCEEDS_POWER),
        ("a,2026-01-10T16:00Z,2026-01-11T06:00Z,nan,,,", Reason.UNREADABLE),
        ("a,2026-01-10T16:00Z,2026-01-11T06:00Z,1e309,,,", Reason.UNREADABLE),
        ('a,2026-01-10T16:00Z,2026-01-11T06:00Z,"1,5",,,', Reason.UNREADABLE),
        ("a,2026-01-10T16:00Z,2026-01-11T06:00Z,5,0,,", Reason.UNREADABLE),
        ("a,2026-01-10T16:00Z,2026-01-11T06:00Z,5,,,Mars/Olympus", Reason.UNREADABLE),
        ("a,2026-01-10T16:00Z,2026-01-11T06:00Z,5,,,../../etc/passwd", Reason.UNREADABLE),
        ("a,2026-01-10 16:00,2026-01-11T06:00Z,5,,,", Reason.UNREADABLE),
        (",2026-01-10T16:00Z,2026-01-11T06:00Z,5,,,", Reason.UNREADABLE),
        ("a,2026-01-10T16:00Z,2026-01-11T06:00Z", Reason.UNREADABLE),
    ],
)
def test_a_row_that_cannot_be_used_is_left_out_alone(row: str, reason: Reason) -> None:
    found = plain("z,2026-01-10T16:00Z,2026-01-11T06:00Z,5,,,", row)

    assert [visit.user_reference for visit in found.visits] == ["z"]
    assert [(one.row, one.reason) for one in found.left_out] == [(3, reason)]


def test_measured_energy_wins_over_stated_power_and_capacity() -> None:
    found = plain("a,2026-01-10T16:00Z,2026-01-10T18:00Z,20,10,3.7,")

    assert found.visits[0].power_w == 10_000
    assert found.visits[0].battery_capacity_wh == 18_000
    assert found.adjusted == {Rule.POWER_RAISED: 1, Rule.CAPACITY_RAISED: 1}


def test_the_same_file_twice_gives_its_visits_once() -> None:
    path = CAPTURES / "workplace_excerpt.csv"

    found = read_visits([path, path])

    assert len(found.visits) == 2
    assert reasons(found)[Reason.DUPLICATE] == 2


def test_visits_nearer_than_a_flap_of_telemetry_go_to_a_copy() -> None:
    found = plain(
        "a,2026-01-10T16:00Z,2026-01-10T18:00Z,5,,,",
        "a,2026-01-10T18:01:00Z,2026-01-10T20:00Z,5,,,",
        "a,2026-01-10T20:01:01Z,2026-01-10T22:00Z,5,,,",
    )

    assert [visit.user_reference for visit in found.visits] == ["a", "a+2", "a"]
    assert found.adjusted == {Rule.GIVEN_TO_COPY: 1}


def test_files_that_are_none_are_all_named() -> None:
    with pytest.raises(Refused) as caught:
        read_visit_contents([("x.csv", b"a,b\n1,2\n"), ("y.csv.gz", b"\x1f\x8bnonsense"), ("z", b"\xff\xfe")])

    assert [fault.field for fault in caught.value.faults] == ["x.csv", "y.csv.gz", "z"]


def test_the_shipped_visits_read_whole() -> None:
    found = read_visit_contents(shipped_visits())

    assert found.row_count == 35_377
    assert len(found.visits) == 35_259
    assert reasons(found) == {Reason.OVERLAPS: 75, Reason.NO_PLUG_OUT: 38, Reason.TIMES_DISAGREE: 5}
    last: dict[str, datetime] = {}
    for visit in found.visits:
        earlier = last.get(visit.user_reference)
        assert earlier is None or visit.plugged_in_at - earlier > timedelta(seconds=60)
        assert visit.power_w is None or visit.power_w >= visit.least_power_w
        last[visit.user_reference] = visit.plugged_out_at


def test_a_header_that_is_nearly_one_of_ours_is_told_all_it_lacks_and_has() -> None:
    with pytest.raises(Refused) as refused:
        read_visit_contents([("mine.csv", b"vehicle,plugged_in,plugged_out_at,energy\n")])
    (fault,) = refused.value.faults
    for word in ("as plain it lacks energy_kwh, plugged_in_at", "'plugged_in'", "'energy'"):
        assert word in fault.message


def test_a_misspelt_optional_column_is_not_passed_over() -> None:
    header = b"vehicle,plugged_in_at,plugged_out_at,energy_kwh,battery_capacity,powr_kw,note,vehicle\n"
    with pytest.raises(Refused) as refused:
        read_visit_contents([("mine.csv", header)])
    told = [fault.message for fault in refused.value.faults]
    assert len(told) == 3
    assert "'vehicle' is there twice" in told[0]
    assert "battery_capacity_kwh" in told[1] and "power_kw" in told[2]


def test_a_damaged_gzip_file_is_refused_by_name() -> None:
    sound = gzip.compress(b"vehicle,plugged_in_at,plugged_out_at,energy_kwh\n" * 100)
    for at in range(10, len(sound)):
        damaged = bytearray(sound)
        damaged[at] ^= 0xFF
        with pytest.raises(Refused, match="mine"):
            read_visit_contents([("mine.csv.gz", bytes(damaged))])
