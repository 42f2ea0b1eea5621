"""OCPP 1.6 calls of a station → reports, and our replies → payloads."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from dwell.domain.instants import write_instant
from dwell.domain.station.equipment import IdToken
from dwell.domain.station.replies import (
    Acknowledgement,
    BootReply,
    CertificateReply,
    DataReply,
    Registration,
    StationReply,
    TimeReply,
    TokenReply,
    TokenStatus,
    TokenVerdict,
    TransactionReply,
)
from dwell.domain.station.reports import (
    AuthorizationAsked,
    CertificateAsked,
    ChargingState,
    ConnectorState,
    ConnectorStatusReported,
    DataTransferred,
    FirmwareStatusReported,
    LogStatusReported,
    SecurityEventReported,
    StationAlive,
    StationBooted,
    StationReport,
)
from dwell.protocols.ocpp.payloads import Refusal, read_strictly
from dwell.protocols.ocpp.rpc.frames import Wrong
from dwell.protocols.ocpp.translation import instant_of_text, present
from dwell.protocols.ocpp.v16 import received, transactions

_STATES: dict[str, tuple[ConnectorState, ChargingState | None]] = {
    "Available": (ConnectorState.AVAILABLE, ChargingState.IDLE),
    "Preparing": (ConnectorState.OCCUPIED, None),
    "Charging": (ConnectorState.OCCUPIED, ChargingState.CHARGING),
    "SuspendedEV": (ConnectorState.OCCUPIED, ChargingState.SUSPENDED_EV),
    "SuspendedEVSE": (ConnectorState.OCCUPIED, ChargingState.SUSPENDED_EVSE),
    "Finishing": (ConnectorState.OCCUPIED, ChargingState.EV_CONNECTED),
    "Reserved": (ConnectorState.RESERVED, None),
    "Unavailable": (ConnectorState.UNAVAILABLE, None),
    "Faulted": (ConnectorState.FAULTED, None),
}
"""Preparing may be a cable or only a card, so it says nothing of the vehicle."""
_REGISTRATIONS = {
    Registration.ACCEPTED: "Accepted",
    Registration.PENDING: "Pending",
    Registration.REJECTED: "Rejected",
}
_TOKEN_STATUSES = {
    TokenStatus.ACCEPTED: "Accepted",
    TokenStatus.BLOCKED: "Blocked",
    TokenStatus.EXPIRED: "Expired",
    TokenStatus.INVALID: "Invalid",
    TokenStatus.CONCURRENT: "ConcurrentTx",
    TokenStatus.UNKNOWN: "Invalid",
    TokenStatus.NOT_AT_THIS_TIME: "Blocked",
    TokenStatus.NOT_AT_THIS_LOCATION: "Blocked",
    TokenStatus.NO_CREDIT: "Blocked",
}
DATA_STATUSES = {
    "ACCEPTED": "Accepted",
    "REJECTED": "Rejected",
    "UNKNOWN_MESSAGE": "UnknownMessageId",
    "UNKNOWN_VENDOR": "UnknownVendorId",
}


def read(action: str, payload: bytes) -> StationReport | Refusal:
    """The report of a call, or why it is refused. Transactions' messages are never refused."""
    forgiving = _FORGIVING.get(action)
    if forgiving is not None:
        return forgiving(payload)
    known = _STRICT.get(action)
    if known is None:
        return Refusal(Wrong.UNKNOWN_ACTION, f"{action[:64]!r} is not a call that a station makes")
    kind, report_of = known
    found = read_strictly(payload, kind)
    if isinstance(found, Refusal):
        return found
    said, oddities = found
    report = report_of(said)
    return msgspec.structs.replace(report, oddities=report.oddities + oddities) if oddities else report


def write_reply(action: str, reply: StationReply) -> dict[str, object]:
    """The payload that answers `action`. Raises ValueError for a reply that does not belong to it."""
    match reply:
        case Acknowledgement() if action not in _ANSWERED_IN_FULL:
            return dict(_PLAIN_ANSWERS.get(action, {}))
        case BootReply() if action == "BootNotification":
            return {
                "status": _REGISTRATIONS[reply.registration],
                "currentTime": write_instant(reply.now),
                "interval": reply.interval_s,
            }
        case TimeReply() if action == "Heartbeat":
            return {"currentTime": write_instant(reply.now)}
        case TokenReply() if action == "Authorize":
            return {"idTagInfo": tag_info(reply.verdict)}
        case TransactionReply() if action == "StartTransaction":
            if reply.number is None:
                raise ValueError("an OCPP 1.6 start needs a number for its transaction")
            verdict = reply.verdict or TokenVerdict(status=TokenStatus.INVALID)
            return {"transactionId": reply.number, "idTagInfo": tag_info(verdict)}
        case TransactionReply() if action in {"StopTransaction", "MeterValues"}:
            told = reply.verdict is not None and action == "StopTransaction"
            return {"idTagInfo": tag_info(reply.verdict)} if told and reply.verdict else {}
        case DataReply() if action == "DataTransfer":
            return present(status=DATA_STATUSES[reply.status], data=reply.data)
        case CertificateReply() if action == "SignCertificate":
            return {"status": "Accepted" if reply.accepted else "Rejected"}
        case _:
            raise ValueError(f"{type(reply).__name__} does not answer {action}")


_PLAIN_ANSWERS: dict[str, dict[str, object]] = {
    "DataTransfer": {"status": "UnknownVendorId"},
    "SignCertificate": {"status": "Rejected"},
}
"""What is said to calls that want more than an empty answer, when nobody has anything to say."""
_ANSWERED_IN_FULL = frozenset({"Authorize", "BootNotification", "Heartbeat", "StartTransaction"})


def tag_info(verdict: TokenVerdict) -> dict[str, object]:
    """An idTagInfo."""
    expires_at = verdict.expires_at
    return present(
        status=_TOKEN_STATUSES[verdict.status],
        expiryDate=None if expires_at is None else write_instant(expires_at),
        parentIdTag=None if verdict.group is None else verdict.group.text[:20],
    )


def _booted(said: received.BootNotification) -> StationReport:
    return StationBooted(
        vendor=said.charge_point_vendor[:255],
        model=said.charge_point_model[:255],
        serial_number=_cut(said.charge_point_serial_number or said.charge_box_serial_number),
        firmware_version=_cut(said.firmware_version),
        iccid=_cut(said.iccid),
        imsi=_cut(said.imsi),
        meter_serial_number=_cut(said.meter_serial_number),
        meter_type=_cut(said.meter_type),
    )


def _status(said: received.StatusNotification) -> StationReport:
    state, charging_state = _STATES[said.status]
    at, about_time = instant_of_text(said.timestamp, "timestamp")
    return ConnectorStatusReported(
        evse_number=said.connector_id,
        connector_number=1 if said.connector_id else None,
        state=state,
        said=said.status,
        charging_state=charging_state if said.connector_id else None,
        error_code=None if said.error_code in {"NoError", ""} else said.error_code[:64],
        info=_cut(said.info),
        vendor_error_code=_cut(said.vendor_error_code),
        at=at,
        oddities=about_time,
    )


def _security_event(said: received.SecurityEventNotification) -> StationReport:
    at, about_time = instant_of_text(said.timestamp, "timestamp")
    return SecurityEventReported(kind=said.type, at=at, tech_info=said.tech_info, oddities=about_time)


def _data(said: received.DataTransfer) -> StationReport:
    data = None if said.data is None else msgspec.json.encode(said.data).decode()
    return DataTransferred(vendor_id=said.vendor_id, message_id=said.message_id, data=data)


def _cut(text: str | None) -> str | None:
    return text[:255] if text else None


_FORGIVING: dict[str, Callable[[bytes], StationReport]] = {
    "MeterValues": transactions.read_meter_values,
    "StartTransaction": transactions.read_start,
    "StopTransaction": transactions.read_stop,
}
FORGIVEN = frozenset(_FORGIVING)

_STRICT: dict[str, tuple[type[msgspec.Struct], Callable[..., StationReport]]] = {
    "Authorize": (
        received.Authorize,
        lambda said: AuthorizationAsked(token=transactions.token_of(said.id_tag) or IdToken("")),
    ),
    "BootNotification": (received.BootNotification, _booted),
    "DataTransfer": (received.DataTransfer, _data),
    "DiagnosticsStatusNotification": (
        received.DiagnosticsStatusNotification,
        lambda said: LogStatusReported(status=said.status),
    ),
    "FirmwareStatusNotification": (
        received.FirmwareStatusNotification,
        lambda said: FirmwareStatusReported(status=said.status),
    ),
    "Heartbeat": (received.Heartbeat, lambda said: StationAlive()),
    "LogStatusNotification": (
        received.LogStatusNotification,
        lambda said: LogStatusReported(status=said.status, request_id=said.request_id),
    ),
    "SecurityEventNotification": (received.SecurityEventNotification, _security_event),
    "SignCertificate": (received.SignCertificate, lambda said: CertificateAsked(csr=said.csr)),
    "SignedFirmwareStatusNotification": (
        received.SignedFirmwareStatusNotification,
        lambda said: FirmwareStatusReported(status=said.status, request_id=said.request_id),
    ),
    "StatusNotification": (received.StatusNotification, _status),
}
ACTIONS = FORGIVEN | frozenset(_STRICT)
