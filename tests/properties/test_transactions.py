"""Transactions from facts in any order, repeated, with readings late: the same record in the end (OC5, IN2)."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from dwell.domain.station.advance import advance_transaction, recounted
from dwell.domain.station.facts import (
    BecameAvailable,
    Booted,
    Ended,
    Metered,
    NextStarted,
    Started,
    StopAccepted,
    TimePassed,
    TransactionFact,
    Unplugged,
)
from dwell.domain.station.readings import MeterReading
from dwell.domain.station.transaction import Status, Transaction
from unit.stations.station_builders import TOKEN, at, lived, reading

minutes = st.integers(-30, 3_000)
registers = st.none() | st.integers(0, 10**6)
readings_at = st.lists(st.builds(reading, minutes, registers), max_size=3).map(tuple)
any_facts: st.SearchStrategy[TransactionFact] = st.one_of(
    st.builds(Started, at=minutes.map(at), meter_start_wh=registers, readings=readings_at),
    st.builds(Metered, at=minutes.map(at), readings=readings_at),
    st.builds(Ended, at=minutes.map(at), meter_stop_wh=registers, readings=readings_at),
    st.builds(StopAccepted, at=minutes.map(at)),
    st.builds(Booted, at=minutes.map(at)),
    st.builds(BecameAvailable, at=minutes.map(at)),
    st.builds(Unplugged, at=minutes.map(at)),
    st.builds(NextStarted, at=minutes.map(at)),
    st.builds(TimePassed, at=minutes.map(at)),
)


@given(st.lists(any_facts, min_size=1, max_size=12))
def test_whatever_happens_figures_are_possible(happened: list[TransactionFact]) -> None:
    transaction = lived(*happened)
    assert transaction.energy_wh >= 0
    assert transaction.duration is None or transaction.duration.total_seconds() >= 0
    assert (transaction.ending is not None) == (
        transaction.status is Status.CLOSED
    ) or transaction.status in {Status.INVALID}
    if transaction.status is Status.CLOSED:
        assert transaction.completed_at is not None


@given(st.lists(any_facts, min_size=1, max_size=12))
def test_the_newest_fact_may_be_repeated(happened: list[TransactionFact]) -> None:
    once = lived(*happened)
    again = advance_transaction(once, happened[-1])
    assert recounted(again, ()) == recounted(once, ())


@given(
    st.lists(st.tuples(st.integers(1, 59), st.integers(0, 7_000)), max_size=8),
    st.lists(st.sampled_from([BecameAvailable, Unplugged, NextStarted]), max_size=2),
    st.randoms(use_true_random=False),
)
def test_the_record_does_not_depend_on_the_order_of_arrival(
    samples: list[tuple[int, int]], evidence: list[type], chance: Random
) -> None:
    """One start, one end, readings between, and evidence of the end: shuffled and doubled, one record."""
    readings = [reading(minute, 1_000 + wh) for minute, wh in samples]
    happened: list[TransactionFact] = [
        Started(at=at(0), token=TOKEN, meter_start_wh=1_000),
        Ended(at=at(60), meter_stop_wh=8_000),
        *(Metered(at=one.at, readings=(one,)) for one in readings if one.at is not None),
        *(kind(at=at(61)) for kind in evidence),
    ]
    in_order = _record(lived(*happened), readings)
    shuffled = happened * 2
    chance.shuffle(shuffled)
    # Nothing can be opened by what only ends something: the store has no transaction to apply it to.
    first = next(i for i, fact in enumerate(shuffled) if isinstance(fact, Started | Ended | Metered))
    assert _record(lived(*shuffled[first:], *shuffled[:first]), readings) == in_order


def _record(transaction: Transaction, readings: list[MeterReading]) -> tuple[object, ...]:
    counted = recounted(transaction, readings)
    return (
        counted.status, counted.started_at, counted.completed_at, counted.meter_start_wh, counted.meter_stop_wh,
        counted.ending, counted.energy_wh, counted.token,
    )  # fmt: skip
