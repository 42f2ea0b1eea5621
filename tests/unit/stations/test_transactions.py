"""domain.md's table of transactions, row by row, and what goes wrong between its rows."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import get_args

import msgspec
import pytest

from dwell.domain.station import facts
from dwell.domain.station.advance import advance_transaction, recounted
from dwell.domain.station.equipment import IdToken
from dwell.domain.station.facts import (
    BecameAvailable,
    Booted,
    Ended,
    NextStarted,
    Plugged,
    Started,
    StartRefused,
    StopAccepted,
    TimePassed,
    TokenShown,
    TransactionFact,
    Unplugged,
)
from dwell.domain.station.suspicion import suspicions
from dwell.domain.station.transaction import AuthType, Ending, Status, Transaction
from dwell.domain.tariff.driver import DriverTariff, TimeBand
from unit.stations.station_builders import NOON, TOKEN, at, ended, lived, metered, ordered, reading, started

PLUGGED = Plugged(at=NOON)
SHOWN = TokenShown(at=NOON, token=TOKEN, accepted=True)

TABLE: list[tuple[str, Status, list[TransactionFact]]] = [
    ("a cable in", Status.PREPARING, [PLUGGED]),
    ("a token shown", Status.PREPARING, [SHOWN]),
    ("a start ordered on a free EVSE", Status.STARTING, [ordered()]),
    ("a start ordered on a preparing EVSE", Status.STARTING, [PLUGGED, ordered(1)]),
    ("the station's start", Status.ACTIVE, [started()]),
    ("the station's start after a cable", Status.ACTIVE, [PLUGGED, started(1)]),
    ("the station's start after an order", Status.ACTIVE, [ordered(), started(1)]),
    ("a stop accepted", Status.REMOTE_STOPPED, [started(), StopAccepted(at=at(5))]),
    ("the station's end", Status.CLOSED, [started(), ended(60, 8000)]),
    (
        "the station's end after a remote stop",
        Status.CLOSED,
        [started(), StopAccepted(at=at(5)), ended(6, 1500)],
    ),
    ("a start refused", Status.FAILED, [ordered(), StartRefused(at=at(0.1))]),
    ("nothing came of an order", Status.FAILED, [ordered(), TimePassed(at=at(2))]),
    ("an order still has time", Status.STARTING, [ordered(), TimePassed(at=at(1.9))]),
    ("nothing came of a token", Status.FAILED, [SHOWN, TimePassed(at=at(2))]),
    ("a cable may wait for its token", Status.PREPARING, [PLUGGED, TimePassed(at=at(600))]),
    ("the cable left while preparing", Status.FAILED, [PLUGGED, Unplugged(at=at(1))]),
    ("free again while preparing", Status.FAILED, [PLUGGED, BecameAvailable(at=at(1))]),
    ("the cable may be put in again while starting", Status.STARTING, [ordered(), Unplugged(at=at(1))]),
    ("a token refused", Status.INVALID, [TokenShown(at=NOON, token=TOKEN, accepted=False)]),
    ("a start with a refused token", Status.INVALID, [started(accepted=False)]),
    ("a start on no EVSE", Status.INVALID, [Started(at=NOON, evse_known=False)]),
    ("a refused token that charged all the same", Status.INVALID, [started(accepted=False), ended(5, 2000)]),
    ("negative energy", Status.INVALID, [started(meter_start_wh=9000), ended(5, 1000)]),
    ("a start after we gave up", Status.ACTIVE, [ordered(), TimePassed(at=at(2)), started(3)]),
]


@pytest.mark.parametrize(("_name", "status", "said"), TABLE, ids=[name for name, _, _ in TABLE])
def test_row(_name: str, status: Status, said: list[TransactionFact]) -> None:
    assert lived(*said).status is status


@pytest.mark.parametrize(("_name", "status", "said"), TABLE, ids=[name for name, _, _ in TABLE])
def test_a_repeat_changes_nothing(_name: str, status: Status, said: list[TransactionFact]) -> None:
    once = lived(*said)
    assert advance_transaction(once, said[-1]) == once


@pytest.mark.parametrize("status", Status)
def test_every_fact_may_come_in_every_status(status: Status) -> None:
    transaction = next(lived(*said) for _, reached, said in TABLE if reached is status)
    every: list[TransactionFact] = [
        PLUGGED, SHOWN, ordered(9), StartRefused(at=at(9)), started(9), metered(9, 3000), StopAccepted(at=at(9)),
        ended(9, 3000), Booted(at=at(9)), BecameAvailable(at=at(9)), Unplugged(at=at(9)), NextStarted(at=at(9)),
        TimePassed(at=at(9)),
    ]  # fmt: skip
    assert {type(fact) for fact in every} == set(get_args(facts.TransactionFact))
    for fact in every:
        assert isinstance(advance_transaction(transaction, fact), Transaction)


def test_who_let_it_begin() -> None:
    assert lived(started()).auth_type is AuthType.LOCAL
    assert lived(ordered(), started(1)).auth_type is AuthType.REMOTE


def test_energy_and_duration() -> None:
    one = lived(started(), metered(30, 5000), ended(60, 8000))
    assert (one.energy_wh, one.duration) == (7000, timedelta(hours=1))


INFERRED: list[tuple[str, Ending, list[TransactionFact], float]] = [
    ("the next start", Ending.NEXT_START, [NextStarted(at=at(90))], 30),
    ("free", Ending.AVAILABLE, [BecameAvailable(at=at(90))], 90),
    ("unplugged", Ending.UNPLUGGED, [Unplugged(at=at(90))], 90),
    (
        "a boot and free: it ended when it was last heard",
        Ending.REBOOT,
        [Booted(at=at(80)), BecameAvailable(at=at(90))],
        30,
    ),
    ("a day of silence", Ending.SILENCE, [TimePassed(at=at(30 + 24 * 60))], 30),
]


@pytest.mark.parametrize(
    ("_name", "ending", "evidence", "minute"), INFERRED, ids=[name for name, *_ in INFERRED]
)
def test_a_lost_stop_is_inferred_and_a_late_one_repairs_it(
    _name: str, ending: Ending, evidence: list[TransactionFact], minute: float
) -> None:
    closed = lived(started(), metered(30, 5000), *evidence)
    assert (closed.status, closed.ending, closed.energy_wh) == (Status.CLOSED, ending, 4000)
    assert closed.completed_at == at(minute) and not closed.is_final

    repaired = advance_transaction(closed, ended(85, 8000))
    assert (repaired.ending, repaired.completed_at, repaired.is_final) == (Ending.REPORTED, at(85), True)
    assert repaired.register.recount_wanted, (
        "readings may have been passed over while it was taken to be over"
    )
    assert recounted(repaired, [reading(30, 5000)]).energy_wh == 7000


def test_silence_of_a_station_that_is_not_connected_proves_nothing() -> None:
    waiting = lived(started(), TimePassed(at=at(48 * 60), connected=False))
    assert waiting.status is Status.ACTIVE


@pytest.mark.parametrize("old", [BecameAvailable(at=at(10)), Unplugged(at=at(10)), NextStarted(at=at(10))])
def test_evidence_older_than_the_last_reading_proves_nothing(old: TransactionFact) -> None:
    assert lived(started(), metered(30, 5000), old).status is Status.ACTIVE


def test_a_boot_in_the_middle_and_the_transaction_goes_on() -> None:
    one = lived(
        started(), metered(10, 2000), Booted(at=at(12)), metered(15, 2500), BecameAvailable(at=at(60))
    )
    assert (one.ending, one.energy_wh) == (Ending.AVAILABLE, 1500)


def test_a_reading_disproves_an_end_by_silence_but_not_one_seen_at_the_place() -> None:
    silent = lived(started(), metered(30, 5000), TimePassed(at=at(30 + 24 * 60)))
    assert advance_transaction(silent, metered(30 + 25 * 60, 6000)).status is Status.ACTIVE
    gone = lived(started(), metered(30, 5000), Unplugged(at=at(40)))
    later = advance_transaction(gone, metered(50, 6000))
    assert (later.status, later.energy_wh, later.flags) == (Status.CLOSED, 4000, ("reading_after_end",))


def test_the_first_end_stands_and_another_is_marked() -> None:
    one = lived(started(), ended(60, 8000), ended(61, 9000))
    assert (one.completed_at, one.meter_stop_wh, one.energy_wh) == (at(60), 8000, 7000)
    assert one.flags == ("second_end_differs",)


def test_an_end_before_its_start_is_filled_when_the_start_comes() -> None:
    orphan = lived(ended(60, 8000))
    assert (orphan.status, orphan.started_at, orphan.flags) == (Status.CLOSED, None, ("start_missing",))
    whole = advance_transaction(orphan, started())
    assert (whole.started_at, whole.flags, whole.token) == (NOON, (), TOKEN)
    assert recounted(whole, []).energy_wh == 7000


def test_readings_before_the_start_open_a_transaction_that_the_start_completes() -> None:
    one = lived(metered(5, 1500), started(), ended(60, 8000))
    assert (one.started_at, one.flags) == (NOON, ())
    assert recounted(one, [reading(5, 1500)]).energy_wh == 7000


def test_an_end_stamped_before_its_start_has_no_negative_duration() -> None:
    one = lived(started(10), ended(5, 1000))
    assert one.duration == timedelta(0) and "end_before_start" in one.flags


def test_a_late_reading_asks_for_a_recount_and_changes_nothing_until_then() -> None:
    one = lived(started(), metered(30, 5000), metered(20, 3000))
    assert (one.energy_wh, one.register.recount_wanted) == (4000, True)


def test_readings_of_begin_and_end_count_at_the_edges() -> None:
    one = lived(started(0, None), ended(60, None))
    readings = [
        reading(-0.1, 1000, "Transaction.Begin"),
        reading(60.2, 8000, "Transaction.End"),
        reading(70, 9000),
    ]
    assert recounted(one, readings).energy_wh == 7000


def test_intervals_count_where_there_is_no_register() -> None:
    from dwell.domain.station.readings import MeterReading

    one = lived(started(0, None), ended(60, None))
    intervals = [MeterReading(at=at(minute), interval_wh=250) for minute in (15, 30, 45)]
    assert recounted(one, intervals * 2).energy_wh == 750


def test_a_register_that_falls_is_cut_and_marked() -> None:
    one = lived(
        started(0, 50_000), metered(10, 52_000), metered(20, 100), metered(30, 1_100), ended(31, 1_200)
    )
    assert (one.energy_wh, one.flags, one.status) == (3100, ("register_fell",), Status.CLOSED)


def test_suspicions() -> None:
    much = lived(started(), ended(60, 101_000))
    assert suspicions(much, now=at(60), power_max_w=11_000) == ("energy_above_connector",)
    assert suspicions(much, now=at(60), power_max_w=150_000) == ()
    assert suspicions(much, now=at(-60)) == ("in_future",)
    assert suspicions(much, now=at(60 * 24 * 100)) == ("older_than_90_days",)
    assert suspicions(lived(started(10), ended(5, 1000)), now=at(10)) == ("negative_duration",)
    void = lived(started(meter_start_wh=9000), ended(5, 1000))
    assert suspicions(void, now=at(10)) == ("negative_energy",)


def test_a_token_is_the_same_whatever_its_case() -> None:
    assert IdToken("abC").is_same_as(IdToken("ABc"))
    assert not IdToken("abc").is_same_as(IdToken("abd"))


def test_a_fact_of_the_end_says_why() -> None:
    one = lived(started(), Ended(at=at(5), meter_stop_wh=1100, reason="EVDisconnected"))
    assert one.reason == "EVDisconnected"


def test_a_repeated_end_is_known_by_its_stamp_though_the_clock_was_put_right() -> None:
    one = lived(started(), Ended(at=at(60), stamped_at=at(180), meter_stop_wh=8000))
    repeat = Ended(at=at(61), stamped_at=at(180), meter_stop_wh=8000)
    assert advance_transaction(one, repeat) == one


def test_a_transaction_and_its_facts_can_be_kept_and_read_again() -> None:
    tariff = DriverTariff(kwh_price=Decimal("0.88"), time_bands=(TimeBand(45, Decimal("0.12")),))
    one = msgspec.structs.replace(lived(started(), metered(5, 1500), ended(60, 8000)), tariff=tariff)
    assert msgspec.json.decode(msgspec.json.encode(one), type=Transaction) == one
    for fact in (started(), metered(5, 1500), ended(60, 8000), ordered(), PLUGGED, SHOWN):
        assert msgspec.json.decode(msgspec.json.encode(fact), type=TransactionFact) == fact
