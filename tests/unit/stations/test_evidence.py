"""From a station's words to facts of a transaction."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dwell.domain.station.evidence import fact_of
from dwell.domain.station.facts import (
    BecameAvailable,
    Booted,
    Ended,
    Metered,
    Plugged,
    Started,
    TransactionFact,
)
from dwell.domain.station.reports import (
    ChargingState,
    ConnectorState,
    ConnectorStatusReported,
    MeterReported,
    StationAlive,
    StationBooted,
    StationReport,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from unit.stations.station_builders import NOON, TOKEN, at, reading

HOUR = timedelta(hours=1)


def status(state: ConnectorState, evse_number: int = 1) -> ConnectorStatusReported:
    return ConnectorStatusReported(evse_number=evse_number, connector_number=1, state=state, said="")


def started(evse_number: int | None = 1) -> TransactionStarted:
    return TransactionStarted(
        evse_number=evse_number, connector_number=1, reference="r", at=NOON, token=TOKEN, meter_start_wh=5
    )


def updated(state: ChargingState | None) -> TransactionUpdated:
    return TransactionUpdated(
        evse_number=1,
        connector_number=1,
        reference="r",
        at=NOON,
        charging_state=state,
        readings=(reading(0, 5),),
    )


BEGUN = Started(at=NOON, stamped_at=NOON, token=TOKEN, reference="r", connector_number=1, meter_start_wh=5)


@pytest.mark.parametrize(
    ("report", "fact"),
    [
        (started(), BEGUN),
        (updated(ChargingState.CHARGING), Metered(at=NOON, readings=(reading(0, 5),))),
        (updated(ChargingState.IDLE), Metered(at=NOON, readings=(reading(0, 5),))),
        (
            MeterReported(evse_number=1, readings=(reading(0, 5),)),
            Metered(at=NOON, readings=(reading(0, 5),)),
        ),
        (
            TransactionEnded(
                evse_number=None,
                connector_number=None,
                reference="r",
                at=NOON,
                meter_stop_wh=9,
                reason="Other",
            ),
            Ended(at=NOON, stamped_at=NOON, meter_stop_wh=9, reason="Other"),
        ),
        (StationBooted(vendor="v", model="m"), Booted(at=NOON)),
        (status(ConnectorState.AVAILABLE), BecameAvailable(at=NOON)),
        (status(ConnectorState.OCCUPIED), Plugged(at=NOON)),
        (status(ConnectorState.FAULTED), None),
        (status(ConnectorState.RESERVED), None),
        (status(ConnectorState.UNAVAILABLE), None),
        (status(ConnectorState.AVAILABLE, evse_number=0), None),
        (StationAlive(), None),
    ],
)
def test_what_a_report_says_of_a_transaction(report: StationReport, fact: TransactionFact | None) -> None:
    assert fact_of(report, NOON) == fact


def test_a_start_on_the_station_as_a_whole_or_on_no_known_evse_is_void() -> None:
    for fact in (fact_of(started(0), NOON), fact_of(started(), NOON, evse_known=False)):
        assert isinstance(fact, Started) and not fact.evse_known


def test_a_refused_token_is_told() -> None:
    fact = fact_of(started(), NOON, token_accepted=False)
    assert isinstance(fact, Started) and not fact.accepted


def test_readings_move_with_the_clock() -> None:
    report = MeterReported(evse_number=1, readings=(reading(0, 5), reading(15, 6)))
    fact = fact_of(report, at(60), moved=HOUR)
    assert isinstance(fact, Metered)
    assert [one.at for one in fact.readings] == [at(60), at(75)]
