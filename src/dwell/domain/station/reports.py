"""What a station may report, in the words of OCPP 2.0.1 whichever version it speaks; one closed union.

`evse_number` 0 is the station as a whole. `at` is the instant by the station's own clock, None where it gave none that
can be read. `oddities` name what was mended on the way in: a report with oddities is as good as one without.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from dwell.domain.station.equipment import IdToken
from dwell.domain.station.readings import MeterReading


class ConnectorState(StrEnum):
    """Whether a connector can be had."""

    AVAILABLE = "AVAILABLE"
    OCCUPIED = "OCCUPIED"
    RESERVED = "RESERVED"
    UNAVAILABLE = "UNAVAILABLE"
    FAULTED = "FAULTED"


class ChargingState(StrEnum):
    """What goes on between an EVSE and its vehicle."""

    IDLE = "IDLE"
    EV_CONNECTED = "EV_CONNECTED"
    CHARGING = "CHARGING"
    SUSPENDED_EV = "SUSPENDED_EV"
    SUSPENDED_EVSE = "SUSPENDED_EVSE"


class _Report(msgspec.Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    oddities: tuple[str, ...] = ()


class StationBooted(_Report, frozen=True):
    """The station came up, or wants to be known."""

    vendor: str
    model: str
    reason: str | None = None
    serial_number: str | None = None
    firmware_version: str | None = None
    iccid: str | None = None
    imsi: str | None = None
    meter_serial_number: str | None = None
    meter_type: str | None = None


class StationAlive(_Report, frozen=True):
    """A heartbeat."""


class ConnectorStatusReported(_Report, frozen=True):
    """The state of a connector. `said` is the station's own word, finer than `state` in OCPP 1.6."""

    evse_number: int
    connector_number: int | None
    state: ConnectorState
    said: str
    charging_state: ChargingState | None = None
    error_code: str | None = None
    info: str | None = None
    vendor_error_code: str | None = None
    at: datetime | None = None


class AuthorizationAsked(_Report, frozen=True):
    """May this token charge?"""

    token: IdToken


class TransactionStarted(_Report, frozen=True):
    """Energy is, or will be, metered. `reference` is the station's own id; OCPP 1.6 stations wait for ours (None)."""

    evse_number: int | None
    connector_number: int | None
    reference: str | None
    at: datetime | None
    token: IdToken | None = None
    meter_start_wh: int | None = None
    readings: tuple[MeterReading, ...] = ()
    reservation_id: int | None = None
    remote_start_id: int | None = None
    charging_state: ChargingState | None = None
    trigger: str | None = None
    sequence_number: int | None = None
    offline: bool = False


class TransactionUpdated(_Report, frozen=True):
    """Something changed while a transaction runs."""

    evse_number: int | None
    connector_number: int | None
    reference: str | None
    at: datetime | None
    token: IdToken | None = None
    readings: tuple[MeterReading, ...] = ()
    remote_start_id: int | None = None
    charging_state: ChargingState | None = None
    trigger: str | None = None
    sequence_number: int | None = None
    offline: bool = False


class TransactionEnded(_Report, frozen=True):
    """The station's final record. `reference` may name nothing we know (OC3)."""

    evse_number: int | None
    connector_number: int | None
    reference: str | None
    at: datetime | None
    token: IdToken | None = None
    meter_stop_wh: int | None = None
    readings: tuple[MeterReading, ...] = ()
    reason: str = "Local"
    remote_start_id: int | None = None
    trigger: str | None = None
    sequence_number: int | None = None
    offline: bool = False


class MeterReported(_Report, frozen=True):
    """Readings outside a transaction's own messages; `reference` where the station says whose they are."""

    evse_number: int
    readings: tuple[MeterReading, ...]
    reference: str | None = None


class FirmwareStatusReported(_Report, frozen=True):
    """How far an update is; `status` in the station's word."""

    status: str
    request_id: int | None = None


class LogStatusReported(_Report, frozen=True):
    """How far an upload of logs or diagnostics is; `status` in the station's word."""

    status: str
    request_id: int | None = None


class SecurityEventReported(_Report, frozen=True):
    """A security event; `kind` from the published list or the vendor's own."""

    kind: str
    at: datetime | None
    tech_info: str | None = None


class CertificateAsked(_Report, frozen=True):
    """A signing request (PEM) for the station's own or the vehicle's side."""

    csr: str
    kind: str | None = None


class DataTransferred(_Report, frozen=True):
    """The vendor's own business. `data` as JSON text."""

    vendor_id: str
    message_id: str | None = None
    data: str | None = None


class VariableReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One attribute of one variable of a station's device model."""

    component: str
    name: str
    value: str | None
    component_instance: str | None = None
    instance: str | None = None
    evse_number: int | None = None
    attribute: str = "Actual"
    mutability: str | None = None


class VariablesReported(_Report, frozen=True):
    """A page of the device model."""

    request_id: int
    page: int
    more_to_come: bool
    variables: tuple[VariableReport, ...]


class DeviceEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something a station's monitor noticed."""

    component: str
    name: str
    value: str
    trigger: str
    at: datetime | None
    evse_number: int | None = None
    cleared: bool = False
    tech_info: str | None = None


class EventsReported(_Report, frozen=True):
    """A page of device events."""

    page: int
    more_to_come: bool
    events: tuple[DeviceEvent, ...]


class ReservationChanged(_Report, frozen=True):
    """A reservation ended without being used."""

    reservation_id: int
    status: str


class Noted(_Report, frozen=True):
    """A message that changes nothing here; kept as it came (JSON text) for whoever wants to see it."""

    action: str
    content: str


StationReport = (
    StationBooted
    | StationAlive
    | ConnectorStatusReported
    | AuthorizationAsked
    | TransactionStarted
    | TransactionUpdated
    | TransactionEnded
    | MeterReported
    | FirmwareStatusReported
    | LogStatusReported
    | SecurityEventReported
    | CertificateAsked
    | DataTransferred
    | VariablesReported
    | EventsReported
    | ReservationChanged
    | Noted
)
