"""OC1, OC3, OC26: which transaction a station speaks of, and when nobody can tell."""

from __future__ import annotations

import msgspec
import pytest

from dwell.domain.station.equipment import IdToken
from dwell.domain.station.facts import Plugged, StopAccepted, Unplugged
from dwell.domain.station.matching import ended_transaction, metered_transaction, started_transaction
from dwell.domain.station.reports import TransactionEnded, TransactionStarted
from unit.stations.station_builders import NOON, TOKEN, at, ended, lived, metered, ordered, started

RUNNING = lived(started(), metered(5, 2000), evse_number=1, name="running", reference="5")


def start(**changes: object) -> TransactionStarted:
    report = TransactionStarted(
        evse_number=1, connector_number=1, reference=None, at=NOON, token=TOKEN, meter_start_wh=1000
    )
    return msgspec.structs.replace(report, **changes)


def end(**changes: object) -> TransactionEnded:
    report = TransactionEnded(
        evse_number=None, connector_number=None, reference=None, at=at(60), token=TOKEN, meter_stop_wh=8000
    )
    return msgspec.structs.replace(report, **changes)


def test_the_same_start_is_the_same_transaction_even_when_it_is_over() -> None:
    assert started_transaction(start(), NOON, [RUNNING]) is RUNNING
    over = lived(started(), ended(60, 8000))
    assert started_transaction(start(), NOON, [over]) is over


@pytest.mark.parametrize(
    "changes", [{"meter_start_wh": 1001}, {"token": IdToken("OTHER")}, {"token": None}, {"evse_number": 2}]
)
def test_another_start_is_another_transaction(changes: dict[str, object]) -> None:
    assert started_transaction(start(**changes), NOON, [RUNNING]) is None


def test_the_same_start_is_known_by_its_stamp_though_the_clock_was_put_right() -> None:
    assert started_transaction(start(), at(7), [RUNNING]) is RUNNING
    assert started_transaction(start(at=at(1)), NOON, [RUNNING]) is None


def test_a_start_without_a_stamp_is_the_one_that_runs() -> None:
    assert started_transaction(start(at=None), at(9), [RUNNING]) is RUNNING
    assert started_transaction(start(at=None), at(90), [lived(started(), ended(60, 8000))]) is None


def test_a_start_is_the_one_that_was_ordered() -> None:
    waiting = lived(ordered(), reference=None)
    assert started_transaction(start(at=at(1)), at(1), [RUNNING, waiting]) is waiting
    assert started_transaction(start(token=IdToken("OTHER")), at(1), [waiting]) is None
    assert started_transaction(start(remote_start_id=1, token=None), at(1), [waiting]) is waiting
    assert started_transaction(start(remote_start_id=2), at(1), [waiting]) is None


def test_a_start_from_before_the_order_is_a_replay() -> None:
    waiting = lived(ordered(10), reference=None)
    assert started_transaction(start(), at(1), [waiting]) is None


def test_a_start_takes_over_the_cable_that_waits() -> None:
    waiting = lived(Plugged(at=NOON), reference=None)
    assert started_transaction(start(), at(1), [waiting]) is waiting


def test_a_named_end_is_that_transaction_or_nobodys() -> None:
    assert ended_transaction(end(reference="5"), at(60), [RUNNING]) is RUNNING
    assert ended_transaction(end(reference="999"), at(60), [RUNNING]) is None


def test_an_end_without_a_name_closes_the_only_one_that_fits() -> None:
    assert ended_transaction(end(), at(60), [RUNNING]) is RUNNING
    other = lived(started(), evse_number=2, name="other", reference="6")
    assert ended_transaction(end(), at(60), [RUNNING, other]) is None, "one of several: nobody can tell"


@pytest.mark.parametrize("changes", [{"token": IdToken("OTHER")}, {"meter_stop_wh": 500}, {"evse_number": 2}])
def test_an_end_without_a_name_that_does_not_fit_is_an_orphan(changes: dict[str, object]) -> None:
    assert ended_transaction(end(**changes), at(60), [RUNNING]) is None


def test_an_end_from_before_the_start_is_an_orphan() -> None:
    assert ended_transaction(end(), at(-1), [RUNNING]) is None


def test_a_transaction_that_is_over_is_not_ended_again_without_its_name() -> None:
    assert ended_transaction(end(), at(60), [lived(started(), Unplugged(at=at(9)))]) is None
    stopped = lived(started(), StopAccepted(at=at(9)))
    assert ended_transaction(end(), at(60), [stopped]) is stopped


def test_readings_belong_to_the_named_transaction_else_to_the_one_that_runs_there() -> None:
    assert metered_transaction("5", 2, at(9), [RUNNING]) is RUNNING
    assert metered_transaction(None, 1, at(9), [RUNNING]) is RUNNING
    assert metered_transaction("999", 1, at(9), [RUNNING]) is RUNNING
    assert metered_transaction(None, 2, at(9), [RUNNING]) is None
    assert metered_transaction(None, 1, at(-9), [RUNNING]) is None
    assert metered_transaction(None, 0, at(9), [RUNNING]) is None, "the station's own meter is nobody's"
