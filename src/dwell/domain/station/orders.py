"""What a station may be told, and what it may answer; closed unions, in no version's spelling.

Accepted is not done: what a station has done is believed when it reports or its meter shows it.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from dwell.domain.station.equipment import WHOLE_STATION, IdToken
from dwell.domain.station.profile import ChargingProfile, Purpose, RateUnit
from dwell.domain.station.replies import TokenVerdict


class _Order(msgspec.Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    pass


class StartCharging(_Order, frozen=True):
    """Start a transaction for `token`; on the EVSE the station chooses where `evse_number` is None."""

    token: IdToken
    remote_start_id: int
    evse_number: int | None = None
    profile: ChargingProfile | None = None


class StopCharging(_Order, frozen=True):
    """Stop the transaction of that reference."""

    reference: str


class SetProfile(_Order, frozen=True):
    """Keep to a profile. `evse_number` 0 with purpose DEFAULT: every EVSE."""

    profile: ChargingProfile
    evse_number: int = WHOLE_STATION


class ClearProfiles(_Order, frozen=True):
    """Forget the profiles that match all that is given; all of them where nothing is."""

    profile_id: int | None = None
    evse_number: int | None = None
    purpose: Purpose | None = None
    stack_level: int | None = None


class ReadSchedule(_Order, frozen=True):
    """Report the limit that comes of all profiles together."""

    evse_number: int
    duration_s: int
    unit: RateUnit | None = None


class VariableName(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A variable of the device model. OCPP 1.6 knows only `name`, its configuration key."""

    name: str
    component: str = "OCPPCommCtrlr"
    component_instance: str | None = None
    instance: str | None = None
    evse_number: int | None = None
    attribute: str = "Actual"


class ReadVariables(_Order, frozen=True):
    """Report variables; OCPP 1.6 reports all it has where none is named."""

    names: tuple[VariableName, ...] = ()


class VariableSetting(msgspec.Struct, frozen=True, kw_only=True):
    """A variable and the value it should take."""

    name: VariableName
    value: str


class WriteVariables(_Order, frozen=True):
    """Set variables; OCPP 1.6 takes one at a time."""

    settings: tuple[VariableSetting, ...]


class ReadDeviceModel(_Order, frozen=True):
    """Report the device model in pages; `scope` FULL, CONFIGURATION or SUMMARY."""

    request_id: int
    scope: str = "FULL"


class Wanted(StrEnum):
    """What a station can be asked to report now."""

    BOOT = "BOOT"
    HEARTBEAT = "HEARTBEAT"
    STATUS = "STATUS"
    METER = "METER"
    TRANSACTION = "TRANSACTION"
    FIRMWARE_STATUS = "FIRMWARE_STATUS"
    LOG_STATUS = "LOG_STATUS"
    STATION_CERTIFICATE = "STATION_CERTIFICATE"


class TriggerReport(_Order, frozen=True):
    """Report something now."""

    wanted: Wanted
    evse_number: int | None = None
    connector_number: int | None = None


class ResetStation(_Order, frozen=True):
    """Restart: at once, or when no transaction runs."""

    immediately: bool = False
    evse_number: int | None = None


class ChangeAvailability(_Order, frozen=True):
    """Take the station, an EVSE or a connector into service or out of it."""

    operative: bool
    evse_number: int = WHOLE_STATION
    connector_number: int | None = None


class UnlockConnector(_Order, frozen=True):
    """Let the cable go."""

    evse_number: int
    connector_number: int = 1


class ClearTokenCache(_Order, frozen=True):
    """Forget who was authorised before."""


class ReadTokenListVersion(_Order, frozen=True):
    """Report the version of the list of tokens that the station keeps."""


class TokenListEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A token with what is to be said of it; without a verdict it is taken off the list."""

    token: IdToken
    verdict: TokenVerdict | None = None


class SendTokenList(_Order, frozen=True):
    """Replace the list of tokens, or change some of it."""

    version: int
    replace: bool
    entries: tuple[TokenListEntry, ...] = ()


class ReserveEvse(_Order, frozen=True):
    """Keep an EVSE (any, where None) for a token until an instant."""

    reservation_id: int
    token: IdToken
    expires_at: datetime
    evse_number: int | None = None
    group: IdToken | None = None


class CancelReservation(_Order, frozen=True):
    """Let a reservation go."""

    reservation_id: int


class UpdateFirmware(_Order, frozen=True):
    """Fetch and install. With `certificate` and `signature` the secure way."""

    request_id: int
    location: str
    retrieve_at: datetime
    install_at: datetime | None = None
    certificate: str | None = None
    signature: str | None = None
    retries: int | None = None
    retry_interval_s: int | None = None


class FetchLog(_Order, frozen=True):
    """Upload a log; the security log where `security`."""

    request_id: int
    location: str
    security: bool = False
    oldest_at: datetime | None = None
    latest_at: datetime | None = None
    retries: int | None = None
    retry_interval_s: int | None = None


class RootKind(StrEnum):
    """Whose chain a root certificate begins."""

    CSMS = "CSMS"
    MANUFACTURER = "MANUFACTURER"
    MOBILITY_OPERATOR = "MOBILITY_OPERATOR"
    V2G = "V2G"


class InstallRoot(_Order, frozen=True):
    """Trust a root certificate (PEM)."""

    kind: RootKind
    certificate: str


class CertificateHash(msgspec.Struct, frozen=True, kw_only=True):
    """What names an installed certificate. `algorithm`: SHA256, SHA384 or SHA512."""

    algorithm: str
    issuer_name_hash: str
    issuer_key_hash: str
    serial_number: str


class RemoveCertificate(_Order, frozen=True):
    """Trust it no longer."""

    hash: CertificateHash


class ReadCertificates(_Order, frozen=True):
    """Report which certificates of these kinds are installed; OCPP 1.6 takes one kind at a time."""

    kinds: tuple[RootKind, ...] = ()


class DeliverCertificate(_Order, frozen=True):
    """The signed certificate (PEM chain) that the station asked for."""

    chain: str
    kind: str | None = None


class SendData(_Order, frozen=True):
    """A vendor's own business; `data` is text."""

    vendor_id: str
    message_id: str | None = None
    data: str | None = None


class ReadTransactionStanding(_Order, frozen=True):
    """Does the transaction go on, and are messages of it (or, None, of any) still waiting to be sent?"""

    reference: str | None = None


class ReadCustomerInformation(_Order, frozen=True):
    """Report what the station keeps about a customer, forget it, or both; named by token or by `customer`."""

    request_id: int
    report: bool
    clear: bool
    token: IdToken | None = None
    customer: str | None = None


class SetNetworkProfile(_Order, frozen=True):
    """Where the station shall connect from slot `slot` on. `security_profile` 1 to 3."""

    slot: int
    url: str
    security_profile: int
    message_timeout_s: int = 30
    interface: str = "Wired0"


StationOrder = (
    StartCharging
    | StopCharging
    | SetProfile
    | ClearProfiles
    | ReadSchedule
    | ReadVariables
    | WriteVariables
    | ReadDeviceModel
    | TriggerReport
    | ResetStation
    | ChangeAvailability
    | UnlockConnector
    | ClearTokenCache
    | ReadTokenListVersion
    | SendTokenList
    | ReserveEvse
    | CancelReservation
    | UpdateFirmware
    | FetchLog
    | InstallRoot
    | RemoveCertificate
    | ReadCertificates
    | DeliverCertificate
    | SendData
    | ReadTransactionStanding
    | ReadCustomerInformation
    | SetNetworkProfile
)


class Verdict(StrEnum):
    """What a station made of an order. UNCLEAR: it answered, but not in words that are known."""

    ACCEPTED = "ACCEPTED"
    SCHEDULED = "SCHEDULED"
    REBOOT_REQUIRED = "REBOOT_REQUIRED"
    REJECTED = "REJECTED"
    NOT_SUPPORTED = "NOT_SUPPORTED"
    UNKNOWN_TARGET = "UNKNOWN_TARGET"
    OCCUPIED = "OCCUPIED"
    UNCLEAR = "UNCLEAR"


class ScheduleRead(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A composite schedule: limits in `unit` from seconds after `start_at`."""

    start_at: datetime | None
    unit: RateUnit
    limits: tuple[tuple[int, float], ...]
    duration_s: int | None = None


class VariableRead(msgspec.Struct, frozen=True, kw_only=True):
    """A variable as reported, or as it was set. `said` is the station's word for this one."""

    name: VariableName
    verdict: Verdict
    value: str | None = None
    read_only: bool | None = None
    said: str = ""


class VariablesAnswered(msgspec.Struct, frozen=True, tag=True):
    """Variables, one by one."""

    variables: tuple[VariableRead, ...]


class TokenListVersion(msgspec.Struct, frozen=True, tag=True):
    """The list's version; 0 is an empty list, -1 (OCPP 1.6) a station that keeps none."""

    version: int


class CertificatesRead(msgspec.Struct, frozen=True, tag=True):
    """Installed certificates, with their kind in the station's word."""

    certificates: tuple[tuple[str, CertificateHash], ...]


class DataAnswered(msgspec.Struct, frozen=True, tag=True):
    """A vendor's own answer, as JSON text."""

    data: str


class StandingRead(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Whether a transaction goes on (None: not asked of one), and whether messages wait."""

    ongoing: bool | None
    messages_waiting: bool


class NameGiven(msgspec.Struct, frozen=True, tag=True):
    """A file name, or the reference of the transaction that a start found running."""

    name: str


OrderContent = (
    ScheduleRead
    | VariablesAnswered
    | TokenListVersion
    | CertificatesRead
    | DataAnswered
    | StandingRead
    | NameGiven
)


class OrderAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A station's answer: what it comes to, the word it used, why, and what it brought along."""

    verdict: Verdict
    said: str = ""
    why: str = ""
    content: OrderContent | None = None
