"""How a station that does everything right tells of a charge, in each version of OCPP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dwell.simulation.stations.charge import Charge, Point

TOKEN = "SIMULATED"  # a card's printed number, which is no secret
NUMBER = "<transaction>"
"""Stands for the number that the central system gives in its answer to StartTransaction."""
CONNECTOR = 1


@dataclass(frozen=True, slots=True)
class Message:
    """A call, and when it leaves the station."""

    sent_at: datetime
    action: str
    payload: dict[str, Any]


def stamp(at: datetime) -> str:
    """An instant as stations write it."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def told_in_1_6(charge: Charge, name: str) -> list[Message]:
    """StatusNotification, StartTransaction, MeterValues, StopTransaction. `name` is not needed: we give the number."""
    del name
    first, last = charge.points[0], charge.points[-1]
    start = {
        "connectorId": CONNECTOR,
        "idTag": TOKEN,
        "meterStart": first.register_wh,
        "timestamp": stamp(first.at),
    }
    stop = {
        "transactionId": NUMBER,
        "meterStop": last.register_wh,
        "timestamp": stamp(last.at),
        "reason": "EVDisconnected",
    }
    return [
        _status_1_6(charge.plugged_at, "Preparing"),
        Message(first.at, "StartTransaction", start),
        _status_1_6(first.at, "Charging"),
        *(Message(one.at, "MeterValues", _meter_values(one)) for one in charge.points[1:]),
        Message(last.at, "StopTransaction", stop),
        _status_1_6(charge.unplugged_at, "Available"),
    ]


def _status_1_6(at: datetime, status: str) -> Message:
    said = {"connectorId": CONNECTOR, "errorCode": "NoError", "status": status, "timestamp": stamp(at)}
    return Message(at, "StatusNotification", said)


def _meter_values(point: Point) -> dict[str, Any]:
    value = {"timestamp": stamp(point.at), "sampledValue": _samples(point, str)}
    return {"connectorId": CONNECTOR, "transactionId": NUMBER, "meterValue": [value]}


def _samples(point: Point, shown: Callable[[float], object]) -> list[dict[str, Any]]:
    rows = (
        ("Energy.Active.Import.Register", point.register_wh, "Wh"),
        ("Power.Active.Import", point.power_w, "W"),
        ("Current.Import", point.current_a, "A"),
    )
    return [{"value": shown(value), "measurand": measurand, "unit": unit} for measurand, value, unit in rows]


def told_in_2_0_1(charge: Charge, name: str) -> list[Message]:
    """StatusNotification and TransactionEvent; `name` is the transaction's, given by the station."""
    first, last = charge.points[0], charge.points[-1]
    events = [("Started", first), *(("Updated", one) for one in charge.points[1:]), ("Ended", last)]
    return [
        _status_2_0_1(charge.plugged_at, "Occupied"),
        *(
            Message(one.at, "TransactionEvent", _event(kind, one, name, place))
            for place, (kind, one) in enumerate(events)
        ),
        _status_2_0_1(charge.unplugged_at, "Available"),
    ]


def _status_2_0_1(at: datetime, status: str) -> Message:
    said = {"timestamp": stamp(at), "connectorStatus": status, "evseId": CONNECTOR, "connectorId": 1}
    return Message(at, "StatusNotification", said)


_TRIGGERS = {"Started": "Authorized", "Updated": "MeterValuePeriodic", "Ended": "EVDeparted"}
_CONTEXTS = {"Started": "Transaction.Begin", "Updated": "Sample.Periodic", "Ended": "Transaction.End"}


def _event(kind: str, point: Point, name: str, place: int) -> dict[str, Any]:
    samples = _samples(point, float)
    for sample in samples:
        sample["unitOfMeasure"] = {"unit": sample.pop("unit")}
        sample["context"] = _CONTEXTS[kind]
    said: dict[str, Any] = {
        "eventType": kind,
        "timestamp": stamp(point.at),
        "triggerReason": _TRIGGERS[kind],
        "seqNo": place,
        "transactionInfo": {"transactionId": name},
        "meterValue": [{"timestamp": stamp(point.at), "sampledValue": samples}],
    }
    if kind == "Started":
        said |= {
            "evse": {"id": CONNECTOR, "connectorId": 1},
            "idToken": {"idToken": TOKEN, "type": "ISO14443"},
        }
    if kind == "Ended":
        said["transactionInfo"]["stoppedReason"] = "EVDisconnected"
    return said


TELLINGS: dict[str, Callable[[Charge, str], list[Message]]] = {
    "ocpp1.6": told_in_1_6,
    "ocpp2.0.1": told_in_2_0_1,
}
"""By subprotocol."""
