"""What a charger says as it happens, in each version of OCPP: the cable, the transaction's life, its readings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from dwell.simulation.stations.telling import stamp

Said = tuple[str, dict[str, Any]]
"""An action and its payload."""
Period = dict[str, float]
CHARGING, HELD, FULL = "Charging", "SuspendedEVSE", "SuspendedEV"
"""Why a vehicle in a transaction draws or does not, in the words of both versions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a charger sees at an instant: its register, the power that flows, the battery, and why."""

    at: datetime
    register_wh: int
    power_w: int
    soc_percent: float
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A transaction's beginning: the token that is shown, the name that the station gives, who ordered it."""

    token: str
    name: str
    remote_start_id: int | None = None


class Tongue(Protocol):
    """One version of OCPP, as spoken by a charger with one EVSE."""

    protocol: str

    def boot(self) -> Said: ...

    def idle(self, at: datetime) -> Said:
        """No cable is in."""
        ...

    def plugged(self, at: datetime) -> Said:
        """A cable is in, and nothing has begun."""
        ...

    def begun(self, ticket: Ticket, sight: Sight) -> Said: ...

    def seen(self, reference: str, sight: Sight, *, changed: bool) -> list[Said]:
        """A reading; `changed`: the vehicle draws now and did not, or the other way round."""
        ...

    def ended(self, reference: str, sight: Sight, reason: str) -> list[Said]: ...

    def schedule(self, at: datetime, duration_s: int, unit: str, periods: list[Period]) -> dict[str, Any]:
        """The answer to GetCompositeSchedule."""
        ...


def _measured(sight: Sight) -> list[tuple[str, float, str]]:
    return [
        ("Energy.Active.Import.Register", sight.register_wh, "Wh"),
        ("Power.Active.Import", sight.power_w, "W"),
        ("SoC", round(sight.soc_percent, 1), "Percent"),
    ]


class Tongue16:
    """OCPP 1.6."""

    protocol = "ocpp1.6"

    def boot(self) -> Said:
        return "BootNotification", {"chargePointVendor": "Dwell", "chargePointModel": "Virtual"}

    def idle(self, at: datetime) -> Said:
        return self._status(at, "Available")

    def plugged(self, at: datetime) -> Said:
        return self._status(at, "Preparing")

    def begun(self, ticket: Ticket, sight: Sight) -> Said:
        return "StartTransaction", {
            "connectorId": 1,
            "idTag": ticket.token,
            "meterStart": sight.register_wh,
            "timestamp": stamp(sight.at),
        }

    def seen(self, reference: str, sight: Sight, *, changed: bool) -> list[Said]:
        samples = [
            {"value": f"{value:g}" if unit == "Percent" else str(value), "measurand": measurand, "unit": unit}
            for measurand, value, unit in _measured(sight)
        ]
        values = {
            "connectorId": 1,
            "transactionId": int(reference),
            "meterValue": [{"timestamp": stamp(sight.at), "sampledValue": samples}],
        }
        said: list[Said] = [self._status(sight.at, sight.state)] if changed else []
        return [*said, ("MeterValues", values)]

    def ended(self, reference: str, sight: Sight, reason: str) -> list[Said]:
        stop = {
            "transactionId": int(reference),
            "meterStop": sight.register_wh,
            "timestamp": stamp(sight.at),
            "reason": reason,
        }
        return [("StopTransaction", stop), self._status(sight.at, "Finishing")]

    def schedule(self, at: datetime, duration_s: int, unit: str, periods: list[Period]) -> dict[str, Any]:
        inner = {"duration": duration_s, "chargingRateUnit": unit, "chargingSchedulePeriod": periods}
        return {
            "status": "Accepted",
            "connectorId": 1,
            "scheduleStart": stamp(at),
            "chargingSchedule": inner,
        }

    def _status(self, at: datetime, word: str) -> Said:
        said = {"connectorId": 1, "errorCode": "NoError", "status": word, "timestamp": stamp(at)}
        return "StatusNotification", said


class Tongue201:
    """OCPP 2.0.1. Counts the messages of its transaction."""

    protocol = "ocpp2.0.1"

    def __init__(self) -> None:
        self._count = 0

    def boot(self) -> Said:
        about = {"vendorName": "Dwell", "model": "Virtual"}
        return "BootNotification", {"chargingStation": about, "reason": "PowerUp"}

    def idle(self, at: datetime) -> Said:
        return self._status(at, "Available")

    def plugged(self, at: datetime) -> Said:
        return self._status(at, "Occupied")

    def begun(self, ticket: Ticket, sight: Sight) -> Said:
        self._count = 0
        remote = ticket.remote_start_id
        said = self._event(
            "Started", ticket.name, sight, "RemoteStart" if remote is not None else "Authorized"
        )
        said["evse"] = {"id": 1, "connectorId": 1}
        said["idToken"] = {"idToken": ticket.token, "type": "Central" if remote is not None else "ISO14443"}
        if remote is not None:
            said["transactionInfo"]["remoteStartId"] = remote
        return "TransactionEvent", said

    def seen(self, reference: str, sight: Sight, *, changed: bool) -> list[Said]:
        trigger = "ChargingStateChanged" if changed else "MeterValuePeriodic"
        return [("TransactionEvent", self._event("Updated", reference, sight, trigger))]

    def ended(self, reference: str, sight: Sight, reason: str) -> list[Said]:
        trigger = "RemoteStop" if reason == "Remote" else "EVDeparted"
        said = self._event("Ended", reference, sight, trigger)
        said["transactionInfo"]["stoppedReason"] = reason
        return [("TransactionEvent", said)]

    def schedule(self, at: datetime, duration_s: int, unit: str, periods: list[Period]) -> dict[str, Any]:
        inner = {
            "evseId": 1,
            "duration": duration_s,
            "scheduleStart": stamp(at),
            "chargingRateUnit": unit,
            "chargingSchedulePeriod": periods,
        }
        return {"status": "Accepted", "schedule": inner}

    def _event(self, kind: str, name: str, sight: Sight, trigger: str) -> dict[str, Any]:
        place, self._count = self._count, self._count + 1
        samples = [
            {"value": float(value), "measurand": measurand, "unitOfMeasure": {"unit": unit}}
            for measurand, value, unit in _measured(sight)
        ]
        return {
            "eventType": kind,
            "timestamp": stamp(sight.at),
            "triggerReason": trigger,
            "seqNo": place,
            "transactionInfo": {"transactionId": name, "chargingState": sight.state},
            "meterValue": [{"timestamp": stamp(sight.at), "sampledValue": samples}],
        }

    def _status(self, at: datetime, word: str) -> Said:
        said = {"timestamp": stamp(at), "connectorStatus": word, "evseId": 1, "connectorId": 1}
        return "StatusNotification", said
