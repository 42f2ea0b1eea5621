"""OC17: what stations get wrong. Transactions are always taken; elsewhere a fault gets its own code."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dwell.domain.station.readings import MeterReading
from dwell.domain.station.reports import MeterReported, StationReport, TransactionEnded, TransactionStarted
from dwell.protocols.ocpp.payloads import Refusal
from dwell.protocols.ocpp.rpc.frames import Call, Wrong, read_frame
from dwell.protocols.ocpp.translation import read_call
from dwell.protocols.ocpp.versions import VERSIONS

V16, V201 = "ocpp1.6", "ocpp2.0.1"
AT = "2026-03-25T12:00:00Z"


def read(version: str, action: str, document: object) -> StationReport | Refusal:
    return VERSIONS[version].read(action, json.dumps(document).encode())


def start(**changes: Any) -> dict[str, Any]:
    return {"connectorId": 1, "idTag": "A", "meterStart": 10, "timestamp": AT} | changes


def stop(**changes: Any) -> dict[str, Any]:
    return {"transactionId": 5, "meterStop": 10, "timestamp": AT} | changes


def values(*samples: Any, **changes: Any) -> dict[str, Any]:
    meter_value = [{"timestamp": AT, "sampledValue": list(samples)}]
    return {"connectorId": 1, "transactionId": 5, "meterValue": meter_value} | changes


def event(**changes: Any) -> dict[str, Any]:
    whole = {
        "eventType": "Updated", "timestamp": AT, "triggerReason": "Trigger", "seqNo": 1,
        "transactionInfo": {"transactionId": "T"}, "evse": {"id": 1, "connectorId": 1},
    }  # fmt: skip
    return whole | changes


# What comes, a member of what is made of it, and its value. `…` in place of a member: that it is taken is all.
TAKEN: list[tuple[str, str, dict[str, Any], str, Any]] = [
    (V16, "StartTransaction", start(connectorId="1"), "evse_number", 1),
    (V16, "StartTransaction", start(idTag=12345678), "token.text", "12345678"),
    (V16, "StartTransaction", start(idTag="  A "), "token.text", "A"),
    (V16, "StartTransaction", start(idTag=None), "token", None),
    (V16, "StartTransaction", start(idTag="X" * 50), "token.text", "X" * 50),
    (V16, "StartTransaction", start(meterStart="10"), "meter_start_wh", 10),
    (V16, "StartTransaction", start(meterStart=10.6), "meter_start_wh", 11),
    (V16, "StartTransaction", start(meterStart=-5), "meter_start_wh", None),
    (V16, "StartTransaction", start(meterStart=None), "meter_start_wh", None),
    (V16, "StartTransaction", start(meterStart=10**40), "meter_start_wh", None),
    (V16, "StartTransaction", start(timestamp="2026-03-25T13:00:00+01:00"), "at.hour", 12),
    (V16, "StartTransaction", start(timestamp="2026-03-25 12:00:00z"), "at.hour", 12),
    (V16, "StartTransaction", start(timestamp="2026-03-25T12:00:00.1234567Z"), "at.microsecond", 123456),
    (V16, "StartTransaction", start(timestamp="2026-03-25T12:00:00"), "at", None),
    (V16, "StartTransaction", start(timestamp=1774440000), "at", None),
    (V16, "StartTransaction", start(timestamp=""), "at", None),
    (V16, "StartTransaction", start(timestamp="1970-01-01T00:00:07Z"), "at", None),
    (V16, "StartTransaction", start(timestamp="9999-12-31T23:59:59Z"), "at", None),
    (V16, "StartTransaction", start(reservationId=0), "reservation_id", None),
    (V16, "StartTransaction", start(reservationId=-1, vendorThing={"a": [1]}), "reservation_id", -1),
    (V16, "StartTransaction", start(connectorId=None), "evse_number", None),
    (V16, "StartTransaction", start(connectorId={"id": 1}), "evse_number", None),
    (V16, "StartTransaction", {}, "token", None),
    (V16, "StopTransaction", stop(reason="EVDisconnect"), "reason", "Other"),
    (V16, "StopTransaction", stop(), "reason", "Local"),
    (V16, "StopTransaction", stop(reason=""), "reason", "Local"),
    (V16, "StopTransaction", stop(transactionId="5"), "reference", "5"),
    (V16, "StopTransaction", stop(transactionId=-1), "reference", None),
    (V16, "StopTransaction", stop(transactionId=0), "reference", None),
    (V16, "StopTransaction", stop(transactionId=None), "reference", None),
    (
        V16,
        "StopTransaction",
        stop(transactionData={"timestamp": AT, "sampledValue": [{"value": "7"}]}),
        "readings.0.register_wh",
        7,
    ),
    (V16, "StopTransaction", stop(transactionData="none"), "readings", ()),
    (V16, "StopTransaction", stop(transactionData=[None, 5, {"timestamp": AT}]), "readings", ()),
    (V16, "StopTransaction", stop(meterStop="abc"), "meter_stop_wh", None),
    (V16, "StopTransaction", {}, "reference", None),
    (V16, "MeterValues", values({"value": 7}), "readings.0.register_wh", 7),
    (V16, "MeterValues", values({"value": "7", "unit": "kWh"}), "readings.0.register_wh", 7000),
    (V16, "MeterValues", values({"value": "7", "context": "Vendor.Own"}), "readings.0.context", "Vendor.Own"),
    (V16, "MeterValues", values({"value": "7", "location": "Socket"}), "readings.0.register_wh", 7),
    (V16, "MeterValues", values({"value": "7", "measurand": "Vendor.Thing"}), "readings.0.register_wh", None),
    (
        V16,
        "MeterValues",
        values(meterValue={"timestamp": AT, "sampledValue": {"value": "7"}}),
        "readings.0.register_wh",
        7,
    ),
    (V16, "MeterValues", values(connectorId="1", transactionId="5"), "reference", "5"),
    (V16, "MeterValues", values(meterValue=[]), "readings", ()),
    (V16, "MeterValues", values({"value": "7"}, {"value": True}, "odd", None), "readings.0.register_wh", 7),
    (V16, "MeterValues", {}, "evse_number", 0),
    (V201, "TransactionEvent", event(eventType="Begin"), "reference", "T"),
    (V201, "TransactionEvent", event(seqNo="3"), "sequence_number", 3),
    (V201, "TransactionEvent", event(seqNo=None), "sequence_number", None),
    (V201, "TransactionEvent", event(triggerReason="Whatever"), "trigger", "Whatever"),
    (V201, "TransactionEvent", event(evse=None), "evse_number", None),
    (V201, "TransactionEvent", event(evse=1), "evse_number", None),
    (V201, "TransactionEvent", event(idToken={"idToken": 5, "type": "RFID"}), "token.text", "5"),
    (V201, "TransactionEvent", event(idToken={"idToken": "", "type": "NoAuthorization"}), "token", None),
    (V201, "TransactionEvent", event(transactionInfo={"transactionId": 9}), "reference", "9"),
    (V201, "TransactionEvent", event(transactionInfo={}), "reference", None),
    (
        V201,
        "TransactionEvent",
        event(transactionInfo={"transactionId": "T", "chargingState": "Paused"}),
        "charging_state",
        None,
    ),
    (V201, "TransactionEvent", event(offline="true"), "offline", True),
    (V201, "TransactionEvent", event(extra=1, customData={"vendorId": "v", "x": 1}), "reference", "T"),
    (
        V201,
        "TransactionEvent",
        event(eventType="Ended", transactionInfo={"transactionId": "T", "stoppedReason": "X"}),
        "reason",
        "Other",
    ),
    (V201, "TransactionEvent", event(eventType="Ended"), "reason", "Local"),
    (
        V201,
        "TransactionEvent",
        event(meterValue={"timestamp": AT, "sampledValue": {"value": "7"}}),
        "readings.0.register_wh",
        7,
    ),
    (V201, "TransactionEvent", {}, "reference", None),
    (V201, "MeterValues", {"evseId": "1", "meterValue": []}, "evse_number", 1),
    (
        V16,
        "StatusNotification",
        {"connectorId": 1, "errorCode": "Vendor", "status": "Faulted"},
        "error_code",
        "Vendor",
    ),
    (
        V16,
        "StatusNotification",
        {"connectorId": 1, "errorCode": "NoError", "status": "Charging", "new": 1},
        "said",
        "Charging",
    ),
    (V16, "BootNotification", {"chargePointVendor": "", "chargePointModel": "M" * 60}, "model", "M" * 60),
    (
        V201,
        "BootNotification",
        {"reason": "PowerUp", "chargingStation": {"model": "M" * 60, "vendorName": "v", "x": 1}},
        "model",
        "M" * 60,
    ),
]


def member(report: object, path: str) -> object:
    for name in path.split("."):
        report = report[int(name)] if name.isdigit() and isinstance(report, tuple) else getattr(report, name)
    return report


@pytest.mark.parametrize("case", TAKEN, ids=lambda case: f"{case[1]} {case[3]} {case[4]}")
def test_a_deviation_is_taken(case: tuple[str, str, dict[str, Any], str, Any]) -> None:
    version, action, document, path, expected = case
    report = read(version, action, document)
    assert not isinstance(report, Refusal)
    assert member(report, path) == expected


@pytest.mark.parametrize(
    ("version", "action", "document"),
    [
        (V16, "StartTransaction", start(connectorId=[1])),
        (V16, "StartTransaction", start(timestamp="soon")),
        (V16, "StopTransaction", stop(reason="Bored")),
        (V201, "TransactionEvent", event(eventType="Begin")),
        (V16, "StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Charging", "x": 1}),
    ],
)
def test_a_deviation_is_remarked(version: str, action: str, document: dict[str, Any]) -> None:
    report = read(version, action, document)
    assert not isinstance(report, Refusal) and report.oddities


@pytest.mark.parametrize(
    "payload",
    [
        b'{"a":"\\ud800"}',
        b"{}",
        b'{"connectorId":1e999}',
        b'{"idTag":"a","idTag":"b"}',
        b'{"meterValue":[[[[]]]]}',
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_transaction_is_never_refused(version: str, payload: bytes) -> None:
    for action in VERSIONS[version].dialect.forgiven:
        report = VERSIONS[version].read(action, payload)
        assert not isinstance(report, Refusal)
        assert isinstance(report, StationReport)


REFUSED: list[tuple[str, str, bytes, Wrong, str]] = [
    (V16, "BootNotification", b'{"chargePointModel":"m"}', Wrong.OCCURRENCE, "OccurenceConstraintViolation"),
    (V201, "BootNotification", b'{"reason":"PowerUp"}', Wrong.OCCURRENCE, "OccurrenceConstraintViolation"),
    (
        V16,
        "BootNotification",
        b'{"chargePointModel":1,"chargePointVendor":"v"}',
        Wrong.TYPE,
        "TypeConstraintViolation",
    ),
    (V16, "Authorize", b'{"idTag":"123456789012345678901"}', Wrong.PROPERTY, "PropertyConstraintViolation"),
    (
        V16,
        "StatusNotification",
        b'{"connectorId":1,"errorCode":"NoError","status":"Odd"}',
        Wrong.PROPERTY,
        "PropertyConstraintViolation",
    ),
    (
        V16,
        "StatusNotification",
        b'{"connectorId":-1,"errorCode":"NoError","status":"Charging"}',
        Wrong.PROPERTY,
        "PropertyConstraintViolation",
    ),
    (V16, "Authorize", b'{"idTag":"a","idTag":"b"}', Wrong.FORMAT, "FormationViolation"),
    (V201, "Heartbeat", b'{"a":1,"a":2}', Wrong.FORMAT, "FormatViolation"),
    (
        V201,
        "NotifyEvent",
        b'{"generatedAt":"x","seqNo":0,"eventData":[]}',
        Wrong.OCCURRENCE,
        "OccurrenceConstraintViolation",
    ),
    (V16, "Reset", b"{}", Wrong.UNKNOWN_ACTION, "NotImplemented"),
    (V16, "TransactionEvent", b"{}", Wrong.UNKNOWN_ACTION, "NotImplemented"),
    (V201, "StartTransaction", b"{}", Wrong.UNKNOWN_ACTION, "NotImplemented"),
    (V201, "<script>", b"{}", Wrong.UNKNOWN_ACTION, "NotImplemented"),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case[1]} {case[4]}")
def test_elsewhere_a_fault_has_its_code(case: tuple[str, str, bytes, Wrong, str]) -> None:
    version, action, payload, wrong, code = case
    refusal = VERSIONS[version].read(action, payload)
    assert isinstance(refusal, Refusal) and refusal.wrong is wrong
    assert VERSIONS[version].dialect.codes[wrong] == code


def test_the_connector_of_16_is_the_evse_of_201() -> None:
    report = read(V16, "StartTransaction", start(connectorId=2))
    assert isinstance(report, TransactionStarted)
    assert (report.evse_number, report.connector_number) == (2, 1)


def test_a_station_as_a_whole_has_no_connector() -> None:
    report = read(V16, "MeterValues", values({"value": "7"}, connectorId=0))
    assert isinstance(report, MeterReported) and report.evse_number == 0


def test_a_signed_value_is_kept() -> None:
    sampled = {
        "value": 7.5,
        "signedMeterValue": {"signedMeterData": "c2ln"},
        "unitOfMeasure": {"unit": "Wh", "multiplier": 3},
    }
    document = event(eventType="Ended", meterValue=[{"timestamp": AT, "sampledValue": [sampled]}])
    report = read(V201, "TransactionEvent", document)
    assert isinstance(report, TransactionEnded)
    [reading] = report.readings
    assert isinstance(reading, MeterReading)
    assert (reading.register_wh, reading.signed) == (7500, "c2ln")


def test_what_is_odd_about_a_frame_is_told_with_its_report() -> None:
    frame = read_frame('[2,17,"MeterValues",{"connectorId":1,"meterValue":[]}]', VERSIONS[V16].dialect)
    assert isinstance(frame, Call)
    report = read_call(VERSIONS[V16], frame)
    assert isinstance(report, MeterReported) and report.oddities == ("the message id is a number",)
    refused = read_frame('[2,"a","Authorize",{}]', VERSIONS[V16].dialect)
    assert isinstance(refused, Call) and isinstance(read_call(VERSIONS[V16], refused), Refusal)
