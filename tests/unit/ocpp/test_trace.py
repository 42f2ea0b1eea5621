"""A real afternoon of a 1.6 charger: every line is read, and its second transaction comes out right."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from dwell.domain.ids import OrganizationId, StationId, TransactionId
from dwell.domain.metering.registers import Register
from dwell.domain.station.advance import advance_transaction, open_transaction, recounted
from dwell.domain.station.facts import Ended, Metered, Started
from dwell.domain.station.readings import MeterReading
from dwell.domain.station.reports import MeterReported, StationReport, TransactionEnded, TransactionStarted
from dwell.domain.station.transaction import Ending, Status, Transaction
from dwell.protocols.ocpp.payloads import Refusal
from dwell.protocols.ocpp.rpc.frames import Call, CallResult, read_frame
from dwell.protocols.ocpp.versions import VERSIONS
from ocpp_schemas import faults_of

TRACE = Path(__file__).parents[2] / "data" / "ocpp" / "ha_ocpp16_dynamic_evse_2026-02-16.log"
V16 = VERSIONS["ocpp1.6"]
SECOND = "1771262049"


def calls(direction: str) -> list[Call]:
    texts = re.findall(rf"{direction} (\[.*\])$", TRACE.read_text(), re.M)
    frames = [read_frame(text, V16.dialect) for text in texts]
    assert all(isinstance(frame, Call | CallResult) for frame in frames)
    return [frame for frame in frames if isinstance(frame, Call)]


def reports() -> list[StationReport]:
    found = [V16.read(call.action, call.payload) for call in calls("receive message")]
    assert not [one for one in found if isinstance(one, Refusal)]
    return [one for one in found if not isinstance(one, Refusal)]


def test_every_line_is_read() -> None:
    assert len(reports()) == 17
    assert not [remark for report in reports() for remark in report.oddities]


def test_what_was_sent_to_the_charger_is_what_the_schema_allows() -> None:
    for call in calls("send"):
        assert faults_of("ocpp1.6", call.action, call.payload, response=False) == [], call.action


def transaction(found: list[StationReport]) -> tuple[Transaction, list[MeterReading]]:
    """The transaction these reports make, and its readings; it is the second one of the trace."""
    one: Transaction | None = None
    readings: list[MeterReading] = []
    for report in found:
        match report:
            case TransactionStarted(at=datetime() as at):
                one = open_transaction(
                    TransactionId("t"),
                    organization_id=OrganizationId("o"),
                    station_id=StationId("s"),
                    evse_number=1,
                    fact=Started(at=at, token=report.token, meter_start_wh=report.meter_start_wh),
                    reference=SECOND,
                )
            case MeterReported(reference=str(reference)) if one is not None and reference == SECOND:
                newest = max(reading.at for reading in report.readings if reading.at is not None)
                readings += report.readings
                one = advance_transaction(one, Metered(at=newest, readings=report.readings))
            case TransactionEnded(reference=str(reference), at=datetime() as at) if one is not None:
                if reference == SECOND:
                    readings += report.readings
                    fact = Ended(at=at, meter_stop_wh=report.meter_stop_wh, readings=report.readings)
                    one = advance_transaction(one, fact)
            case _:
                pass
    assert one is not None
    return one, readings


def test_registers_in_kwh_beside_wh_come_to_what_the_meter_counted() -> None:
    one, readings = transaction(reports())
    assert (one.status, one.ending) == (Status.CLOSED, Ending.REPORTED)
    assert one.started_at == datetime(2026, 2, 16, 17, 14, 8, tzinfo=UTC)
    assert one.duration == timedelta(seconds=100)
    again = recounted(one, readings)
    assert again.energy_wh == 3_051_361 - 3_051_113
    assert again.flags == ()


def test_the_order_in_which_readings_came_does_not_matter() -> None:
    one, readings = transaction(reports())
    forgotten = msgspec.structs.replace(one, register=Register())
    assert recounted(forgotten, readings[::-1] * 3) == recounted(one, readings)
