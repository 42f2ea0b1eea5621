"""What a report says of a transaction, as a fact: the step from a station's words to `advance_transaction`.

Reports carry the station's own instants. `at` is the report's in our time and `moved` by how much that differs from the
station's stamp; readings are moved by the same.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import assert_never

import msgspec

from dwell.domain.station.equipment import WHOLE_STATION
from dwell.domain.station.facts import (
    BecameAvailable,
    Booted,
    Ended,
    Metered,
    Plugged,
    Started,
    TransactionFact,
)
from dwell.domain.station.readings import MeterReading
from dwell.domain.station.reports import (
    ConnectorState,
    ConnectorStatusReported,
    MeterReported,
    StationBooted,
    StationReport,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)

_STILL = timedelta(0)


def fact_of(
    report: StationReport,
    at: datetime,
    *,
    moved: timedelta = _STILL,
    token_accepted: bool = True,
    evse_known: bool = True,
) -> TransactionFact | None:
    """The fact in a report; None for reports that say nothing of a transaction.

    An update without a vehicle is no end: a station may let a transaction wait for the cable to come back, and tells
    its end itself. That the vehicle left (Unplugged) is for those to say who see the vehicle.
    """
    match report:
        case TransactionStarted():
            return Started(
                at=at,
                stamped_at=report.at,
                accepted=token_accepted,
                evse_known=evse_known and report.evse_number != WHOLE_STATION,
                token=report.token,
                reference=report.reference,
                connector_number=report.connector_number,
                meter_start_wh=report.meter_start_wh,
                readings=_moved(report.readings, moved),
            )
        case TransactionUpdated() | MeterReported():
            return Metered(at=at, readings=_moved(report.readings, moved))
        case TransactionEnded():
            readings = _moved(report.readings, moved)
            return Ended(
                at=at,
                stamped_at=report.at,
                meter_stop_wh=report.meter_stop_wh,
                readings=readings,
                reason=report.reason,
            )
        case StationBooted():
            return Booted(at=at)
        case ConnectorStatusReported():
            return _of_status(report, at)
        case _:
            return None


def _of_status(report: ConnectorStatusReported, at: datetime) -> TransactionFact | None:
    if report.evse_number == WHOLE_STATION:
        return None
    match report.state:
        case ConnectorState.AVAILABLE:
            return BecameAvailable(at=at)
        case ConnectorState.OCCUPIED:
            return Plugged(at=at)
        case ConnectorState.RESERVED | ConnectorState.UNAVAILABLE | ConnectorState.FAULTED:
            return None
        case _:
            assert_never(report.state)


def _moved(readings: tuple[MeterReading, ...], moved: timedelta) -> tuple[MeterReading, ...]:
    if not moved:
        return readings
    return tuple(
        one if one.at is None else msgspec.structs.replace(one, at=one.at + moved) for one in readings
    )
