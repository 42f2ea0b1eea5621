"""OCPP 2.0.1 calls of a station → reports, and our replies → payloads."""

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
    TransactionReply,
)
from dwell.domain.station.reports import (
    AuthorizationAsked,
    CertificateAsked,
    ConnectorState,
    ConnectorStatusReported,
    DataTransferred,
    DeviceEvent,
    EventsReported,
    FirmwareStatusReported,
    LogStatusReported,
    Noted,
    ReservationChanged,
    SecurityEventReported,
    StationAlive,
    StationBooted,
    StationReport,
    VariableReport,
    VariablesReported,
)
from dwell.protocols.ocpp.payloads import Refusal, read_strictly
from dwell.protocols.ocpp.rpc.frames import Wrong
from dwell.protocols.ocpp.translation import instant_of_text, present
from dwell.protocols.ocpp.v201 import received, transactions
from dwell.protocols.ocpp.v201.tokens import token_from, token_info

_STATES = {
    "Available": ConnectorState.AVAILABLE,
    "Occupied": ConnectorState.OCCUPIED,
    "Reserved": ConnectorState.RESERVED,
    "Unavailable": ConnectorState.UNAVAILABLE,
    "Faulted": ConnectorState.FAULTED,
}
_REGISTRATIONS = {
    Registration.ACCEPTED: "Accepted",
    Registration.PENDING: "Pending",
    Registration.REJECTED: "Rejected",
}
_DATA_STATUSES = {
    "ACCEPTED": "Accepted",
    "REJECTED": "Rejected",
    "UNKNOWN_MESSAGE": "UnknownMessageId",
    "UNKNOWN_VENDOR": "UnknownVendorId",
}
_PLAIN_ANSWERS: dict[str, dict[str, object]] = {
    "DataTransfer": {"status": "UnknownVendorId"},
    "SignCertificate": {"status": "Rejected"},
    "Get15118EVCertificate": {"status": "Failed", "exiResponse": ""},
    "GetCertificateStatus": {"status": "Failed"},
    "NotifyEVChargingNeeds": {"status": "Rejected"},
    "NotifyEVChargingSchedule": {"status": "Accepted"},
}
"""What is said to calls that want more than an empty answer, when nobody has anything to say."""
_ANSWERED_IN_FULL = frozenset({"Authorize", "BootNotification", "Heartbeat"})


def read(action: str, payload: bytes) -> StationReport | Refusal:
    """The report of a call, or why it is refused. Transactions' messages are never refused."""
    forgiving = _FORGIVING.get(action)
    if forgiving is not None:
        return forgiving(payload)
    if action in _NOTED:
        noted = read_strictly(payload, _NOTED[action])
        if isinstance(noted, Refusal):
            return noted
        return Noted(action=action, content=payload.decode("utf-8", "replace"), oddities=noted[1])
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
            return {"idTokenInfo": token_info(reply.verdict)}
        case TransactionReply() if action == "TransactionEvent":
            return present(
                totalCost=reply.total_cost,
                idTokenInfo=None if reply.verdict is None else token_info(reply.verdict),
            )
        case TransactionReply() if action == "MeterValues":
            return {}
        case DataReply() if action == "DataTransfer":
            return present(status=_DATA_STATUSES[reply.status], data=reply.data)
        case CertificateReply() if action == "SignCertificate":
            return {"status": "Accepted" if reply.accepted else "Rejected"}
        case _:
            raise ValueError(f"{type(reply).__name__} does not answer {action}")


def _authorization(said: received.Authorize) -> StationReport:
    token = said.id_token
    return AuthorizationAsked(token=token_from(token.id_token, token.type) or IdToken(""))


def _booted(said: received.BootNotification) -> StationReport:
    station = said.charging_station
    modem = station.modem or received.Modem()
    return StationBooted(
        vendor=station.vendor_name[:255],
        model=station.model[:255],
        reason=said.reason,
        serial_number=_cut(station.serial_number),
        firmware_version=_cut(station.firmware_version),
        iccid=_cut(modem.iccid),
        imsi=_cut(modem.imsi),
    )


def _status(said: received.StatusNotification) -> StationReport:
    at, about_time = instant_of_text(said.timestamp, "timestamp")
    return ConnectorStatusReported(
        evse_number=said.evse_id,
        connector_number=said.connector_id or None,
        state=_STATES[said.connector_status],
        said=said.connector_status,
        at=at,
        oddities=about_time,
    )


def _security_event(said: received.SecurityEventNotification) -> StationReport:
    at, about_time = instant_of_text(said.timestamp, "timestamp")
    return SecurityEventReported(kind=said.type, at=at, tech_info=said.tech_info, oddities=about_time)


def _data(said: received.DataTransfer) -> StationReport:
    data = None if said.data is None else msgspec.json.encode(said.data).decode()
    return DataTransferred(vendor_id=said.vendor_id, message_id=said.message_id, data=data)


def _variables(said: received.NotifyReport) -> StationReport:
    found = [
        VariableReport(
            component=one.component.name,
            name=one.variable.name,
            value=attribute.value,
            component_instance=one.component.instance,
            instance=one.variable.instance,
            evse_number=None if one.component.evse is None else one.component.evse.id,
            attribute=attribute.type or "Actual",
            mutability=attribute.mutability,
        )
        for one in said.report_data or ()
        for attribute in one.variable_attribute
    ]
    return VariablesReported(
        request_id=said.request_id,
        page=said.seq_no,
        more_to_come=said.to_be_continued is True,
        variables=tuple(found),
    )


def _events(said: received.NotifyEvent) -> StationReport:
    events: list[DeviceEvent] = []
    oddities: tuple[str, ...] = ()
    for one in said.event_data:
        at, about_time = instant_of_text(one.timestamp, "timestamp")
        oddities = oddities or about_time  # one remark stands for all
        events.append(
            DeviceEvent(
                component=one.component.name,
                name=one.variable.name,
                value=one.actual_value,
                trigger=one.trigger,
                at=at,
                evse_number=None if one.component.evse is None else one.component.evse.id,
                cleared=one.cleared is True,
                tech_info=one.tech_info,
            )
        )
    return EventsReported(
        page=said.seq_no,
        more_to_come=said.to_be_continued is True,
        events=tuple(events),
        oddities=oddities,
    )


def _cut(text: str | None) -> str | None:
    return text[:255] if text else None


_FORGIVING: dict[str, Callable[[bytes], StationReport]] = {
    "MeterValues": transactions.read_meter_values,
    "TransactionEvent": transactions.read_event,
}
FORGIVEN = frozenset(_FORGIVING)

_STRICT: dict[str, tuple[type[msgspec.Struct], Callable[..., StationReport]]] = {
    "Authorize": (received.Authorize, _authorization),
    "BootNotification": (received.BootNotification, _booted),
    "DataTransfer": (received.DataTransfer, _data),
    "FirmwareStatusNotification": (
        received.FirmwareStatusNotification,
        lambda said: FirmwareStatusReported(status=said.status, request_id=said.request_id),
    ),
    "Heartbeat": (received.Heartbeat, lambda said: StationAlive()),
    "LogStatusNotification": (
        received.LogStatusNotification,
        lambda said: LogStatusReported(status=said.status, request_id=said.request_id),
    ),
    "NotifyEvent": (received.NotifyEvent, _events),
    "NotifyReport": (received.NotifyReport, _variables),
    "ReservationStatusUpdate": (
        received.ReservationStatusUpdate,
        lambda said: ReservationChanged(
            reservation_id=said.reservation_id, status=said.reservation_update_status
        ),
    ),
    "SecurityEventNotification": (received.SecurityEventNotification, _security_event),
    "SignCertificate": (
        received.SignCertificate,
        lambda said: CertificateAsked(csr=said.csr, kind=said.certificate_type),
    ),
    "StatusNotification": (received.StatusNotification, _status),
}

_NOTED: dict[str, type[msgspec.Struct]] = {
    kind.__name__: kind
    for kind in (
        received.ClearedChargingLimit,
        received.Get15118EVCertificate,
        received.GetCertificateStatus,
        received.NotifyChargingLimit,
        received.NotifyCustomerInformation,
        received.NotifyDisplayMessages,
        received.NotifyEVChargingNeeds,
        received.NotifyEVChargingSchedule,
        received.NotifyMonitoringReport,
        received.PublishFirmwareStatusNotification,
        received.ReportChargingProfiles,
    )
}
"""Checked, kept and answered; nothing here acts on them."""
ACTIONS = FORGIVEN | frozenset(_STRICT) | frozenset(_NOTED)
